-- checkpoints.sql - the parts of a database besides results: the experiments of runs, their settings, and checksums of
-- checkpoints. Read by sqlite3.
SELECT 'member', x.name, r.key FROM experiment x JOIN experiment_run USING (experiment_id) JOIN run r USING (run_id)
ORDER BY 2, 3;
SELECT 'setting', r.key, s.section, s.key, s.value FROM run r JOIN setting s USING (run_id) ORDER BY 2, 3, 4;
SELECT 'checkpoint', r.key, c.iteration, c.sha256, c.bytes
FROM run r JOIN checkpoint c USING (run_id) ORDER BY 2;
