-- nfe_table.sql - Figure 9 as a table: evaluations of image models under both rules of step
-- control, on the same trained weights, and the error of the loss under each.
.read plots/common.sql
INSERT INTO request (item, fallback, data) SELECT 'nfe_table', 1, 'image' WHERE NOT EXISTS (SELECT 1 FROM request);

CREATE TEMP VIEW counted AS
SELECT s.dataset, s.model, s.tolerance, s.trained_by, s.n, s.error_norm,
       printf('%.1f', s.evaluations) || CASE WHEN s.n > 1 THEN printf(' ± %.1f', s.evaluations_std) ELSE '' END AS evaluations,
       printf('%.4f', s.loss_error) AS loss_error
FROM image_solves s
WHERE s.experiment = (SELECT name FROM chosen);

CREATE TEMP VIEW trained AS
SELECT r.dataset, r.model, printf('%.1f', avg(p.nfe_forward))
       || CASE WHEN count(*) > 1 THEN printf(' ± %.1f', sqrt(max(0, (sum(p.nfe_forward * p.nfe_forward)
                                       - sum(p.nfe_forward) * avg(p.nfe_forward)) / (count(*) - 1)))) ELSE '' END AS evaluations
FROM chosen_run r
JOIN adaptive_epochs p ON p.run_id = r.run_id
                         AND p.epoch = (SELECT max(q.epoch) FROM epoch q WHERE q.run_id = r.run_id)
WHERE r.status = 'done'
GROUP BY r.dataset, r.model;

CREATE TEMP VIEW caption AS
SELECT '' AS part,
       'Evaluations of the field of all flows in a forward solve, mean and standard deviation over n seeds: of training '
       || '(of validation, if training has fixed steps), in the last epoch; and of validation images at the end, at the '
       || 'tolerance of the training, with steps chosen by the '
       || 'error of z with log p (the authors'' rule), and by the larger of that and of the error of z*. Beside each the '
       || 'error of the loss there, by a solve at tolerance 1e-6, in bits per dimension. Experiment '
       || (SELECT name FROM chosen) || '.' AS text;

SELECT d.label AS "Data set", m.label AS "Model", a.n AS "n", printf('%.0e', a.tolerance) AS "Tolerance",
       CASE a.trained_by WHEN 'state' THEN 'z' ELSE 'z, z*' END AS "Trained by", t.evaluations AS "In training",
       a.evaluations AS "By z", a.loss_error AS "Error", b.evaluations AS "By z, z*", b.loss_error AS "Its error"
FROM chosen_dataset d
JOIN counted a ON a.dataset = d.dataset AND a.error_norm = 'state'
JOIN counted b ON b.dataset = a.dataset AND b.model = a.model AND b.error_norm = 'state_and_context'
JOIN chosen_model m ON m.model = a.model
JOIN trained t ON t.dataset = a.dataset AND t.model = a.model
ORDER BY d.rank, d.dataset, m.rank, m.model;
