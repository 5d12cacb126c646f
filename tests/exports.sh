#!/bin/sh
# exports.sh LIBRARY LIST: the shared library exports the functions of the list, one on each line, and nothing else.
set -e
nm -D --defined-only "$1" | awk '$2 ~ /[TDBRW]/ { sub(/@.*/, "", $3); print $3 }' | LC_ALL=C sort | diff "$2" -
