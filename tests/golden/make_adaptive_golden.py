#!/usr/bin/env python3
"""make_adaptive_golden.py - evaluations, steps and results of torchdiffeq's adaptive solvers, in float64.

Three fields, both directions of time, several tolerances and norms; each solve
is one line of adaptive.csv:

    pair, field, start, end, tolerance (both), norm, evaluations, accepted, rejected,
    smallest and largest accepted step, end of the last step, state at the end (empty beyond the field's dimension)

`norm` is empty for the RMS of the whole state; 2 is that of its first two
numbers, 1+2 the larger of those of its first one and of the two that follow.

dopri5 is torchdiffeq's own. bosh3 and dopri8 are too, but for the middle that
the last step is interpolated through. torchdiffeq's Heun goes on with the
predictor's derivative, so heun2 is given to its stepping with the derivative
at the step's end as a third stage; it has no tsit5, which is added likewise.

    python3 make_adaptive_golden.py       needs torch and torchdiffeq
"""
import importlib
import pathlib

import torch
from torchdiffeq import odeint
from torchdiffeq._impl import bosh3, dopri5, dopri8, rk_common

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)


def table(c, a, b, error, mid):
    """A solver of torchdiffeq: the rows of a below the first, and the row b as a last stage."""
    def vector(x):
        return torch.tensor(x, dtype=torch.float64)

    tableau = rk_common._ButcherTableau(alpha=vector(c + [1.0]), beta=[vector(row) for row in a + [b]],
                                        c_sol=vector(b + [0.0]), c_error=vector(error))
    return {"tableau": tableau, "mid": vector(mid)}


HEUN2 = type("Heun2", (rk_common.RKAdaptiveStepsizeODESolver,), {"order": 2, **table(
    [1.0], [[1.0]], [1 / 2, 1 / 2], [1 / 2, -1 / 2, 0.0], [3 / 8, 1 / 4, -1 / 8])})

BOSH3 = type("Bosh3", (bosh3.Bosh3Solver,), {"mid": torch.tensor([17 / 72, 1 / 6, 2 / 9, -1 / 8])})

TSIT5 = type("Tsit5", (rk_common.RKAdaptiveStepsizeODESolver,), {"order": 5, **table(
    [0.161, 0.327, 0.9, 0.98002554090450968573, 1.0],
    [[0.161],
     [-0.00848065549235698854443, 0.335480655492356988544],
     [2.89715305710549343213, -6.35944848997507484315, 4.36229543286958141102],
     [5.32586482843925660443, -11.7488835640628278777, 7.4955393428898362083, -0.0924950663617552492565],
     [5.86145544294642002866, -12.9209693178471092917, 8.15936789857615864318, -0.0715849732814009972245,
      -0.028269050394068382909]],
    [0.0964607668180652295182, 0.01, 0.479889650414499574775, 1.37900857410374189319, -3.2900695154360806799,
     2.32471052409977398242],
    [0.00178001105222577144338, 0.000816434459656746903224, -0.00788087801026199601031, 0.144711007173262907537,
     -0.58235716545255522502, 0.458082105929186946662, -1 / 66],
    [0.107412352300968767432, 0.01135625, 0.395609030560453086955, -0.344752143525935473298, 1.31618536495816473622,
     -1.01706085429365111731, 1 / 32])})

DOPRI8 = type("Dopri8", (dopri8.Dopri8Solver,), {"mid": torch.tensor(
    [0.0443525069479731633593, 0, 0, 0, 0, 0.177670209722278121726, 0.222478116677926961374, 0.063460370536346941306,
     -0.0143285032223418399441, 0.00630201363771192548291, 0.000250070994065631383266, -0.0321829729512330155608,
     0.0458306061218514489199, -0.0138324184645793380463])})

PAIRS = {"heun2": HEUN2, "bosh3": BOSH3, "dopri5": dopri5.Dopri5Solver, "tsit5": TSIT5, "dopri8": DOPRI8}
importlib.import_module("torchdiffeq._impl.odeint").SOLVERS.update(PAIRS)


