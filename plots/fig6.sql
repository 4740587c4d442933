-- fig6.sql - rows of Figure 6: validation loss against iteration, mean and
-- deviation over the seeds, for each data set and model.
.read plots/common.sql
INSERT INTO request (item, fallback, data) SELECT 'fig6', 1, 'toy' WHERE NOT EXISTS (SELECT 1 FROM request);

CREATE TEMP VIEW measured AS
SELECT dataset, model, split, iteration, mean, std, n
FROM loss_curves
WHERE experiment = (SELECT name FROM chosen) AND split = 'validation';
CREATE TEMP VIEW fence AS SELECT 1.5 AS factor;
.read plots/curves.sql

CREATE TEMP VIEW caption AS
SELECT '' AS part,
       'Validation loss against iteration: mean over the seeds. Bands show one standard deviation. The dotted line is '
       || 'the entropy of the data, which no loss can fall below.'
       || text
       || coalesce((SELECT ' Among them are runs with an impossible loss, which tables exclude: '
                           || group_concat(d.label || ' ' || m.label || ' ' || l.impossible, '; ') || '.'
                    FROM toy_losses l
                    JOIN chosen_dataset d USING (dataset)
                    JOIN chosen_model m USING (model)
                    WHERE l.experiment = (SELECT name FROM chosen) AND l.impossible > 0), '') AS text
FROM seeds_text;

SELECT * FROM curve WHERE EXISTS (SELECT 1 FROM curve WHERE mean IS NOT NULL);
