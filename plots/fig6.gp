# fig6.gp - Figure 6: validation loss against iteration.
load 'plots/style.gp'

what = 'Validation loss (nats)'
splits = 'validation'
readers = ''
rising = 0
alone = 2.51    # as if it had a neighbour
load 'plots/curves.gp'
