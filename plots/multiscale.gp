# multiscale.gp - Figures 2 and 4: the multiscale architecture, a line for each scale. Augmented channels have a
# separate row above the data.
#
# The picture is permuted here as core/flow/squeeze.h permutes: row i, column j
# of channel k go to row i/2, column j/2 of channel 4 k + 2 (i mod 2) + j mod 2,
# and the first half of the channels stays. So channel m after d squeezes has
# every 2^d-th row and column of the picture, from `row_of` and `column_of` on.
load 'plots/style.gp'
load 'plots/drawing.gp'

stats 'rows.tsv' using (augmented = int($1), side = int($2), blob = strcol(3) . '.' . strcol(4), \
    drawn = strcol(5) eq 'drawn', 0) nooutput
array pixel[side * side]
if (drawn) {
    eval "stats '" . blob . "' binary record=(" . sprintf('%d', side * side) . ") format='%float32' endian=little " \
         . 'using (pixel[int($0) + 1] = datum(1), 0) nooutput'
}
row_of(m, d) = d == 0 ? 0 : row_of(m / 4, d - 1) + 2 ** (d - 1) * (m / 2 % 2)
column_of(m, d) = d == 0 ? 0 : column_of(m / 4, d - 1) + 2 ** (d - 1) * (m % 2)

# As core/field/image_model.h counts them.
scales = 0
do for [s = 0:8] { scales = scales + (side / 2 ** s >= 4) }

width = 4.8
edge = 0.04
before = 0.14                     # for the arrow of the remaining channels into the next line
whole = augmented ? 0.68 : 0.86   # the side of the picture; every stage of a line is as wide
step = 0.11                       # the length of an arrow
flow = augmented ? 0.24 : 0.34    # the widths of boxes
squeeze = 0.57
high = 0.2                        # the height of boxes
under = 0.17                      # for sizes below the tiles
apart = under + 0.04              # between the two rows
between = 0.3                     # for the remaining channels, between two lines
above = 0.105                     # from an array's name to its first tiles
top = edge + (augmented ? 0.18 : 0)
tall(s) = whole / 2 ** s          # of a stage of scale s

# Columns: begin, first flow, squeeze, squeezed, second flow, the arrays.
begin_x = edge + before
first_x = begin_x + whole + step
squeeze_x = first_x + flow + step
squeezed_x = squeeze_x + squeeze + step
second_x = squeezed_x + whole + step
turn_x = second_x + flow + 0.08   # where the arrow of the remaining channels turns down
b_x = augmented ? width - edge - 2 * whole - 0.08 : width - edge - whole
a_x = width - edge - whole
# The height of a line, and the upper edges of its two rows: augmented channels and data.
stages(s) = augmented * (tall(s) + apart) + tall(s) + under
line_of(s) = top + (s == 0 ? 0 : sum [q = 0:s - 1] (stages(q) + between))
lane(s, extra) = H - line_of(s) - (augmented && !extra ? tall(s) + apart : 0)
middle(s, extra) = lane(s, extra) - tall(s) / 2
height = line_of(scales - 1) + stages(scales - 1)

eval drawing(width, height)
set palette gray gamma 1
set cbrange [0:1]

# Tiles from channel m on, after d squeezes, in lines of a given length from the upper
# left corner. The plot command draws the pictures of the data.
shots = ''
colour(extra) = extra ? vermillion : blue
channels(x, y, m, lines, columns, d, extra) = (a = whole / 2 ** d, made = '', \
    sum [p = 0:lines - 1] sum [q = 0:columns - 1] \
        (made = made . tile(x + q * a, y - (p + 1) * a, a, m + p * columns + q, d, extra), 0), made)
tile(x, y, a, m, d, extra) = extra || !drawn ? box(x, y, a, a, light(colour(extra), 0.15), colour(extra)) \
    : (shots = shots . ', ' . shot(x, y, a / (side / 2 ** d), m, d), empty_box(x, y, a, a, blue))
