-- claims.sql - the paper's claims and their verdicts (view claims; docs/explanation/claims.md
-- has the rules).
.read plots/common.sql

CREATE TEMP VIEW caption AS
SELECT '' AS part,
       'The paper''s claims with measured value (95% interval), bound, number of seeds or values, and verdict. A claim is '
       || 'supported or not supported if the interval lies on one side of the bound, otherwise undecided. Left out: runs with an '
       || 'impossible loss. p: paired t test, corrected by Holm''s procedure over the '
       || (SELECT count(*) FROM claims WHERE p IS NOT NULL) || ' claims with a p. p, last: Wilcoxon''s test with the left-out '
       || 'runs ranked last.' || CASE WHEN EXISTS (SELECT 1 FROM reading) THEN ' Readings: combinations of what the paper leaves '
       || 'open, each with its own seeds, in which the same rule gives supported, or not supported; the others stay undecided.'
       ELSE '' END AS text;

CREATE TEMP VIEW digits AS
SELECT *, CASE WHEN id LIKE 'bits%' OR id LIKE 'time%' OR id LIKE 'attention%' OR id LIKE 'regularized_bits%' OR id = 'larger_gains'
                    OR id LIKE 'lifted_one%' THEN '%.3f'
               WHEN id = 'parameters' THEN '%.0f' ELSE '%.2f' END AS form
FROM claims;

SELECT coalesce((SELECT 'On ' || label || substr(claim, length('On ' || dataset) + 1) FROM dataset_name
                 WHERE substr(claim, 1, length('On ' || dataset) + 1) = 'On ' || dataset || ','), claim) AS "Claim",
       verdict || CASE WHEN r.readings > 0 THEN printf('; readings: %d of %d supported, %d not', r.supported, r.readings, r.refuted)
                       ELSE '' END AS "Verdict",
       CASE WHEN verdict = 'not run' OR measured IS NULL THEN NULL
            WHEN low IS NULL THEN printf(form, measured)
            ELSE printf(form || ' (' || form || ' to ' || form || ')', measured, low, high) END AS "Measured (95%)",
       CASE WHEN bound IS NULL THEN printf('%g', expected) ELSE printf('%g', bound) END AS "Bound",
       nullif(n, 0) AS "n", CASE WHEN verdict <> 'not run' THEN left_out END AS "Left out",
       CASE WHEN p_holm IS NOT NULL THEN printf('%.2g', p_holm) END AS "p",
       CASE WHEN p_last IS NOT NULL THEN printf('%.2g', p_last) END AS "p, last",
       replace(source, 'Haxholli and Lorenzi 2023, ', '') AS "Source"
FROM digits
LEFT JOIN reading r USING (id)
-- By subject, as the paper has them: the first letters of ids.
ORDER BY verdict = 'not run', instr('toy_ cont fiel bits larg time nfe_ lift atte regu samp math para', substr(id, 1, 4)), id;
