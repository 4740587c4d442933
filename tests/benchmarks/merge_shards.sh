#!/bin/sh
# merge_shards.sh - the time and memory of ./run merge on synthetic shards of 1,000 rows.
#
#   sh tests/benchmarks/merge_shards.sh [N]...        default 10000; 130 kB of /tmp for each
set -eu
cd "$(dirname "$0")/../.."
[ $# -gt 0 ] || set -- 10000
for n in "$@"; do
    AFFJORD_MERGE_SHARDS=$n build/affjord-tests --filter 'merge/many_shards'
done
