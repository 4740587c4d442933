-- median.sql - the seed to show for each data set and model: the median by validation
-- loss. Read common.sql first, then create a view `pictured`: run_id, kind, of the runs
-- that have a picture.

-- The chosen runs with their losses. sound: 1 if the run is finished with a possible
-- loss. rank: among the sound ones, from the lowest loss.
CREATE TEMP VIEW judged_run AS
SELECT *, CASE WHEN sound THEN sum(sound) OVER (seeds ORDER BY sound DESC, loss, seed, run_id DESC) END AS rank,
       sum(sound) OVER seeds AS ranked
FROM (SELECT r.run_id, r.key, r.dataset, r.model, r.seed, v.value AS loss,
             iif(EXISTS (SELECT 1 FROM metric d WHERE d.run_id = r.run_id AND d.name = 'data_dimension'),
                 'bits/dim', 'nats') AS unit,
             r.status = 'done' AND v.value IS NOT NULL AND abs(v.value) < 1e300 AND coalesce(NOT f.impossible, 1) AS sound
      FROM chosen_run r
      LEFT JOIN metric v ON v.run_id = r.run_id AND v.name = 'final_validation_loss'
      LEFT JOIN final_losses f ON f.run_id = r.run_id AND f.experiment = (SELECT name FROM chosen))
WINDOW seeds AS (PARTITION BY dataset, model);

-- Of the runs with a picture of a kind, the lower median of the sound ones, or of all if
-- none is sound. (Of two runs with the same loss and seed, the newer comes first.
-- results_db_statements.def has the same rule for archives.)
-- shown_as: its seed, loss and rank.
CREATE TEMP VIEW median_run AS
SELECT *, printf('seed %d', seed) || iif(loss IS NULL, '', printf(', %.3f %s', loss, unit))
          || CASE WHEN NOT sound THEN iif(loss IS NULL, '', ', no density')
                  WHEN ranked > 1 THEN printf(', rank %d of %d', rank, ranked)
                  ELSE '' END AS shown_as
FROM (SELECT j.*, p.kind, row_number() OVER (pictures ORDER BY sound DESC, loss IS NULL, loss, seed, j.run_id DESC) AS place,
             coalesce(nullif(sum(sound) OVER pictures, 0), count(*) OVER pictures) AS pictures
      FROM judged_run j
      JOIN pictured p USING (run_id)
      WINDOW pictures AS (PARTITION BY dataset, model, p.kind))
WHERE place = (pictures + 1) / 2;

-- The rule, for captions.
CREATE TEMP VIEW why_shown AS
SELECT 'The figure shows the seed with the median validation loss among those with stored pictures (rank 1 is the lowest '
       || 'loss of all seeds): ' AS text;
