# style.gp - the style of all figures: terminals, font, lines and colours. Lengths
# are in inches, sizes of letters in points, as printed.
#
# paper_figures.sh sets format ('pdf' or 'png'), part (which picture of the item)
# and width (the maximal width of a figure: column or page),
# and starts gnuplot in a folder with plots/, the rows that the item's query
# returned (rows.tsv) and the blobs that they name (SUBJECT.KIND).
set encoding utf8
if (!exists('width')) { width = 7.0 }
set datafile separator tab
set datafile missing 'NULL'

# Read numbers only by datum(c): column c of a row, or NaN if it is infinite, missing,
# empty or a word. (A plot ignores inf but stats counts it; a line continues across a
# word and breaks at NaN.) finite(x) does the same for a number. Compute minimum and
# maximum by these functions, because stats fails if no value is valid.
finite(x) = x == x && abs(x) < 1e300 ? x : NaN
datum(c) = valid(c) ? finite(column(c)) : NaN
greater(a, b) = a != a || b > a ? b : a
lesser(a, b) = a != a || b < a ? b : a
# Set `count`, `least` and `most` from an expression of the rows of a file:
# eval range("'rows.tsv'", 'datum(6)').
range(file, expression) = 'count = 0; least = NaN; most = NaN; stats ' . file . ' using (r = ' . expression \
    . ', r == r ? (count = count + 1, least = lesser(least, r), most = greater(most, r)) : 0, 0) nooutput'

font_face = 'DejaVu Sans'
font_points = 8
small = ',7'                     # marks and keys
heavy = font_face . ':Bold,9'    # headings
png_dots = 1.0 * system('echo ${AFFJORD_PNG_DOTS:-300}')    # an inch; plots/report.sh takes fewer

# Colours of Okabe and Ito, distinguishable with colour blindness.
blue = '#0072B2'
vermillion = '#D55E00'
green = '#009E73'
purple = '#CC79A7'
orange = '#E69F00'
sky = '#56B4E9'
ink = '#202020'
faint = '#707070'
array series_colour[6] = [blue, vermillion, green, purple, orange, sky]
colour_of(i) = series_colour[(i - 1) % 6 + 1]
# In grey print, markers and dashes distinguish them.
array series_marker[6] = [7, 4, 9, 12, 11, 2]
marker_of(i) = series_marker[(i - 1) % 6 + 1]
set dashtype 2 (14, 7)
set dashtype 3 (4, 6)
set dashtype 4 (14, 6, 3, 6)
set dashtype 5 (28, 7)
set dashtype 6 (7, 5, 7, 5, 2, 5)
dash_of(i) = (i - 1) % 6 + 1

# Densities: a map whose lightness rises evenly from black to pale yellow.
set palette defined (0 '#000004', 1 '#1B0C42', 2 '#4B0C6B', 3 '#781C6D', 4 '#A52C60', \
                     5 '#CF4446', 6 '#ED6925', 7 '#FB9A06', 8 '#F7D03C', 9 '#FCFFA4')
set palette maxcolors 0
lowest_colour = '#000004'
data_colour = '#C4C4C4'    # of histograms
sample_colour = '#700B3C5D'    # a little transparent, so that crowded places are darker

# Open the output at this size. (A function may not set a terminal, so the
# command is made here and evaluated by the figure: eval canvas(4.8, 3.2).)
# Widths of lines and sizes of points come out the same in both formats.
canvas(w, h) = (format eq 'pdf' \
    ? 'set terminal pdfcairo fontscale 1 linewidth 1' . sprintf(' size %gin,%gin', w, h) \
    : "set terminal pngcairo background '#ffffff'" . sprintf(' fontscale %g', png_dots / 72) \
      . sprintf(' linewidth %g pointscale %g', png_dots / 144, png_dots / 144) \
      . sprintf(' size %d,%d', int(w * png_dots + 0.5), int(h * png_dots + 0.5))) \
    . " enhanced rounded font '" . font_face . sprintf(",%g'; ", font_points) \
    . sprintf('W = %.6f; H = %.6f; ', w, h) . 'set output ' . quoted('picture.' . part . '.' . format)

# Place the next plot's frame: eval frame(left, bottom, width, height).
frame(x, y, w, h) = sprintf('set lmargin at screen %.6f; set rmargin at screen %.6f; ', x / W, (x + w) / W) \
    . sprintf('set bmargin at screen %.6f; set tmargin at screen %.6f', y / H, (y + h) / H)

