# fig6.gp - Figure 6: validation loss against iteration; a panel for each data
# set, in it a line and a band of one standard deviation for each model.
load 'plots/style.gp'

rows_file = 'rows.tsv'
stats rows_file using 1 nooutput
datasets = int(STATS_max) + 1
stats rows_file using 2 nooutput
models = int(STATS_max)
stats rows_file using 5 nooutput
last_iteration = STATS_max
unit = last_iteration >= 2000 ? 1000.0 : 1.0    # of the iterations' axis

width = 4.8             # of a page's text
left = 0.54             # room for the loss's axis
gap = 0.42              # between two panels
right = 0.1
top = 0.2               # for the data set's name
bottom = 0.38           # for the iterations' axis
across = (width - left - gap - right) / 2
along = 1.5
in_line = datasets > 1 ? 2 : 1
lines = (datasets + in_line - 1) / in_line

eval canvas(left + in_line * (across + gap) - gap + right, lines * (top + along + bottom))
set multiplot
eval two_axes

array names[models]
array least[models]     # runs behind a point of the curve
array most[models]
runs(m) = most[m] == 0 ? 'not run' \
    : 'n = ' . (least[m] == most[m] ? '' : sprintf('%d–', least[m])) . sprintf('%d', most[m])
# Where a row of this panel stands, if it is of this model.
at(m) = $1 == d && $2 == m ? $5 / unit : NaN
# A little beyond the frame is as good as far beyond it.
within(y) = y > highest + 3 * room ? highest + 3 * room : y < lowest - 3 * room ? lowest - 3 * room : y

do for [d = 0:datasets - 1] {
    set autoscale
    do for [m = 1:models] { least[m] = 1e9; most[m] = 0 }
    floor = NaN
    stats rows_file using ($1 == d ? (m = int($2), heading = strcol(3), names[m] = strcol(4), \
        valid(8) ? (least[m] = $8 < least[m] ? $8 : least[m], most[m] = $8 > most[m] ? $8 : most[m]) : 0, \
        valid(9) ? (floor = $9) : 0, valid(10) ? (lowest = $10, highest = $11) : 0, 0) : NaN) nooutput
    room = 0.05 * (highest - lowest)
    set xrange [0:last_iteration / unit]
    set yrange [lowest - room:highest + room]
    eval steps('y', highest - lowest)
    eval steps('x', last_iteration / unit)
    x = left + (d % in_line) * (across + gap)
    y = H - (d / in_line + 1) * (top + along + bottom) + bottom
    eval frame(x, y, across, along)
    eval text(1, heading, x + across / 2, y + along + 0.45 * top, 'center noenhanced')
    eval text(2, 'Iteration' . (unit > 1 ? ' (thousands)' : ''), x + across / 2, y - 0.78 * bottom, 'center')
    if (d % in_line == 0) {
        eval text(3, 'Validation loss (nats)', x - 0.84 * left, y + along / 2, 'center rotate by 90')
    }
    plot for [m = 1:models] rows_file using (at(m)):(within($6 - $7)):(within($6 + $7)) \
             with filledcurves linecolor rgb colour_of(m) notitle, \
         for [m = 1:models] rows_file using (at(m)):(within($6)) \
             with lines linewidth 2.5 linecolor rgb colour_of(m) notitle, \
         for [m = 1:models] NaN with lines linewidth 2.5 linecolor rgb colour_of(m) \
             title names[m] . ' (' . runs(m) . ')', \
         floor with lines linewidth 1.6 dashtype '--' linecolor rgb ink title floor == floor ? 'data entropy' : ''
    unset label
}
unset multiplot
