# fig1.gp - Figure 1 for the data set `part`: the field at eight times, two lines
# of four pictures a model.
load 'plots/style.gp'

# The rows of this data set.
rows_file = 'rows.tsv'
stats rows_file using ($0) nooutput
rows = int(STATS_records)
array of_part[rows]; array model_at[rows]; array model_label[rows]; array number_at[rows]
array file_at[rows]; array moment_at[rows]; array time_at[rows]; array cells_at[rows]
array x0_at[rows]; array x1_at[rows]; array y0_at[rows]; array y1_at[rows]; array context_at[rows]; array augmented[rows]
models = 0
stats rows_file using ( \
    i = int($0) + 1, of_part[i] = strcol(1) eq part, model_at[i] = int($3), model_label[i] = strcol(4), \
    number_at[i] = int($5), file_at[i] = strcol(6), moment_at[i] = int($7), time_at[i] = datum(8), \
    cells_at[i] = int(sqrt($9) + 0.5), x0_at[i] = datum(10), x1_at[i] = datum(11), y0_at[i] = datum(12), y1_at[i] = datum(13), \
    context_at[i] = valid(14) ? int($14) : 0, augmented[i] = int($15), \
    models = of_part[i] && model_at[i] > models ? model_at[i] : models, 0) nooutput

field_of(i) = "'" . file_at[i] . '.field.' . sprintf("%d' binary record=(%d) format='%%4float32' endian=little", \
                                                    moment_at[i], cells_at[i] ** 2)
# The colour scale's top, the largest speed of any picture.
# A panel that cannot be drawn shows the reason.
speed = 'sqrt(datum(3) ** 2 + datum(4) ** 2)'
fastest = NaN
array state[rows]
do for [i = 1:rows] {
    state[i] = x1_at[i] > x0_at[i] && y1_at[i] > y0_at[i] ? '' : 'no window'
    if (of_part[i] && state[i] eq '') {
        eval range(field_of(i), speed)
        fastest = greater(fastest, most)
        if (count == 0) { state[i] = "no finite\nfield" }
    }
}
fastest = fastest > 0 ? fastest : 1

# "t = 2.5", for AFFJORD with z*: its first two numbers.
do for [i = 1:rows] {
    if (of_part[i] && augmented[i] && context_at[i] > 0) {
        context = ''
        eval 'stats "' . file_at[i] . '.context.' . sprintf('%d" binary record=(1) format="%%%dfloat32" ', moment_at[i], \
             context_at[i]) . 'endian=little using (context = sprintf("%.1f", datum(1))' \
             . (context_at[i] > 1 ? ' . sprintf(", %.1f", datum(2))' : '') . ', 0) nooutput'
        model_label[i] = model_label[i] . "\t" . context . (context_at[i] > 2 ? ', …' : '')
    }
}
name_of(words) = (at = strstrt(words, "\t"), at ? words[1:at - 1] : words)
context_of(words) = (at = strstrt(words, "\t"), at ? words[at + 1:*] : '')
heading(i) = '{/:Italic t} = ' . sprintf('%.4g', time_at[i]) \
    . (augmented[i] ? "\n" . (is_column ? '(' : '{/:Bold:Italic z}* = (') . context_of(model_label[i]) . ')' : '')

left = 0.2              # for the models' names
edge = 0.04
gap = 0.07              # between pictures
scale = scale_room      # for the colour scale
between = 0.1           # two models
side = (width - left - scale - edge - 3 * gap) / 4
# One line of text above each picture, two for AFFJORD; two rows of pictures per model.
array head[models]
do for [m = 1:models] { head[m] = 0.17 }
do for [i = 1:rows] { if (of_part[i] && augmented[i]) { head[model_at[i]] = 0.32 } }
block(m) = 2 * (side + head[m])
bottom(m) = H - (sum [k = 1:m] block(k)) - (m - 1) * between

eval canvas(width, (sum [m = 1:models] block(m)) + (models - 1) * between + edge)
# One arrow per 3 x 3 cells, centred, at most three cells long and shorter at low speed.
arrow_x(u, v) = reach * u / (sqrt(u ** 2 + v ** 2) + 0.1 * fastest)
arrow_y(u, v) = reach * v / (sqrt(u ** 2 + v ** 2) + 0.1 * fastest)
set multiplot
eval bare_axes
set cbrange [0:fastest]
do for [i = 1:rows] {
    if (!of_part[i]) { continue }
    column = number_at[i] % 4
    x = left + column * (side + gap)
    m = model_at[i]
    y = bottom(m) + (1 - number_at[i] / 4) * (side + head[m])
    step = (x1_at[i] - x0_at[i]) / cells_at[i]
    reach = 3 * step
    eval frame(x, y, side, side)
    eval text(1, heading(i), x + side / 2, y + side + (augmented[i] ? 0.74 : 0.42) * head[m], 'center font small')
    if (number_at[i] == 0) {
        eval text(2, name_of(model_label[i]), 0.42 * left, bottom(m) + block(m) / 2, 'center rotate by 90 noenhanced')
        if (m == 1) {
            tall = H - edge - head[1]
            eval colour_scale(width - scale, edge, 0.07, tall, fastest)
            eval scale_unit(width - scale, edge, tall, 'Speed, lengths per unit of time', 'lengths per time')
        }
    }
    if (state[i] ne '') {
        eval text(3, state[i], x + side / 2, y + side / 2, 'center font small textcolor rgb faint')
        set xrange [0:1]
        set yrange [0:1]
        plot NaN notitle
        unset label
        continue
    }
    set xrange [x0_at[i]:x1_at[i]]
    set yrange [y0_at[i]:y1_at[i]]
    eval 'plot ' . field_of(i) . ' using (datum(1)):(datum(2)):(' . speed . ') with image notitle, ' . field_of(i) \
        . sprintf(' using (int($0) %% %d %% 3 == 1 && int($0 / %d) %% 3 == 1 ? datum(1) - arrow_x(datum(3), datum(4)) / 2 : NaN)', \
                  cells_at[i], cells_at[i]) \
        . ':(datum(2) - arrow_y(datum(3), datum(4)) / 2):(arrow_x(datum(3), datum(4))):(arrow_y(datum(3), datum(4))) ' \
        . "with vectors head filled size screen 0.006, 25 linewidth 0.6 linecolor rgb '#FFFFFF' notitle"
    unset label
    unset colorbox
}
unset multiplot
