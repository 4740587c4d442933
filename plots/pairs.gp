# pairs.gp - Figure 5 of data of three columns and more, for the data set and model
# of `part`: its pairs of columns, the data below the diagonal, samples of the
# model above it; on it the histograms of both.
shape = 'space'
load 'plots/panels.gp'

do for [i = 1:panels] { if (pairs_at[i] eq part) { model = i } }
target = panel_of(dataset_at[model], 0, 'samples')
hue = colour_of(model_at[model])
n = columns_at[model] < 8 ? int(columns_at[model]) : 8     # fig5.sql's captions state this number
points = 40000 / (n * (n - 1)) < 2000 ? 40000 / (n * (n - 1)) : 2000
bins = 30

edge = 0.04
gap = 0.04
marks = width / n > 0.75
left = marks ? 0.4 : 0.22      # room for the marks and names of the axes
bottom = marks ? 0.34 : 0.2
top = 0.22
figure = is_column ? width : n < 4 ? 4.8 : width
side = (figure - left - edge - (n - 1) * gap) / n

# The range of the data in each column, or else of the samples, plus a twentieth.
array from[n]
array to[n]
ranged = state_at[target] eq 'drawn' ? target : model
do for [c = 1:n] {
    from[c] = 0
    to[c] = 1
    if (state_at[ranged] eq 'drawn') {
        eval range(samples_at(ranged, c, c), 'datum(1)')
        margin = !count ? NaN : most > least ? 0.05 * (most - least) : 0.5
        if (count) { from[c] = least - margin; to[c] = most + margin }
    }
}

eval canvas(figure, top + n * (side + gap) - gap + bottom)
set multiplot
eval bare_axes
do for [r = 1:n] {
    do for [c = 1:n] {
        x = left + (c - 1) * (side + gap)
        y = bottom + (n - r) * (side + gap)
        eval frame(x, y, side, side)
        set xrange [from[c]:to[c]]
        set yrange [from[r]:to[r]]
        unset xtics
        unset ytics
        if (marks && r == n) { set xtics out nomirror scale 0.4 offset 0, 0.5 font ',6'; eval steps('x', to[c] - from[c]) }
        if (marks && c == 1 && r > 1) { set ytics out nomirror scale 0.4 offset 0.6, 0 font ',6'; eval steps('y', to[r] - from[r]) }
        if (r == n) { eval text(1, sprintf('{/:Italic x}_%d', c), x + side / 2, 0.09, 'center') }
        if (c == 1) { eval text(2, sprintf('{/:Italic x}_%d', r), 0.09, y + side / 2, 'center') }
        if (r == 1 && c == 1) {
            eval text(3, dataset_label[model] . ': data (below)', left, H - 0.5 * top, 'left noenhanced textcolor rgb faint')
            eval text(4, model_label[model] . ' (above)', left + n * (side + gap) - gap, H - 0.5 * top, \
                      'right noenhanced textcolor rgb hue')
        }
        i = r > c ? target : model
        drawn = ''
        if (r == c) {
            tops = NaN
            do for [s = 0:1] {
                i = s ? model : target
                if (state_at[i] ne 'drawn') { continue }
                eval histogram_of(i, c, s, bins, from[c], to[c])
                tops = greater(tops, tallest)
                drawn = drawn . sprintf('$bars%d using 1:2', s) \
                    . (s ? ' with histeps linewidth 1.4 linecolor rgb hue notitle, ' \
                         : ' with boxes fillstyle solid noborder linecolor rgb data_colour notitle, ')
            }
            eval sprintf('set yrange [0:%.17g]', tops > 0 ? 1.08 * tops : 1)
        } else {
            if (state_at[i] eq 'drawn') {
                drawn = samples_at(i, c < r ? c : r, c < r ? r : c) . sprintf(' every ::::%d using ', points - 1) \
                    . (c < r ? '(datum(1)):(datum(2))' : '(datum(2)):(datum(1))') \
                    . " with points pointtype 7 pointsize 0.08 linecolor rgb '" . (r > c ? '#70404040' : '#70' . hue[2:*]) . "' notitle, "
            }
        }
        if (drawn eq '') { eval text(5, state_at[i], x + side / 2, y + side / 2, 'center font small textcolor rgb faint') }
        eval 'plot ' . drawn . 'NaN notitle'
        unset label
    }
}
unset multiplot
