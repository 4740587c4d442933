# images_pairs.gp - the grids of images.gp, one for each model.
load 'plots/images.gp'
