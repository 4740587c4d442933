#!/bin/sh
# start.sh - start a Slurm cluster of two nodes on this machine, for tests: its files in one folder, its ports on
# loopback.
#
#   start.sh FOLDER      installs Debian's slurm-wlm and munge if they are missing; set SLURM_CONF to FOLDER/slurm.conf
#
# Exits with 1 and a message if that is impossible, as without root. stop.sh FOLDER stops it by the pids in FOLDER.
set -eu
here=$(cd "$(dirname "$0")" && pwd -P)
[ $# = 1 ] || {
    echo "usage: start.sh FOLDER" >&2
    exit 2
}
mkdir -p "$1"
folder=$(cd "$1" && pwd -P)

cannot() {
    echo "No Slurm here: $1" >&2
    sh "$here/stop.sh" "$folder"
    exit 1
}
[ "$(id -u)" = 0 ] || cannot "its daemons are started by root only"
sh "$here/../../runner/packages.sh" install slurm || cannot "its packages cannot be installed"

# Find three consecutive free ports.
free_ports() {
    port=$((20000 + $$ % 20000))
    while [ $port -lt 60000 ]; do
        hex=$(printf '%04X|%04X|%04X' $port $((port + 1)) $((port + 2)))
        grep -qE ":($hex) " /proc/net/tcp || break
        port=$((port + 3))
    done
    echo $port
}
port=$(free_ports)
# Both nodes are this machine; each gets all its processors and memory, because the tasks are tiny.
cores=$(nproc)
host=$(hostname -s)
mkdir -p "$folder/state" "$folder/n1" "$folder/n2"
chmod 755 "$folder"
cat >"$folder/slurm.conf" <<END
ClusterName=affjord-test
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$folder/munge.socket
CredType=cred/munge
SlurmctldPort=$port
SlurmctldPidFile=$folder/slurmctld.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdPidFile=$folder/slurmd-%n.pid
SlurmdLogFile=$folder/slurmd-%n.log
SlurmdSpoolDir=$folder/%n
StateSaveLocation=$folder/state
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=1,bf_resolution=1,sched_interval=2,batch_sched_delay=1,sched_min_interval=100000
ReturnToService=2
SlurmdTimeout=6
KillWait=2
MinJobAge=300
MailProg=/bin/true
MaxArraySize=${MAX_ARRAY_SIZE:-1001}
NodeName=n1 NodeHostname=$host NodeAddr=127.0.0.1 Port=$((port + 1)) CPUs=$cores RealMemory=512 State=UNKNOWN
NodeName=n2 NodeHostname=$host NodeAddr=127.0.0.1 Port=$((port + 2)) CPUs=$cores RealMemory=512 State=UNKNOWN
PartitionName=tests Nodes=n1,n2 Default=YES MaxTime=60 State=UP
END
# slurmd requires this file even without cgroups.
echo "CgroupPlugin=cgroup/v1" >"$folder/cgroup.conf"
dd if=/dev/urandom of="$folder/munge.key" bs=128 count=1 status=none
chmod 400 "$folder/munge.key"
export SLURM_CONF="$folder/slurm.conf"

munged --force --key-file="$folder/munge.key" --socket="$folder/munge.socket" --pid-file="$folder/munged.pid" \
    --log-file="$folder/munged.log" --seed-file="$folder/munge.seed" 2>>"$folder/start.log" ||
    cannot "munged did not start; see $folder/start.log"
slurmctld -c >>"$folder/start.log" 2>&1 || cannot "slurmctld did not start; see $folder/slurmctld.log"
for node in n1 n2; do
    slurmd -N $node >>"$folder/start.log" 2>&1 || cannot "slurmd did not start; see $folder/slurmd-$node.log"
done

waited=0
until [ "$(sinfo -h -N -t idle -o %N 2>/dev/null | wc -l)" = 2 ]; do
    waited=$((waited + 1))
    [ $waited -lt 100 ] || cannot "its nodes are not there after 20 seconds; see $folder/slurmctld.log"
    sleep 0.2
done
echo "Slurm: two nodes; SLURM_CONF=$folder/slurm.conf" >&2
