# fig5.gp - Figure 5: a row for each data set; the target, AFFJORD, FFJORD. part: '' for the densities, 'samples' for
# the samples; data of other dimensions has other figures (curves, pairs).
load 'plots/style.gp'
if (part eq 'curves') { load 'plots/density_curves.gp'; exit }
if (part[1:5] eq 'pairs') { load 'plots/pairs.gp'; exit }
load 'plots/panels.gp'

kind = part eq 'samples' ? 'samples' : 'density'
edge = 0.06                             # below and at the right
gap = 0.06
left = 0.2                              # room for the data sets' names
top = 0.22                              # and for the models'
scale = kind eq 'density' ? scale_room : 0
# Not higher than a page.
highest = 9.0
side = (width - left - scale - edge - gap * models) / (models + 1)
array tall[datasets]    # of each row, in sides
do for [d = 0:datasets - 1] {
    tall[d + 1] = 0
    do for [m = 0:models] { tall[d + 1] = greater(tall[d + 1], along(shown_at(d, m, kind), 1)) }
}
sides = sum [d = 1:datasets] tall[d]
tallest = (highest - top - edge - (datasets - 1) * gap) / sides
side = side < tallest ? side : tallest
foot(d) = edge + (d + 1 < datasets ? sum [e = d + 2:datasets] (tall[e] * side + gap) : 0)

eval canvas(left + (models + 1) * (side + gap) - gap + scale + edge, top + sides * side + (datasets - 1) * gap + edge)

# Draw the colour scale beside a panel that has a density.
array shown[datasets]
do for [d = 0:datasets - 1] {
    shown[d + 1] = -1
    do for [m = 0:models] { if (state_at[panel_of(d, m, 'density')] eq 'drawn') { shown[d + 1] = m } }
}

scale_x = left + (models + 1) * (side + gap)
named = 0               # the colour scales, once for all
set multiplot
eval bare_axes
do for [d = 0:datasets - 1] {
    y = foot(d)
    height = tall[d + 1] * side
    do for [m = 0:models] {
        i = shown_at(d, m, kind)
        x = left + m * (side + gap)
        if (d == 0) { eval text(1, model_label[i], x + side / 2, H - top * 0.45, 'center noenhanced') }
        if (m == 0) { eval text(2, dataset_label[i], left / 2, y + height / 2, 'center rotate by 90 noenhanced' . (height < 1 ? " font ',6'" : ''))  }
        if (kind eq 'density' && m == shown[d + 1]) {
            eval colour_scale(scale_x, y, 0.07, height, density_top[d + 1])
            if (!named) { eval scale_unit(scale_x, edge, H - top - edge, 'Density, per unit area', 'per unit area'); named = 1 }
        }
        eval panel(i, x, y, side, height)
        unset label
        unset colorbox
    }
}
unset multiplot
