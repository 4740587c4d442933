-- curves.sql - measurements during training against iteration, laid out for
-- fig6.sql, fig7.sql and fig9.sql. Read common.sql first, then make a view
-- `measured`: dataset, model, split, iteration; mean, deviation (std) and number
-- (n) over the seeds; and a view `fence` of one number, the factor below.

-- A run that stops early has its last epoch at another iteration. Leave it out there: a mean of one run between
-- means of thirty is not a point of the curve.
CREATE TEMP VIEW drawn AS
SELECT dataset, model, split, iteration, mean, std, n
FROM (SELECT *, lag(n) OVER epochs AS before, lead(n) OVER epochs AS after
      FROM measured
      WINDOW epochs AS (PARTITION BY dataset, model, split ORDER BY iteration))
WHERE (2 * n < before AND 2 * n < after) IS NOT TRUE;

-- The range of each data set's axis: from the floor to the highest value that is not an outlier by Tukey's rule (more
-- than factor, for him 1.5, interquartile ranges beyond a quartile). Neither the first epochs nor a diverged run then
-- compress the curves.
CREATE TEMP VIEW span AS
WITH band AS (
    SELECT dataset, mean - coalesce(std, 0) AS low, mean + coalesce(std, 0) AS high
    FROM drawn
    WHERE abs(mean) < 1e300 AND coalesce(abs(std), 0) < 1e300
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
       min(low) FILTER (WHERE low >= low_first - factor * (low_third - low_first)) AS lowest,
       max(high) FILTER (WHERE high <= high_third + factor * (high_third - high_first)) AS highest
FROM quartile
JOIN band USING (dataset)
JOIN fence
GROUP BY dataset;

-- One row for each point of a curve. A model without any has one row, whose iteration is NULL. Hash-Gaussian is left of
-- TY, as in the paper.
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
       min(v.lowest, coalesce(p.entropy_floor, v.lowest)) AS lowest, v.highest, c.split
FROM place p
JOIN series s
LEFT JOIN span v ON v.dataset = p.dataset
LEFT JOIN drawn c ON c.dataset = p.dataset AND c.model = s.model
ORDER BY p.dataset_index, s.model_index, c.split, c.iteration;

-- The end of every caption.
CREATE TEMP VIEW seeds_text AS
SELECT ' Numbers of seeds: ' || group_concat(line, '; ') || '. Experiment ' || (SELECT name FROM chosen) || '.' AS text
FROM (SELECT dataset_label || ' ' || model_label || ' '
             || CASE WHEN max(n) IS NULL THEN 'not run'
                     WHEN min(n) < max(n) THEN min(n) || ' to ' || max(n)
                     ELSE max(n) END AS line
      FROM curve
      GROUP BY dataset_index, model_index);
