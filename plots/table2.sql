-- table2.sql - Table 2: parameter counts: the paper's, those that a model declares, and
-- those that can change its output.
.read plots/common.sql

CREATE TEMP VIEW caption AS
SELECT '' AS part,
       'Parameter counts: the paper''s, those declared here, and those that can change the output.' AS text;

SELECT coalesce(d.label, t.dataset) AS "Data set", t.architecture AS "Architecture",
       coalesce(m.label, t.model) AS "Model",
       CASE WHEN t.paper IS NULL THEN 'not in our source' ELSE printf('%,d', t.paper) END AS "Paper",
       CASE WHEN t.declared IS NULL THEN 'not run' ELSE printf('%,d', t.declared) END AS "Declared",
       CASE WHEN t.effective IS NULL THEN 'not run' ELSE printf('%,d', t.effective) END AS "Effective"
FROM table2 t
LEFT JOIN dataset_label d ON d.dataset = t.dataset
LEFT JOIN model_label m ON m.model = t.model
ORDER BY coalesce(d.rank, 1000), t.dataset, t.architecture, coalesce(m.rank, 1000) DESC, t.model;
