-- choices_terms.sql - main effects and interactions of a sweep's settings on the difference of two
-- models (table sweep_term).
.read plots/common.sql
INSERT INTO request (item, fallback, data) SELECT 'choices_terms', 0, 'toy' WHERE NOT EXISTS (SELECT 1 FROM request);
.read plots/sweep.sql

CREATE TEMP VIEW caption AS
SELECT '' AS part,
       'What each choice adds to the final loss of ' || s.other_label || ' less that of ' || s.label || ' in nats: estimate '
       || CASE WHEN t.seeds > 1 THEN 'with its standard error over the seeds; p by Student''s t, corrected by Holm''s procedure over the '
                                     || t.tests || ' terms of a data set'
               ELSE 'of one seed, which has no standard error' END
       || '. Above 0, the choice favours ' || s.label || '. A linear model with all choices and all pairs of choices, fitted to the '
       || 'combinations of each seed. '
       || CASE WHEN t.seeds > 1 THEN 'Of pairs (×), by how much the one choice changes the effect of the other, those are shown '
                                     || 'that have p below 0.05 on some data set. '
               ELSE 'Pairs are not shown. ' END
       || 'Mean: over all combinations. Experiment ' || (SELECT name FROM chosen) || '.' AS text
FROM swept_pair s
JOIN (SELECT max(n) AS seeds, max(tests) AS tests FROM sweep_term WHERE experiment = (SELECT name FROM chosen)) t;

-- Terms in words: 'affjord: model.concat = no' becomes 'z* joined to z: no'.
CREATE TEMP VIEW swept_term AS
WITH RECURSIVE numbered AS (
    SELECT row_number() OVER (ORDER BY rank, length(before) DESC, before) AS place, before, after
    FROM (SELECT v.setting || ' = ' || v.value AS before, coalesce(l.label, v.setting) || ': ' || v.label AS after, 0 AS rank
          FROM value_label v
          LEFT JOIN setting_label l USING (setting)
          UNION ALL
          SELECT setting || ' = ', label || ': ', 1 FROM setting_label)
), reworded (place, dataset, term, words) AS (
    SELECT 0, t.dataset, t.term, replace(t.term, s.model || ': ', '')
    FROM swept_pair s
    JOIN sweep_term t ON t.experiment = (SELECT name FROM chosen) AND t.model = s.model AND t.other = s.other
    UNION ALL
    SELECT n.place, r.dataset, r.term, replace(r.words, n.before, n.after)
    FROM reworded r
    JOIN numbered n ON n.place = r.place + 1
)
SELECT d.rank, d.dataset, d.label, t.*, replace(r.words, ' x ', ' × ') AS words
FROM swept_pair s
JOIN sweep_term t ON t.experiment = (SELECT name FROM chosen) AND t.model = s.model AND t.other = s.other
JOIN reworded r ON r.dataset = t.dataset AND r.term = t.term AND r.place = (SELECT max(place) FROM numbered)
JOIN chosen_dataset d ON d.dataset = t.dataset;

SELECT d.label AS "Data set", CASE d.settings WHEN 0 THEN 'Mean' ELSE d.words END AS "Choice, against the first value",
       iif(abs(d.estimate) < 0.00005, '0.0000', printf('%+.4f', d.estimate)) || CASE WHEN d.error IS NULL THEN '' ELSE printf(' ± %.4f', d.error) END
           AS "Adds (nats)", d.n AS "Seeds",
       CASE WHEN d.settings > 0 AND d.holm_p IS NOT NULL THEN printf('%.2g', d.holm_p) END AS "p"
FROM swept_term d
WHERE d.settings < 2 OR d.term IN (SELECT term FROM swept_term WHERE holm_p < 0.05)
ORDER BY d.rank, d.dataset, d.settings, d.settings > 0, abs(d.estimate) DESC;
