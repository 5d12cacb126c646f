#!/usr/bin/env bash
# manual.sh <kin>: the man pages that kin writes are sound for mandoc and groff, and each command has one.
set -euo pipefail

kin=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$kin" manual "$work"
mandoc -T lint -W warning "$work"/*.1
if command -v groff >/dev/null; then
    for page in "$work"/*.1; do
        said=$(groff -ww -man -T utf8 -z "$page" 2>&1)
        if [[ -n $said ]]; then
            echo "$said"
            exit 1
        fi
    done
fi

pages=1
while read -r name; do
    page=$work/kin-${name// /-}.1
    text=$(mandoc -T utf8 "$page" | sed 's/.\x08//g')
    read -ra words <<<"$name"
    while read -r option; do
        grep -qE "^ +$option( |\$)" <<<"$text"
    done < <("$kin" "${words[@]}" --help | sed -n 's/^  \(--[a-z-]*\).*/\1/p')
    grep -q "kin-${name// /-}(1)" <<<"$(mandoc -T utf8 "$work/kin.1" | sed 's/.\x08//g')"
    ((++pages))
done < <("$kin" help | sed -n 's/^  \([a-z]\+\( [a-z]\+\)\?\)  .*/\1/p')
written=("$work"/*.1)
((${#written[@]} == pages))
