#!/usr/bin/env bash
# full.sh <kin>: what cannot be written is an error: on a full device, and where the standard output is closed.
# shellcheck disable=SC2317 # of finish
set -euo pipefail

kin=$1
family=full.$$

finish() {
    "$kin" manager stop "$family" 2>/dev/null || true
}
trap finish EXIT

# fails <argument>...: with status 1, and a sentence about it.
fails() {
    local status=0 said
    said=$("$kin" "$@" 2>&1 >/dev/full) || status=$?
    if ((status != 1)) || [[ -z $said ]]; then
        echo "kin $* >/dev/full: status $status: $said"
        exit 1
    fi
}

fails_closed() {
    local status=0
    "$kin" "$@" 2>/dev/null >&- || status=$?
    if ((status != 1)); then
        echo "kin $* >&-: status $status"
        exit 1
    fi
}

"$kin" manager start "$family" >/dev/null
"$kin" set --create "$family" dict key value
"$kin" put --create "$family" queue message

mapfile -t names < <("$kin" help | sed -n 's/^  \([a-z]\+\( [a-z]\+\)\?\)  .*/\1/p')
((${#names[@]} > 20))
for name in "${names[@]}"; do
    read -ra words <<<"$name"
    fails "${words[@]}" --help
done
fails help
fails help set
fails version
fails --version
fails --help
fails ps
fails ps --json
fails ps --watch 0.01
fails ps --watch 0.01 --json
fails names
fails names "$family"
fails reap
fails reap --json
fails stat "$family" dict
fails get "$family" dict key
fails get --raw "$family" dict key
fails keys "$family" dict
fails dump "$family" dict
fails dump --json "$family" dict
fails add "$family" dict number 1
fails watch "$family" dict key
fails watch --json "$family" dict key
fails peek "$family" queue
fails take "$family" queue
fails tail "$family" queue
fails drain "$family" queue
[[ $("$kin" take "$family" queue) == message ]] # none has been lost
fails_closed ps
fails_closed ps --json
fails_closed get "$family" dict key
fails_closed help
fails manager list
fails manager start "$family"
fails demo --json --method spawn
