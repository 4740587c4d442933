-- dependencies.sql - captions of Figures 3 and 14, drawings that need no rows:
-- the only row names the drawing.
.read plots/common.sql
INSERT INTO request (item) SELECT 'fig3' WHERE NOT EXISTS (SELECT 1 FROM request);

CREATE TEMP TABLE drawing (name TEXT, text TEXT);
INSERT INTO drawing VALUES
    ('fig3',  'Steps of an augmented neural ODE (left) and of AFFJORD (right). On the left, the next z and z* both depend on z '
              || 'and z*. In AFFJORD, the next z depends on z and z*, the next z* only on z*. Arrows have the colour of '
              || 'their source.'),
    ('fig14', 'Dependencies in the discretized dz/dt = f(z(t), θ(t), t). Each z depends on z and θ of the previous step. '
              || 'θ(tₖ) influences z(T) only through z(tₖ₊₁) (red). Therefore z(T) is a function of z(tₖ₊₁) and of θ from '
              || 'tₖ₊₁ on.');

CREATE TEMP VIEW caption AS
SELECT '' AS part, d.text FROM request q JOIN drawing d ON q.item = d.name OR q.item GLOB d.name || '_*';

SELECT d.name FROM request q JOIN drawing d ON q.item = d.name OR q.item GLOB d.name || '_*';
