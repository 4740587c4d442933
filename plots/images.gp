# images.gp - Figures 8 and 15 to 20: grids of generated pictures, one for each
# row of images.sql, side by side.
load 'plots/style.gp'

# The quality of images is judged by eye, so they have the same resolution on plots/report.sh's page as in print.
png_dots = png_dots < 300 ? 300 : png_dots

rows_file = 'rows.tsv'
stats rows_file using 1 nooutput
panels = int(STATS_records)
array heading[panels]; array file_at[panels]; array rows_at[panels]; array columns_at[panels]
array wide[panels]; array high[panels]; array channels[panels]
stats rows_file using ( \
    i = int($0) + 1, heading[i] = strcol(2) . (panels == 1 ? ', ' . strcol(3) : ''), \
    file_at[i] = strcol(6) . '.' . strcol(7), rows_at[i] = int($9), columns_at[i] = int($10), \
    wide[i] = int($11), high[i] = int($12), channels[i] = int($13), 0) nooutput

width = panels == 1 && !is_column ? 3.4 : width
edge = 0.02             # around everything
gap = 0.2               # between two grids
top = 0.24              # for the name of the data set
seam = 0.02             # between two pictures
in_line = is_column ? 1 : panels < 3 ? panels : 3
lines = (panels + in_line - 1) / in_line

across = (width - 2 * edge - (in_line - 1) * gap) / in_line
# The size of one picture of grid i, and the height of the grid.
cell(i) = (across - (columns_at[i] - 1) * seam) / columns_at[i]
cell_height(i) = cell(i) * high[i] / wide[i]
along(i) = rows_at[i] * (cell_height(i) + seam) - seam
tallest = 0
do for [i = 1:panels] { tallest = along(i) > tallest ? along(i) : tallest }

eval canvas(width, lines * (top + tallest) + edge)

# Picture p (from 0) of grid i has its upper left corner here, in inches from
# that of the grid.
corner_x(i, p) = (p % columns_at[i]) * (cell(i) + seam)
corner_y(i, p) = (p / columns_at[i]) * (cell_height(i) + seam)
# How gnuplot reads picture p: floats from the top row down, the centre of the lower
# left pixel at the origin.
picture_of(i, p) = "'" . file_at[i] . "' binary " . sprintf('array=(%d,%d) ', wide[i], high[i]) \
    . sprintf('skip=%d ', 4 * p * wide[i] * high[i] * channels[i]) \
    . "format='" . (channels[i] == 3 ? '%float32%float32%float32' : '%float32') . "' endian=little flip=y " \
    . sprintf('dx=%.9g dy=%.9g ', cell(i) / wide[i], cell_height(i) / high[i]) \
    . sprintf('origin=(%.9g,%.9g) ', corner_x(i, p) + 0.5 * cell(i) / wide[i], \
              along(i) - corner_y(i, p) - cell_height(i) + 0.5 * cell_height(i) / high[i]) \
    . 'using ' . (channels[i] == 3 ? '(shade(datum(1))):(shade(datum(2))):(shade(datum(3)))' : '(shade(datum(1))):(shade(datum(1))):(shade(datum(1)))') \
    . ' with rgbimage notitle'
# Grey levels from black (0) to white (1). Values outside have the colour of the nearer
# end; values that are not finite are grey.
shade(v) = v != v ? 128 : v > 1 ? 255 : v > 0 ? 255 * v : 0

set multiplot
unset border
unset tics
do for [i = 1:panels] {
    x = edge + ((i - 1) % in_line) * (across + gap)
    y = H - ((i - 1) / in_line) * (top + tallest) - top
    eval frame(x, y - along(i), across, along(i))
    eval text(1, heading[i], x + across / 2, y + 0.45 * top, 'center noenhanced')
    set xrange [0:across]
    set yrange [0:along(i)]
    pictures = ''
    do for [p = 0:rows_at[i] * columns_at[i] - 1] {
        pictures = pictures . (p > 0 ? ', ' : '') . picture_of(i, p)
    }
    eval 'plot ' . pictures
    unset label
}
unset multiplot
