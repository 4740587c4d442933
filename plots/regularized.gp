# regularized.gp - Figure 9 under regularization: evaluations of the field against iteration, model by model.
load 'plots/style.gp'

what = 'Function evaluations'
splits = 'training'
readers = ''
load 'plots/curves.gp'
