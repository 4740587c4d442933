#!/bin/sh
# test.sh - test a real Slurm: submit, kill tasks, lose a node, resume and merge, with bit-identical results.
#
#   sh tests/slurm/test.sh        needs root, and build/affjord
set -eu
here=$(cd "$(dirname "$0")" && pwd -P)
root=$(cd "$here/../.." && pwd -P)
program=$root/build/affjord
[ -x "$program" ] || {
    echo "build/affjord is not there; make it first" >&2
    exit 1
}
folder=$(mktemp -d "${TMPDIR:-/tmp}/affjord-slurm-XXXXXX")
trap '[ -z "${KEEP:-}" ] || cp -r "$folder" "$KEEP"; sh "$here/stop.sh" "$folder/cluster"; rm -rf "$folder"' EXIT
trap 'exit 1' INT TERM HUP
began=$(date +%s)
MAX_ARRAY_SIZE=5 sh "$here/start.sh" "$folder/cluster" || exit 1
export SLURM_CONF="$folder/cluster/slurm.conf"
cd "$folder"
mkdir many long # each with its own shards

say() { echo "[$(($(date +%s) - began)) s] $*"; }
failed() {
    say "FAILED: $*"
    "$program" list --db many/r.db || :
    "$program" list --db long/r.db || :
    squeue || :
    tail -n 20 ./*/shards/slurm/*.log || :
    exit 1
}
# query DATABASE SQL
query() { sqlite3 -cmd '.timeout 10000' "$1" "$2" 2>/dev/null || :; }
# until_true SECONDS WHAT COMMAND...
until_true() {
    limit=$(($(date +%s) + $1)) what=$2
    shift 2
    until "$@"; do
        [ "$(date +%s)" -lt "$limit" ] || failed "$what"
        sleep 0.3
    done
}
all_done() { [ "$(query "$1" "SELECT count(*) FROM run WHERE status = 'done'")" = "$2" ]; }

# Print all results of trainings, except those that depend on the time or the machine.
numbers() {
    query "$1" "SELECT r.key, r.dataset, r.model, r.seed, r.parameters, r.status, r.iteration, e.epoch, e.iteration,
            e.split, printf('%!.17g', e.loss), e.nonfinite, e.nfe_forward, e.nfe_backward
            FROM run r JOIN epoch e USING (run_id) ORDER BY 1, 8, 10;
        SELECT r.key, m.name, printf('%!.17g', m.value), m.nonfinite FROM run r JOIN metric m USING (run_id) ORDER BY 1, 2;
        SELECT subject, kind, rows, columns, x0, x1, y0, y1, hex(data) FROM sample_blob ORDER BY 1, 2;
        SELECT r.key, s.section, s.key, s.value FROM run r JOIN setting s USING (run_id) ORDER BY 1, 2, 3;
        SELECT r.key, c.iteration, c.sha256 FROM run r JOIN checkpoint c USING (run_id) ORDER BY 1;"
}
same_numbers() {
    numbers "$1" >one
    numbers "$2" >other
    if [ ! -s one ] || ! cmp -s one other; then failed "$1 and $2 differ"; fi
    printed=$("$program" check --db "$2") || failed "$printed"
}

# write_experiment NAME SEEDS ITERATIONS
write_experiment() { sh "$here/../tiny_experiment.sh" "$1" "$2" "$3" 50 2 >"$1.ini"; }

# --- Twelve runs in three arrays, submitted twice ---

write_experiment many 0-5 200
"$program" many.ini --db whole.db --quiet
"$program" many.ini --db many/r.db --slurm --slurm-array 5 --slurm-opt "--mem=10" >printed || failed "$(cat printed)"
grep -q "12 submitted to Slurm now" printed || failed "$(cat printed)"
[ "$(grep -c '^Job .* runs$' printed)" = 3 ] || failed "expected three arrays: $(cat printed)"
"$program" many.ini --db many/r.db --slurm --slurm-array 5 >printed || failed "$(cat printed)"
grep -qE "12 runs: .* 0 submitted to Slurm now" printed || failed "submitted twice: $(cat printed)"
until_true 60 "twelve runs are not merged" all_done many/r.db 12
same_numbers whole.db many/r.db
queue_is_empty() { [ -z "$(squeue -h)" ]; }
until_true 30 "the queue does not empty" queue_is_empty
"$program" many.ini --db many/r.db --slurm >printed
grep -q "12 runs: 12 done, .* 0 submitted to Slurm now" printed || failed "$(cat printed)"
say "twelve runs in three arrays: the same bits; a second command submits nothing"

"$program" many.ini --db many/r.db --slurm --slurm-array 6 --set train.iterations=250 >printed 2>&1 &&
    failed "an array above MaxArraySize was taken: $(cat printed)"
grep -q "MaxArraySize" printed || failed "$(cat printed)"
grep -q "0 of 12 runs were submitted" printed || failed "$(cat printed)"

# --- Four longer runs: stopped, killed, lost with their node, and merged meanwhile ---

write_experiment long 0-1 "${LONG_ITERATIONS:-24000}"
"$program" long.ini --db long/r.db --slurm --slurm-opt "--mem=10" >printed || failed "$(cat printed)"
have_checkpoints() {
    "$program" merge --db long/r.db --quiet
    [ "$(query long/r.db "SELECT count(*) FROM checkpoint JOIN run USING (run_id)
        WHERE status = 'interrupted'")" = 4 ]
}
until_true 60 "four runs do not begin, or end too soon" have_checkpoints
"$program" list tasks --db long/r.db >printed
[ "$(grep -cE ' running .* n[12]( |$)' printed)" = 4 ] || failed "expected four running tasks: $(cat printed)"
"$program" check --db long/r.db >printed || failed "$(cat printed)"
say "merged while four tasks run"

# The processes of tasks on a node.
processes_on() {
    for environment in /proc/[0-9]*/environ; do
        pid=${environment#/proc/}
        pid=${pid%/environ}
        found=$({ tr '\0' '\n' <"$environment"; } 2>/dev/null |
            grep -cxE "SLURM_CONF=$folder/cluster/slurm.conf|SLURM_JOB_ID=[0-9]+|SLURMD_NODENAME=$1") || continue
        [ "$found" = 3 ] && echo "$pid"
    done
}
jobs_on() { squeue -h -t RUNNING --array -w "$1" -o '%i|%j' | grep 'affjord.long.[0-9a-f]*$' | cut -d'|' -f1; }
stopped=$(jobs_on n1 | sed -n 1p)
killed=$(jobs_on n1 | sed -n 2p)
if [ -z "$stopped" ] || [ -z "$killed" ]; then failed "expected two tasks on n1: $(squeue)"; fi
# Send the signal that Slurm sends before a time limit; kill a task as for lack of memory; remove a node.
scancel --batch --signal=TERM "$stopped"
scancel --signal=KILL --full "$killed"
kill -KILL "$(cat cluster/slurmd-n2.pid)"
lost=$(processes_on n2)
# Kill the task's supervisor first; otherwise it would report the task's end.
for pid in $lost; do
    parent=$(sed -n 's/^PPid:[^0-9]*//p' "/proc/$pid/status")
    { grep -q slurmstepd "/proc/$parent/cmdline"; } 2>/dev/null && kill -KILL "$parent"
done
for pid in $lost; do kill -KILL "$pid" 2>/dev/null || :; done
say "stopped one, killed one, and lost a node with two"
# After a node is lost, Slurm delays its tasks by two minutes; skip that delay.
taken_up() {
    for job in $(squeue -h --array -t PENDING -o '%i|%r' | sed -n 's/|BeginTime$//p'); do
        echo "$job" >>requeued
        scontrol update "JobId=$job" StartTime=now || :
    done
    all_done long/r.db 4
}
until_true 140 "four runs are not merged" taken_up
[ "$(sort -u requeued | wc -l)" = 2 ] || failed "expected two tasks back in the queue: $(cat requeued)"
"$program" long.ini --db whole-long.db --quiet
same_numbers whole-long.db long/r.db
[ "$(query long/r.db "SELECT count(*) FROM run WHERE sessions > 1")" = 4 ] ||
    failed "expected four resumed runs: $(query long/r.db 'SELECT key, sessions FROM run')"
say "resumed by their queue, by the merging job, and on the other node: the same bits"
echo "Tests of Slurm: passed"
