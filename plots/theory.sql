-- theory.sql - results of the theory checks, of the requested experiment or the newest
-- one that has them. Read common.sql first.
DROP VIEW IF EXISTS chosen;
CREATE TEMP VIEW chosen AS
SELECT e.experiment_id, e.name, e.title, e.file
FROM request q
JOIN experiment e
WHERE (q.experiment IS NULL OR e.name = q.experiment)
  AND EXISTS (SELECT 1 FROM experiment_run er JOIN theory t USING (run_id)
              WHERE er.experiment_id = e.experiment_id
                AND (q.item = 'theory' OR t.item = substr(q.item, 8)))
ORDER BY e.name = q.item DESC, e.name = 'theory' DESC, e.updated DESC
LIMIT 1;

-- Its numbers. Letters for readers: Ω₁ for Omega_1, and so on.
CREATE TEMP VIEW theory_row AS
SELECT t.item, r.model, r.run_id, t.subject, t.x, t.value, t.relation, t.bound, t.holds, t.quantity AS name,
       replace(replace(replace(replace(replace(replace(replace(replace(replace(t.quantity,
           'Omega_1', 'Ω₁'), 'Omega_2', 'Ω₂'), 'Omega_3', 'Ω₃'), 'Omega_4', 'Ω₄'), 'int ', '∫'), ' ... ', ' … '),
           'df/dz', '∂f/∂z'), 'z*', 'z★'), ' - ', ' − ') AS quantity
FROM chosen
JOIN experiment_run er USING (experiment_id)
JOIN run r USING (run_id)
JOIN theory t USING (run_id);
