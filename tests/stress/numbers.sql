-- numbers.sql - every number that a database's trainings gave, to the bit, and their settings and checkpoints. Nothing in
-- it depends on the moment, the machine, or how often a training was stopped. Read by sqlite3.
SELECT 'run', key, dataset, data_checksum, model, seed, parameters, iterations, status, iteration FROM run ORDER BY key;
SELECT 'member', x.name, r.key FROM experiment x JOIN experiment_run USING (experiment_id) JOIN run r USING (run_id)
ORDER BY 2, 3;
SELECT 'setting', r.key, s.section, s.key, s.value FROM run r JOIN setting s USING (run_id) ORDER BY 2, 3, 4;
SELECT 'epoch', r.key, e.epoch, e.iteration, e.split, printf('%!.17g', e.loss), e.nonfinite,
    printf('%!.17g', e.nfe_forward), printf('%!.17g', e.nfe_backward)
FROM run r JOIN epoch e USING (run_id) ORDER BY 2, 3, 5;
SELECT 'flow', r.key, f.epoch, f.split, f.flow, printf('%!.17g', f.nfe_forward), printf('%!.17g', f.nfe_backward),
    printf('%!.17g', f.end_time)
FROM run r JOIN flow f USING (run_id) ORDER BY 2, 3, 4, 5;
SELECT 'metric', r.key, m.name, printf('%!.17g', m.value), m.nonfinite
FROM run r JOIN metric m USING (run_id) ORDER BY 2, 3;
SELECT 'theory', r.key, t.item, t.subject, t.quantity, printf('%!.17g', t.x), printf('%!.17g', t.value), t.nonfinite,
    t.relation, printf('%!.17g', t.bound), t.holds
FROM run r JOIN theory t USING (run_id) ORDER BY 2, 3, 4, 5, t.x;
SELECT 'picture', subject, kind, rows, columns, x0, x1, y0, y1, hex(data) FROM sample_blob ORDER BY 2, 3;
SELECT 'moment', subject, kind, moment, printf('%!.17g', time), rows, columns, x0, x1, y0, y1, hex(data)
FROM moment ORDER BY 2, 3, 4;
SELECT 'checkpoint', r.key, c.iteration, c.path, c.sha256, c.bytes
FROM run r JOIN checkpoint c USING (run_id) ORDER BY 2;
