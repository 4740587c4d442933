-- fig5.sql - rows of Figure 5: the target, AFFJORD and FFJORD on the toy data
-- sets, as densities (fig5) and as samples (fig5_samples). Data of one column is
-- drawn as curves (fig5_curves), data of three and more in pairs of columns, a
-- picture for each data set and model (fig5_pairs1, ...).
.read plots/common.sql
INSERT INTO request (item, fallback, data) SELECT 'fig5', 1, 'toy' WHERE NOT EXISTS (SELECT 1 FROM request);
.read plots/panels.sql

CREATE TEMP VIEW caption AS
WITH pictures AS ( -- of the plane, by models
    SELECT kind FROM panel WHERE shape = 'plane' AND model_index > 0 AND state = 'drawn'
), ending AS (
    SELECT ' Experiment ' || (SELECT name FROM chosen) || '.' AS experiment
), shown AS (
    SELECT shape, ' ' || (SELECT text FROM why_shown) || text || '.' || experiment AS which FROM shown_text JOIN ending
)
SELECT '' AS part,
       'Target density (left; points if the density is unknown) and the densities learnt by ' || names
       || '. Each row has one linear colour scale, from 0 to the maximum of the target, or of the models if the target is '
       || 'unknown. Larger values have the colour of the maximum.' || which AS text
FROM chosen_models JOIN shown WHERE shape = 'plane' AND 'density' IN (SELECT kind FROM pictures)
UNION ALL
SELECT 'samples', 'Samples of the target (left) and of ' || names || ': at most the first 6,000 stored.' || which
FROM chosen_models JOIN shown WHERE shape = 'plane' AND 'samples' IN (SELECT kind FROM pictures)
UNION ALL
SELECT 'curves', 'Densities learnt by ' || names || ' (curves) over the histogram of the data. Without a stored '
       || 'density, the curve is the histogram of the model''s samples.' || which
FROM chosen_models JOIN shown
WHERE shape = 'line' AND EXISTS (SELECT 1 FROM panel WHERE shape = 'line' AND model_index > 0 AND state = 'drawn')
UNION ALL
SELECT *
FROM (SELECT 'pairs' || p.pairs,
             p.dataset_label || ' in pairs of columns: the data (below the diagonal, grey) and samples of ' || p.model_label
             || ' (above it, in colour). The diagonal shows histograms of each column, for the data (filled) and the '
             || 'samples (line). Each panel has at most the first 2,000 points'
             || iif(p.columns > 8, printf('; shown are the first 8 of %d columns', p.columns), '') || '. '
             || (SELECT text FROM why_shown) || p.shown_as || '.' || experiment
      FROM panel p JOIN ending
      WHERE p.pairs IS NOT NULL
      ORDER BY p.pairs);

SELECT * FROM panel WHERE EXISTS (SELECT 1 FROM panel WHERE model_index > 0 AND state = 'drawn');
