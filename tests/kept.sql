-- kept.sql - what a database keeps of its trainings besides their results: settings, and the checkpoints' checksums.
SELECT r.key, s.section, s.key, s.value FROM run r JOIN setting s USING (run_id) ORDER BY 1, 2, 3;
SELECT r.key, c.iteration, c.sha256 FROM run r JOIN checkpoint c USING (run_id) ORDER BY 1;
