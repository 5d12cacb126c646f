#!/bin/sh
# functions.sh STEP_KILL FUNCTIONS UNCHANGED: each public function is stepped through by a scenario of step_kill, or
# UNCHANGED says why it need not be: lines "FUNCTION REASON".
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
sort -u "$2" >"$work/all"
"$1" --functions | cut -d ' ' -f 1 | sort -u >"$work/stepped"
grep -v '^#' "$3" | cut -d ' ' -f 1 | sort >"$work/argued"
failed=0
# report <what> <lines>
report() {
    if [ -n "$2" ]; then
        printf '%s\n%s\n' "$1:" "$2"
        failed=1
    fi
}
report "no reason is given" "$(grep -v '^#' "$3" | grep -v ' .' || true)"
report "listed twice" "$(uniq -d "$work/argued")"
report "no public function" "$(cat "$work/stepped" "$work/argued" | sort -u | comm -23 - "$work/all")"
report "stepped through, and listed as if it need not be" "$(comm -12 "$work/stepped" "$work/argued")"
report "not stepped through" "$(cat "$work/stepped" "$work/argued" | sort -u | comm -13 - "$work/all")"
echo "$(wc -l <"$work/stepped") functions are stepped through, $(wc -l <"$work/argued") need not be"
exit $failed
