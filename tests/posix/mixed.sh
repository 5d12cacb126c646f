#!/bin/sh
# Builds test_mixed of another preset: mixed.sh PRESET. The compilers named in the environment are this preset's.
set -e
cd "$(dirname "$0")/../.."
unset CC CXX CFLAGS CXXFLAGS LDFLAGS
cmake --preset "$1"
cmake --build --preset "$1" --target test_mixed
