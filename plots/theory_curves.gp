# theory_curves.gp - errors on two logarithmic axes; a panel for each field, in
# it a line for each quantity; the key below.
load 'plots/style.gp'

rows_file = 'rows.tsv'
stats rows_file using 1 nooutput
panels = int(STATS_max) + 1
stats rows_file using 2 nooutput
series = int(STATS_max)

left = 0.66
gap = 0.5               # between two panels
right = 0.08
top = 0.2
bottom = 0.46
in_line = is_column ? 1 : panels
lines_of_panels = (panels + in_line - 1) / in_line
figure = in_line < 2 && !is_column ? 3.4 : width
across = (figure - left - gap * (in_line - 1) - right) / in_line
along = 1.25

array names[3 * 6]      # of each panel's lines
do for [i = 1:|names|] { names[i] = '' }
stats rows_file using (names[3 * (int($2) - 1) + int($1) + 1] = strcol(4), 0) nooutput

# The key is one for all panels if their lines have the names of the first one's,
# else there is one below each.
same = 1
do for [p = 2:panels] { do for [s = 1:series] {
    same = same && (names[3 * (s - 1) + p] eq '' || names[3 * (s - 1) + p] eq names[3 * (s - 1) + 1])
} }
widest = 4
do for [i = 1:|names|] { widest = strlen(names[i]) > widest ? strlen(names[i]) : widest }
room = same ? figure - left : across
columns = key_columns(series, widest, room)
keys = key_lines(series, widest, room) * key_line + 0.04
high = top + along + bottom + (same ? 0 : keys)    # a line of panels
keyed = same ? keys : 0

eval canvas(figure, lines_of_panels * high + keyed)
set multiplot
eval two_axes
unset key
set logscale x 2        # steps and times are halved
set logscale y 10
set xtics 4
set format x '2^{%L}'
set format y '10^{%L}'
set mytics 10

at(p, s) = $1 == p && $2 == s ? datum(5) : NaN
do for [p = 0:panels - 1] {
    x = left + (p % in_line) * (across + gap)
    y = H - (p / in_line) * high - top - along
    set autoscale
    heading = ''
    axis = ''
    stats rows_file using ($1 == p ? (heading = strcol(3), axis = strcol(7), 0) : 0) nooutput
    eval range('rows_file', '$1 == p && datum(5) > 0 ? datum(5) : NaN')
    low_x = count ? least : 0.1
    high_x = count ? most : 1
    eval range('rows_file', '$1 == p && datum(6) > 0 ? datum(6) : NaN')
    if (!count) { least = 0.1; most = 1 }
    eval text(4, count ? '' : 'no finite value', x + across / 2, y + along / 2, 'center textcolor rgb faint')
    set yrange [least / 3:most * 3]
    set xrange [low_x / 1.5:high_x * 1.5]
    set ytics 10 ** (1 + int((log10(most) - log10(least)) / 5))
    eval frame(x, y, across, along)
    eval text(1, heading, x + across / 2, y + along + 0.45 * top, 'center noenhanced')
    eval text(2, axis, x + across / 2, y - 0.62 * bottom, 'center noenhanced')
    if (p % in_line == 0) { eval text(3, 'Relative error', x - 0.86 * left, y + along / 2, 'center rotate by 90') }
    row = 0
    do for [s = 1:series] {
        if ((!same || p == 0) && names[3 * (s - 1) + p + 1] ne '') {
            eval key_entry(row, same ? left : x, (same ? keyed : y - bottom) - 0.5 * key_line, columns, widest, \
                           names[3 * (s - 1) + p + 1], line_of(s, 1.8), point_of(s))
            row = row + 1
        }
    }
    plot for [s = 1:series] rows_file using (at(p, s)):(datum(6)) with linespoints linewidth 1.8 dashtype dash_of(s) \
             pointtype marker_of(s) pointsize 0.5 linecolor rgb colour_of(s) notitle
    unset label
    unset arrow
}
unset multiplot
