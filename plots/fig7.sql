-- fig7.sql - rows of Figure 7: training and evaluation loss against iteration
-- on images, mean and deviation over the seeds, for each data set and model.
.read plots/common.sql
INSERT INTO request (item, fallback, data) SELECT 'fig7', 1, 'image' WHERE NOT EXISTS (SELECT 1 FROM request);

-- loss_curves also has data sets of other kinds; curves.sql excludes them.
CREATE TEMP VIEW measured AS
SELECT dataset, model, split, iteration, mean, std, n
FROM loss_curves
WHERE experiment = (SELECT name FROM chosen);
CREATE TEMP VIEW fence AS SELECT 1.5 AS factor;
.read plots/curves.sql

CREATE TEMP VIEW caption AS
SELECT '' AS part,
       'Evaluation loss (solid) and training loss (dashed) in bits per dimension against iteration: mean over the seeds. '
       || 'Bands show one standard deviation.' || text AS text
FROM seeds_text;

SELECT * FROM curve WHERE EXISTS (SELECT 1 FROM curve WHERE mean IS NOT NULL);
