#!/bin/sh
# concurrent_starts.sh N - N times: start one experiment twice on one new database at the same time, and a third process
# on a part of it. Later processes must wait, and then find the work done or complete it. All must exit with 0 and print
# no message about a lock. The numbers must be those of an uninterrupted run.
set -eu
[ $# = 1 ] || { echo "usage: concurrent_starts.sh N" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd -P)
. "$here/common.sh"

sh "$here/../tiny_experiment.sh" stress 0-1 40 20 1 >stress.ini
"$affjord" stress.ini --db undisturbed.db --jobs 2 --quiet
numbers undisturbed >expected.numbers
begun=$(seconds_now)
round=0
while [ "$round" -lt "$1" ]; do
    round=$((round + 1))
    "$affjord" stress.ini --db shared.db --jobs 2 --quiet 2>first.err &
    first=$!
    "$affjord" stress.ini --db shared.db --jobs 1 --quiet 2>second.err &
    second=$!
    "$affjord" stress.ini --db shared.db --seeds 1 --jobs 1 --quiet 2>third.err &
    third=$!
    failed=
    wait "$first" || failed="$failed first:$?"
    wait "$second" || failed="$failed second:$?"
    wait "$third" || failed="$failed third:$?"
    cat first.err second.err third.err >printed.err
    if [ -n "$failed" ] || [ -s printed.err ]; then
        cat printed.err >&2
        give_up "round $round: ended with$failed"
    fi
    # The last process may have left only its own seeds in the experiment; requesting all seeds again adds the others.
    "$affjord" stress.ini --db shared.db --jobs 2 --quiet
    check_finished shared "round $round"
    [ "$(sqlite3 shared.db 'SELECT max(sessions) FROM run')" = 1 ] || give_up "round $round: a run was computed twice"
    forget shared
done
echo "$1 times three at once in $(since "$begun") s"
