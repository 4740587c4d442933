-- fig5.sql - rows of Figure 5: the target, AFFJORD and FFJORD on the toy data
-- sets, as densities (fig5) and as samples (fig5_samples). The run shown for a
-- model is the one with the lowest seed that has a stored picture.
.read plots/common.sql
INSERT INTO request (item, fallback, data) SELECT 'fig5', 1, 'toy' WHERE NOT EXISTS (SELECT 1 FROM request);
.read plots/panels.sql

CREATE TEMP VIEW caption AS
WITH models AS (
    SELECT group_concat(label, ' and ') AS names FROM (SELECT label FROM chosen_model ORDER BY rank, model)
), shown AS (
    SELECT ' Shown is the lowest seed with a stored picture, with its validation loss: ' || text || '. Experiment '
           || (SELECT name FROM chosen) || '.' AS which
    FROM shown_text
)
SELECT '' AS part,
       'Target density (left) and the densities learnt by ' || names || '. Each row has one linear colour scale, from '
       || '0 to the maximum of its target; larger values have the colour of the maximum.' || which AS text
FROM models JOIN shown
UNION ALL
SELECT 'samples', 'Samples of the target (left) and of ' || names || ': at most the first 6,000 stored.' || which
FROM models JOIN shown;

SELECT * FROM panel WHERE EXISTS (SELECT 1 FROM panel WHERE model_index > 0 AND state = 'drawn');
