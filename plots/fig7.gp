# fig7.gp - Figure 7: training and evaluation loss against iteration on images.
load 'plots/style.gp'

what = 'Loss (bits/dim)'
splits = 'validation training'
readers = 'evaluation training'
load 'plots/curves.gp'
