# choices.gp - a specification curve: for each data set all points of a sweep, sorted by
# the difference of two models, with intervals; below them marks for the choices of each.
load 'plots/style.gp'

rows_file = 'rows.tsv'
datasets = 0
lines = 0
stats rows_file using (strcol(1) eq 'point' && datum(2) + 1 > datasets ? (datasets = int(datum(2)) + 1, 0) : 0, \
    strcol(1) eq 'line' && datum(5) > lines ? (lines = int(datum(5)), 0) : 0) nooutput
array names[datasets]; array points[datasets]; array low[datasets]; array high[datasets]
array line_name[lines]
do for [d = 1:datasets] { points[d] = 0; low[d] = 0; high[d] = 0 }
bound(d, x) = (low[d] = lesser(low[d], x), high[d] = greater(high[d], x), 0)
stats rows_file using (strcol(1) eq 'point' ? (d = int(datum(2)) + 1, names[d] = strcol(3), points[d] = points[d] + 1, \
    bound(d, datum(5)), bound(d, datum(6)), bound(d, datum(7))) : 0, \
    strcol(1) eq 'line' ? (line_name[int(datum(5))] = strcol(3), 0) : 0) nooutput

# The interval of a point with few seeds may be wide; it may leave the frame, and the
# points may not: the frame has the points, and as much again beyond them.
array first[datasets]; array last[datasets]
do for [d = 1:datasets] { first[d] = NaN; last[d] = NaN }
stats rows_file using (strcol(1) eq 'point' ? (d = int(datum(2)) + 1, first[d] = lesser(first[d], datum(5)), \
    last[d] = greater(last[d], datum(5))) : 0, 0) nooutput
do for [d = 1:datasets] {
    span = last[d] - first[d] > 0 ? last[d] - first[d] : 1e-6
    low[d] = low[d] > first[d] - span ? low[d] : first[d] - span
    high[d] = high[d] < last[d] + span ? high[d] : last[d] + span
}

letters = 0
do for [l = 1:lines] { letters = strlen(line_name[l]) > letters ? strlen(line_name[l]) : letters }
mark_height = 0.115
left = 0.2 + 0.054 * letters
left = left < 0.7 ? 0.7 : left
right = 0.08
top = 0.22
curve = is_column ? 1.0 : 1.2
between = 0.06
foot = 0.14
each = top + curve + between + lines * mark_height + foot
array sign_colour[4] = [vermillion, faint, blue, ink]

eval canvas(width, datasets * each + 0.02)
set multiplot
across = width - left - right
do for [d = 0:datasets - 1] {
    y = H - (d + 1) * each
    room = 0.04 * (high[d + 1] - low[d + 1])
    # The marks.
    eval frame(left, y + foot, across, lines * mark_height)
    set border 0
    unset tics
    unset key
    set style fill solid 1 noborder
    set xrange [0.2:points[d + 1] + 0.8]
    set yrange [lines + 0.5:0.5]
    do for [l = 1:lines] {
        eval text(l, line_name[l], left - 0.06, y + foot + (lines - l + 0.5) * mark_height, 'right noenhanced font ",6"')
        set object l rectangle from graph 0, first l - 0.42 to graph 1, first l + 0.42 behind fillcolor rgb '#F2F2F2' fillstyle solid noborder
    }
    eval text(lines + 1, names[d + 1], left + across / 2, y + each - 0.5 * top, 'center noenhanced')
    eval text(lines + 2, is_column ? 'Nats' : 'Difference (nats)', left - 0.52, y + foot + lines * mark_height + between + curve / 2, 'center rotate by 90')
    mark(x) = strcol(1) eq 'mark' && $2 == d ? x : NaN
    plot rows_file using (mark(datum(4))):(datum(5)):(datum(4) - 0.4):(datum(4) + 0.4):(datum(5) - 0.36):(datum(5) + 0.36) \
        with boxxyerror linecolor rgb ink notitle
    unset label
    unset object
    # The curve.
    eval frame(left, y + foot + lines * mark_height + between, across, curve)
    eval two_axes
    unset xtics
    set border 2
    set yrange [low[d + 1] - room:high[d + 1] + room]
    set ytics nomirror font small offset 0.5, 0
    eval steps('y', high[d + 1] - low[d + 1])
    at(x, s) = strcol(1) eq 'point' && $2 == d && $8 == s ? x : NaN
    ring(x) = strcol(1) eq 'point' && $2 == d && $9 == 1 ? x : NaN
    inside(v) = v < low[d + 1] - room ? low[d + 1] - room : v > high[d + 1] + room ? high[d + 1] + room : v
    plot 0 with lines linewidth 1 dashtype 3 linecolor rgb ink notitle, \
        for [s = -1:1] rows_file using (at(datum(4), s)):(inside(datum(6))):(0):(inside(datum(7)) - inside(datum(6))) \
            with vectors nohead linewidth 1.2 linecolor rgb sign_colour[s + 2] notitle, \
        for [s = -1:2] rows_file using (at(datum(4), s)):(datum(5)) \
            with points pointtype 7 pointsize 0.4 linecolor rgb sign_colour[s + 2] notitle, \
        rows_file using (ring(datum(4))):(datum(5)) with points pointtype 6 pointsize 1.1 linewidth 1.6 linecolor rgb ink notitle
}
unset multiplot
