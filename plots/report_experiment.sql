-- report_experiment.sql - the part of plots/report.sh's page about one experiment, whose
-- experiment_id is in the table `shown_experiment`. Run it after plots/report.sql, in a
-- folder of the experiment.
DROP TABLE IF EXISTS member;
CREATE TEMP TABLE member AS
SELECT t.*
FROM shown_experiment
JOIN experiment_run er USING (experiment_id)
JOIN shown t USING (run_id);

.headers off
.output heading
SELECT replace(replace(e.title, char(30), ' '), char(31), ' ') FROM shown_experiment JOIN experiment e USING (experiment_id);
.output sentence
SELECT e.file || ': ' || (SELECT count(*) || iif(count(*) = 1, ' run', ' runs') FROM member) || ', computed in ',
       (SELECT total(wall_seconds) FROM member),
       '; last started on ' || replace(replace(e.updated, 'T', ' at '), 'Z', ' UTC') || '.'
FROM shown_experiment
JOIN experiment e USING (experiment_id);

-- Evaluations in one solve of training, in the last epoch; one number where all have the same.
DROP TABLE IF EXISTS solve;
CREATE TEMP TABLE solve AS
SELECT m.dataset_label, m.dataset_rank, m.model_label, m.model_rank,
       replace(printf('%.1f', avg(e.nfe_forward)), '.0', '') AS forward,
       replace(printf('%.1f', avg(e.nfe_backward)), '.0', '') AS backward
FROM member m
JOIN epoch e USING (run_id)
WHERE m.status = 'done' AND e.split = 'training'
      AND e.epoch = (SELECT max(epoch) FROM epoch l WHERE l.run_id = m.run_id AND l.split = 'training')
GROUP BY m.dataset_label, m.model_label;
.output evaluations
SELECT 'Evaluations of the field in a solve of training, in the last epoch, forward and backward: '
       || iif(count(DISTINCT forward || ' ' || backward) = 1, min(forward) || ' and ' || min(backward),
              group_concat(model_label || ' on ' || dataset_label || ' ' || forward || ' and ' || backward, '; '))
       || '.'
FROM (SELECT * FROM solve ORDER BY dataset_rank, dataset_label, model_rank, model_label)
HAVING count(*) > 0;

.headers on
.output groups
WITH seeds AS (
    SELECT dataset, model, group_concat(text, ', ') AS text
    FROM (SELECT dataset, model, min(seed) || iif(max(seed) > min(seed), '–' || max(seed), '') AS text
          FROM (SELECT dataset, model, seed,
                       seed - row_number() OVER (PARTITION BY dataset, model ORDER BY seed) AS island
                FROM (SELECT DISTINCT dataset, model, seed FROM member))
          GROUP BY dataset, model, island
          ORDER BY dataset, model, min(seed))
    GROUP BY dataset, model
), states AS (
    SELECT dataset, model, group_concat(n || ' ' || status, ', ') AS text
    FROM (SELECT dataset, model, status, count(*) AS n FROM member GROUP BY dataset, model, status
          ORDER BY status != 'done', status)
    GROUP BY dataset, model
)
SELECT m.dataset_label AS "Data set", m.model_label AS "Model", t.text AS "Runs", s.text AS "Seeds",
       printf('%,d', max(m.iteration)) || iif(max(m.iteration) < max(m.iterations),
                                             ' of ' || printf('%,d', max(m.iterations)), '') AS "Iterations",
       CASE WHEN max(m.parameters) IS NOT NULL THEN printf('%,d', max(m.parameters)) END AS "Parameters",
       avg(m.wall_seconds) FILTER (WHERE m.status = 'done') AS "Time each",
       (SELECT group_concat(environment, ', ')
        FROM (SELECT DISTINCT environment FROM member f
              WHERE f.dataset = m.dataset AND f.model = m.model AND environment IS NOT NULL ORDER BY 1))
       AS "Environment"
FROM member m
JOIN seeds s USING (dataset, model)
JOIN states t USING (dataset, model)
GROUP BY m.dataset, m.model
ORDER BY m.dataset_rank, m.dataset, m.model_rank, m.model;

DROP TABLE IF EXISTS chosen_value;
CREATE TEMP TABLE chosen_value AS
-- The table setting has the names from before a renaming; a test compares these with core/model/options.def.
WITH renamed (section, old_key, key) AS (
    VALUES ('model', 'join', 'concat'), ('model', 'start', 'initial_state'), ('model', 'motion', 'dynamics'),
           ('image', 'moving', 'augmented_dims'), ('image', 'fed', 'hypernet_inputs'), ('image', 'average', 'downsample'),
           ('solver', 'kept_steps', 'max_stored_steps'), ('solver', 'keep', 'store'), ('output', 'moments', 'snapshots')
)
SELECT m.dataset_label, m.dataset_rank, m.model_label, m.model_rank, s.section, coalesce(n.key, s.key) AS key,
       iif(s.section = 'model' AND s.key = 'context' AND s.value = 'clock', 'time', s.value) AS value
FROM member m
JOIN setting s USING (run_id)
LEFT JOIN renamed n ON n.section = s.section AND n.old_key = s.key;
DROP TABLE IF EXISTS varying;
CREATE TEMP TABLE varying AS
SELECT section, key FROM chosen_value GROUP BY section, key
HAVING count(DISTINCT value) > 1 OR count(*) < (SELECT count(*) FROM member);

-- A row for each setting and model; plots/report.awk makes a column of each model.
.headers off
.output differing
WITH used AS (
    SELECT DISTINCT section, key, model_label, model_rank, dataset_label, dataset_rank, value
    FROM chosen_value
    JOIN varying USING (section, key)
    ORDER BY dataset_rank, dataset_label, value
)
SELECT section || '.' || key, model_label,
       CASE WHEN count(DISTINCT value) = 1 THEN min(value)
            ELSE group_concat(dataset_label || ': ' || value, '; ') END
FROM used
GROUP BY section, key, model_label
ORDER BY section, key, model_rank, model_label;

.headers on
.output common
SELECT section AS "Section", group_concat(key || ' = ' || value, '; ') AS "Settings"
FROM (SELECT DISTINCT section, key, value FROM chosen_value
      WHERE (section, key) NOT IN (SELECT section, key FROM varying)
      ORDER BY section, key)
GROUP BY section;

-- The page lists at most this many.
.output runs
SELECT m.dataset_label AS "Data set", m.model_label AS "Model", m.seed AS "Seed", substr(m.key, 1, 12) AS "Key",
       m.status AS "State", printf('%,d', m.iteration) AS "Iterations",
       (SELECT coalesce(printf('%.4f', value), nonfinite) FROM metric
        WHERE run_id = m.run_id AND name IN ('best_bits_per_dim', 'final_validation_loss')
        ORDER BY name LIMIT 1) AS "Loss",
       iif(m.sessions > 0, m.wall_seconds, NULL) AS "Time",
       substr(m.started, 1, 10) AS "Started", nullif(m.sessions, 0) AS "Starts",
       m.environment AS "Environment"
FROM member m
ORDER BY m.dataset_rank, m.dataset, m.model_rank, m.model, m.seed, m.run_id
LIMIT 600;

.output commands
SELECT command_line AS "Command", count(*) AS "Runs"
FROM member
WHERE command_line IS NOT NULL
GROUP BY command_line
ORDER BY min(run_id);
