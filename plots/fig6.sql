-- fig6.sql - rows of Figure 6: validation loss against iteration, mean and
-- deviation over the seeds, for each data set and model. A model without any
-- has one row, whose iteration is NULL.
.read plots/common.sql
INSERT INTO request SELECT 'fig6', NULL, 1 WHERE NOT EXISTS (SELECT 1 FROM request);

-- What to show of each data set's bands: from the floor to the highest value
-- that is no outlier by Tukey's rule (more than 1.5 interquartile ranges beyond
-- a quartile), so that neither the first epochs nor a run gone astray squeezes
-- the curves.
CREATE TEMP VIEW span AS
WITH band AS (
    SELECT dataset, mean - coalesce(std, 0) AS low, mean + coalesce(std, 0) AS high
    FROM loss_curves
    WHERE experiment = (SELECT name FROM chosen) AND split = 'validation' AND mean IS NOT NULL
), ranked AS (
    SELECT *, cume_dist() OVER (PARTITION BY dataset ORDER BY low) AS low_rank,
           cume_dist() OVER (PARTITION BY dataset ORDER BY high) AS high_rank
    FROM band
), quartile AS (
    SELECT dataset,
           min(low) FILTER (WHERE low_rank >= 0.25) AS low_first, min(low) FILTER (WHERE low_rank >= 0.75) AS low_third,
           min(high) FILTER (WHERE high_rank >= 0.25) AS high_first,
           min(high) FILTER (WHERE high_rank >= 0.75) AS high_third
    FROM ranked
    GROUP BY dataset
)
SELECT dataset,
       min(low) FILTER (WHERE low >= low_first - 1.5 * (low_third - low_first)) AS lowest,
       max(high) FILTER (WHERE high <= high_third + 1.5 * (high_third - high_first)) AS highest
FROM quartile
JOIN band USING (dataset)
GROUP BY dataset;

-- Hash-Gaussian stands left of TY, as in the paper.
CREATE TEMP VIEW curve AS
WITH place AS (
    SELECT row_number() OVER (ORDER BY dataset != 'hash_gaussian', rank, dataset) - 1 AS dataset_index,
           dataset, label, entropy_floor
    FROM chosen_dataset
), series AS (
    SELECT row_number() OVER (ORDER BY rank, model) AS model_index, model, label
    FROM chosen_model
)
SELECT p.dataset_index, s.model_index, p.label AS dataset_label, s.label AS model_label,
       c.iteration, c.mean, c.std, c.n, p.entropy_floor,
       min(v.lowest, coalesce(p.entropy_floor, v.lowest)) AS lowest, v.highest
FROM place p
JOIN series s
LEFT JOIN span v ON v.dataset = p.dataset
LEFT JOIN loss_curves c ON c.experiment = (SELECT name FROM chosen) AND c.split = 'validation'
                           AND c.dataset = p.dataset AND c.model = s.model
ORDER BY p.dataset_index, s.model_index, c.iteration;

CREATE TEMP VIEW caption AS
SELECT '' AS part,
       'Validation loss against iteration: mean over the seeds, with a band of one standard deviation to either '
       || 'side where there are several; the dashed line is the entropy of the data, the floor of the loss. Numbers of '
       || 'seeds: '
       || (SELECT group_concat(line, '; ')
           FROM (SELECT dataset_label || ' ' || model_label || ' '
                        || CASE WHEN max(n) IS NULL THEN 'not run'
                                WHEN min(n) < max(n) THEN min(n) || ' to ' || max(n)
                                ELSE max(n) END AS line
                 FROM curve
                 GROUP BY dataset_index, model_index))
       || '. Experiment ' || (SELECT name FROM chosen) || '.' AS text;

SELECT * FROM curve WHERE EXISTS (SELECT 1 FROM curve WHERE mean IS NOT NULL);
