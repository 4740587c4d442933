-- table1.sql - Table 1: bits per dimension on images, reported and ours.
.read plots/common.sql

CREATE TEMP VIEW caption AS
SELECT '' AS part,
       'Bits per dimension (lower is better), reported and ours. Ours: mean and standard deviation over n seeds, at each '
       || 'run''s best epoch and the tolerance of that evaluation; the error of that loss, from a solve at tolerance 1e-6; the '
       || 'loss at the end from that solve; and at the end on the test images at 1e-5, with one probe per image and with '
       || 'eight.' AS text;

SELECT coalesce(d.label, n.label, t.dataset) AS "Data set",
       coalesce(m.label, replace(replace(replace(t.model, '_', ' '), 'ffjord', 'FFJORD'), 'aFFJORD', 'AFFJORD')) AS "Model",
       CASE WHEN t.reported IS NULL THEN 'not in our source' ELSE printf('%.2f', t.reported) END AS "Reported",
       CASE WHEN t.ours_mean IS NULL THEN coalesce(t.status, 'not run')
            WHEN t.ours_std IS NULL THEN printf('%.3f', t.ours_mean)
            ELSE printf('%.3f ± %.3f', t.ours_mean, t.ours_std) END AS "Ours",
       nullif(t.n_seeds, 0) AS "n", t.best_epoch AS "Best epoch",
       CASE WHEN t.tolerance IS NOT NULL THEN printf('%.0e', t.tolerance) END AS "Tolerance",
       CASE WHEN t.tolerance_error IS NOT NULL THEN printf('%.4f', t.tolerance_error) END AS "Its error",
       CASE WHEN t.fine IS NOT NULL THEN printf('%.3f', t.fine) END AS "At the end, 1e-6",
       CASE WHEN p.mean IS NOT NULL THEN printf('%.3f', p.mean) || coalesce(', ' || printf('%.3f', q.mean), '') END AS "Test images"
FROM table1 t
LEFT JOIN image_losses p ON p.rule = 'test' AND p.dataset = t.dataset AND p.model = t.model COLLATE NOCASE
LEFT JOIN image_losses q ON q.rule = 'test_8' AND q.dataset = t.dataset AND q.model = t.model COLLATE NOCASE
LEFT JOIN dataset_label d ON d.dataset = t.dataset
LEFT JOIN dataset_name n ON n.dataset = t.dataset
LEFT JOIN model_label m ON m.model = t.model
ORDER BY coalesce(d.rank, 1000), t.dataset, coalesce(m.rank, 1000) DESC, t.model;
