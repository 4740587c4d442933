-- choices.sql - the specification curve of a sweep: all points sorted by the difference of two
-- models, and the choices of each.
.read plots/common.sql
INSERT INTO request (item, fallback, data) SELECT 'choices', 0, 'toy' WHERE NOT EXISTS (SELECT 1 FROM request);
.read plots/sweep.sql

-- A row of marks for each value but the first one of a setting.
CREATE TEMP VIEW mark_row AS
SELECT row_number() OVER (ORDER BY axis, level) AS line, axis, level,
       setting_label || ': ' || value_label || ' (blank: '
       || (SELECT f.value_label FROM swept_setting f WHERE f.axis = s.axis AND f.level = 0 LIMIT 1) || ')' AS label
FROM (SELECT DISTINCT axis, level, setting_label, value_label FROM swept_setting WHERE level > 0) s;

CREATE TEMP VIEW caption AS
WITH counts AS (
    SELECT label, count(*) AS points, sum(difference > 0) AS lower, sum(low > 0) AS surely, sum(high < 0) AS surely_not,
           sum(holm_p < 0.05 AND difference > 0) AS corrected, min(n) AS least, max(n) AS most
    FROM swept_point GROUP BY dataset_index
)
SELECT '' AS part,
       'Final loss of ' || s.other_label || ' less that of ' || s.label || ' in nats, at every combination of the choices that '
       || 'the paper leaves open, sorted'
       || CASE WHEN (SELECT max(most) FROM counts) > 1
               THEN ': mean over paired seeds with 95% intervals (t). Above 0, ' || s.label
                    || ' is better; colours show intervals above, around and below 0. '
               ELSE '. Above 0, ' || s.label || ' is better. One seed shows no deviation between seeds, so no point has an interval. ' END
       || 'The ring is the combination of the first values. Marks below say which choice a combination has. '
       || (SELECT group_concat(label || ': ' || s.label || ' lower in ' || lower || ' of ' || points || ' combinations'
                               || CASE WHEN most > 1 THEN ', by an interval in ' || surely || ' (after Holm''s correction for all '
                                  || (SELECT max(tests) FROM sweep_effects WHERE experiment = (SELECT name FROM chosen)) || ' tests, '
                                  || corrected || '), higher by an interval in ' || surely_not ELSE '' END, '; ') FROM counts)
       || '. Seeds: ' || (SELECT CASE WHEN min(least) < max(most) THEN min(least) || ' to ' ELSE '' END || max(most) FROM counts)
       || '. Experiment ' || (SELECT name FROM chosen) || '.' AS text
FROM swept_pair s;

-- Points: data set, label, position, difference, its interval, its sign (1, 0, -1; 2 without an interval), whether
-- all its values are the first. Marks: data set, '', position, line. Lines: their label.
SELECT 'point' AS kind, p.dataset_index, p.label, p.position, p.difference, p.low, p.high,
       CASE WHEN p.low > 0 THEN 1 WHEN p.high < 0 THEN -1 WHEN p.low IS NULL THEN 2 ELSE 0 END,
       NOT EXISTS (SELECT 1 FROM swept_setting x WHERE x.point = p.point AND x.level > 0)
FROM swept_point p
UNION ALL
SELECT 'mark', p.dataset_index, '', p.position, m.line, NULL, NULL, NULL, NULL
FROM swept_point p
JOIN swept_setting s ON s.point = p.point
JOIN mark_row m ON m.axis = s.axis AND m.level = s.level
UNION ALL
SELECT 'line', NULL, label, NULL, line, NULL, NULL, NULL, NULL FROM mark_row WHERE EXISTS (SELECT 1 FROM swept_point)
ORDER BY 1 DESC, 2, 4;
