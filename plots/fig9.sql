-- fig9.sql - rows of Figure 9: evaluations per forward solve during training on images,
-- mean and deviation over the seeds, for each data set and model. If training has fixed
-- steps, they are those of the validation.
.read plots/common.sql
INSERT INTO request (item, fallback, data) SELECT 'fig9', 1, 'image' WHERE NOT EXISTS (SELECT 1 FROM request);

-- Computed from the epochs, because view nfe_curves has no deviation.
CREATE TEMP VIEW measured AS
SELECT r.dataset, r.model, 'training' AS split, p.iteration, avg(p.nfe_forward) AS mean,
       CASE WHEN count(*) > 1
            THEN sqrt(max(0, (sum(p.nfe_forward * p.nfe_forward) - sum(p.nfe_forward) * avg(p.nfe_forward))
                             / (count(*) - 1))) END AS std,
       count(*) AS n
FROM chosen_run r
JOIN adaptive_epochs p USING (run_id)
GROUP BY r.dataset, r.model, p.iteration;
-- Wider than for a loss, because the early, low values matter here.
CREATE TEMP VIEW fence AS SELECT 3 AS factor;
.read plots/curves.sql

-- Of both rules in one experiment, state is FFJORD's, which has no z*.
CREATE TEMP VIEW caption AS
SELECT '' AS part,
       'Evaluations of the field per forward solve against iteration, in training, or in validation if training has fixed '
       || 'steps: mean over the seeds. Bands show one standard deviation. '
       || CASE (SELECT max(coalesce(s.value, 'state_and_context')) FROM chosen_run r
                LEFT JOIN setting s ON s.run_id = r.run_id AND s.section = 'solver' AND s.key = 'error_norm')
               WHEN 'state' THEN 'Steps are chosen by the error of z with log p.'
               WHEN 'state_and_context' THEN 'Steps are chosen by the larger error of z with log p and of z*.'
               ELSE '' END || text AS text
FROM seeds_text;

SELECT * FROM curve WHERE EXISTS (SELECT 1 FROM curve WHERE mean IS NOT NULL);
