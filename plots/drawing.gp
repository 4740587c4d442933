# drawing.gp - boxes, arrows, grids and formulas, for figures that are drawings
# rather than plots. Load style.gp first. One inch of the page is one unit of
# both axes, (0, 0) the lower left corner. Fields lie lowest, then the pictures of
# the plot command that ends the drawing, boxes and circles, letters and lines.

# Open the output: eval drawing(4.8, 1.5).
drawing(w, h) = canvas(w, h) . '; unset border; unset tics; unset key; unset colorbox; ' \
    . 'set lmargin at screen 0; set rmargin at screen 1; set bmargin at screen 0; set tmargin at screen 1; ' \
    . sprintf('set xrange [0:%.6f]; set yrange [0:%.6f]', w, h)

# A lighter colour: this share of it on white.
part_of(colour, i) = int('0x' . colour[2 * i:2 * i + 1])
lightened(v, share) = int(255 - share * (255 - v) + 0.5)
light(colour, share) = sprintf('#%02X%02X%02X', lightened(part_of(colour, 1), share), \
                               lightened(part_of(colour, 2), share), lightened(part_of(colour, 3), share))

# A box by its lower left corner: filled; empty, so that it shows what is below;
# or, as a field, without an edge.
box(x, y, w, h, fill, edge) = outline(x, y, w, h) . sprintf("fillcolor rgb '%s' fillstyle solid border rgb '%s'; ", fill, edge)
empty_box(x, y, w, h, edge) = outline(x, y, w, h) . sprintf("fillstyle empty border rgb '%s'; ", edge)
field(x, y, w, h, fill) = corners(x, y, w, h) . sprintf("behind fillcolor rgb '%s' fillstyle solid noborder; ", fill)
outline(x, y, w, h) = corners(x, y, w, h) . 'front linewidth 1 '
corners(x, y, w, h) = sprintf('set object rectangle from %.6f, %.6f to %.6f, %.6f ', x, y, x + w, y + h)
# A circle by its centre, and its words.
circle(x, y, r, fill, edge) = sprintf('set object circle at %.6f, %.6f size %.6f front linewidth 1 ', x, y, r) \
    . sprintf("fillcolor rgb '%s' fillstyle solid border rgb '%s'; ", fill, edge)
node(x, y, r, colour, words) = circle(x, y, r, light(colour, 0.15), colour) . label(words, x, y, 'center')

# Words, halfway up at y.
label(words, x, y, how) = 'set label ' . quoted(words) . sprintf(' at %.6f, %.6f front ', x, y) . how . '; '

# A line, and an arrow with its head at the second point.
segment(xa, ya, xb, yb, colour, how) = sprintf('set arrow from %.6f, %.6f to %.6f, %.6f ', xa, ya, xb, yb) \
    . sprintf("nohead front linecolor rgb '%s' ", colour) . how . '; '
arrow(xa, ya, xb, yb, colour) = sprintf('set arrow from %.6f, %.6f to %.6f, %.6f ', xa, ya, xb, yb) \
    . sprintf("head filled size 0.065, 18 front linewidth 1.2 linecolor rgb '%s'; ", colour)
# An arrow between two circles, from edge to edge.
joined(xa, ya, xb, yb, r, colour) = (d = sqrt((xb - xa) ** 2 + (yb - ya) ** 2), ux = (xb - xa) / d, uy = (yb - ya) / d, \
    arrow(xa + r * ux, ya + r * uy, xb - (r + 0.015) * ux, yb - (r + 0.015) * uy, colour))

# Formulas in gnuplot's enhanced text: variables slanted, vectors also bold.
it(name) = '{/:Italic ' . name . '}'
vector(name) = '{/:Bold:Italic ' . name . '}'
sub(name, index) = name . '_{' . index . '}'

# End a drawing that has no pictures in it.
finish = 'plot NaN notitle'
