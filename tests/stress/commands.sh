#!/bin/sh
# commands.sh [NAME...] - run commands on a finished database while allocations fail: at the first call from one place
# (as defined in fault.c), from the next, and so on until there are no new places. The library that makes calls fail is
# build/fault.so.
#
# A command must exit with 0 and its normal output, or with 1 and a message and no output file, except merge, which
# continues. The database and its checkpoints must not change. NAMEs, from the table below, select commands.
set -eu
here=$(cd "$(dirname "$0")" && pwd -P)
layer=$(realpath "${FAULT_LAYER:-$here/../../build/fault.so}")
wanted=${*:-*}
. "$here/common.sh"
[ -f "$layer" ] || { echo "no $layer: make build/fault.so first" >&2; exit 2; }

sh "$here/../tiny_experiment.sh" stress 0 40 20 1 >stress.ini
"$affjord" stress.ini --db small.db --jobs 2 --quiet
"$affjord" stress.ini --db shards/one.db --seeds 1 --quiet
printf '0.5,1\n-1,0.25\n2,-2\n' >points.csv
state() { find small.* shards -type f ! -name '*.lock' | sort | xargs cksum; }
undisturbed=$(state)
begun=$(seconds_now)
all=0

# places NAME IN WORDS: the command line; it writes to out or out.* if it writes a file. IN: allocations fail in the
# parent or in a forked worker.
places() {
    name=$1 in=$2
    shift 2
    case " $wanted " in
    *" $name "* | ' * ') ;;
    *) return 0 ;;
    esac
    rm -rf places out* good
    "$affjord" "$@" >good.out 2>good.err || { cat good.err >&2; give_up "$name: ended with $? undisturbed"; }
    mkdir good
    for made in out*; do [ ! -e "$made" ] || mv "$made" good; done
    if [ -f good/out.db ]; then numbers good/out >good.numbers; fi
    survived=0 reported=0
    while :; do
        label="$name, place $((survived + reported + 1))"
        rm -rf fault.log out*
        status=0
        timeout -k 1 60 env LD_PRELOAD="$layer" FAULT_CALL=memory FAULT_WHAT=ENOMEM FAULT_IN="$in" FAULT_SEEN=places FAULT_ONCE=1 \
            FAULT_LOG=fault.log "$affjord" "$@" >printed.out 2>printed.err || status=$?
        case $status in
        0)
            cmp -s good.out printed.out || give_up "$label: survived, but printed something else: $work/printed.out, good.out"
            wrote_the_same || give_up "$label: survived, but wrote something else"
            survived=$((survived + 1))
            ;;
        1)
            [ -s printed.err ] || give_up "$label: exit status 1 and no message"
            if [ "$name" = merge ]; then
                "$affjord" "$@" || give_up "$label: restarted, it ended with $?"
                wrote_the_same || give_up "$label: restarted, it wrote something else"
            fi
            for made in out*; do
                [ "$name" = merge ] || [ ! -e "$made" ] || give_up "$label: failed, and left $made"
            done
            reported=$((reported + 1))
            ;;
        *) cat printed.err >&2; give_up "$label: ended with $status" ;;
        esac
        [ "$(state)" = "$undisturbed" ] || give_up "$label: something happened to the database"
        [ -e fault.log ] || break
    done
    [ "$status" = 0 ] || give_up "$label: nothing failed, and it ended with $status"
    survived=$((survived - 1)) # without a fault
    [ $((survived + reported)) -gt 0 ] || give_up "$name never allocated memory"
    all=$((all + survived + reported))
    printf '%-9s %4d survived, %4d reported\n' "$name" "$survived" "$reported"
}

# Return 0 if the files out* are exactly those in good: equal bytes, or for a database equal numbers, because it has
# dates.
wrote_the_same() {
    for made in good/* out*; do
        case $made in
        'good/*' | 'out*' | *.lock) ;;
        good/*.db)
            numbers out >out.numbers || return 1
            cmp -s good.numbers out.numbers || return 1
            rm out.numbers
            ;;
        good/*) diff -r "$made" "${made#good/}" >/dev/null || return 1 ;;
        *) [ -e "good/$made" ] || return 1 ;;
        esac
    done
}

places plan parent stress.ini --dry-run --db small.db --seeds 0-2
places commands parent stress.ini --dry-run --format commands --db small.db --seeds 0-2
places finished parent stress.ini --db small.db
places list parent list runs --db small.db
places tasks parent list tasks --db small.db
places eval parent eval 1 --db small.db --input points.csv --output out.npy
places sample parent sample 2 --db small.db --n 5 --output out.npy
places export parent export 2 --db small.db --output out.safetensors
places check parent check small.db
places again parent check small.db --sample 1 --seed 1
places worker worker check small.db --sample 1 --seed 1
places archive parent archive out.db --db small.db
places merge parent merge shards/one.db --db out.db --quiet
[ "$all" -gt 0 ] || give_up "no command is named $wanted"
echo "$all faults in $(since "$begun") s"
