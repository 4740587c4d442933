-- results.sql - every number that a database's trainings gave. Nothing in it depends on the moment, the machine or how a
-- training was computed.
SELECT r.key, r.dataset, r.model, r.seed, r.parameters, r.status, r.iteration, e.epoch, e.iteration, e.split,
       printf('%!.17g', e.loss), e.nonfinite, e.nfe_forward, e.nfe_backward
FROM run r JOIN epoch e USING (run_id) ORDER BY 1, 8, 10;
SELECT r.key, f.epoch, f.split, f.flow, printf('%!.17g', f.nfe_forward), printf('%!.17g', f.nfe_backward),
       printf('%!.17g', f.end_time)
FROM run r JOIN flow f USING (run_id) ORDER BY 1, 2, 3, 4;
SELECT r.key, m.name, printf('%!.17g', m.value), m.nonfinite FROM run r JOIN metric m USING (run_id) ORDER BY 1, 2;
SELECT r.key, t.item, t.subject, t.quantity, printf('%!.17g', t.x), printf('%!.17g', t.value), t.nonfinite, t.holds
FROM run r JOIN theory t USING (run_id) ORDER BY 1, 2, 3, 4, t.x;
SELECT subject, kind, rows, columns, x0, x1, y0, y1, hex(data) FROM sample_blob ORDER BY 1, 2;
SELECT subject, kind, moment, printf('%!.17g', time), rows, columns, x0, x1, y0, y1, hex(data)
FROM moment ORDER BY 1, 2, 3;
