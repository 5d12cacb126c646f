#!/usr/bin/env bash
# completion.sh <kin>: what bash and zsh complete with the scripts that kin prints. zsh completes on a terminal only: it
# is tmux's.
# shellcheck disable=SC2317,SC1091,SC2034,SC2016 # of finish; generated; bash reads them; not to be expanded
set -euo pipefail

kin=$(realpath "$1")
work=$(mktemp -d)
family=complete.$$
export TMUX_TMPDIR=$work LC_ALL=C.UTF-8
unset TMUX

finish() {
    tmux -L kin kill-server 2>/dev/null || true
    "$kin" manager stop "$family" 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT

"$kin" manager start "$family" >/dev/null
"$kin" set --create "$family" prices tea 3.20
"$kin" set "$family" prices '$(touch expanded) two' 1
"$kin" put --create "$family" orders 'one pot'
cd "$work"

"$kin" completion bash >"$work/bash"
shellcheck -s bash "$work/bash"
. "$work/bash"

# completes <words>... -- <expected>...: the last word, by bash.
completes() {
    local words=()
    while [[ $1 != -- ]]; do
        words+=("$1")
        shift
    done
    shift
    COMP_WORDS=("$kin" "${words[@]}") COMP_CWORD=${#words[@]}
    _kin || true # without -e, as in an interactive shell
    if [[ "${COMPREPLY[*]}" != "$*" ]]; then
        echo "bash: kin ${words[*]}: '${COMPREPLY[*]}' instead of '$*'"
        exit 1
    fi
}

completes ma -- manager
completes manager '' -- start list stop
completes ge -- get
completes ps --f -- --family
completes ps --family "${family:0:9}" -- "$family"
completes ps --type l -- lock list
completes ps --json --sort wa -- waiters
completes demo --method f -- fork forkserver
completes manager stop "${family:0:9}" -- "$family"
completes manager start --g -- --group
completes get "$family" '' -- prices
completes get --owner somebody "$family" '' -- prices
completes get --raw "$family" prices t -- tea
completes take "$family" '' -- orders
completes take --wait 1 --raw "$family" '' -- orders
completes unlock "$family" '' -- kin.keeper
completes stat "$family" o -- orders
completes get "$family" prices tea '' --
completes get no.such.family '' --
completes get "$family" prices '$' -- "$(printf %q '$(touch expanded) two')"
completes completion z -- zsh
completes help re -- reap
completes nothing '' --

# The table of commands is the only source: each command and option of the help is completed.
mapfile -t names < <("$kin" help | sed -n 's/^  \([a-z]\+\( [a-z]\+\)\?\)  .*/\1/p')
((${#names[@]} > 20))
for name in "${names[@]}"; do
    read -ra words <<<"$name"
    mapfile -t options < <("$kin" "${words[@]}" --help | sed -n 's/^  \(--[a-z-]*\).*/\1/p')
    completes "${words[@]}" - -- "${options[@]}"
done

if ! { command -v zsh && command -v tmux; } >/dev/null; then
    echo "no zsh, or no tmux: of zsh nothing is tested"
    exit 0
fi
mkdir functions bin
ln -s "$kin" bin/kin
"$kin" completion zsh >functions/_kin
zsh -n functions/_kin
cat >.zshrc <<'EOF'
fpath=(~/functions $fpath)
path=(~/bin $path)
PS1='> '
autoload -Uz compinit
compinit -u -D
EOF
tmux -u -f /dev/null -L kin new-session -d -x 100 -y 24 "exec env HOME=$work ZDOTDIR=$work zsh -i"

# expect <pattern> <what failed>: waits until the screen has such a line.
expect() {
    local n
    for ((n = 0; n < 150; n++)); do
        if grep -qE -- "$1" <<<"$(tmux -L kin capture-pane -p)"; then
            return
        fi
        sleep 0.1
    done
    echo "zsh: $2: no '$1':"
    tmux -L kin capture-pane -p
    exit 1
}

# zsh_completes <typed> <pattern>: what is on the screen after Tab.
zsh_completes() {
    tmux -L kin send-keys C-c C-l
    tmux -L kin send-keys "$1" Tab
    expect "$2" "$1"
}

expect '^>' 'the prompt'
zsh_completes "kin hea" 'kin health *$'
zsh_completes "kin ta" '^take +-- take a message out of a queue'
zsh_completes "kin manager l" 'kin manager list'
zsh_completes "kin ps --fam" 'kin ps --family'
zsh_completes "kin ps --type barr" 'kin ps --type barrier'
zsh_completes "kin ps --family ${family:0:9}" "kin ps --family $family"
zsh_completes "kin get $family p" "kin get $family prices"
zsh_completes "kin get --raw $family prices t" "kin get --raw $family prices tea"
zsh_completes "kin take --wait 1 $family " "kin take --wait 1 $family orders"
if [[ -e expanded ]]; then
    echo "a key was run as a command"
    exit 1
fi
