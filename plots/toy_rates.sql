-- toy_rates.sql - AFFJORD against FFJORD on point sets at a common learning rate, and each at its best.
.read plots/common.sql
INSERT INTO request (item, fallback, data) SELECT 'toy_rates', 1, 'toy' WHERE NOT EXISTS (SELECT 1 FROM request);

CREATE TEMP VIEW caption AS
SELECT '' AS part,
       'Final losses of AFFJORD and FFJORD in nats, means over n seeds, at a common learning rate; and, marked best, each '
       || 'at the rate that gave it the least mean loss. Lower by: with its 95% interval by bootstrap over the seeds; p: '
       || 'paired t test, and Wilcoxon''s with runs without a possible loss ranked last. The best rate is chosen by the '
       || 'losses that are compared, of both models alike. Experiment ' || (SELECT name FROM chosen) || '.' AS text;

SELECT d.label AS "Data set", printf('%g', t.rate) AS "Rate of AFFJORD", printf('%g', t.other_rate) AS "Rate of FFJORD",
       CASE WHEN t.best THEN 'best' ELSE '' END AS "Best", t.n AS "n", t.failed || ', ' || t.failed_other AS "Left out",
       printf('%.4f', t.mean) AS "AFFJORD", printf('%.4f', t.mean_other) AS "FFJORD",
       CASE WHEN t.difference_low IS NULL THEN printf('%.4f', t.difference)
            ELSE printf('%.4f (%.4f to %.4f)', t.difference, t.difference_low, t.difference_high) END AS "Lower by",
       CASE WHEN t.paired_p IS NOT NULL THEN printf('%.2g', t.paired_p) END AS "Paired t",
       CASE WHEN t.p_last IS NOT NULL THEN printf('%.2g', t.p_last) END AS "Failures last"
FROM chosen_dataset d
JOIN toy_rates t ON t.experiment = (SELECT name FROM chosen) AND t.dataset = d.dataset
ORDER BY d.rank, d.dataset, t.best, t.rate;
