# panels.gp - reads the rows of panels.sql and defines how one is drawn.
#
# Arrays, one entry a row: dataset_at, model_at (from 0), kind_at,
# dataset_label, model_label, value_at (nats, NaN if unknown), state_at, file_at,
# rows_at, columns_at, x0_at, x1_at, y0_at, y1_at, sound (0: the run's loss is
# impossible, so its density sets no colour scale).
# Only the rows of this shape (plane, line, space) are read.
if (!exists('shape')) { shape = 'plane' }
rows_file = 'rows.tsv'
panels = 0
datasets = 0
models = 0              # besides the target, which is model 0
stats rows_file using (strcol(17) eq shape ? (panels = panels + 1, datasets = $1 + 1 > datasets ? int($1 + 1) : datasets, \
    models = $2 > models ? int($2) : models) : 0, 0) nooutput

array dataset_at[panels]; array model_at[panels]; array kind_at[panels]
array dataset_label[panels]; array model_label[panels]; array value_at[panels]
array file_at[panels]; array rows_at[panels]; array columns_at[panels]
array x0_at[panels]; array x1_at[panels]; array y0_at[panels]; array y1_at[panels]; array state_at[panels]; array sound[panels]; array pairs_at[panels]
i = 0
stats rows_file using (strcol(17) ne shape ? 0 : ( \
    i = i + 1, \
    dataset_at[i] = int($1), model_at[i] = int($2), kind_at[i] = strcol(3), \
    dataset_label[i] = strcol(4), model_label[i] = strcol(5), \
    value_at[i] = datum(7), \
    file_at[i] = strcol(8) . '.' . strcol(3), \
    rows_at[i] = datum(9), columns_at[i] = datum(10), \
    x0_at[i] = datum(11), x1_at[i] = datum(12), \
    y0_at[i] = datum(13), y1_at[i] = datum(14), state_at[i] = strcol(15), \
    sound[i] = datum(16) != 0, pairs_at[i] = 'pairs' . strcol(19)), 0) nooutput

# The panel of this data set, model and kind; 0 if there is none.
panel_of(d, m, k) = sum [i = 1:panels] (dataset_at[i] == d && model_at[i] == m && kind_at[i] eq k ? i : 0)

# How gnuplot reads a density: cells at their centres.
grid_of(i) = "'" . file_at[i] . "' binary format='%float32' endian=little " \
    . sprintf('array=(%d,%d) ', columns_at[i], rows_at[i]) \
    . sprintf('dx=%.17g dy=%.17g ', cell_width(i), cell_height(i)) \
    . sprintf('origin=(%.17g,%.17g)', x0_at[i] + cell_width(i) / 2, y0_at[i] + cell_height(i) / 2)
cell_width(i) = (x1_at[i] - x0_at[i]) / columns_at[i]
cell_height(i) = (y1_at[i] - y0_at[i]) / rows_at[i]
# The same for samples, of which this column and, where it is another, a later one
# are read.
samples_at(i, a, b) = "'" . file_at[i] . "' binary record=(" . sprintf('%d', rows_at[i]) . ") format='" \
    . skipped(a - 1) . '%float32' . (b > a ? skipped(b - a - 1) . '%float32' : '') \
    . skipped(columns_at[i] - (b > a ? b : a)) . "' endian=little"
skipped(n) = n > 0 ? '%*' . sprintf('%dfloat32', n) : ''
table_of(i) = samples_at(i, 1, 2)

# A panel that cannot be drawn shows the reason.
array top_at[panels]    # the greatest value of a density
numbers_of(i) = sprintf("'%s' binary record=(%d) format='%%float32' endian=little", file_at[i], rows_at[i] * columns_at[i])
seen(i) = shape eq 'plane' ? in_window : columns_at[i] > 1 ? 'datum(1) + datum(2)' : 'datum(1)'
in_window = 'datum(1) >= x0_at[i] && datum(1) <= x1_at[i] && datum(2) >= y0_at[i] && datum(2) <= y1_at[i] ? 1 : NaN'
do for [i = 1:panels] {
    if (state_at[i] ne 'drawn') { continue }
    if (!(x1_at[i] > x0_at[i] && y1_at[i] > y0_at[i])) { state_at[i] = 'no window'; continue }
    if (kind_at[i] eq 'density') {
        eval range(numbers_of(i), 'datum(1)')
        top_at[i] = most
        if (count == 0) { state_at[i] = "no finite\ndensity" }
        if (most <= 0) { state_at[i] = "density 0\neverywhere" }
    } else {
        eval range(shape eq 'line' ? samples_at(i, 1, 1) : table_of(i), seen(i))
        if (count == 0) { state_at[i] = shape eq 'plane' ? "no sample\nin this window" : "no finite\nsample" }
    }
}

