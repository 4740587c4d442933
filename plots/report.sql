-- report.sql - the part of plots/report.sh's page about the whole database. Each table goes to a file; the unit
-- separator ends cells and the record separator ends rows, and both are removed from other texts. The first row of a
-- table has the headings. Times are in seconds, which plots/report.awk formats. plots/report_experiment.sql follows for
-- each experiment.
.read plots/common.sql

-- Origins of runs (machine, program), numbered in the order of their runs.
CREATE TEMP TABLE environment AS
SELECT row_number() OVER (ORDER BY min(run_id)) AS number, count(*) AS runs,
       git_commit, git_dirty, compiler, compiler_flags, host, cpu, simd, gpu, driver, libraries
FROM run
WHERE started IS NOT NULL
GROUP BY git_commit, git_dirty, compiler, compiler_flags, host, cpu, simd, gpu, driver, libraries;

-- Runs with titles and durations.
CREATE TEMP TABLE shown AS
SELECT r.run_id, r.key, r.dataset, d.label AS dataset_label, d.rank AS dataset_rank, r.data_checksum,
       r.model,
       coalesce(l.label, replace(replace(replace(r.model, '_', ' '), 'ffjord', 'FFJORD'), 'aFFJORD', 'AFFJORD'))
       AS model_label, coalesce(l.rank, 1000) AS model_rank,
       r.seed, r.parameters, r.iterations, r.status, r.iteration, r.started, r.ended, r.wall_seconds, r.sessions,
       replace(replace(r.error, char(30), ' '), char(31), ' ') AS error,
       replace(replace(r.command_line, char(30), ' '), char(31), ' ') AS command_line, e.number AS environment
FROM run r
JOIN dataset_name d USING (dataset)
LEFT JOIN model_label l USING (model)
LEFT JOIN environment e
       ON r.started IS NOT NULL AND e.git_commit IS r.git_commit AND e.git_dirty IS r.git_dirty
          AND e.compiler IS r.compiler AND e.compiler_flags IS r.compiler_flags AND e.host IS r.host
          AND e.cpu IS r.cpu AND e.simd IS r.simd AND e.gpu IS r.gpu AND e.driver IS r.driver
          AND e.libraries IS r.libraries;
CREATE INDEX temp.shown_by_run ON shown (run_id);

.mode ascii
.nullvalue —
.headers off

.output summary
SELECT (SELECT count(*) FROM experiment)
       || iif((SELECT count(*) FROM experiment) = 1, ' experiment, ', ' experiments, ')
       || count(*) || iif(count(*) = 1, ' run, ', ' runs, ') || count(*) FILTER (WHERE status = 'done')
       || ' of them finished; computing took ', total(wall_seconds),
       coalesce(iif(substr(min(started), 1, 10) = substr(max(ended), 1, 10), ' on ' || substr(max(ended), 1, 10),
                    ' between ' || substr(min(started), 1, 10) || ' and ' || substr(max(ended), 1, 10)), '') || '.'
FROM shown;

-- The number of claims for each verdict.
.output verdicts
SELECT coalesce(group_concat(n || ' ' || verdict, ', '), '')
FROM (SELECT verdict, count(*) AS n FROM claims GROUP BY verdict
      ORDER BY verdict != 'supported', verdict = 'not run', verdict);

.headers on

-- Losses of every experiment on points; the paper's items show one of them.
.output toy_losses
SELECT t.experiment AS "Experiment", d.label AS "Data set", coalesce(l.label, t.model) AS "Model", t.n AS "n",
       CASE WHEN t.std IS NULL THEN printf('%.4f', t.mean) ELSE printf('%.4f ± %.4f', t.mean, t.std) END AS "Final",
       printf('%.4f', t.best) AS "Best",
       CASE WHEN t.entropy_floor IS NOT NULL THEN printf('%.4f', t.entropy_floor) END AS "Entropy"
FROM toy_losses t
JOIN dataset_name d USING (dataset)
LEFT JOIN model_label l USING (model)
WHERE t.n > 0
      AND t.dataset NOT IN (SELECT r.dataset FROM metric m JOIN run r USING (run_id) WHERE m.name = 'data_dimension')
ORDER BY t.experiment, d.rank, t.dataset, coalesce(l.rank, 1000), t.model;

