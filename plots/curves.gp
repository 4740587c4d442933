# curves.gp - draws the rows of curves.sql: a panel for each data set, in it a
# line and a band of one standard deviation for each model and split. Load
# style.gp first, and set:
#
#   what     the words along the axis of what is measured
#   splits   the splits to draw, the first solid, the second dashed
#   readers  what the key calls these; '' if it need not
#   rising   1 if the curves rise from 0 or more, so that the key stands below them, in room of its own
#   alone    the width of the figure if its panels stand one below the other
rows_file = 'rows.tsv'
stats rows_file using 1 nooutput
datasets = int(STATS_max) + 1
stats rows_file using 2 nooutput
models = int(STATS_max)
stats rows_file using 5 nooutput
last_iteration = STATS_max
unit = last_iteration >= 2000 ? 1000.0 : 1.0    # of the iterations' axis

width = 4.8             # of a page's text
left = 0.54             # room for the axis of what is measured
gap = 0.42              # between two panels
letter = 0.062          # more of both for each letter of a mark beyond three
right = 0.16
top = 0.2               # for the data set's name
bottom = 0.38           # for the iterations' axis
along = 1.5

# What of the axis each panel shows. What never changes stands in the middle; a
# panel without a curve still has an axis.
array low[datasets]
array high[datasets]
stats rows_file using (d = int($1) + 1, low[d] = number(strcol(10)), high[d] = number(strcol(11)), 0) nooutput
longest = 3
do for [d = 1:datasets] {
    if (high[d] != high[d]) { low[d] = 0; high[d] = 0 }
    if (high[d] == low[d]) { low[d] = 0.9 * low[d] - 0.1; high[d] = 1.1 * high[d] + 0.1 }
    do for [value in sprintf('%.17g %.17g', low[d], high[d])] {
        letters = strlen(mark_of(value + 0, high[d] - low[d]))
        longest = letters > longest ? letters : longest
    }
}
left = left + (longest - 3) * letter
gap = gap + (longest - 3) * letter
# The key of three models needs a wide panel.
in_line = datasets > 1 && (models < 3 || alone < width) ? 2 : 1
across = in_line > 1 ? (width - left - gap - right) / 2 : alone - left - right
lines = (datasets + in_line - 1) / in_line

eval canvas(left + in_line * (across + gap) - gap + right, lines * (top + along + bottom))
set multiplot
eval two_axes
if (rising) { set key at graph 1.03, 0.03 right bottom }

array names[models]
array least[models]     # runs behind a point of the curve
array most[models]
runs(m) = most[m] == 0 ? 'not run' \
    : 'n = ' . (least[m] == most[m] ? '' : sprintf('%d–', least[m])) . sprintf('%d', most[m])
# Where a row of this panel stands, if it is of this model and split.
at(m, s) = $1 == d && $2 == m && strcol(12) eq word(splits, s) ? $5 / unit : NaN
set dashtype 2 '--'
weight(s) = s == 1 ? 2.5 : 1.6
# A little beyond the frame is as good as far beyond it.
within(y) = y > highest + 3 * room ? highest + 3 * room : y < lowest - 3 * below ? lowest - 3 * below : y

do for [d = 0:datasets - 1] {
    set autoscale
    do for [m = 1:models] { least[m] = 1e9; most[m] = 0 }
    floor = NaN
    lowest = low[d + 1]
    highest = high[d + 1]
    stats rows_file using ($1 == d ? (m = int($2), heading = strcol(3), names[m] = strcol(4), \
        n = number(strcol(8)), n < least[m] ? (least[m] = n) : 0, n > most[m] ? (most[m] = n) : 0, \
        floor = number(strcol(9)), 0) : NaN) nooutput
    room = 0.05 * (highest - lowest)
    below = room
    if (rising) {
        keyed = 0.03 + 0.11 * models    # of the height of a panel
        below = keyed / (1 - keyed) * (highest - lowest)
        below = below < lowest || lowest < 0 ? below : lowest
    }
    set xrange [0:last_iteration / unit]
    set yrange [lowest - below:highest + room]
    eval steps('y', highest - lowest)
    eval steps('x', last_iteration / unit)
    x = left + (d % in_line) * (across + gap)
    y = H - (d / in_line + 1) * (top + along + bottom) + bottom
    eval frame(x, y, across, along)
    eval text(1, heading, x + across / 2, y + along + 0.45 * top, 'center noenhanced')
    eval text(2, 'Iteration' . (unit > 1 ? ' (thousands)' : ''), x + across / 2, y - 0.78 * bottom, 'center')
    if (d % in_line == 0) {
        eval text(3, what, x - 0.84 * left, y + along / 2, 'center rotate by 90')
    }
    plot for [s = 1:words(splits)] for [m = 1:models] \
             rows_file using (at(m, s)):(within($6 - $7)):(within($6 + $7)) \
             with filledcurves linecolor rgb colour_of(m) notitle, \
         for [s = 1:words(splits)] for [m = 1:models] rows_file using (at(m, s)):(within($6)) \
             with lines linewidth weight(s) dashtype s linecolor rgb colour_of(m) notitle, \
         for [m = 1:models] NaN with lines linewidth 2.5 linecolor rgb colour_of(m) \
             title names[m] . ' (' . runs(m) . ')', \
         for [s = 1:words(readers)] NaN with lines linewidth weight(s) dashtype s linecolor rgb ink \
             title word(readers, s), \
         floor with lines linewidth 1.6 dashtype '--' linecolor rgb ink title floor == floor ? 'data entropy' : ''
    unset label
}
unset multiplot
