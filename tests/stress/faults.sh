#!/bin/sh
# faults.sh [short|long|full] [CALL [IN [ONCE]]] - run a small experiment while system calls fail, one kind after
# another: at the first such call, at the second, and so on until there are no more. fault.c makes them fail, as
# build/fault.so.
#
# In all cases the program must exit with 0, or with 1 and a message: no signal, no hang. The database must be sound,
# recorded checkpoints must exist, and the next start without failures must end with the numbers of an uninterrupted
# run. The program must survive interrupted calls, short transfers and clock jumps.
#
# short: some of the calls, for `make test`. long: every call, but only one allocation of each place (as defined in
# fault.c). full: every call. CALL, IN and ONCE, from the table below, select faults: faults.sh full memory worker once.
# FROM and TO limit the numbers of calls, to resume an interrupted run or to divide it: FROM=945 TO=2000 faults.sh ...
# (not for places, which have no numbers).
set -eu
length=${1:-long}
only="${2:-*} ${3:-*} ${4:-*}"
case $length in
short | long | full) ;;
*) echo "usage: faults.sh [short|long|full] [CALL [IN [ONCE]]]" >&2; exit 2 ;;
esac
here=$(cd "$(dirname "$0")" && pwd -P)
layer=$(realpath "${FAULT_LAYER:-$here/../../build/fault.so}")
. "$here/common.sh"
[ -f "$layer" ] || { echo "no $layer: make build/fault.so first" >&2; exit 2; }

sh "$here/../tiny_experiment.sh" stress 0-1 20 10 1 >stress.ini
"$affjord" stress.ini --db undisturbed.db --jobs 2 --quiet
numbers undisturbed >expected.numbers
[ "$(grep -c '^epoch' expected.numbers)" = 16 ] || give_up "the undisturbed run has not all its epochs"
begun=$(seconds_now)
all=0

# fault CALL WHAT IN PATTERN once|on SHORT LONG: at call 1, 1 + step, ..., with the step of the short form (0: not in
# it) or of the long one, or (place) at the first from each place. Count survived failures, and failures with a message.
fault() {
    case $length in
    short) step=$6 ;;
    long) step=$7 ;;
    full) step=1 ;;
    esac
    [ "$step" != 0 ] || return 0
    # shellcheck disable=SC2254 # a pattern
    case "$1 $3 $5" in
    $only) ;;
    *) return 0 ;;
    esac
    if [ "$step" = place ] && [ -n "${FROM:-}${TO:-}" ]; then give_up "FROM and TO are numbers of calls, not of places"; fi
    at=${FROM:-1} survived=0 reported=0
    label="$1 $2 in the $3 on $4, $5"
    rm -f places
    while [ "$at" -le "${TO:-$at}" ]; do
        label="$1 $2 in the $3 on $4, call $at, $5"
        rm -f fault.log
        once=
        [ "$5" = on ] || once="FAULT_ONCE=1"
        if [ "$4" = any ]; then pattern=; else pattern="FAULT_PATH=$4"; fi
        if [ "$step" = place ]; then where="FAULT_SEEN=places"; else where="FAULT_AT=$at"; fi
        status=0
        # shellcheck disable=SC2086 # words or nothing
        timeout -k 1 60 env LD_PRELOAD="$layer" FAULT_CALL="$1" FAULT_WHAT="$2" FAULT_IN="$3" "$where" FAULT_LOG=fault.log $once $pattern \
            "$affjord" stress.ini --db faulty.db --jobs 2 --quiet 2>printed.err || status=$?
        [ -e fault.log ] || break
        case $2-$status in
        *-0) check_finished faulty "$label"; survived=$((survived + 1)) ;;
        EINTR-* | short-* | jump-*) cat printed.err >&2; give_up "$label: not survived, but ended with $status" ;;
        kill-137) reported=$((reported + 1)) ;;
        *-2) # an unreadable experiment file is a usage error
            grep -q '^stress.ini: ' printed.err || { cat printed.err >&2; give_up "$label: ended with 2"; }
            reported=$((reported + 1))
            ;;
        *-1)
            [ -s printed.err ] || give_up "$label: exit status 1 and no message"
            reported=$((reported + 1))
            ;;
        *) cat printed.err >&2; give_up "$label: ended with $status" ;;
        esac
        if [ "$status" != 0 ]; then
            check_sound faulty "$label"
            "$affjord" stress.ini --db faulty.db --jobs 2 --quiet 2>printed.err ||
                { cat printed.err >&2; give_up "$label: the next start ended with $?"; }
            check_finished faulty "$label"
        fi
        forget faulty
        if [ "$step" = place ]; then at=$((at + 1)); else at=$((at + step)); fi
    done
    if [ "$at" -le "${TO:-$at}" ]; then
        check_finished faulty "$label (which did not happen)"
        forget faulty
    fi
    [ $((survived + reported)) -gt 0 ] || give_up "$label: it never happened"
    all=$((all + survived + reported))
    printf '%-7s %-8s %-7s %-14s %-4s every %-5s %4d survived, %4d reported\n' "$1" "$2" "$3" "$4" "$5" "$step" "$survived" "$reported"
}

#     call   what    in     on             how  short long
fault write  ENOSPC  parent '*faulty.db*'  on     41    1
fault write  EIO     parent '*faulty.db*'  once    0    1
fault write  ENOSPC  worker '*.tmp'        on     13    1
fault write  EIO     worker '*.tmp'        once    0    1
fault write  EIO     worker 'pipe:*'       once    5    1
fault read   EIO     parent 'pipe:*'       once   13    1
fault read   EIO     parent '*faulty.db*'  once   17    1
fault sync   EIO     parent '*'            on      7    1
fault sync   EIO     worker '*'            on      2    1
fault rename EIO     worker '*'            once    1    1
fault unlink EIO     parent '*'            once    3    1
fault open   EMFILE  parent '*'            once    5    1
fault open   ENOSPC  worker '*'            once    3    1
fault fork   EAGAIN  parent any            once    1    1
fault write  short   parent '*'            on   1000   50
fault write  short   worker '*'            on   1000   50
fault read   short   parent '*'            on   1000   50
fault read   short   worker '*'            on   1000   50
fault write  EINTR   parent '*'            on   1000   50
fault write  EINTR   worker '*'            on   1000   50
fault read   EINTR   parent '*'            on   1000   50
fault read   EINTR   worker '*'            on   1000   50
fault clock  jump    parent any            on   1000   50
fault clock  jump    worker any            on   1000   50
fault memory ENOMEM  parent any            once 4001   place
fault memory ENOMEM  worker any            once  211   place
fault memory ENOMEM  parent any            on      0   place
fault memory ENOMEM  worker any            on      0   place
fault write  kill    parent '*'            once   67    1
fault write  kill    worker '*'            once   11    1
fault sync   kill    parent '*'            once    7    1
fault sync   kill    worker '*'            once    2    1
fault rename kill    worker '*'            once    1    1
fault unlink kill    parent '*'            once    3    1
[ "$all" -gt 0 ] || give_up "no faults are named ${only% \*}"
echo "$all faults in $(since "$begun") s"