.output reported
SELECT CASE p.item WHEN 'table1' THEN 'Table 1' WHEN 'table2' THEN 'Table 2' ELSE p.item END AS "Item",
       coalesce(d.label, p.dataset) AS "Data set", nullif(p.architecture, '') AS "Architecture",
       coalesce(m.label, p.model) AS "Model", replace(p.metric, '_', ' ') AS "Of",
       CASE WHEN p.value IS NULL THEN NULL WHEN p.metric = 'parameters' THEN printf('%,d', p.value)
            WHEN p.metric = 'bits_per_dim' THEN printf('%.2f', p.value) ELSE printf('%.12g', p.value) END AS "Value",
       p.source AS "Source"
FROM reported p
LEFT JOIN dataset_label d USING (dataset)
LEFT JOIN model_label m USING (model)
ORDER BY p.item, coalesce(d.rank, 1000), p.dataset, p.architecture, coalesce(m.rank, 1000) DESC, p.model, p.metric;

.output failed
SELECT coalesce((SELECT group_concat(name, ', ')
                 FROM (SELECT e.name FROM experiment_run er JOIN experiment e USING (experiment_id)
                       WHERE er.run_id = t.run_id ORDER BY e.name)), 'none now') AS "Experiment",
       dataset_label AS "Data set", model_label AS "Model", seed AS "Seed", substr(key, 1, 12) AS "Key",
       coalesce(error, 'no reason was stored') AS "Why"
FROM shown t
WHERE status = 'failed'
ORDER BY 1, dataset_rank, dataset, model_rank, model, seed;

.output datasets
SELECT dataset_label AS "Data set", dataset AS "Name", data_checksum AS "SHA-256", count(*) AS "Runs"
FROM shown
GROUP BY dataset, data_checksum
ORDER BY dataset_rank, dataset, min(run_id);

.headers off

.output environments
SELECT number, field, value
FROM (SELECT number, 1 AS place, 'Runs' AS field, runs AS value FROM environment
      UNION ALL
      SELECT number, 2, 'Commit', git_commit || CASE git_dirty WHEN 1 THEN ', with changes that are not in it'
                                                            WHEN 0 THEN ', without changes' ELSE '' END
      FROM environment
      UNION ALL SELECT number, 3, 'Compiler', compiler FROM environment
      UNION ALL SELECT number, 4, 'Options', compiler_flags FROM environment
      UNION ALL SELECT number, 5, 'Host', host FROM environment
      UNION ALL SELECT number, 6, 'Processor', cpu FROM environment
      UNION ALL SELECT number, 7, 'Kernels', simd FROM environment
      UNION ALL SELECT number, 8, 'GPU', gpu FROM environment
      UNION ALL SELECT number, 9, 'Driver', driver FROM environment
      UNION ALL SELECT number, 10, 'Libraries', libraries FROM environment)
WHERE value IS NOT NULL AND value != ''
ORDER BY number, place;

-- First and last values of curves, for the alternative text.
.output curves
WITH curve AS (
    SELECT 'loss' AS kind, experiment, dataset, model, split, iteration, mean AS value FROM loss_curves
    UNION ALL
    SELECT 'evaluations', experiment, dataset, model, split, iteration, nfe_forward FROM nfe_curves
), ends AS (
    SELECT DISTINCT kind, experiment, dataset, model, split,
           first_value(iteration) OVER w AS first, first_value(value) OVER w AS from_value,
           last_value(iteration) OVER w AS last, last_value(value) OVER w AS to_value
    FROM curve
    WHERE value IS NOT NULL AND split IN ('validation', iif(kind = 'evaluations', 'training', 'validation'))
    WINDOW w AS (PARTITION BY kind, experiment, dataset, model, split ORDER BY iteration
                 ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
), sentence AS (
    SELECT kind, experiment,
           d.label || ', ' || coalesce(l.label, c.model) || iif(kind = 'evaluations', ', ' || split, '') || ': '
           || CASE WHEN first = last THEN printf('%.4g after %,d iterations', to_value, last)
                   ELSE printf('from %.4g after %,d iterations to %.4g after %,d', from_value, first, to_value, last)
              END AS text
    FROM ends c
    JOIN dataset_name d USING (dataset)
    LEFT JOIN model_label l USING (model)
    ORDER BY kind, experiment, d.rank, dataset, coalesce(l.rank, 1000), c.model, split DESC
)
SELECT kind, experiment, group_concat(text, '; ') || '.' FROM sentence GROUP BY kind, experiment;
