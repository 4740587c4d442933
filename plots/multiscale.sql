-- multiscale.sql - the row of Figures 2 and 4, the multiscale architecture: a picture
-- that the item's model generated, or NULL if the database has none. The data set mnist
-- precedes its variants; the median run is shown.
.read plots/common.sql
INSERT INTO request (item, fallback, data, model)
SELECT 'fig4', 1, 'mnist', 'affjord' WHERE NOT EXISTS (SELECT 1 FROM request);

-- Pictures of one channel, as the drawing needs them. Without any, use the sizes of
-- MNIST.
CREATE TEMP VIEW pictured AS
SELECT r.run_id, b.kind, CAST(b.x1 - b.x0 AS INTEGER) AS side
FROM request q
JOIN chosen_run r ON lower(r.model) = q.model OR lower(r.model) GLOB q.model || '_*'
JOIN whole_picture b ON b.subject = r.key AND b.kind = 'samples' AND b.x1 - b.x0 = b.y1 - b.y0
                        AND b.columns = CAST((b.x1 - b.x0) * (b.y1 - b.y0) AS INTEGER);
.read plots/median.sql

CREATE TEMP VIEW panel AS
WITH first AS (
    SELECT r.key AS subject, r.dataset, r.shown_as, p.side, l.label AS dataset_label, m.label AS model_label
    FROM median_run r
    JOIN pictured p USING (run_id)
    JOIN dataset_name l USING (dataset)
    JOIN chosen_model m USING (model)
    ORDER BY dataset != 'mnist', dataset, lower(model) NOT IN ('affjord', 'ffjord'), model
    LIMIT 1
)
SELECT q.model = 'affjord' AS augmented, coalesce(f.side, 28) AS side, f.subject, 'samples' AS kind,
       CASE WHEN f.subject IS NOT NULL THEN 'drawn'
            WHEN EXISTS (SELECT 1 FROM chosen_run r WHERE lower(r.model) = q.model) THEN 'not stored'
            ELSE 'not run' END AS state,
       coalesce(f.dataset_label, 'MNIST') AS dataset_label, f.model_label, f.shown_as
FROM request q
LEFT JOIN first f;

CREATE TEMP VIEW caption AS
SELECT '' AS part,
       'The ' || iif(augmented, 'augmented ', '') || 'multiscale architecture on ' || dataset_label
       || '; sizes are (channels, height, width). Each scale but the last has a flow, a squeeze of 2 × 2 pixels into four '
       || 'channels, and a second flow. Then the second half of the channels moves to Array B. The last scale has one '
       || 'flow, after which all channels move. '
       || iif(augmented, 'Each scale starts with as many augmented channels of zeros. f moves the data and sees them; g moves '
                         || 'them and does not see the data. They are squeezed too, move to Array A, and are replaced. '
                         || '(This program stores no Array A, because it is equal for all images.) ', '')
       || 'Pictures: '
       || CASE WHEN state = 'drawn'
               THEN 'a sample of ' || model_label || ' (' || shown_as || ', experiment ' || (SELECT name FROM chosen)
                    || ') at the data''s end. The other pictures are this sample, squeezed and halved; the states after flows are '
                    || 'not stored.'
               ELSE state || '.' END AS text
FROM panel;

SELECT * FROM panel;
