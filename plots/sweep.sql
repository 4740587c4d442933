-- sweep.sql - shared by the figures of sweeps: the pair of models, names of settings, points with their differences.
-- Read common.sql and fill `request` first.

-- The first two models of the experiment, in the order of all figures: AFFJORD, FFJORD.
CREATE TEMP VIEW swept_pair AS
SELECT a.model, a.label, b.model AS other, b.label AS other_label
FROM (SELECT * FROM chosen_model ORDER BY rank, model LIMIT 1) a
JOIN (SELECT * FROM chosen_model ORDER BY rank, model LIMIT 1 OFFSET 1) b;

-- Words for settings and values; others are shown unchanged.
CREATE TEMP TABLE setting_label (setting TEXT PRIMARY KEY, label TEXT);
INSERT INTO setting_label VALUES
    ('flow.end_time', 'End time'), ('flow.base_variance', 'Base variance'), ('solver.method', 'Rule of RK4'),
    ('solver.steps', 'Steps'), ('train.learning_rate', 'Learning rate'), ('train.iterations', 'Iterations'),
    ('model.initial_state', 'z*(0)'), ('model.concat', 'z* joined to z');
CREATE TEMP TABLE value_label (setting TEXT, value TEXT, label TEXT, PRIMARY KEY (setting, value));
INSERT INTO value_label VALUES ('solver.method', 'rk4', 'classic'), ('solver.method', 'rk4_38', '3/8');

CREATE TEMP VIEW swept_setting AS
SELECT s.point, s.axis, s.level, s.setting, coalesce(l.label, s.setting) AS setting_label,
       coalesce(v.label, replace(s.value, '_', ' ')) AS value_label
FROM sweep_settings s
LEFT JOIN setting_label l USING (setting)
LEFT JOIN value_label v ON v.setting = s.setting AND v.value = s.value
WHERE s.experiment = (SELECT name FROM chosen);

-- Student's t for an interval of 95%, by degrees of freedom; above the last, the last.
CREATE TEMP TABLE student (df INTEGER PRIMARY KEY, t DOUBLE);
INSERT INTO student VALUES
    (1, 12.706), (2, 4.303), (3, 3.182), (4, 2.776), (5, 2.571), (6, 2.447), (7, 2.365), (8, 2.306), (9, 2.262),
    (10, 2.228), (12, 2.179), (14, 2.145), (16, 2.120), (18, 2.101), (20, 2.086), (25, 2.060), (29, 2.045);

-- How much lower `model` is at each point, with the interval of the paired t test; sorted.
CREATE TEMP VIEW swept_point AS
WITH place AS (
    SELECT row_number() OVER (ORDER BY rank, dataset) - 1 AS dataset_index, dataset, label FROM chosen_dataset
), found AS (
    SELECT p.dataset_index, p.dataset, p.label, e.point, e.n, e.difference, e.error, e.effect, e.effect_low, e.effect_high,
           e.holm_p, (SELECT t FROM student WHERE df <= e.n - 1 ORDER BY df DESC LIMIT 1) * e.error AS half
    FROM swept_pair s
    JOIN sweep_effects e ON e.experiment = (SELECT name FROM chosen) AND e.model = s.model AND e.other = s.other
    JOIN place p USING (dataset)
)
SELECT *, difference - half AS low, difference + half AS high,
       row_number() OVER (PARTITION BY dataset ORDER BY difference, point) AS position
FROM found;