# A panel without a picture has the form of the others of its data set. A target whose
# density is not known shows its points instead.
do for [i = 1:panels] {
    do for [j = 1:panels] {
        if (state_at[i] ne 'drawn' && state_at[j] eq 'drawn' && dataset_at[i] == dataset_at[j]) {
            x0_at[i] = x0_at[j]; x1_at[i] = x1_at[j]; y0_at[i] = y0_at[j]; y1_at[i] = y1_at[j]
        }
    }
}
shown_at(d, m, k) = (i = panel_of(d, m, k), k eq 'density' && m == 0 && state_at[i] eq 'not known' ? panel_of(d, m, 'samples') : i)

# The top of each data set's colour scale: the maximum of the target, or of the models if
# the target's density is unknown. Runs with an impossible loss count only if there are
# no others.
array density_top[datasets]
do for [d = 0:datasets - 1] {
    density_top[d + 1] = NaN
    do for [rank = 1:3] {
        if (density_top[d + 1] == density_top[d + 1]) { continue }
        do for [m = 0:models] {
            i = panel_of(d, m, 'density')
            if (i > 0 && state_at[i] eq 'drawn' && (m == 0 ? rank == 1 : rank == 3 || (rank == 2 && sound[i]))) {
                density_top[d + 1] = greater(density_top[d + 1], top_at[i])
            }
        }
    }
}

# Write the histogram of column c of the samples into the data block $barsM (centres and
# heights of the bins), and set `tallest`:
# eval histogram_of(i, c, M, bins, x0, x1).
histogram_of(i, c, m, bins, x0, x1) = sprintf('bin = (%.17g - (%.17g)) / %d; array heights[%d]; ', x1, x0, bins, bins) \
    . 'do for [b = 1:|heights|] { heights[b] = 0 }; tallest = 0; points_in = 0; stats ' . samples_at(i, c, c) \
    . sprintf(' using (v = (datum(1) - (%.17g)) / bin, v == v ? (points_in = points_in + 1, v >= 0 && v < %d ? ', x0, bins) \
    . '(heights[int(v) + 1] = heights[int(v) + 1] + 1) : 0) : 0, 0) nooutput; ' \
    . sprintf('set print $bars%d; do for [b = 1:|heights|] { h = heights[b] / (points_in * bin); ', m) \
    . sprintf('tallest = greater(tallest, h); print sprintf("%%.9g\t%%.9g", %.17g + (b - 0.5) * bin, h) }; unset print', x0)
one_line(words) = (at = strstrt(words, "\n"), at ? words[1:at - 1] . ' ' . words[at + 1:*] : words)

# Draw panel i into the square with this lower left corner and side:
# eval panel(i, left, bottom, side, height). A window that is not square keeps its
# proportions, centred.
wide(i) = (x1_at[i] - x0_at[i]) / (y1_at[i] - y0_at[i])
across(i, side) = wide(i) < 1 ? side * wide(i) : side
along(i, side) = wide(i) > 1 ? side / wide(i) : side
window(i) = state_at[i] ne 'drawn' ? 'set xrange [0:1]; set yrange [0:1]' \
    : sprintf('set xrange [%.17g:%.17g]; set yrange [%.17g:%.17g]', x0_at[i], x1_at[i], y0_at[i], y1_at[i])
picture_of(i) = state_at[i] eq 'drawn' ? (kind_at[i] eq 'density' ? density_of(i) : samples_of(i)) \
    : 'set label 99 ' . quoted(state_at[i]) . ' at graph 0.5, 0.5 center font small textcolor rgb faint; ' \
      . 'plot NaN notitle; unset label 99'
# The rectangle covers gaps where the picture's edge falls between two dots.
density_of(i) = 'set object 99 rectangle from graph 0, 0 to graph 1, 1 behind fillstyle solid noborder ' \
    . 'fillcolor rgb lowest_colour; ' . sprintf('set cbrange [0:%.17g]; ', density_top[dataset_at[i] + 1]) \
    . 'plot ' . grid_of(i) . ' using (datum(1)) with image notitle; unset object 99'
samples_of(i) = 'plot ' . table_of(i) . sprintf(' every ::::%d', samples_drawn - 1) \
    . ' using (datum(1)):(datum(2)) with points pointtype 7 pointsize sample_size linecolor rgb sample_colour notitle'
panel(i, x, y, side, height) = frame(x + (side - across(i, side)) / 2, y + (height - along(i, side)) / 2, \
                             across(i, side), along(i, side)) . '; ' . window(i) . '; ' . picture_of(i)
samples_drawn = 6000    # fig5.sql's caption states this number
sample_size = 0.07
