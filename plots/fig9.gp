# fig9.gp - Figure 9: evaluations of the field against iteration on images.
load 'plots/style.gp'

what = 'Function evaluations'
splits = 'training'
readers = ''
load 'plots/curves.gp'
