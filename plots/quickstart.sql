-- quickstart.sql - rows of the quickstart's picture: target and models, densities above
-- and samples below.
.read plots/common.sql
INSERT INTO request (item, fallback, data) SELECT 'quickstart', 0, 'toy' WHERE NOT EXISTS (SELECT 1 FROM request);
.read plots/panels.sql

CREATE TEMP VIEW caption AS
SELECT '' AS part,
       'Target, '
       || (SELECT names FROM chosen_models)
       || ': densities above (points if the target''s density is unknown), samples below. The number under the target is '
       || 'its entropy, the number under a model its validation loss. ' || (SELECT text FROM why_shown)
       || (SELECT text FROM shown_text WHERE shape = 'plane') || '. Experiment '
       || (SELECT name FROM chosen) || '.' AS text;

SELECT *
FROM panel
WHERE shape = 'plane'
      AND EXISTS (SELECT 1 FROM panel WHERE shape = 'plane' AND model_index > 0 AND state = 'drawn');
