#!/bin/sh
# stop.sh - stop the cluster of start.sh in a folder: its daemons by their pids, and remaining processes of its tasks.
set -u
folder=$(cd "$1" 2>/dev/null && pwd -P) || exit 0

# Processes of the cluster's tasks, by their environment.
tasks() {
    for environment in /proc/[0-9]*/environ; do
        pid=${environment#/proc/}
        pid=${pid%/environ}
        found=$({ tr '\0' '\n' <"$environment"; } 2>/dev/null |
            grep -cxE "SLURM_CONF=$folder/slurm.conf|SLURM_JOB_ID=[0-9]+") || continue
        [ "$found" = 2 ] && echo "$pid"
    done
}
end() {
    [ -s "$1" ] || return 0
    pid=$(cat "$1")
    # A pid from a file may now belong to another process.
    { tr '\0' ' ' <"/proc/$pid/cmdline"; } 2>/dev/null | grep -q "$2" && kill "-$3" "$pid" 2>/dev/null
}
for node in n1 n2; do end "$folder/slurmd-$node.pid" slurmd TERM; done
end "$folder/slurmctld.pid" slurmctld TERM
for pid in $(tasks); do kill -KILL "$pid" 2>/dev/null; done
end "$folder/munged.pid" munged TERM
exit 0
