-- results.sql - print every result of a database's trainings with all bits. Nothing in the output depends on the time,
-- the machine, or how a training was computed. Read by sqlite3.
SELECT 'run', key, dataset, data_checksum, model, seed, parameters, iterations, status, iteration FROM run ORDER BY key;
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
