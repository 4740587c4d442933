"""The program that the package is compared with: AFFJORD_PROGRAM, else `affjord` on the path."""
import os
import subprocess

import pytest

PROGRAM = os.environ.get("AFFJORD_PROGRAM", "affjord")
GUIDE = os.environ.get("AFFJORD_GUIDE", "docs/guide/python.md")

POINTS = """[experiment]
name = small
data = points.npy
models = affjord
seeds = 3
[model affjord]
context = augmented
join = yes
width = 8
[solver]
steps = 5
[train]
iterations = 60
batch = 32
epoch_iterations = 20
learning_rate = 0.01
[output]
density_cells = 0
samples = 0
"""

IMAGES = """[experiment]
name = tiny
data = mnist-tiny
models = affjord
[image]
hidden_layers = 1
hidden_channels = 4
moving = 6
fed = 3
variant = paper
[flow]
end_time = 1
divergence = rademacher
[solver]
method = dopri5
atol = 1e-2
rtol = 1e-2
[train]
batch = 10
iterations = 3
epoch_iterations = 3
validation = 20
[output]
samples = 0
[model affjord]
context = augmented
"""


def program(folder, *words, **environment):
    done = subprocess.run([PROGRAM, *map(str, words)], cwd=folder, env={**os.environ, **environment},
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path
