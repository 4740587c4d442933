-- theory_curves.sql - errors of the cable rule, of the Magnus series and of the
-- total derivative as a step or a time shrinks: a panel for each field, of
-- AFFJORD where it was run.
.read plots/common.sql
INSERT INTO request (item) SELECT 'theory_cable' WHERE NOT EXISTS (SELECT 1 FROM request);
.read plots/theory.sql

CREATE TEMP TABLE theory_panel (item TEXT, subject TEXT, label TEXT, axis TEXT);
INSERT INTO theory_panel VALUES
    ('cable', 'trained', 'trained, toy data', 'Step h'),
    ('cable', 'drawn', 'drawn', 'Step h'),
    ('cable', 'image of 8 x 8', 'image of 8 × 8', 'Step h'),
    ('magnus', 'trained', 'trained, toy data', 'Time T'),
    ('magnus', 'drawn', 'drawn', 'Time T'),
    ('magnus', 'lively to the end', 'lively to the end', '∫|∂f/∂z| dt'),
    ('derivative', 'trained', 'trained, toy data', '1 / steps'),
    ('derivative', 'drawn', 'drawn', '1 / steps'),
    ('derivative', 'two fields of their own parameters', 'two fields', '1 / steps');

CREATE TEMP VIEW shown AS
SELECT t.*, p.rowid AS place, p.label, p.axis
FROM theory_row t
JOIN request q ON t.item = substr(q.item, 8)
JOIN theory_panel p USING (item, subject)
WHERE t.relation IS NULL AND t.x > 0 AND t.value > 0
  AND t.run_id = (SELECT run_id FROM theory_row u WHERE u.item = t.item
                  ORDER BY lower(u.model) != 'affjord', u.run_id LIMIT 1);

CREATE TEMP VIEW curve AS
SELECT dense_rank() OVER (ORDER BY place) - 1 AS panel_index,
       CASE item WHEN 'magnus' THEN CAST(name AS INTEGER) -- numbers of terms, of which not all panels have all
                 ELSE dense_rank() OVER (PARTITION BY place ORDER BY name NOT LIKE 'cable%', length(name), name) END
           AS series_index,
       label, quantity, x, value, axis
FROM shown
ORDER BY panel_index, series_index, x;

CREATE TEMP VIEW caption AS
SELECT '' AS part,
       CASE (SELECT substr(item, 8) FROM request)
       WHEN 'cable' THEN 'Error of the Jacobian against the step size: the cable rule (eq. 11) by RK4, and the product of '
            || 'the Jacobians of Euler steps (eq. 20). The error is the largest one, relative to the largest entry. It '
            || 'falls with the fourth and the first power of the step.'
       WHEN 'magnus' THEN 'Errors of the truncated Magnus series exp(Ω₁ + … + Ωₖ) (eq. 12) against the cable rule, relative '
            || 'to the largest entry. With one to four terms they fall with the third, fifth, fifth and seventh power of '
            || 'T. Right: where ∫|∂f/∂z| dt exceeds π, the series may diverge, and four terms are no better than one.'
       ELSE 'Errors of the total derivative dz(T)/dθ (eq. 13) by four methods, for one field, and for one field on [0, T/2] '
            || 'and another on [T/2, T] (appendix C). The error is the largest difference from the finest grid, relative '
            || 'to the largest entry. All fall with the fourth power of the step. Forward sensitivity and backpropagation '
            || 'through the steps agree to rounding.'
       END || ' Experiment ' || (SELECT name FROM chosen) || '.' AS text;

SELECT * FROM curve;
