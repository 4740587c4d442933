# fig5.gp - Figure 5: a row for each data set; the target, AFFJORD, FFJORD.
# part: '' for the densities, 'samples' for the samples; data that is not of the
# plane has pictures of its own (curves, pairs).
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
tallest = (highest - top - edge + gap) / datasets - gap
side = side < tallest ? side : tallest

eval canvas(left + (models + 1) * (side + gap) - gap + scale + edge, top + datasets * (side + gap) - gap + edge)

# The colour scale is drawn with a panel that has something to scale.
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
    y = edge + (datasets - 1 - d) * (side + gap)
    do for [m = 0:models] {
        i = panel_of(d, m, kind)
        x = left + m * (side + gap)
        if (d == 0) { eval text(1, model_label[i], x + side / 2, H - top * 0.45, 'center noenhanced') }
        if (m == 0) { eval text(2, dataset_label[i], left / 2, y + side / 2, 'center rotate by 90 noenhanced' . (side < 1 ? " font ',6'" : ''))  }
        if (kind eq 'density' && m == shown[d + 1]) {
            eval colour_scale(scale_x, y, 0.07, side, density_top[d + 1])
            if (!named) { eval scale_unit(scale_x, edge, H - top - edge, 'Density, per unit area', 'per unit area'); named = 1 }
        }
        eval panel(i, x, y, side)
        unset label
        unset colorbox
    }
}
unset multiplot
