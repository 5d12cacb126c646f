#!/usr/bin/env bash
# top.sh <kin>: what `kin top` shows on terminals of 80x24 and 40x12, which keys it knows, and that it gives the
# terminal back. The terminal is tmux's.
# shellcheck disable=SC2317 # of finish
set -euo pipefail

kin=$1
work=$(mktemp -d)
family=top.$$
export TMUX_TMPDIR=$work LC_ALL=C.UTF-8
unset TMUX NO_COLOR

terminal() {
    tmux -u -f /dev/null -L kin "$@"
}

finish() {
    terminal kill-server 2>/dev/null || true
    "$kin" manager stop "$family" 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT

screen() {
    terminal capture-pane -p "$@"
}

fail() {
    echo "$1; the screen:"
    screen || true
    exit 1
}

# shows <pattern> [-e]: whether the screen has a line like that; -e: with the sequences of its colours.
shows() {
    grep -qE -- "$1" <<<"$(screen "${@:2}")"
}

# expect <pattern>: waits until it has.
expect() {
    local pattern=$1 n
    for ((n = 0; n < 150; n++)); do
        if shows "$pattern"; then
            return
        fi
        sleep 0.1
    done
    fail "'$pattern' did not come"
}

keys() {
    terminal send-keys "$@"
}

# misfit <columns> <rows>: what is wrong with the screen: no line may be longer, title and status have to be in their
# rows, and each line of the families has one.
misfit() {
    local lines line
    mapfile -t lines < <(screen)
    if ((${#lines[@]} != $2)); then
        echo "${#lines[@]} rows instead of $2"
    elif [[ ${lines[0]} != 'kin top '* ]]; then
        echo "the first row is no title"
    elif [[ ${lines[$2 - 1]} != *'?:help q:end'* ]]; then
        echo "the last row is no status"
    fi
    for line in "${lines[@]:1:$2-2}"; do
        if [[ -n $line && $line != family* && $line != '  '[a-z]* ]] || ((${#line} > $1)); then
            echo "'$line' is no line's beginning, or too long"
        fi
    done
}

# fits <columns> <rows>: waits until nothing is wrong: kin draws a moment after the terminal has changed.
fits() {
    local n wrong
    for ((n = 0; n < 150; n++)); do
        wrong=$(misfit "$@")
        if [[ -z $wrong ]]; then
            return
        fi
        sleep 0.1
    done
    fail "$wrong"
}

# start <assignments>: kin top, in the shell that the terminal runs.
start() {
    keys "clear; echo before; $1 $kin top --interval 0.2 --family $family" Enter
    expect '\?:help q:end'
}

# given_back <status>: the screen that was there before, a cursor, and keys that are shown.
given_back() {
    expect '^\$ *$' # what is typed before is kin's
    keys "" "echo status \$?; stty -a" Enter
    expect "status $1"
    expect '^before'
    expect ' icanon| isig icanon'
    expect ' echo '
    [[ $(terminal display-message -p '#{cursor_flag}#{alternate_on}#{wrap_flag}') == 101 ]] || fail "not given back"
}

"$kin" manager start "$family" >/dev/null
for n in {10..39}; do
    "$kin" set --create "$family" "dict$n" key value
done
"$kin" put --create "$family" '値段の表の名前の列の長い値' 'one pot'
"$kin" put --create "$family" 'orders' 'one pot'

terminal new-session -d -x 80 -y 24 "exec env PS1='$ ' bash --norc --noprofile -i"
expect '^\$ *$'

echo "80x24"
start ''
fits 80 24
expect "^family $family  [0-9a-f]{32}  "
expect '^  process [0-9]+ +1 thread   [-0-9]{10} [:0-9]{8}  .*>$'
expect '^  lock kin.keeper  held by [0-9]+ for [0-9.]+ s$'
shows $'\033\\[[0-9;]*3[26]m' -e || fail "no colours"

echo "keys"
keys s
expect 's:name$'
expect '^  dict dict10$'
keys G
expect '値段の表の名前の列の長い値  value 1$'
keys g Down j
expect '^  dict dict10$'
[[ $(screen | sed -n 2p) == '  dict'* ]] || fail "two lines down are not two lines"
keys PageDown
expect '^  dict dict3[0-9]$'
keys PageUp k
expect "^family $family"
keys Right
expect '^'"${family:3:6}"
keys Left
expect "^family $family"
keys t t t t t t t t t t t
expect 't:queue$'
expect 'queue orders  value 1$'
! shows 'dict10' || fail "a dict is no queue"
keys Escape
expect 'dict10'
keys / d i c t x BSpace 1 7
expect '^/dict17_$'
keys Enter
expect '^  dict dict17$'
! shows 'dict18' || fail "dict18 does not contain dict17"
keys Escape
expect 'dict18'
keys '?'
expect '^q            end$'
keys x
expect 'dict18'
keys p
expect '^kin top \(paused\)'
keys p

echo "40x12"
terminal resize-window -x 40 -y 12
fits 40 12
keys G
expect '^  queue 値段の表の名前の列の長い値  val>$' # each character takes two columns
fits 40 12
terminal resize-window -x 10 -y 2
expect '^kin top .*>$'
terminal resize-window -x 80 -y 24
keys g
expect 'dict18'
fits 80 24

echo "the end"
keys q
given_back 0
start NO_COLOR=1
! shows $'\033\\[[0-9;]*3[0-7]' -e || fail "colours, though NO_COLOR is set"
keys C-c
given_back 130
for signal in TERM:143 HUP:129 QUIT:131 SEGV:139 ABRT:134; do
    start ''
    pkill -"${signal%:*}" -P "$(terminal display-message -p '#{pane_pid}')" -x kin
    given_back "${signal#*:}"
done
start ''
keys C-z
expect 'Stopped'
given_back '[0-9]+'
keys 'clear; echo before; fg' Enter
expect '\?:help q:end'
fits 80 24
keys q
given_back 0
keys "clear; TERM=dumb $kin top; echo status \$?; $kin top </dev/null; echo status \$?" Enter
expect '^status 1'

echo "the terminal's end"
start ''
pid=$(pgrep -P "$(terminal display-message -p '#{pane_pid}')" -x kin)
terminal kill-server
for ((n = 0; n < 100; n++)); do
    kill -0 "$pid" 2>/dev/null || exit 0
    sleep 0.1
done
echo "process $pid lives on without its terminal"
exit 1
