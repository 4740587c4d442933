-- theory_table.sql - every statement of the theory checks with its bound, for FFJORD and
-- AFFJORD.
.read plots/common.sql
INSERT INTO request (item) SELECT 'theory' WHERE NOT EXISTS (SELECT 1 FROM request);
.read plots/theory.sql

CREATE TEMP TABLE theory_item (item TEXT, rank INTEGER, label TEXT);
INSERT INTO theory_item VALUES
    ('cable', 1, 'Cable rule'), ('magnus', 2, 'Magnus series'), ('trace', 3, 'Change of variables'),
    ('blocks', 4, 'Blocks'), ('derivative', 5, 'Total derivative'), ('mapping', 6, 'Mappings');

CREATE TEMP VIEW caption AS
SELECT '' AS part,
       'Numerical checks of the paper''s theorems. A proven equality must hold within a bound; a proven difference must '
       || 'exceed one. Of several runs, the value closest to its bound is shown. Orders are the powers of the step or of '
       || 'T with which an error falls. '
       || (SELECT count(*) || ' statements, ' || count(*) FILTER (WHERE NOT holds) || ' of which do not hold'
           FROM theory_row WHERE relation IS NOT NULL)
       || '. Experiment ' || (SELECT name FROM chosen) || '.' AS text;

SELECT i.label AS "Of", t.subject AS "Field", t.quantity AS "What",
       printf('%.3g', CASE t.relation WHEN '<=' THEN max(t.value) ELSE min(t.value) END) AS "Value",
       CASE t.relation WHEN '<=' THEN '≤ ' ELSE '≥ ' END || printf('%.3g', t.bound) AS "Bound",
       CASE min(t.holds) WHEN 1 THEN 'holds' ELSE 'does not hold' END AS "Verdict"
FROM theory_row t
JOIN theory_item i USING (item)
WHERE t.relation IS NOT NULL
GROUP BY t.item, t.subject, t.quantity, t.relation, t.bound
ORDER BY i.rank, t.subject, t.quantity;
