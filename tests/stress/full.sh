#!/bin/sh
# full.sh - run the small experiment on disks that are full and then larger, and on a read-only disk. The disks are
# tmpfs in a private namespace, for which the kernel may require root; without it, the script prints a message and exits
# with 1. (faults.sh needs no root and always runs.)
set -eu
here=$(cd "$(dirname "$0")" && pwd -P)
if [ "${1:-}" != inside ]; then
    [ $# = 0 ] || { echo "usage: full.sh" >&2; exit 2; }
    if [ "$(id -u)" = 0 ]; then set -- --mount; else set -- --mount --user --map-root-user; fi
    unshare "$@" true 2>/dev/null || { echo "full.sh: this kernel lets nobody mount a disk of memory here" >&2; exit 1; }
    exec unshare "$@" sh "$here/full.sh" inside
fi
. "$here/common.sh"

sh "$here/../tiny_experiment.sh" stress 0 40 20 1 >stress.ini
"$affjord" stress.ini --db undisturbed.db --jobs 2 --quiet
numbers undisturbed >expected.numbers
mkdir disk
full=0 kilobytes=16
while :; do
    label="a disk of $kilobytes kB"
    mount -t tmpfs -o "size=${kilobytes}k" affjord disk
    cd disk
    status=0
    timeout -k 1 60 "$affjord" ../stress.ini --db small.db --jobs 2 --quiet 2>"$work/printed.err" || status=$?
    cat "$work/printed.err" >>"$work/all.err"
    case $status in
    0 | 1) ;;
    *) cat "$work/printed.err" >&2; give_up "$label: ended with $status" ;;
    esac
    mount -o remount,size=64m affjord .
    cp ../expected.numbers .
    check_sound small "$label"
    if [ "$status" = 1 ]; then
        [ -s "$work/printed.err" ] || give_up "$label: exit status 1 and no message"
        full=$((full + 1))
        "$affjord" ../stress.ini --db small.db --jobs 2 --quiet || give_up "$label, enlarged: ended with $?"
    fi
    check_finished small "$label"
    if [ "$status" = 0 ]; then break; fi
    cd ..
    umount disk
    kilobytes=$((kilobytes + 24))
done
[ "$full" -gt 5 ] || give_up "only $full disks were too small"

# A finished database is readable; no new run starts.
mount -o remount,ro affjord .
"$affjord" ../stress.ini --db small.db --quiet || give_up "a finished experiment on a disk for reading: ended with $?"
"$affjord" check small.db >"$work/check.out" || give_up "a check on a disk for reading: ended with $?"
status=0
"$affjord" ../stress.ini --db small.db --seeds 7 --quiet 2>"$work/printed.err" || status=$?
if [ "$status" != 1 ] || ! grep -q 'small.db' "$work/printed.err"; then
    give_up "a disk for reading: ended with $status"
fi
cd "$work"
umount disk
echo "$full disks too small, the last of $((kilobytes - 24)) kB; one only for reading"