# Write a text: eval text(tag, words, x, y, 'center noenhanced').
text(tag, words, x, y, how) = sprintf('set label %d %s at screen %.6f, %.6f ', tag, quoted(words), x / W, y / H) . how
quoted(words) = (rest = words, done = "'", sum [i = 1:strlen(words)] \
    (done = done . (words[i:i] eq "'" ? "''" : words[i:i]), 0), done . "'")

# Three to six marks on this axis, from how much it spans: eval steps('y', 0.3).
step_of(span) = (t = 10 ** floor(log10(span / 3)), span / 3 >= 5 * t ? 5 * t : span / 3 >= 2 * t ? 2 * t : t)
decimals_of(span) = step_of(span) >= 1 ? 0 : ceil(-log10(step_of(span)))
mark_of(value, span) = sprintf(sprintf('%%.%df', decimals_of(span)), value)
steps(axis, span) = sprintf('set %stics %g; set format %s "%%.%df"', axis, step_of(span), axis, decimals_of(span))

# The words of one line, at a column's width and a page's: 3.4 and about 7 inches.
letter_width = 0.062    # of the small font, on average
is_column = width < 5

# Neither axes nor scale, only a thin frame.
bare_axes = 'set border 31 linewidth 1 linecolor rgb ink; unset tics; unset colorbox'
# The next plot's colour scale, from 0 to `highest`, as a bar; its marks stay
# clear of a bar above. The label stands at the right of one or
# several bars, in h inches from y up: the short text if the long one does not fit.
colour_scale(x, y, w, h, highest) = sprintf('set colorbox user origin %.6f, %.6f ', x / W, y / H) \
    . sprintf('size %.6f, %.6f; ', w / W, h / H) . 'set cbtics font small scale 0.4 offset -0.6, 0; ' \
    . steps('cb', highest) . sprintf('; set cbtics 0, %g, %g; ', step_of(highest), 0.95 * highest)
scale_unit(x, y, h, long, short) = text(90, h > 0.066 * strlen(long) ? long : short, x + scale_room - 0.13, y + h / 2, \
                                        'center rotate by 90 font small')
scale_room = 0.62       # for a bar with its marks and unit

# Two axes.
two_axes = 'set border 3 linewidth 1 linecolor rgb ink; set style fill transparent solid 0.22 noborder; ' \
    . 'set tics nomirror out scale 0.5 textcolor rgb ink font small; set xtics offset 0, 0.4; ' \
    . 'set ytics offset 0.5, 0; unset key'
# A key below all panels. Arguments: number of entries, letters of the longest one. It has
# as many columns as fit into `room` inches.
key_line = 0.14         # the height of a line
key_wide(letters) = 0.068 * letters + 0.52
key_columns(entries, letters, room) = (fit = int(room / key_wide(letters)), fit < 1 ? 1 : fit > entries ? entries : fit)
key_lines(entries, letters, room) = (n = key_columns(entries, letters, room), (entries + n - 1) / n)
# Entry k, from 0, of a key whose first entry's line begins at x and is at height y:
# eval key_entry(k, x, y, columns, letters, words, how its line is drawn, and its marker or '').
key_entry(k, x, y, columns, letters, words, line, marker) = \
    key_at(40 + k, x + (k % columns) * key_wide(letters), y - (k / columns) * key_line, words, line, marker)
key_at(tag, x, y, words, line, marker) = text(tag, words, x + 0.36, y, 'left noenhanced font small') \
    . sprintf('; set arrow %d from screen %.6f, %.6f to screen %.6f, %.6f nohead ', tag, x / W, y / H, (x + 0.3) / W, y / H) \
    . line . (marker eq '' ? '' : sprintf("; set label %d '' at screen %.6f, %.6f point ", tag + 60, (x + 0.15) / W, y / H) \
    . marker)
line_of(m, width) = sprintf("linewidth %g dashtype %d linecolor rgb '%s'", width, dash_of(m), colour_of(m))
point_of(m) = sprintf("pointtype %d pointsize 0.7 linewidth 1.4 linecolor rgb '%s'", marker_of(m), colour_of(m))

# A thin straight line: eval line(tag, x0, y0, x1, y1).
line(tag, xa, ya, xb, yb) = sprintf('set arrow %d from screen %.6f, %.6f', tag, xa / W, ya / H) \
    . sprintf(' to screen %.6f, %.6f nohead linewidth 1 linecolor rgb faint', xb / W, yb / H)
