#!/bin/sh
# scaling.sh - the time of each step around N runs on many machines as a function of N, with scripts in place of Slurm's
# programs.
#
#   sh tests/benchmarks/scaling.sh [N]...        default 100, 1000 and 10000
#
# Prints elapsed seconds, then processor seconds. Merging is in merge_shards.sh.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd -P)
program=$root/build/affjord
folder=$(mktemp -d "${TMPDIR:-/tmp}/affjord-scaling-XXXXXX")
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/bin"
cd "$folder"
cat >bin/sbatch <<'END'
#!/bin/sh
cat >/dev/null
echo $$
END
cat >bin/squeue <<'END'
#!/bin/sh
cat queue 2>/dev/null || :
END
chmod 755 bin/*
PATH=$folder/bin:$PATH
export PATH

# step NAME COMMAND...
step() {
    name=$1
    shift
    { bash -c 'TIMEFORMAT="%R %U %S"; time "$@" >/dev/null' step "$@"; } 2>&1 | tail -n 1 |
        while read -r clock user system; do
            printf '  %-46s %8s %8s\n' "$name" "$clock" "$(echo "$user $system" | awk '{print $1 + $2}')"
        done
}

[ $# -gt 0 ] || set -- 100 1000 10000
for n in "$@"; do
    rm -rf shards r.* queue
    sh "$root/tests/tiny_experiment.sh" many "0-$((n / 2 - 1))" 1 1 1 >many.ini
    echo "$n runs                                          clock   worked"
    step "the plan (--dry-run)" "$program" many.ini --db r.db --dry-run
    step "commands for the missing ones" "$program" many.ini --db r.db --dry-run --format commands
    step "one task: the plan, a shard, one iteration" "$program" many.ini --db r.db --only 0 --quiet
    step "submitted to Slurm, all but it" "$program" many.ini --db r.db --slurm --quiet
    for list in shards/slurm/*.tasks; do
        name=$(basename "$list" .tasks)
        awk -v name="$name" '{ print name "|" NR - 1 "|PENDING||Priority" }' "$list"
    done >queue
    step "submitted again: nothing is missing" "$program" many.ini --db r.db --slurm --quiet
    step "./run list tasks, all but one in the queue" "$program" list tasks --db r.db
done
