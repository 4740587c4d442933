# fig9.gp - Figure 9: evaluations of the field against iteration on images.
load 'plots/style.gp'

what = 'Function evaluations'
splits = 'training'
readers = ''
rising = 1
alone = 4.8     # all of a page's text
load 'plots/curves.gp'
