# theory_curves.gp - errors on two logarithmic axes; a panel for each field, in
# it a line for each quantity; the key below.
load 'plots/style.gp'

rows_file = 'rows.tsv'
stats rows_file using 1 nooutput
panels = int(STATS_max) + 1
stats rows_file using 2 nooutput
series = int(STATS_max)

width = 4.8
left = 0.66
gap = 0.5               # between two panels
right = 0.08
top = 0.2
bottom = 0.46
key_line = 0.13         # height of a line of the key
across = (width - left - gap * (panels - 1) - right) / panels
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
lines = same ? (series + 1) / 2 : series

eval canvas(width, top + along + bottom + lines * key_line + 0.04)
set multiplot
eval two_axes
unset key
set logscale x 2        # steps and times are halved
set logscale y 10
set xtics 4
set format x '2^{%L}'
set format y '10^{%L}'
set mytics 10

at(p, s) = $1 == p && $2 == s ? $5 : NaN
y = H - top - along
do for [p = 0:panels - 1] {
    x = left + p * (across + gap)
    set autoscale
    stats rows_file using ($1 == p ? (heading = strcol(3), axis = strcol(7), $5) : NaN) nooutput
    low_x = STATS_min
    high_x = STATS_max
    stats rows_file using ($1 == p ? $6 : NaN) nooutput
    set yrange [STATS_min / 3:STATS_max * 3]
    set xrange [low_x / 1.5:high_x * 1.5]
    set ytics 10 ** (1 + int((log10(STATS_max) - log10(STATS_min)) / 5))
    eval frame(x, y, across, along)
    eval text(1, heading, x + across / 2, y + along + 0.45 * top, 'center noenhanced')
    eval text(2, axis, x + across / 2, y - 0.62 * bottom, 'center noenhanced')
    if (p == 0) { eval text(3, 'Relative error', x - 0.86 * left, y + along / 2, 'center rotate by 90') }
    tag = 10
    do for [s = 1:series] {
        column = same ? (s - 1) / ((series + 1) / 2) : p
        row = same ? (s - 1) % ((series + 1) / 2) : s - 1
        key_x = same ? left + column * (width - left) / 2 : x
        key_y = y - bottom - (row + 0.5) * key_line
        if ((!same || p == 0) && names[3 * (s - 1) + p + 1] ne '') {
            eval text(tag, names[3 * (s - 1) + p + 1], key_x + 0.24, key_y, 'left noenhanced font small')
            set arrow tag from screen key_x / W, key_y / H to screen (key_x + 0.18) / W, key_y / H nohead \
                linewidth 2.2 linecolor rgb colour_of(s)
            tag = tag + 1
        }
    }
    plot for [s = 1:series] rows_file using (at(p, s)):6 with linespoints linewidth 1.8 pointtype 7 pointsize 0.35 \
             linecolor rgb colour_of(s) notitle
    unset label
    unset arrow
}
unset multiplot