# A sampled grid that looks up each pixel of a tile.
shot(x, y, a, m, d) = sprintf("[u=0:%d:1] [v=0:%d:1] '++' ", side / 2 ** d - 1, side / 2 ** d - 1) \
    . sprintf('using (%.9g + $1 * %.9g):(%.9g - $2 * %.9g):', x + a / 2, a, y + a * (side / 2 ** d - 0.5), a) \
    . sprintf('(pixel[%d * (%d + %d * int($2)) + %d + %d * int($1) + 1]) ', side, row_of(m, d), 2 ** d, \
              column_of(m, d), 2 ** d) . 'with image notitle'

sizes(c, s, x, y) = label(sprintf('(%d, %d, %d)', c, s, s), x + whole / 2, y - 0.085, 'center font small')
step_box(x, w, y, words, hue) = box(x, y - high / 2, w, high, light(hue, 0.15), hue) \
    . label(words, x + w / 2, y, 'center font small')

do for [s = 0:scales - 1] {
    c = 2 ** s
    now = side / 2 ** s
    last = s == scales - 1
    do for [extra = 0:augmented] {
        hue = colour(extra)
        y = lane(s, extra)
        at = middle(s, extra)
        name = augmented ? it(extra ? 'g' : 'f') : 'flow'
        eval channels(begin_x, y, 0, 1, c, s, extra)
        if (extra) { do for [m = 0:c - 1] { eval label('0', begin_x + (m + 0.5) * whole / c, at, 'center font small') } }
        eval sizes(c, now, begin_x, y - tall(s))
        eval arrow(begin_x + whole, at, first_x, at, hue)
        eval step_box(first_x, flow, at, name, hue)
        array_x = extra ? a_x : b_x
        if (s == 0) {
            eval label(extra ? 'Array A' : 'Array B', array_x + whole / 2, \
                       above + (extra || last ? y : at + tall(s) / 4), 'center')
        }
        if (last) {
            eval arrow(first_x + flow, at, array_x, at, hue)
            eval channels(array_x, y, 0, 1, c, s, extra)
            eval sizes(c, now, array_x, y - tall(s))
        } else {
            eval arrow(first_x + flow, at, squeeze_x, at, hue)
            eval step_box(squeeze_x, squeeze, at, 'squeeze', faint)
            eval arrow(squeeze_x + squeeze, at, squeezed_x, at, hue)
            eval channels(squeezed_x, y, 0, 2, 2 * c, s + 1, extra)
            eval sizes(4 * c, now / 2, squeezed_x, y - tall(s))
            eval arrow(squeezed_x + whole, at, second_x, at, hue)
            eval step_box(second_x, flow, at, name, hue)
            eval arrow(second_x + flow, at, array_x, at, hue)
            if (extra) {
                eval channels(array_x, y, 0, 2, 2 * c, s + 1, extra)
                eval sizes(4 * c, now / 2, array_x, y - tall(s))
            } else {
                eval channels(array_x, at + tall(s) / 4, 2 * c, 1, 2 * c, s + 1, extra)
                eval sizes(2 * c, now / 2, array_x, at - tall(s) / 4)
                # The remaining channels begin the next line.
                low = y - tall(s) - under - 0.1
                eval segment(turn_x, at, turn_x, low, hue, 'linewidth 1.2')
                eval segment(turn_x, low, edge, low, hue, 'linewidth 1.2')
                eval segment(edge, low, edge, middle(s + 1, 0), hue, 'linewidth 1.2')
                eval arrow(edge, middle(s + 1, 0), begin_x, middle(s + 1, 0), hue)
                eval label('half stays', (first_x + squeezed_x) / 2, low + 0.085, 'center font small')
            }
        }
    }
    # The inputs of the data's flow.
    if (augmented) {
        do for [k = 0:(last ? 0 : 1)] {
            x = (k == 0 ? first_x : second_x) + flow / 2
            eval arrow(x, middle(s, 1) - high / 2, x, middle(s, 0) + high / 2, vermillion)
        }
    }
}
set datafile separator whitespace    # the only one for sampled grids
eval drawn ? 'plot sample ' . shots[3:*] : finish
