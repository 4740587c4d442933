-- claims.sql - what the paper says and what the runs of this database say of it
-- (view claims; docs/claims.md tells how verdicts come about).
.read plots/common.sql

CREATE TEMP VIEW caption AS
SELECT '' AS part,
       'What the paper says, what was measured (with its standard error), what was expected (of a number that has to be '
       || 'above or below something, that), over how many seeds or numbers, and the verdict.' AS text;

CREATE TEMP VIEW digits AS
SELECT *, CASE WHEN id LIKE 'bits%' OR id LIKE 'time%' OR id = 'larger_gains' THEN '%.4f'
               WHEN id = 'parameters' THEN '%.0f' ELSE '%.2f' END AS form
FROM claims;

SELECT claim AS "Claim", verdict AS "Verdict",
       CASE WHEN verdict = 'not run' OR measured IS NULL THEN NULL
            WHEN uncertainty IS NULL THEN printf(form, measured)
            ELSE printf(form || ' ± ' || form, measured, uncertainty) END AS "Measured",
       printf('%g', expected) AS "Expected", nullif(n, 0) AS "n",
       replace(source, 'Haxholli and Lorenzi 2023, ', '') AS "Source"
FROM digits
ORDER BY verdict = 'not run';
