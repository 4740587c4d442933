# quickstart.gp - the quickstart's picture: for each data set a block of
# three columns, the target, AFFJORD and FFJORD; densities above, samples below.
# On a page two blocks stand side by side.
load 'plots/style.gp'
load 'plots/panels.gp'

gap = 0.06
block_gap = 0.2         # between two data sets
left = 0.2              # room for the names of the rows
top = 0.56              # for those of the data sets and models
edge = 0.04
in_line = is_column || datasets < 2 ? 1 : 2
lines = (datasets + in_line - 1) / in_line
block = (width - left - edge + block_gap) / in_line - block_gap
side = (block + gap) / (models + 1) - gap
side = side < 1.12 ? side : 1.12
block = (models + 1) * (side + gap) - gap
high = top + 2 * side + gap + edge

eval canvas(left + in_line * (block + block_gap) - block_gap + edge, lines * high)
set multiplot
eval bare_axes
do for [d = 0:datasets - 1] {
    do for [m = 0:models] {
        x = left + (d % in_line) * (block + block_gap) + m * (side + gap)
        above = H - (d / in_line) * high
        do for [r = 0:1] {
            i = shown_at(d, m, r == 0 ? 'samples' : 'density')
            y = above - high + edge + r * (side + gap)
            if (r == 1) {
                if (m == 0) {
                    eval text(1, dataset_label[i], x + block / 2, above - 0.1, 'center noenhanced font heavy')
                    eval line(1, x, above - 0.2, x + block, above - 0.2)
                }
                eval text(2, model_label[i], x + side / 2, above - 0.31, 'center noenhanced')
                value = value_at[i] == value_at[i] ? (m == 0 ? 'entropy' : 'loss') . sprintf(' %.3f', value_at[i]) : ''
                eval text(3, value, x + side / 2, above - 0.46, 'center font small textcolor rgb faint')
            }
            if (d % in_line == 0 && m == 0) {
                eval text(4, r == 0 ? 'Samples' : 'Density', left / 2, y + side / 2, 'center rotate by 90')
            }
            eval panel(i, x, y, side, side)
            unset label
            unset arrow
        }
    }
}
unset multiplot
