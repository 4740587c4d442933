# fig6.gp - Figure 6: validation loss against iteration.
load 'plots/style.gp'

what = 'Validation loss (nats)'
splits = 'validation'
readers = ''
load 'plots/curves.gp'
