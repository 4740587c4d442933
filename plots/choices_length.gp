# choices_length.gp - the difference of two models against iteration, a line for each point
# of a sweep, with their median and middle half; a panel for each data set.
load 'plots/style.gp'

rows_file = 'rows.tsv'
datasets = 0
stats rows_file using (datum(2) + 1 > datasets ? (datasets = int(datum(2)) + 1) : 0, 0) nooutput
array names[datasets]; array low[datasets]; array high[datasets]
do for [d = 1:datasets] { low[d] = 0; high[d] = 0 }
last_iteration = 1
# The frame has nine tenths of the points from a tenth of the training on.
stats rows_file using (last_iteration = greater(last_iteration, datum(5)), 0) nooutput
stats rows_file using (d = int(datum(2)) + 1, names[d] = strcol(3), \
    strcol(1) eq 'band' && datum(5) > 0.1 * last_iteration \
        ? (low[d] = lesser(low[d], datum(9)), high[d] = greater(high[d], datum(10))) : 0, 0) nooutput
unit = last_iteration >= 2000 ? 1000.0 : 1.0

left = 0.72
gap = 0.48
right = 0.16
top = 0.22
bottom = 0.38
in_line = is_column ? 1 : datasets < 3 ? datasets : 3
panels = (datasets + in_line - 1) / in_line
figure = datasets == 1 && !is_column ? 3.4 : width
across = (figure - left - (in_line - 1) * gap - right) / in_line
along = across < 2.4 ? 1.6 : 1.8
eval canvas(figure, panels * (top + along + bottom))
set multiplot
eval two_axes
do for [d = 0:datasets - 1] {
    if (high[d + 1] <= low[d + 1]) { high[d + 1] = low[d + 1] + 1e-3 }
    room = 0.05 * (high[d + 1] - low[d + 1])
    x = left + (d % in_line) * (across + gap)
    y = H - (d / in_line + 1) * (top + along + bottom) + bottom
    eval frame(x, y, across, along)
    set xrange [0:last_iteration / unit]
    set yrange [low[d + 1] - room:high[d + 1] + room]
    eval steps('x', last_iteration / unit)
    eval steps('y', high[d + 1] - low[d + 1])
    eval text(1, names[d + 1], x + across / 2, y + along + 0.45 * top, 'center noenhanced')
    eval text(2, 'Iteration' . (unit > 1 ? ' (thousands)' : ''), x + across / 2, y - 0.78 * bottom, 'center')
    if (d % in_line == 0) { eval text(3, 'Difference (nats)', x - 0.9 * left, y + along / 2, 'center rotate by 90') }
    of(v) = strcol(1) eq 'curve' && $2 == d ? v : NaN
    band(v) = strcol(1) eq 'band' && $2 == d ? v : NaN
    plot rows_file using (band(datum(5)) / unit):(datum(7)):(datum(8)) with filledcurves linecolor rgb sky notitle, \
        rows_file using (of(datum(5)) / unit):(datum(6)) with lines linewidth 0.4 linecolor rgb '#90707070' notitle, \
        0 with lines linewidth 1 dashtype 3 linecolor rgb ink notitle, \
        rows_file using (band(datum(5)) / unit):(datum(6)) with lines linewidth 2.2 linecolor rgb blue notitle
    unset label
}
unset multiplot
