# curves.gp - draws the rows of curves.sql: a panel for each data set, in it a
# line and a band of one standard deviation for each model and split, and one key
# below all panels, where it covers no curve. Load style.gp first, and set:
#
#   what     the axis label of the measured quantity
#   splits   the splits to draw; of two the first is solid, the second dashed
#   readers  their names in the key; '' for none
rows_file = 'rows.tsv'
stats rows_file using 1 nooutput
datasets = int(STATS_max) + 1
stats rows_file using 2 nooutput
models = int(STATS_max)
eval range('rows_file', 'datum(5)')
last_iteration = count && most > 0 ? most : 1
unit = last_iteration >= 2000 ? 1000.0 : 1.0    # of the iterations' axis

left = 0.54             # room for the vertical axis
gap = 0.42              # between two panels
letter = letter_width   # more of both for each letter of a mark beyond three
right = 0.16
top = 0.2               # for the data set's name
bottom = 0.38           # for the iterations' axis

# The axis range of each panel. A constant curve stands in the middle; a panel without a
# curve still has an axis.
array low[datasets]
array high[datasets]
array floor[datasets]
array empty[datasets]   # the text in a panel without a curve
do for [d = 1:datasets] { low[d] = NaN; high[d] = NaN; floor[d] = NaN; empty[d] = 'not run' }
stats rows_file using (d = int($1) + 1, low[d] = datum(10), high[d] = datum(11), floor[d] = datum(9), \
    empty[d] = datum(6) == datum(6) ? '' : empty[d] ne '' && datum(5) == datum(5) ? 'no finite value' : empty[d], 0) nooutput
letters = 3
do for [d = 1:datasets] {
    if (high[d] != high[d] || low[d] != low[d]) { low[d] = 0; high[d] = 0 }
    if (high[d] <= low[d]) { high[d] = low[d]; low[d] = 0.9 * low[d] - 0.1; high[d] = 1.1 * high[d] + 0.1 }
    do for [value in sprintf('%.17g %.17g', low[d], high[d])] {
        l = strlen(mark_of(value + 0, high[d] - low[d]))
        letters = l > letters ? l : letters
    }
}
left = left + (letters - 3) * letter
gap = gap + (letters - 3) * letter
# Two panels stand side by side on a page, one below the other in a column; one
# alone takes no more than a column.
in_line = !is_column && datasets > 1 ? (datasets % 2 && datasets % 3 == 0 ? 3 : 2) : 1
figure = datasets == 1 && !is_column ? 3.4 : width
across = (figure - left - (in_line - 1) * gap - right) / in_line
along = across < 2.4 ? 1.5 : 1.7
lines = (datasets + in_line - 1) / in_line

# The key: models with their numbers of runs, splits, the floor.
array names[models]
array least_of[models]     # runs behind a point of the curve
array most_of[models]
do for [m = 1:models] { least_of[m] = NaN; most_of[m] = NaN }
stats rows_file using (m = int($2), names[m] = strcol(4), least_of[m] = lesser(least_of[m], datum(8)), \
    most_of[m] = greater(most_of[m], datum(8)), 0) nooutput
runs(m) = most_of[m] != most_of[m] ? 'not run' \
    : 'n = ' . (least_of[m] == most_of[m] ? '' : sprintf('%d–', least_of[m])) . sprintf('%d', most_of[m])
name(m) = names[m] . ' (' . runs(m) . ')'
floors = 0
do for [d = 1:datasets] { floors = floors || floor[d] == floor[d] }
entries = models + words(readers) + floors
widest = floors ? 12 : 4
do for [m = 1:models] { widest = strlen(name(m)) > widest ? strlen(name(m)) : widest }
columns = key_columns(entries, widest, figure - left)
keyed = key_lines(entries, widest, figure - left) * key_line + 0.08
key_x = left + (figure - left - right - columns * key_wide(widest)) / 2
key_x = key_x < 0.1 ? 0.1 : key_x

eval canvas(figure, lines * (top + along + bottom) + keyed)
set multiplot
eval two_axes

# The coordinates of a row, if it belongs to this panel, model and split.
at(m, s) = $1 == d && $2 == m && strcol(12) eq word(splits, s) ? datum(5) / unit : NaN
dash(m, s) = words(splits) > 1 ? s : dash_of(m)
line_like(s, dash, colour) = sprintf("linewidth %g dashtype %d linecolor rgb '%s'", weight(s), dash, colour)
weight(s) = s == 1 ? 2.2 : 1.4
# A curve has about six markers, those of two models not at the same places.
step = last_iteration / 6.0
marked(m, s) = at(m, s) != at(m, s) ? NaN \
    : (n = int(datum(5) / step + (m - 1.0) / models), n == before ? NaN : (before = n, at(m, s)))
# Clip values far outside of the frame.
within(y) = y > highest + 3 * room ? highest + 3 * room : y < lowest - 3 * room ? lowest - 3 * room : y

do for [d = 0:datasets - 1] {
    set autoscale
    lowest = low[d + 1]
    highest = high[d + 1]
    room = 0.05 * (highest - lowest)
    set xrange [0:last_iteration / unit]
    set yrange [lowest - room:highest + room]
    eval steps('y', highest - lowest)
    eval steps('x', last_iteration / unit)
    x = left + (d % in_line) * (across + gap)
    y = H - (d / in_line + 1) * (top + along + bottom) + bottom
    eval frame(x, y, across, along)
    stats rows_file using ($1 == d ? (heading = strcol(3), 0) : 0) nooutput
    eval text(1, heading, x + across / 2, y + along + 0.45 * top, 'center noenhanced')
    eval text(2, 'Iteration' . (unit > 1 ? ' (thousands)' : ''), x + across / 2, y - 0.78 * bottom, 'center')
    if (d % in_line == 0) {
        eval text(3, what, x - 0.84 * left, y + along / 2, 'center rotate by 90')
    }
    eval text(4, empty[d + 1], x + across / 2, y + along / 2, 'center textcolor rgb faint')
    if (d == datasets - 1) {
        entry(k, words, line, marker) = key_entry(k, key_x, keyed - 0.04 - 0.5 * key_line, columns, widest, words, line, marker)
        do for [m = 1:models] { eval entry(m - 1, name(m), line_like(1, dash(m, 1), colour_of(m)), point_of(m)) }
        do for [s = 1:words(readers)] { eval entry(models + s - 1, word(readers, s), line_like(s, s, ink), '') }
        if (floors) { eval entry(entries - 1, 'data entropy', line_like(2, 3, ink), '') }
    }
    before = -1
    plot for [s = 1:words(splits)] for [m = 1:models] \
             rows_file using (at(m, s)):(within(datum(6) - datum(7))):(within(datum(6) + datum(7))) \
             with filledcurves linecolor rgb colour_of(m) notitle, \
         for [s = 1:words(splits)] for [m = 1:models] rows_file using (at(m, s)):(within(datum(6))) \
             with lines linewidth weight(s) dashtype dash(m, s) linecolor rgb colour_of(m) notitle, \
         for [s = 1:words(splits)] for [m = 1:models] rows_file using (marked(m, s)):(within(datum(6))) \
             with points pointtype marker_of(m) pointsize 0.7 linewidth 1.4 linecolor rgb colour_of(m) notitle, \
         floor[d + 1] with lines linewidth weight(2) dashtype 3 linecolor rgb ink notitle
    unset label
    unset arrow
}
unset multiplot
