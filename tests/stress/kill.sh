#!/bin/sh
# kill.sh N [SEED] - N times: start a small experiment, kill -9 the parent, a worker, or all at a random time; then let
# it finish. The numbers must be bit-identical to those of an uninterrupted run, and no file may remain.
#
# Times and victims depend on SEED (default: the clock; it is printed), so that a series can be repeated. An experiment
# that finished is compared and started anew. AFFJORD names another program than build/affjord.
set -eu
[ $# = 1 ] || [ $# = 2 ] || { echo "usage: kill.sh N [SEED]" >&2; exit 2; }
rounds=$1
random=${2:-$(date +%s)}
here=$(cd "$(dirname "$0")" && pwd -P)
. "$here/common.sh"
echo "kill.sh $rounds $random"

# Two models, four seeds; checkpoints after every epoch, which is a few milliseconds of work.
sh "$here/../tiny_experiment.sh" stress 0-3 120 12 1 >stress.ini
begun=$(seconds_now)
"$affjord" stress.ini --db undisturbed.db --jobs 2 --quiet
whole=$(since "$begun" | awk '{ print int(1000 * $1) + 100 }')
numbers undisturbed >expected.numbers
[ "$(grep -c '^epoch' expected.numbers)" = 160 ] || give_up "the undisturbed run has not all its epochs"

# A number from 0 to $1 - 1 (the generator of the C standard's example).
draw() {
    random=$(((random * 1103515245 + 12345) % 2147483648))
    drawn=$((random / 65536 % $1))
}

# Print the state of the experiment when it was killed, from a copy, because opening the database would repair it.
phase_of() {
    if ls killed.checkpoints/*.tmp >/dev/null 2>&1; then echo writing a checkpoint; return; fi
    mkdir copy
    cp killed.db* copy 2>/dev/null || true
    if ! states=$(sqlite3 copy/killed.db "
        SELECT count(*), sum(status = 'running'), sum(status = 'done') FROM run;
        SELECT path FROM checkpoint ORDER BY path" 2>/dev/null) || [ "${states%%|*}" = 0 ]; then
        phase="starting: no run recorded"
    else
        counts=${states%%
*}
        running=${counts#*|}
        done=${running#*|}
        running=${running%|*}
        printf '%s\n' "$states" | tail -n +2 | sed '/^$/d' >recorded.files
        ls -d killed.checkpoints/* 2>/dev/null >there.files || true
        if ! cmp -s recorded.files there.files; then phase="recording: a checkpoint in place, its row or the older one's removal not"
        elif [ "$done" = 8 ]; then phase="finishing: all runs done"
        elif [ "$running" = 0 ]; then phase="starting: no run at work, or between two"
        elif [ -n "$(sqlite3 copy/killed.db "SELECT 1 FROM run JOIN checkpoint c USING (run_id)
            WHERE status = 'running' AND c.iteration = iterations LIMIT 1")" ]; then phase="finishing: a run trained, its pictures not recorded"
        else phase="training"
        fi
    fi
    rm -rf copy
    echo "$phase"
}

finished=0
: >phases
round=0
while [ "$round" -lt "$rounds" ]; do
    round=$((round + 1))
    # A third of the kills are in the first 60 ms, during the start.
    draw 3
    if [ "$drawn" = 0 ]; then draw 60; else draw $((whole / 2)); fi
    moment=$drawn
    draw 3
    case $drawn in
    0) victim=parent ;;
    1) victim=worker ;;
    2) victim=all ;;
    esac
    label="round $round ($victim after $moment ms)"
    setsid "$affjord" stress.ini --db killed.db --jobs 2 --quiet 2>printed.err &
    parent=$! group=$!
    sleep "$(printf '%d.%03d' $((moment / 1000)) $((moment % 1000)))"
    workers=$(ps -o pid= --ppid "$parent" 2>/dev/null || true)
    # shellcheck disable=SC2086 # numbers
    case $victim in
    parent) kill -9 "$parent" 2>/dev/null || true ;;
    worker) # its parent marks that run, continues the others, and gets SIGTERM a little later
        for worker in $workers; do kill -9 "$worker" 2>/dev/null || true; break; done
        sleep 0.05
        kill "$parent" 2>/dev/null || true
        ;;
    all) kill -9 "$parent" $workers 2>/dev/null || true ;;
    esac
    status=0
    wait "$parent" 2>/dev/null || status=$?
    group=
    case $victim-$status in
    *-0) # it finished before the kill
        check_finished killed "$label"
        forget killed
        finished=$((finished + 1))
        echo "$victim: already at its end" >>phases
        ;;
    worker-1 | worker-143) # 143: before it handled signals
        check_sound killed "$label"
        if grep -q 'signal 9' printed.err; then echo "worker: its run marked as failed, then stopped in order" >>phases
        elif [ -s printed.err ]; then cat printed.err >&2; give_up "$label: failed, but not by the kill"
        else echo "worker: none was at work; stopped in order" >>phases
        fi
        ;;
    parent-137 | all-137)
        phase_of | sed "s/^/$victim: /" >>phases
        ;;
    *)
        cat printed.err >&2
        give_up "$label: ended with status $status"
        ;;
    esac
done
"$affjord" stress.ini --db killed.db --jobs 2 --quiet || give_up "the last start: exit $?"
check_finished killed "the last start"
finished=$((finished + 1))
sort phases | uniq -c
echo "$rounds rounds in $(since "$begun") s; $finished experiments came to their end with the same bits"
