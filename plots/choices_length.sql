-- choices_length.sql - the difference of two models' validation losses against iteration, for every point of a sweep:
-- does the difference shrink during training?
.read plots/common.sql
INSERT INTO request (item, fallback, data) SELECT 'choices_length', 0, 'toy' WHERE NOT EXISTS (SELECT 1 FROM request);
.read plots/sweep.sql

CREATE TEMP TABLE length_curve AS
WITH place AS (
    SELECT row_number() OVER (ORDER BY rank, dataset) - 1 AS dataset_index, dataset, label FROM chosen_dataset
)
SELECT p.dataset_index, p.dataset, p.label, c.point, c.iteration, c.difference, c.n
FROM swept_pair s
JOIN sweep_curves c ON c.experiment = (SELECT name FROM chosen) AND c.model = s.model AND c.other = s.other
JOIN place p USING (dataset);

-- The points in the middle, by rank: 5%, 25%, 50%, 75%, 95%.
CREATE TEMP VIEW length_band AS
SELECT dataset_index, label, iteration, count(*) AS points,
       min(difference) FILTER (WHERE share >= 0.05) AS q05, min(difference) FILTER (WHERE share >= 0.25) AS q25,
       min(difference) FILTER (WHERE share >= 0.5) AS q50, min(difference) FILTER (WHERE share >= 0.75) AS q75,
       min(difference) FILTER (WHERE share >= 0.95) AS q95
FROM (SELECT *, cume_dist() OVER (PARTITION BY dataset_index, iteration ORDER BY difference) AS share FROM length_curve)
GROUP BY dataset_index, iteration;

-- At how many points the difference at the end is smaller than at a third of the training (as in
-- the view sweep_lengths, which an older database lacks).
CREATE TEMP VIEW length_end AS
SELECT c.dataset_index, c.label, h.iteration AS third_iteration, count(*) AS points,
       sum(abs(c.difference) < abs(h.difference)) AS nearer, sum(c.difference < h.difference) AS smaller,
       avg(h.difference) AS third, avg(c.difference) AS last
FROM length_curve c
JOIN length_curve h ON h.dataset = c.dataset AND h.point = c.point
WHERE c.iteration = (SELECT max(iteration) FROM length_curve)
      AND h.iteration = (SELECT max(iteration) FROM length_curve WHERE 3 * iteration <= (SELECT max(iteration) FROM length_curve))
GROUP BY c.dataset_index;

CREATE TEMP VIEW caption AS
SELECT '' AS part,
       'Validation loss of ' || s.other_label || ' less that of ' || s.label || ' in nats against iteration, '
       || iif((SELECT max(n) FROM length_curve) > 1, 'mean over paired seeds. ', 'of one seed. ')
       || 'Thin lines: every combination of the choices; thick line: their median; band: their middle half. '
       || coalesce((SELECT 'From iteration ' || min(third_iteration) || ', a third of the training, to its end the models draw nearer in '
              || group_concat(nearer || ' of ' || points || ' combinations on ' || label || printf(' (%.0f%%; the lead of ', 100.0 * nearer / points)
                              || (SELECT label FROM swept_pair) || printf(' shrinks in %d; mean difference %.4f, then %.4f)', smaller, third, last), '; ')
              || '. ' FROM length_end HAVING count(*) > 0), '')
       || 'Experiment ' || (SELECT name FROM chosen) || '.' AS text
FROM swept_pair s;

-- Curves: data set, label, point, iteration, difference; bands: the median, and the quarter points
-- and 5% on either side.
SELECT 'curve' AS kind, dataset_index, label, point, iteration, difference, NULL AS q25, NULL AS q75, NULL AS q05, NULL AS q95
FROM length_curve
UNION ALL -- where one line ends and the next begins
SELECT DISTINCT 'curve', dataset_index, label, point, 0, NULL, NULL, NULL, NULL, NULL FROM length_curve
UNION ALL
SELECT 'band', dataset_index, label, -1, iteration, q50, q25, q75, q05, q95 FROM length_band
ORDER BY 1, 2, 4, 5;
