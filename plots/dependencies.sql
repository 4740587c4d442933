-- dependencies.sql - captions of Figures 3 and 14, drawings that need no rows:
-- the only row names the drawing.
.read plots/common.sql
INSERT INTO request (item) SELECT 'fig3' WHERE NOT EXISTS (SELECT 1 FROM request);

CREATE TEMP TABLE drawing (name TEXT, text TEXT);
INSERT INTO drawing VALUES
    ('fig3',  'Steps of an augmented neural ODE (left) and of the flow of AFFJORD (right). On the left z and the augmented '
              || 'z* both enter the next step of both. In AFFJORD z* enters its own next step and that of z, and z enters '
              || 'only its own. Arrows have the colour of what they carry.'),
    ('fig14', 'Dependencies in the discretized dz/dt = f(z(t), θ(t), t). Every z is made from the z and the θ one step '
              || 'before. What θ(tₖ) contributes is absorbed by z(tₖ₊₁) and reaches z(T) only through it (red), so that '
              || 'z(T) is a function of z(tₖ₊₁) and of θ from tₖ₊₁ on.');

CREATE TEMP VIEW caption AS
SELECT '' AS part, d.text FROM request q JOIN drawing d ON q.item = d.name OR q.item GLOB d.name || '_*';

SELECT d.name FROM request q JOIN drawing d ON q.item = d.name OR q.item GLOB d.name || '_*';
