#!/bin/sh
# make_large_db.sh - make a results database with many rows: tests/stress/make_large_db.sh DATABASE [EPOCHS]
#
# The real schema with 1,000 finished runs of EPOCHS epochs (default 5,000), two splits each, ten million rows of
# `epoch` in all: 50 experiments on points of 10 runs (two models, five seeds), four of 100 runs (two data sets, two
# models, 25 seeds), and an experiment on images, table1_rows, of 100 runs, whose flows have rows too. Settings and
# metrics are those of a training. Losses are synthetic. It also has the experiments of the reference database, so that
# every view has rows.
set -eu
export LC_ALL=C
cd "$(dirname "$0")/../.."
[ $# -ge 1 ] || { echo "usage: tests/stress/make_large_db.sh DATABASE [EPOCHS]" >&2; exit 2; }
database=$1 epochs=${2:-5000}
[ ! -e "$database" ] || { echo "\"$database\" is there already" >&2; exit 2; }
# The first command that writes updates an archive and converts its views to tables.
cp results/reference.db "$database"
"${AFFJORD:-build/affjord}" merge --db "$database" --shards "$database.none" --quiet
rm -rf "$database.lock" "${database%.db}.checkpoints"
{
    echo 'PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN;'
    cat <<END
CREATE TEMP TABLE made AS
WITH number (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM number WHERE i < 999)
SELECT i + 1 + (SELECT max(run_id) FROM run) AS run_id,
       CASE WHEN i < 500 THEN printf('points_%02d', i / 10)
            WHEN i < 900 THEN printf('seeds_%d', (i - 500) / 100) ELSE 'table1_rows' END AS experiment,
       CASE WHEN i < 500 THEN 'ty' WHEN i < 900 THEN iif(i % 100 < 50, 'ty', 'hash_gaussian') ELSE 'mnist' END AS dataset,
       iif(i % 2, 'affjord', 'ffjord') AS model,
       CASE WHEN i < 500 THEN i % 10 / 2 WHEN i < 900 THEN i % 50 / 2 ELSE i % 100 / 2 END AS seed, i >= 900 AS images
FROM number;
INSERT INTO experiment (name, title, file, updated)
SELECT DISTINCT experiment, experiment, experiment || '.ini', '2026-01-01T00:00:00Z' FROM made;
INSERT INTO run (run_id, key, dataset, data_checksum, model, seed, parameters, iterations, status, iteration, created, wall_seconds)
SELECT run_id, printf('%032x', run_id), dataset, 'made up', model, seed, 20179, 100 * $epochs, 'done', 100 * $epochs,
       '2026-01-01T00:00:00Z', 100
FROM made;
INSERT INTO experiment_run SELECT experiment_id, run_id FROM made JOIN experiment e ON e.name = experiment;
INSERT INTO setting
SELECT m.run_id, s.section, s.key,
       CASE s.key WHEN 'context' THEN iif(m.model = 'affjord', 'augmented', 'clock') ELSE s.value END
FROM made m
JOIN setting s ON s.run_id = (SELECT min(run_id) FROM setting);
WITH number (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM number WHERE i < $epochs)
INSERT INTO epoch (run_id, epoch, iteration, split, loss, nfe_forward, nfe_backward, wall_seconds, peak_bytes)
SELECT m.run_id, n.i, 100 * n.i, s.column1, 1 + 1.0 / n.i + 0.001 * ((m.run_id * 7919 + n.i * 104729) % 1000) / 1000,
       160, s.column2, 0.5, 12345678
FROM made m
JOIN number n
JOIN (VALUES ('training', 160), ('validation', 0)) s
ORDER BY m.run_id, n.i, s.column1;
WITH number (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM number WHERE i < 4)
INSERT INTO flow SELECT m.run_id, p.epoch, p.split, n.i, 32, 32, 1 FROM made m JOIN epoch p USING (run_id) JOIN number n
WHERE m.images AND p.epoch % 100 = 0;
INSERT INTO metric (run_id, name, value)
SELECT m.run_id, 'final_validation_loss', p.loss FROM made m
JOIN epoch p ON p.run_id = m.run_id AND p.epoch = $epochs AND p.split = 'validation';
INSERT INTO metric (run_id, name, value)
SELECT m.run_id, 'best_validation_loss', min(p.loss) FROM made m JOIN epoch p USING (run_id)
WHERE p.split = 'validation' GROUP BY m.run_id;
INSERT INTO metric (run_id, name, value) SELECT run_id, 'best_epoch', 10 FROM made;
INSERT INTO metric (run_id, name, value) SELECT run_id, 'parameters', 20179 FROM made;
INSERT INTO metric (run_id, name, value) SELECT run_id, 'entropy_floor', 0.5 FROM made WHERE NOT images;
INSERT INTO metric (run_id, name, value) SELECT run_id, 'data_dimension', 784 FROM made WHERE images;
INSERT INTO metric (run_id, name, value)
SELECT run_id, 'best_bits_per_dim', value FROM made JOIN metric USING (run_id) WHERE images AND name = 'best_validation_loss';
END
    echo 'COMMIT;'
} | sqlite3 -bail "$database" >/dev/null
