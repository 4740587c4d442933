# panels.gp - reads the rows of panels.sql and defines how one is drawn.
#
# Arrays, one entry a row: dataset_at, model_at (from 0), kind_at,
# dataset_label, model_label, value_at (nats, NaN if unknown), state_at, file_at,
# rows_at, columns_at, x0_at, x1_at, y0_at, y1_at.
rows_file = 'rows.tsv'
stats rows_file using 1 nooutput
panels = int(STATS_records)
datasets = int(STATS_max) + 1
stats rows_file using 2 nooutput
models = int(STATS_max)    # besides the target, which is model 0

array dataset_at[panels]; array model_at[panels]; array kind_at[panels]
array dataset_label[panels]; array model_label[panels]; array value_at[panels]
array file_at[panels]; array rows_at[panels]; array columns_at[panels]
array x0_at[panels]; array x1_at[panels]; array y0_at[panels]; array y1_at[panels]; array state_at[panels]
stats rows_file using ( \
    i = int($0) + 1, \
    dataset_at[i] = int($1), model_at[i] = int($2), kind_at[i] = strcol(3), \
    dataset_label[i] = strcol(4), model_label[i] = strcol(5), \
    value_at[i] = number(strcol(7)), \
    file_at[i] = strcol(8) . '.' . strcol(3), \
    rows_at[i] = number(strcol(9)), columns_at[i] = number(strcol(10)), \
    x0_at[i] = number(strcol(11)), x1_at[i] = number(strcol(12)), \
    y0_at[i] = number(strcol(13)), y1_at[i] = number(strcol(14)), state_at[i] = strcol(15), 0) nooutput

# The panel of this data set, model and kind; 0 if there is none.
panel_of(d, m, k) = sum [i = 1:panels] (dataset_at[i] == d && model_at[i] == m && kind_at[i] eq k ? i : 0)

# How gnuplot finds the numbers of a density, cells at their centres.
grid_of(i) = "'" . file_at[i] . "' binary format='%float32' endian=little " \
    . sprintf('array=(%d,%d) ', columns_at[i], rows_at[i]) \
    . sprintf('dx=%.17g dy=%.17g ', cell_width(i), cell_height(i)) \
    . sprintf('origin=(%.17g,%.17g)', x0_at[i] + cell_width(i) / 2, y0_at[i] + cell_height(i) / 2)
cell_width(i) = (x1_at[i] - x0_at[i]) / columns_at[i]
cell_height(i) = (y1_at[i] - y0_at[i]) / rows_at[i]
# The same for samples, of which only the first two coordinates are read.
table_of(i) = "'" . file_at[i] . "' binary record=(" . sprintf('%d', rows_at[i]) . ") format='%float32%float32" \
    . (columns_at[i] > 2 ? '%*' . sprintf('%d', columns_at[i] - 2) . 'float32' : '') . "' endian=little"

# The top of each data set's colour scale: the maximum of the target, or that
# of the models where the target's density is not known.
array density_top[datasets]
do for [d = 0:datasets - 1] {
    known = state_at[panel_of(d, 0, 'density')] eq 'drawn'
    density_top[d + 1] = 0
    do for [m = (known ? 0 : 1):(known ? 0 : models)] {
        i = panel_of(d, m, 'density')
        if (state_at[i] eq 'drawn') {
            eval "stats '" . file_at[i] . "' binary record=(" . sprintf('%d', rows_at[i] * columns_at[i]) \
                 . ") format='%float32' endian=little using 1 nooutput"
            density_top[d + 1] = STATS_max > density_top[d + 1] ? STATS_max : density_top[d + 1]
        }
    }
}

# Draw panel i into the square with this lower left corner and side:
# eval panel(i, left, bottom, side). A window that is not square keeps its
# proportions, centred.
wide(i) = (x1_at[i] - x0_at[i]) / (y1_at[i] - y0_at[i])
across(i, side) = state_at[i] ne 'drawn' || wide(i) >= 1 ? side : side * wide(i)
along(i, side) = state_at[i] ne 'drawn' || wide(i) <= 1 ? side : side / wide(i)
window(i) = state_at[i] ne 'drawn' ? 'set xrange [0:1]; set yrange [0:1]' \
    : sprintf('set xrange [%.17g:%.17g]; set yrange [%.17g:%.17g]', x0_at[i], x1_at[i], y0_at[i], y1_at[i])
picture_of(i) = state_at[i] eq 'drawn' ? (kind_at[i] eq 'density' ? density_of(i) : samples_of(i)) \
    : "set label 99 '" . state_at[i] . "' at graph 0.5, 0.5 center textcolor rgb faint; " \
      . 'plot NaN notitle; unset label 99'
# The rectangle shows through where the picture's edge falls between two dots.
density_of(i) = 'set object 99 rectangle from graph 0, 0 to graph 1, 1 behind fillstyle solid noborder ' \
    . 'fillcolor rgb lowest_colour; ' . sprintf('set cbrange [0:%.17g]; ', density_top[dataset_at[i] + 1]) \
    . 'plot ' . grid_of(i) . ' using 1 with image notitle; unset object 99'
samples_of(i) = 'plot ' . table_of(i) . sprintf(' every ::::%d', samples_drawn - 1) \
    . ' using 1:2 with points pointtype 7 pointsize sample_size linecolor rgb sample_colour notitle'
panel(i, x, y, side) = frame(x + (side - across(i, side)) / 2, y + (side - along(i, side)) / 2, \
                             across(i, side), along(i, side)) . '; ' . window(i) . '; ' . picture_of(i)
samples_drawn = 6000    # fig5.sql's caption says so
sample_size = 0.07