class Field:
    """Counts its evaluations and the solver's steps."""

    def __init__(self, function):
        self.function, self.evaluations, self.accepted, self.rejected = function, 0, [], 0

    def __call__(self, t, y):
        self.evaluations += 1
        return self.function(t, y)

    def callback_accept_step(self, t, y, h):
        self.accepted.append((float(t), float(h)))

    def callback_reject_step(self, t, y, h):
        self.rejected += 1


def pendulum(t, y):
    return torch.stack([y[1], -torch.sin(y[0]) + 0.5 * torch.cos(t)])


def pulse(t, y):
    """Quiet, then a kick at t = 2, where steps are rejected."""
    return torch.stack([-0.5 * y[0] + 12 * torch.exp(-40 * (t - 2) ** 2), y[0] * y[2] - y[1], -0.3 * y[2]])


HIDDEN, DIMENSION = 8, 3
W = torch.sin(torch.tensor([[1.0 + 3 * j + 7 * d for d in range(DIMENSION)] for j in range(HIDDEN)]))
U = torch.cos(torch.tensor([[2.0 + 5 * j + 11 * d for d in range(DIMENSION)] for j in range(HIDDEN)]))


def network(t, y):
    """A small flow, [z | l]: f = sum_j u_j tanh(w_j . z + j t / 8), and its divergence."""
    h = torch.tanh(W @ y[:DIMENSION] + torch.arange(HIDDEN) * t / HIDDEN)
    return torch.cat([U.T @ h, ((1 - h * h) * (U * W).sum(1)).sum().reshape(1)])


FIELDS = {  # function, end, start values
    "pendulum": (pendulum, 8.0, [1.0, 0.2]),
    "pulse": (pulse, 4.0, [0.3, -0.2, 0.5]),
    "network": (network, 3.0, [0.4, -0.9, 0.2, 0.0]),
}


def rms(x):
    return x.pow(2).mean().sqrt()


def norm_of(text):
    """The function that `norm` means; torchdiffeq's own for an empty one."""
    sizes = [int(size) for size in text.split("+")]
    bounds = [sum(sizes[:i]) for i in range(len(sizes) + 1)]
    return lambda x: max(rms(x[a:b]) for a, b in zip(bounds, bounds[1:]))


def solve(pair, name, backward, tolerance, norm):
    function, end, start = FIELDS[name]
    times = (end, 0.0) if backward else (0.0, end)
    field = Field(function)
    y = odeint(field, torch.tensor(start), torch.tensor(times), method=pair, rtol=tolerance, atol=tolerance,
               options={"norm": norm_of(norm)} if norm else None)[-1]
    sizes = [abs(h) for _, h in field.accepted]
    t, h = field.accepted[-1]
    reached = t - h if backward else t + h
    state = [repr(x) for x in y.tolist()]
    return [pair, name, *map(repr, times), f"{tolerance:g}", norm, field.evaluations, len(sizes), field.rejected,
            repr(min(sizes)), repr(max(sizes)), repr(reached), *state, *[""] * (4 - len(state))]


if __name__ == "__main__":
    lines = []
    for pair in PAIRS:
        for name in FIELDS:
            for backward in (False, True):
                for tolerance in (1e-3, 1e-5) if pair == "heun2" else (1e-3, 1e-5, 1e-8):
                    lines.append(solve(pair, name, backward, tolerance, ""))
    for pair in ("bosh3", "dopri5"):
        lines += [solve(pair, "pendulum", False, 1e-6, "1"), solve(pair, "pulse", False, 1e-6, "1"),
                  solve(pair, "network", True, 1e-6, "3"), solve(pair, "network", False, 1e-6, "1+2"),
                  solve(pair, "network", False, 1e-6, "3+1")]
    path = pathlib.Path(__file__).with_name("adaptive.csv")
    path.write_text("".join(",".join(map(str, line)) + "\n" for line in lines))
    print(f"{path.name}: {len(lines)} solves")
