# dependencies.gp - Figures 3 and 14: dependencies between the variables of a discretized
# flow. Circles are variables, arrows point to dependent variables.
load 'plots/style.gp'
load 'plots/drawing.gp'

stats 'rows.tsv' using (name = strcol(1), 0) nooutput

dots = '⋯'
next = it('k') . '+1'

# Figure 3: two steps of z above, two of z* below, then the last. An arrow has
# the colour of its source.
if (name eq 'fig3') {
    width = 4.8
    r = 0.17
    step = 0.6              # between two columns
    rows_apart = 0.66
    foot = 0.5              # for the formulas
    edge = 0.04
    gap = width - 2 * edge - 2 * (3 * step + 2 * r)
    upper = foot + r + rows_apart
    lower = foot + r
    eval drawing(width, upper + r + 0.3)
    z(index) = vector('z') . '_{' . index . '}'
    augmented(index) = vector('z') . '@^{*}_{' . index . '}'
    array index_of[4] = ['0', '1', '', it('n')]
    do for [panel = 0:1] {
        left = edge + r + panel * (3 * step + 2 * r + gap)
        x(k) = left + k * step
        do for [k = 0:2] {
            eval joined(x(k), upper, x(k + 1), upper, r, blue)
            eval joined(x(k), lower, x(k + 1), lower, r, vermillion)
            eval joined(x(k), lower, x(k + 1), upper, r, vermillion)
            if (panel == 0) { eval joined(x(k), upper, x(k + 1), lower, r, blue) }
        }
        do for [k = 0:3] {
            if (k == 2) {
                eval label(dots, x(k), upper, 'center')
                eval label(dots, x(k), lower, 'center')
            } else {
                eval node(x(k), upper, r, blue, z(index_of[k + 1]))
                eval node(x(k), lower, r, vermillion, augmented(index_of[k + 1]))
            }
        }
        middle = left + 1.5 * step
        eval label(panel == 0 ? 'Augmented neural ODE' : 'AFFJORD', middle, upper + r + 0.16, 'center')
        step_of_z = z(next) . ' = ' . z(it('k')) . ' + ε ' . it('f') . '(' . z(it('k')) . ', ' . augmented(it('k')) \
            . ', ' . vector('θ') . ')'
        step_of_augmented = augmented(next) . ' = ' . augmented(it('k')) . ' + ε ' . it('g') . '(' \
            . (panel == 0 ? z(it('k')) . ', ' : '') . augmented(it('k')) . ', ' . vector(panel == 0 ? 'θ' : 'φ') . ')'
        eval label(step_of_z, middle, 0.34, 'center font small')
        eval label(step_of_augmented, middle, 0.12, 'center font small')
    }
}

# Figure 14: z along the upper row, and below each the parameters of its step.
if (name eq 'fig14') {
    width = 4.8
    r = 0.225
    edge = 0.04
    step = (width - 2 * edge - 2 * r) / 6
    lower = edge + r
    upper = lower + 0.72
    eval drawing(width, upper + r + edge)
    x(k) = edge + r + k * step
    at(index) = '_{' . it('t') . '_{' . index . '}}'
    array index_of[7] = ['0', '1', '', it('k'), next, '', '']
    # The path from theta at t_k to z_T.
    way(k) = k >= 4 ? vermillion : ink
    do for [k = 0:5] {
        eval joined(x(k), upper, x(k + 1), upper, r, way(k))
        eval joined(x(k), lower, x(k + 1), upper, r, k == 3 ? vermillion : ink)
    }
    do for [k = 0:6] {
        if (index_of[k + 1] eq '') {
            if (k < 6) {
                eval label(dots, x(k), upper, 'center')
                eval label(dots, x(k), lower, 'center')
            }
        } else {
            eval node(x(k), upper, r, k == 4 ? vermillion : blue, vector('z') . at(index_of[k + 1]))
            eval node(x(k), lower, r, k == 3 ? vermillion : green, vector('θ') . at(index_of[k + 1]))
        }
    }
    eval node(x(6), upper, r, blue, vector('z') . '_{' . it('T') . '}')
}
eval finish
