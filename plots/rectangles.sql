-- rectangles.sql - captions of Figures 10 to 13, drawings that need no rows: the
-- only row names the drawing.
.read plots/common.sql
INSERT INTO request (item) SELECT 'fig10' WHERE NOT EXISTS (SELECT 1 FROM request);

CREATE TEMP TABLE drawing (name TEXT, text TEXT);
INSERT INTO drawing VALUES
    ('fig10', 'Rectangle (i, j) of the n × n rectangles of [0, T] × [0, T]; i counts to the right, j upwards. The function '
              || 'g₂ⁿ is constant on it (eq. 24).'),
    ('fig11', 'Rectangles (i, j) and (j, i), mirrored at the diagonal. In one dimension the factors of g₂ⁿ commute, so its '
              || 'values on both are equal. (The paper''s Figure 11 is not in our source; this one follows the text.)'),
    ('fig12', 'The rectangles of S₂ⁿ: those below the diagonal, j < i.'),
    ('fig13', 'The rectangles of S̄₂ⁿ: all but those on the diagonal. The lighter ones are not in S₂ⁿ. Because g₂ⁿ is '
              || 'symmetric, they contribute as much as the others, and S₂ⁿ is half of S̄₂ⁿ.');

CREATE TEMP VIEW caption AS
SELECT '' AS part, d.text FROM request q JOIN drawing d ON q.item = d.name OR q.item GLOB d.name || '_*';

SELECT d.name FROM request q JOIN drawing d ON q.item = d.name OR q.item GLOB d.name || '_*';
