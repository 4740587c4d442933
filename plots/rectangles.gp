# rectangles.gp - Figures 10 to 13: the discretized square [0, T] x [0, T], on
# whose rectangles g_2^n is constant (eq. 24).
load 'plots/style.gp'
load 'plots/drawing.gp'

stats 'rows.tsv' using (name = strcol(1), 0) nooutput

n = 6                   # rectangles along a side
i = 4                   # the rectangle shown, from 0
j = 1
left = 0.32             # room for the marks of the axes
bottom = 0.28
right = 0.12
top = 0.3               # for the heading
cell = 0.31
side = n * cell
eval drawing(left + side + right, bottom + side + top)

x(i) = left + i * cell
y(j) = bottom + j * cell
filled(i, j, colour, share) = field(x(i), y(j), cell, cell, light(colour, share))
shown(i, j, a, b) = box(x(i), y(j), cell, cell, light(blue, 0.45), blue) \
    . label('(' . it(a) . ', ' . it(b) . ')', x(i) + cell / 2, y(j) + cell / 2, 'center font small')
# All rectangles 'below' or 'above' the diagonal.
half(chosen, colour, share) = (made = '', sum [a = 0:n - 1] sum [b = 0:n - 1] \
    ((chosen eq 'below' ? b < a : b > a) ? (made = made . filled(a, b, colour, share), 0) : 0), made)
diagonal = segment(x(0), y(0), x(n), y(n), ink, "linewidth 1 dashtype '-'")

t(index) = sub(it('t'), index)
index(name) = it(name)
next(name) = it(name) . '+1'
g(a, b) = it('g') . '@_2^{' . it('n') . '}(' . t(index(a)) . ', ' . t(index(b)) . ')'
S = it('S') . '@_2^{' . it('n') . '}'
S_bar = it('S̄') . '@_2^{' . it('n') . '}'

do for [k = 1:n - 1] {
    eval segment(x(k), y(0), x(k), y(n), faint, 'linewidth 0.5')
    eval segment(x(0), y(k), x(n), y(k), faint, 'linewidth 0.5')
}
heading = ''
if (name eq 'fig10') {
    heading = '[0, ' . it('T') . '] × [0, ' . it('T') . ']'
    eval shown(i, j, 'i', 'j')
    # From the axes to the rectangle's sides.
    do for [k = 0:1] {
        eval segment(x(i + k), y(0), x(i + k), y(j), blue, 'linewidth 1')
        eval segment(x(0), y(j + k), x(i), y(j + k), blue, 'linewidth 1')
    }
}
if (name eq 'fig11') {
    heading = g('i', 'j') . ' = ' . g('j', 'i')
    eval shown(i, j, 'i', 'j')
    eval shown(j, i, 'j', 'i')
    eval diagonal
    middle = (x(i) + x(j) + cell) / 2 - left
    reach = (i - j) * cell / 2 - cell / 2 - 0.02
    eval arrow(left + middle, bottom + middle, left + middle + reach, bottom + middle - reach, blue)
    eval arrow(left + middle, bottom + middle, left + middle - reach, bottom + middle + reach, blue)
}
if (name eq 'fig12' || name eq 'fig13') {
    heading = name eq 'fig12' ? S : S_bar
    eval half('below', blue, 0.45)
    if (name eq 'fig13') { eval half('above', sky, 0.25) }
    eval diagonal
    eval label(it('j') . ' < ' . it('i'), x(n - 2) + cell / 2, y(1) + cell / 2, 'center font small')
    if (name eq 'fig13') { eval label(it('j') . ' > ' . it('i'), x(1) + cell / 2, y(n - 2) + cell / 2, 'center font small') }
}
eval empty_box(left, bottom, side, side, ink)

eval label(heading, left + side / 2, bottom + side + 0.5 * top, 'center')
below = bottom - 0.13
eval label('0', x(0), below, 'center font small')
eval label(it('T'), x(n), below, 'center font small')
eval label(it('T'), left - 0.07, y(n), 'right font small')
if (name eq 'fig10' || name eq 'fig11') {
    eval label(t(index('i')), x(i), below, 'center font small')
    eval label(t(next('i')), x(i + 1), below, 'center font small')
    eval label(t(index('j')), left - 0.07, y(j), 'right font small')
    eval label(t(next('j')), left - 0.07, y(j + 1), 'right font small')
}
if (name eq 'fig11') {
    eval label(t(index('j')), x(j), below, 'center font small')
    eval label(t(next('j')), x(j + 1), below, 'center font small')
    eval label(t(index('i')), left - 0.07, y(i), 'right font small')
    eval label(t(next('i')), left - 0.07, y(i + 1), 'right font small')
}
eval finish
