#!/usr/bin/env bash
# Runs test programs where /dev/shm is full, cannot be written, or is not a directory for files at all: kin then keeps its
# names elsewhere, and its semaphores in the arena. Usage: without_shm.sh PROGRAM...
# Exit status 77: this machine lets nobody make a mount namespace.
set -euo pipefail

spoil() {
    case $1 in
        full)
            mount -t tmpfs -o size=64k tmpfs /dev/shm
            head -c 65536 /dev/zero >/dev/shm/filler
            ;;
        read-only)
            mount -t tmpfs -o ro tmpfs /dev/shm
            ;;
        none)
            mount --bind /proc/self/fdinfo /dev/shm
            ;;
    esac
}

if [[ $1 == --inside ]]; then
    spoil "$2"
    for program in "${@:3}"; do
        for method in fork spawn; do
            if ! KIN_START=$method KIN_TEST_SECONDS=1 "$program"; then
                printf '%s with %s, /dev/shm %s\n' "$program" "$method" "$2"
                exit 1
            fi
        done
    done
    exit 0
fi

unshare --map-root-user --mount true || exit 77
for how in full read-only none; do
    unshare --map-root-user --mount "$0" --inside "$how" "$@"
done
