#!/usr/bin/env bash
# kill.sh - kill -9, again and again, and see that nothing is lost: tests/stress/kill.sh ROUNDS [SEED [PROGRAM]]
#
# A round starts a small experiment (two models, four seeds, two at a time), waits
# for a random moment and kills the program, one of its workers, or its whole
# process group; the next round goes on with the same database. Whenever the
# experiment is finished, its database and checkpoints are held against those
# of an undisturbed run, and a new one is begun. The same SEED makes the same
# choices, though not at the same instants.
set -euo pipefail
shopt -s nullglob
[ $# -ge 1 ] && [ $# -le 3 ] || { echo "usage: tests/stress/kill.sh ROUNDS [SEED [PROGRAM]]" >&2; exit 2; }
cd "$(dirname "$0")/../.."
rounds=$1 seed=${2:-$((RANDOM))} program=$(realpath "${3:-build/affjord}")
RANDOM=$seed
work=$(mktemp -d "${TMPDIR:-/tmp}/affjord-kill-XXXXXX")
pid=
# Processes are ended by their group's number, which is ours as long as it has not been waited for.
leave() {
    [ -z "$pid" ] || kill -9 -- "-$pid" 2>/dev/null || true
    rm -rf "$work"
}
trap leave EXIT

broken() {
    echo "kill.sh: $* (seed $seed, round $round)" >&2
    sed 's/^/    /' "$work/said" >&2
    exit 1
}

# Numbers of a finished database; what lies beside it; and that it is whole.
numbers() { cat tests/results.sql tests/kept.sql | sqlite3 -bail "$1"; }
files() { (cd "$1" && find . -type f ! -name said | sort); }
ask() { sqlite3 -bail "$work/all/runs.db" "$1"; }

sh tests/tiny_experiment.sh small 0-3 500 25 1 >"$work/small.ini"
mkdir "$work/whole" "$work/all"
from=$(date +%s%N)
round=0
"$program" "$work/small.ini" --db "$work/whole/runs.db" --jobs 2 --quiet >"$work/said" 2>&1 || broken "an undisturbed run fails"
milliseconds=$((($(date +%s%N) - from) / 1000000))
numbers "$work/whole/runs.db" >"$work/expected"
files "$work/whole" >"$work/expected_files"
echo "seed $seed; undisturbed $milliseconds ms, $(wc -l <"$work/expected") lines of numbers"

finished() {
    [ "$(ask 'PRAGMA integrity_check')" = ok ] || broken "the database is damaged"
    [ "$(ask "SELECT count(*) FROM run WHERE status <> 'done'")" = 0 ] || broken "a run is not done"
    numbers "$work/all/runs.db" | cmp -s - "$work/expected" || broken "other numbers than an undisturbed run's"
    files "$work/all" | diff "$work/expected_files" - >>"$work/said" || broken "other files than an undisturbed run's"
    rm -rf "$work/all"
    mkdir "$work/all"
    databases=$((databases + 1))
}

# In which state the database was when the kill came, as far as can be seen afterwards.
databases=0 early=0 training=0 writing=0 late=0 hot=0 survived=0
declare -A killed=([program]=0 [worker]=0 [group]=0)
note_state() {
    local temporaries=("$work"/all/runs.checkpoints/*.tmp) log=("$work"/all/runs.db-wal "$work"/all/runs.db-journal)
    ((!${#temporaries[@]})) || writing=$((writing + 1))
    [ ! -s "${log[0]:-/}" ] || hot=$((hot + 1))
    [ -e "$work/all/runs.db" ] || { early=$((early + 1)); return; }
    case $(ask "SELECT count(*), sum(status = 'done') FROM run" 2>/dev/null || echo "0|") in
    0\|) early=$((early + 1)) ;;
    8\|[67]) late=$((late + 1)) ;;
    *) training=$((training + 1)) ;;
    esac
}

victims=(program worker group)
for ((round = 1; round <= rounds; round++)); do
    victim=${victims[RANDOM % 3]}
    # Half of the moments lie in the first tenth of a second, where a program starts and takes up what it finds.
    if ((RANDOM % 2)); then wait_ms=$((RANDOM % 100)); else wait_ms=$((RANDOM % (milliseconds / 3 + 1))); fi
    setsid "$program" "$work/small.ini" --db "$work/all/runs.db" --jobs 2 --quiet >"$work/said" 2>&1 &
    pid=$!
    sleep "$(printf '%d.%03d' $((wait_ms / 1000)) $((wait_ms % 1000)))"
    target=$pid
    if [ $victim = group ]; then target=-$pid; fi
    if [ $victim = worker ]; then
        mapfile -t workers < <(ps -o pid= --ppid "$pid" | tr -d ' ')
        if ((${#workers[@]})); then target=${workers[RANDOM % ${#workers[@]}]}; else target=$pid victim=program; fi
    fi
    kill -9 -- "$target" 2>/dev/null || true
    outcome=0
    wait "$pid" 2>/dev/null || outcome=$?
    # Workers do not outlive their program.
    for ((tries = 0; tries < 500; tries++)); do
        pgrep -g "$pid" >/dev/null || break
        sleep 0.02
    done
    ! pgrep -g "$pid" >/dev/null || broken "workers outlived the program by 10 s"
    pid=
    case $outcome in
    0) survived=$((survived + 1)) ;; # it was done, or the worker was
    137) [ $victim != worker ] || broken "the program died of its worker" ;;
    1) [ $victim = worker ] || broken "it failed by itself"
       grep -q 'killed\|signal\|SIGKILL' "$work/said" || broken "it does not say that a worker was killed" ;;
    *) broken "exit status $outcome" ;;
    esac
    [ $outcome = 0 ] || killed[$victim]=$((killed[$victim] + 1))
    [ $outcome = 0 ] || note_state
    [ $outcome != 0 ] || finished
done
"$program" "$work/small.ini" --db "$work/all/runs.db" --jobs 2 --quiet >"$work/said" 2>&1 || broken "the last run fails"
finished
[ $((killed[program] + killed[worker] + killed[group])) -gt $((rounds / 4)) ] || broken "too few were killed at work"
echo "$rounds rounds: killed ${killed[program]} programs, ${killed[worker]} workers, ${killed[group]} groups; $survived were done first"
echo "found then: $early before there were runs, $training with runs in training, $late at the last runs," \
    "$writing amid a checkpoint, $hot amid a transaction"
echo "$databases databases finished, each with the numbers, checkpoints and files of an undisturbed run"
