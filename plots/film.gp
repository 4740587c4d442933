# film.gp - the film of the data set `part`: a column for each model, its density
# above and its samples below, a frame for each snapshot, from the base to the data.
load 'plots/style.gp'    # its widths are those of print; a film has its own

rows_file = 'rows.tsv'
stats rows_file using ($0) nooutput
rows = int(STATS_records)
array of_part[rows]; array model_at[rows]; array model_label[rows]; array file_at[rows]; array moment_at[rows]
array time_at[rows]; array number_at[rows]; array cells_at[rows]; array points_at[rows]
array x0_at[rows]; array x1_at[rows]; array y0_at[rows]; array y1_at[rows]
models = 0
frames = 0
heading = ''
stats rows_file using ( \
    i = int($0) + 1, of_part[i] = strcol(1) eq part, model_at[i] = int($3), model_label[i] = strcol(4), \
    file_at[i] = strcol(5), moment_at[i] = int($6), time_at[i] = datum(7), number_at[i] = int($8), cells_at[i] = int($9), \
    points_at[i] = int($10), x0_at[i] = datum(11), x1_at[i] = datum(12), y0_at[i] = datum(13), y1_at[i] = datum(14), \
    heading = of_part[i] ? strcol(2) : heading, \
    models = of_part[i] && model_at[i] > models ? model_at[i] : models, \
    frames = of_part[i] && number_at[i] > frames ? number_at[i] : frames, 0) nooutput
row_of(m, n) = sum [i = 1:rows] (of_part[i] && model_at[i] == m && number_at[i] == n ? i : 0)
blob(i, kind) = "'" . file_at[i] . '.' . kind . '.' . sprintf("%d' binary ", moment_at[i])
density_of(i) = blob(i, 'density') . sprintf("format='%%float32' endian=little array=(%d,%d) ", cells_at[i], cells_at[i]) \
    . sprintf('dx=%.9g dy=%.9g ', cell_x(i), cell_y(i)) \
    . sprintf('origin=(%.9g,%.9g)', x0_at[i] + cell_x(i) / 2, y0_at[i] + cell_y(i) / 2)
cell_x(i) = (x1_at[i] - x0_at[i]) / cells_at[i]
cell_y(i) = (y1_at[i] - y0_at[i]) / cells_at[i]

# The top of the colour scale: the maximum of the last frame, or else of any frame.
densest = NaN
numbers_of(i) = blob(i, 'density') . sprintf("record=(%d) format='%%float32' endian=little ", cells_at[i] ** 2)
do for [n = frames:1:-1] {
    if (densest > 0) { continue }
    do for [m = 1:models] {
        i = row_of(m, n)
        if (i > 0) { eval range(numbers_of(i), 'datum(1)'); densest = greater(densest, most) }
    }
}
densest = densest > 0 ? densest : 1
# A frame that cannot be drawn shows the reason.
array seen[rows]
do for [i = 1:rows] {
    seen[i] = of_part[i] && x1_at[i] > x0_at[i] && y1_at[i] > y0_at[i]
    if (seen[i]) { eval range(numbers_of(i), 'datum(1)'); seen[i] = count > 0 }
}

# In dots of the film.
dots = 72.0
side = 160 / dots
gap = 10 / dots
head = 44 / dots
edge = 10 / dots
W = 2 * edge + models * (side + gap) - gap
H = head + 2 * side + gap + edge
repeats = 15               # times that the last frame is shown
set terminal gif animate delay 12 loop 0 enhanced font 'DejaVu Sans,8' background '#ffffff' \
    size int(W * dots + 0.5), int(H * dots + 0.5)
set output 'picture.' . part . '.gif'

eval bare_axes
set cbrange [0:densest]
do for [n = 1:frames + repeats] {
    set multiplot
    do for [m = 1:models] {
        i = row_of(m, n < frames ? n : frames)
        if (i == 0) { continue }
        x = edge + (m - 1) * (side + gap)
        if (m == 1) {
            eval text(1, heading . sprintf(', t = %.2f', time_at[i]), edge, H - 12 / dots, 'left noenhanced')
        }
        eval text(2, model_label[i], x + side / 2, H - 33 / dots, 'center noenhanced')
        eval frame(x, edge + side + gap, side, side)
        if (!seen[i]) {
            eval text(3, 'no finite density', x + side / 2, edge + 1.5 * side + gap, 'center textcolor rgb faint')
            set xrange [0:1]
            set yrange [0:1]
            plot NaN notitle
            unset label
            continue
        }
        set xrange [x0_at[i]:x1_at[i]]
        set yrange [y0_at[i]:y1_at[i]]
        eval 'plot ' . density_of(i) . ' using (datum(1)) with image notitle'
        unset label
        eval frame(x, edge, side, side)
        eval 'plot ' . blob(i, 'samples') . sprintf("record=(%d) format='%%2float32' endian=little ", points_at[i]) \
            . "using (datum(1)):(datum(2)) with points pointtype 7 pointsize 0.25 linecolor rgb '#0B3C5D' notitle"
    }
    unset multiplot
}
