# density_curves.gp - Figure 5 of data of one column: a panel for each data set, in
# it the histogram of the data and the density of each model; the key below.
shape = 'line'
load 'plots/panels.gp'

bins = 40
left = 0.5              # room for the axis of the density
gap = 0.5
right = 0.1
top = 0.2
bottom = 0.24           # for the axis of the data
in_line = is_column || datasets < 2 ? 1 : 2
figure = datasets < 2 && !is_column ? 3.4 : width
across = (figure - left - (in_line - 1) * gap - right) / in_line
along = 1.5
lines = (datasets + in_line - 1) / in_line

# A model shows its density, or else its samples.
shown_of(d, m) = (i = panel_of(d, m, 'density'), state_at[i] eq 'drawn' || state_at[panel_of(d, m, 'samples')] ne 'drawn' \
    ? i : panel_of(d, m, 'samples'))
array words_of[models]  # in the key: a state that all data sets share stands there too
widest = 4
do for [m = 1:models] {
    words_of[m] = model_label[panel_of(0, m, 'density')]
    same = 1
    do for [d = 1:datasets] { same = same && state_at[shown_of(d - 1, m)] eq state_at[shown_of(0, m)] }
    if (same && state_at[shown_of(0, m)] ne 'drawn') {
        words_of[m] = words_of[m] . ' (' . one_line(state_at[shown_of(0, m)]) . ')'
    }
    widest = strlen(words_of[m]) > widest ? strlen(words_of[m]) : widest
}
columns = key_columns(models + 1, widest, figure - left)
keyed = key_lines(models + 1, widest, figure - left) * key_line + 0.08
key_x = left + (figure - left - right - columns * key_wide(widest)) / 2
key_x = key_x < 0.1 ? 0.1 : key_x

eval canvas(figure, lines * (top + along + bottom) + keyed)
set multiplot
eval two_axes
do for [d = 0:datasets - 1] {
    target = panel_of(d, 0, 'samples')
    x0 = x0_at[target]
    x1 = x1_at[target]
    do for [m = 1:models] {
        i = shown_of(d, m)
        if (x0 != x0 && x0_at[i] == x0_at[i]) { x0 = x0_at[i]; x1 = x1_at[i] }
    }
    if (!(x1 > x0)) { x0 = 0; x1 = 1 }
    highest = NaN
    missing = ''            # models that show nothing in this panel alone
    do for [m = 0:models] {
        i = m == 0 ? target : shown_of(d, m)
        if (state_at[i] ne 'drawn') {
            missing = missing . (missing eq '' ? '' : "\n") . model_label[i] . ': ' . one_line(state_at[i])
            continue
        }
        if (kind_at[i] eq 'density') {
            highest = sound[i] ? greater(highest, top_at[i]) : highest
        } else {
            eval histogram_of(i, 1, m, bins, x0, x1)
            highest = sound[i] ? greater(highest, tallest) : highest
        }
    }
    highest = highest == highest ? highest : 1
    set xrange [x0:x1]
    set yrange [0:1.06 * highest]
    eval steps('y', highest)
    eval steps('x', x1 - x0)
    x = left + (d % in_line) * (across + gap)
    y = H - (d / in_line + 1) * (top + along + bottom) + bottom
    eval frame(x, y, across, along)
    eval text(1, dataset_label[target], x + across / 2, y + along + 0.45 * top, 'center noenhanced')
    if (d % in_line == 0) { eval text(2, 'Density', x - 0.84 * left, y + along / 2, 'center rotate by 90') }
    eval text(3, missing, x + across, y + along - 0.08, 'right font small noenhanced textcolor rgb faint')
    if (d == datasets - 1) {
        entry(k, words, line) = key_entry(k, key_x, keyed - 0.04 - 0.5 * key_line, columns, widest, words, line, '')
        eval entry(0, 'data', "linewidth 7 linecolor rgb '" . data_colour . "'")
        do for [m = 1:models] { eval entry(m, words_of[m], line_of(m, 1.8)) }
    }
    drawn = ''
    if (state_at[target] eq 'drawn') {
        drawn = drawn . '$bars0 using 1:2' . " with boxes fillstyle solid noborder linecolor rgb data_colour notitle, "
    }
    do for [m = 1:models] {
        i = shown_of(d, m)
        if (state_at[i] ne 'drawn') { continue }
        how = ' ' . line_of(m, 1.8) . ' notitle, '
        drawn = drawn . (kind_at[i] eq 'density' \
            ? numbers_of(i) . sprintf(' using (%.17g + ($0 + 0.5) * %.17g):(datum(1)) with lines', x0_at[i], cell_width(i)) \
            : sprintf('$bars%d using 1:2', m) . ' with histeps') . how
    }
    eval 'plot ' . drawn . 'NaN notitle'
    unset label
    unset arrow
}
unset multiplot
