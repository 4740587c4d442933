-- regularized_runs.sql - the finished runs of an experiment with regularizers, numbered by model (panel) and by weights. Read
-- common.sql and fill `request` first.
CREATE TEMP VIEW weighted_run AS
SELECT v.*, r.label AS data_label,
       dense_rank() OVER (ORDER BY r.rank, v.dataset, v.context != 'clock', v.layer, v.model) AS panel,
       CASE WHEN (SELECT count(*) FROM chosen_dataset) > 1 THEN r.label || ', ' ELSE '' END
       || CASE v.context WHEN 'clock' THEN 'FFJORD' ELSE 'AFFJORD' END || ' (' || v.layer || ')' AS label,
       dense_rank() OVER (ORDER BY v.kinetic > 0 AND v.jacobian > 0, v.jacobian, v.kinetic) AS weights,
       CASE WHEN v.kinetic = 0 AND v.jacobian = 0 THEN 'none'
            ELSE rtrim(CASE WHEN v.kinetic > 0 THEN printf('kinetic %g, ', v.kinetic) ELSE '' END
                       || CASE WHEN v.jacobian > 0 THEN printf('Jacobian %g', v.jacobian) ELSE '' END, ', ') END AS weights_label
FROM regularized_runs v
JOIN chosen_dataset r USING (dataset)
WHERE v.experiment = (SELECT name FROM chosen);
