-- rectangles.sql - captions of Figures 10 to 13, drawings that need no rows: the
-- only row names the drawing.
.read plots/common.sql
INSERT INTO request (item) SELECT 'fig10' WHERE NOT EXISTS (SELECT 1 FROM request);

CREATE TEMP TABLE drawing (name TEXT, text TEXT);
INSERT INTO drawing VALUES
    ('fig10', 'Rectangle (i, j) of the discretized [0, T] × [0, T], which has n × n of them; i counts to the right, j '
              || 'upwards. The function g₂ⁿ has one value on it (eq. 24).'),
    ('fig11', 'Rectangles (i, j) and (j, i), mirrored at the diagonal. Where z has one dimension, the factors of g₂ⁿ '
              || 'commute and its values on the two are equal. (The paper''s Figure 11 is not in our source; this one '
              || 'follows the text around it.)'),
    ('fig12', 'Rectangles that take part in S₂ⁿ: those below the diagonal, j < i.'),
    ('fig13', 'Rectangles that take part in S̄₂ⁿ: all but those on the diagonal. The lighter ones are not in S₂ⁿ; as g₂ⁿ '
              || 'is symmetric, they add what the others do, and S₂ⁿ is half of S̄₂ⁿ.');

CREATE TEMP VIEW caption AS
SELECT '' AS part, d.text FROM request q JOIN drawing d ON q.item = d.name OR q.item GLOB d.name || '_*';

SELECT d.name FROM request q JOIN drawing d ON q.item = d.name OR q.item GLOB d.name || '_*';
