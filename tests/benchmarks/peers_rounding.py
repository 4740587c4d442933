#!/usr/bin/env python3
"""peers_rounding.py - why evaluations in float32 differ from torchdiffeq's: its roundings changed one at a time to ours.

Prints, for torchdiffeq as it is and with each change, how many of 36 counts (linear, van der Pol x bosh3, dopri5, dopri8 x
1e-3 .. 1e-8) equal this library's, and the largest ratio of two counts. Needs what peers.py needs, but no jax."""
import itertools

import numpy as np
import torch
import torchdiffeq
from torchdiffeq._impl import bosh3, dopri5, dopri8, misc, rk_common

from peers import TOLERANCES, Field, program_rows

METHODS = ("bosh3", "dopri5", "dopri8")
FIELDS = [Field("linear", 10.0, [1, 0.5]), Field("vdp", 10.0, [2, 0])]
CHANGES = ("field", "time", "stages", "estimate", "norm")
TABLEAUS = {"bosh3": bosh3._BOGACKI_SHAMPINE_TABLEAU, "dopri5": dopri5._DORMAND_PRINCE_SHAMPINE_TABLEAU,
            "dopri8": dopri8._DOPRI8_TABLEAU}
step_of, norm_of, first_of = rk_common._runge_kutta_step, misc._compute_error_ratio, misc._select_initial_step


def combine(start, weights, h, slopes):
    """start + sum_j (h w_j) k_j as the library adds: one fused multiply and add in float32 after the other."""
    sum_of = start.clone()
    for weight, slope in zip(weights, slopes):
        if weight != 0:
            sum_of = ((weight * h).float().double() * slope.double() + sum_of.double()).float()
    return sum_of


def changed_step(changes, exact):
    """A step whose sums for the stages ("stages") and for the error's estimate ("estimate") are added as ours, and whose
    field sees the time in double ("time")."""
    def step(func, y0, f0, t0, dt, t1, tableau):
        h, k = dt.to(y0.dtype), [f0]
        for i, (alpha, beta) in enumerate(zip(tableau.alpha, tableau.beta)):
            if "stages" in changes:
                y = combine(y0, exact.beta[i], dt, k)
            else:
                y = y0 + torch.sum(torch.stack(k, -1) * (beta * h), dim=-1)
            t = t1 if alpha == 1 else t0 + exact.alpha[i] * dt
            k.append(func(t if "time" in changes else t.to(y0.dtype), y))
        slopes = torch.stack(k, -1)
        if "estimate" in changes:
            error = combine(torch.zeros_like(y0), exact.c_error, dt, k)
        else:
            error = torch.sum(slopes * (h * tableau.c_error), dim=-1)
        return y, k[-1], error, slopes
    return step


def changed_norm(error, rtol, atol, y0, y1, norm):
    return norm_of(error.double(), rtol, atol, y0.double(), y1.double(), norm)


def changed_first(func, t0, y0, order, rtol, atol, norm, f0=None):
    return first_of(lambda t, y: func(t, y.float()).double(), t0, y0.double(), order, rtol, atol, norm, f0=f0.double())


def counts(changes):
    rk_common._compute_error_ratio = changed_norm if "norm" in changes else norm_of
    rk_common._select_initial_step = changed_first if "norm" in changes else first_of
    found = {}
    for field, method, tolerance in itertools.product(FIELDS, METHODS, TOLERANCES):
        calls = [0]
        rk_common._runge_kutta_step = changed_step(changes, TABLEAUS[method]) if changes else step_of

        def evaluate(t, y):
            calls[0] += 1
            return field(t, y.double(), torch).to(y.dtype) if "field" in changes else field(t, y, torch)

        torchdiffeq.odeint(evaluate, torch.tensor(field.start, dtype=torch.float32), torch.tensor([0.0, field.end]),
                           method=method, rtol=tolerance, atol=tolerance)
        found[field.name, method, tolerance] = calls[0]
    return found


def main():
    torch.set_num_threads(1)
    ours = {(r[2], r[3], r[4]): r[5] for r in program_rows(FIELDS) if r[0] == "ours" and r[1] == "float32"}
    for changes in [(), CHANGES, *(tuple(x for x in CHANGES if x != c) for c in CHANGES), *((c,) for c in CHANGES)]:
        theirs = counts(changes)
        ratios = [max(theirs[key] / ours[key], ours[key] / theirs[key]) for key in theirs]
        print(f"{' '.join(changes) or 'as it is':40} {sum(r == 1 for r in ratios)} of {len(ratios)} equal, "
              f"largest ratio {np.max(ratios):.2f}", flush=True)
        if changes in ((), CHANGES):
            for key in theirs:
                if key[2] < 1e-5:
                    print("    ", *key[:2], f"{key[2]:g}", "theirs", theirs[key], "ours", ours[key])


main()
