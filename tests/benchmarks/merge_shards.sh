#!/bin/sh
# merge_shards.sh - how long ./run merge takes over made-up shards of 1,000 rows, and what it holds in memory.
#
#   sh tests/benchmarks/merge_shards.sh [N]...        default 10000; 130 kB of /tmp for each
set -eu
cd "$(dirname "$0")/../.."
[ $# -gt 0 ] || set -- 10000
for n in "$@"; do
    AFFJORD_MERGE_SHARDS=$n build/affjord-tests --filter 'merge/many_shards'
done
