#!/usr/bin/env python3
"""peers.py - adaptive solvers of other packages beside this library's: evaluations, rejected steps, error, first step.

Five fields (linear, stiff, van der Pol, a trained toy flow, zero) x methods x tolerances 1e-3 .. 1e-8 (rtol = atol) x
float32 and float64, with each package's defaults otherwise; this library and torchdiffeq also with the other way to end.
The error is the RMS over the state at the end, against the exact solution (linear, stiff, zero) or SciPy's DOP853 at
1e-13. Docs: docs/lab/peers.md.

    make && make PRECISION=double            the libraries that peers_ours.c links
    python3 tests/benchmarks/peers.py [--output FILE.csv]

Needs numpy, scipy, torch, torchdiffeq, jax, diffrax; for SUNDIALS ARKODE Debian's libsundials-dev. diffrax counts steps;
its evaluations follow from the stages and the method's first-same-as-last."""
import argparse
import csv
import itertools
import math
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

HIDDEN, POINTS = 32, 16
TOLERANCES = [10.0 ** -k for k in range(3, 9)]
LOOSE = TOLERANCES[:3]  # of heun2, which would take a hundred thousand steps at 1e-8
HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]


def train_toy():
    """Train dz/dt = W2 tanh(W1 [z, t] + b1) + b2 to carry a normal density to a ring, 300 steps of Adam, seed 0."""
    import torch
    torch.manual_seed(0)
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    shapes = [(HIDDEN, 3), (HIDDEN,), (2, HIDDEN), (2,)]
    w = [(0.5 * torch.randn(s)).requires_grad_() for s in shapes]
    optimiser = torch.optim.Adam(w, lr=0.02)

    def rates(z, t):
        h = torch.tanh(z @ w[0][:, :2].T + w[0][:, 2] * t + w[1])
        jacobian = ((1 - h * h) * (w[0][:, :2] * w[2].T).sum(1)).sum(1)
        return h @ w[2].T + w[3], jacobian

    for _ in range(300):
        angle = 2 * math.pi * torch.rand(256, 1)
        z = (2 + 0.1 * torch.randn(256, 1)) * torch.cat([angle.cos(), angle.sin()], 1)
        log_p, steps = torch.zeros(256), 10
        for i in range(steps):  # midpoint rule, from the data at t = 0 to the base at t = 1
            f, _ = rates(z, i / steps)
            f, trace = rates(z + 0.5 / steps * f, (i + 0.5) / steps)
            z, log_p = z + f / steps, log_p + trace / steps
        loss = (0.5 * (z * z).sum(1) - log_p).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return [x.detach().numpy() for x in w]


class Field:
    """dy/dt in numpy, torch or jax by the module of its argument; weights in double, the state's type otherwise."""

    def __init__(self, name, end, start, weights=None):
        self.name, self.end, self.start, self.weights = name, end, np.asarray(start, float), weights

    def __call__(self, t, y, xp=np, weights=None):
        stack = xp.stack
        if self.name == "linear":
            return stack([-0.1 * y[0] + 2 * y[1], -2 * y[0] - 0.1 * y[1]])
        if self.name == "stiff":
            return stack([-y[0] + 99 * y[1], -100 * y[1]])
        if self.name == "vdp":
            return stack([y[1], 5 * (1 - y[0] * y[0]) * y[1] - y[0]])
        if self.name == "zero":
            return 0 * y
        W1, b1, W2, b2 = weights if weights is not None else self.weights
        z = y.reshape(POINTS, 2)
        return (xp.tanh(z @ W1[:, :2].T + W1[:, 2] * t + b1) @ W2.T + b2).reshape(-1)

    def exact(self):
        a, b, t = self.start[0], self.start[1], self.end
        if self.name == "linear":
            c, s = math.cos(2 * t), math.sin(2 * t)
            return math.exp(-0.1 * t) * np.array([c * a + s * b, c * b - s * a])
        if self.name == "stiff":
            return np.array([(a + b) * math.exp(-t) - b * math.exp(-100 * t), b * math.exp(-100 * t)])
        if self.name == "zero":
            return self.start
        from scipy.integrate import solve_ivp
        return solve_ivp(self, (0, t), self.start, method="DOP853", rtol=1e-13, atol=1e-13).y[:, -1]


def fields():
    start = np.random.default_rng(0).normal(size=(POINTS, 2)).reshape(-1)
    return [Field("linear", 10.0, [1, 0.5]), Field("stiff", 1.0, [1, 1]), Field("vdp", 10.0, [2, 0]),
            Field("toy", 1.0, start, train_toy()), Field("zero", 1.0, [1, -1])]


def torchdiffeq_rows(field):
    import torch
    import torchdiffeq
    names = {"adaptive_heun": "heun2", "bosh3": "bosh3", "dopri5": "dopri5", "dopri8": "dopri8"}
    for dtype in (torch.float32, torch.float64):
        weights = None if field.weights is None else [torch.tensor(w, dtype=dtype) for w in field.weights]

        class Counted:
            evaluations, rejected, first = 0, 0, None

            def __call__(self, t, y):
                self.evaluations += 1
                return field(t, y, torch, weights)

            def callback_step(self, t, y, h):
                self.first = float(h) if self.first is None else self.first

            def callback_reject_step(self, t, y, h):
                self.rejected += 1

        for name, method in names.items():
            for tolerance, step_t in itertools.product(LOOSE if method == "heun2" else TOLERANCES, (False, True)):
                counted, times = Counted(), torch.tensor([0.0, field.end], dtype=dtype)
                y = torchdiffeq.odeint(counted, torch.tensor(field.start, dtype=dtype), times, method=name, rtol=tolerance,
                                       atol=tolerance, options={"step_t": times[1:]} if step_t else None)[-1]
                yield ("torchdiffeq with step_t" if step_t else "torchdiffeq", str(dtype)[6:], field.name, method, tolerance,
                       counted.evaluations, counted.rejected, counted.first, *y.tolist())


def diffrax_rows(all_fields):
    """The fields of two numbers are one program, as each takes long to compile."""
    import diffrax
    import jax
    import jax.numpy as jnp
    jax.config.update("jax_enable_x64", True)
    first = [0.0]

    class Watched(diffrax.PIDController):
        def init(self, *arguments, **named):
            t1, state = super().init(*arguments, **named)
            jax.debug.callback(lambda t: first.__setitem__(0, float(t)), t1)
            return t1, state

    methods = {"heun2": (diffrax.Heun(), 2), "bosh3": (diffrax.Bosh3(), 3), "dopri5": (diffrax.Dopri5(), 6),
               "tsit5": (diffrax.Tsit5(), 6), "dopri8": (diffrax.Dopri8(), 13)}
    for dtype in (jnp.float32, jnp.float64):
        for group in ([f for f in all_fields if f.name != "toy"], [f for f in all_fields if f.name == "toy"]):
            weights = None if group[0].weights is None else [jnp.asarray(w, dtype) for w in group[0].weights]
            branches = [lambda t, y, f=f: f(t, y, jnp, weights).astype(dtype) for f in group]
            term = diffrax.ODETerm(lambda t, y, which: jax.lax.switch(which, branches, t, y))
            for method, (solver, stages) in methods.items():
                @jax.jit
                def solve(tolerance, start, end, which):
                    return diffrax.diffeqsolve(term, solver, dtype(0), end, None, start, which, max_steps=1000000, throw=False,
                                               stepsize_controller=Watched(rtol=tolerance, atol=tolerance))

                for which, field in enumerate(group):
                    for tolerance in LOOSE if method == "heun2" else TOLERANCES:
                        out = solve(tolerance, jnp.asarray(field.start, dtype), dtype(field.end), which)
                        y = np.asarray(out.ys[-1], float)
                        if out.result != diffrax.RESULTS.successful:
                            y = np.full_like(y, np.nan)
                        jax.effects_barrier()
                        yield ("diffrax", np.dtype(dtype).name, field.name, method, tolerance,
                               1 + stages * int(out.stats["num_steps"]), int(out.stats["num_rejected_steps"]), first[0], *y)


def scipy_rows(field):
    from scipy.integrate import DOP853, RK23, RK45
    for solver, method in ((RK23, "bosh3"), (RK45, "dopri5"), (DOP853, "dop853")):
        for tolerance in TOLERANCES:
            rejected = 0
            s = solver(field, 0.0, field.start, field.end, rtol=tolerance, atol=tolerance)
            first, stages = s.h_abs, s.n_stages
            while s.status == "running":
                before = s.nfev
                s.step()
                rejected += (s.nfev - before) // stages - 1
            yield ("scipy", "float64", field.name, method, tolerance, s.nfev, rejected, first, *s.y)


def program_rows(all_fields):
    """Rows of the two programs in C, which are compiled here."""
    text = "".join(" ".join([f.name, str(len(f.start)), repr(f.end), *(f"{x:.17g}" for x in f.start), *(
        f"{x:.17g}" for w in f.weights or [] for x in np.ravel(w))]) + "\n" for f in all_fields)
    core = "-ljansson -lmd -lsleef -ljpeg -lzip -lz -lm -lpthread".split()
    builds = {
        "ours": ["-I", str(ROOT / "core"), str(HERE / "peers_ours.c"), str(ROOT / "build/libaffjord.a"), *core],
        "ours, double": ["-DAFFJORD_DOUBLE", "-I", str(ROOT / "core"), str(HERE / "peers_ours.c"),
                         str(ROOT / "build/double/libaffjord.a"), "-llapacke", "-lopenblas", *core],
        "arkode": [str(HERE / "peers_arkode.c"), "-lsundials_arkode", "-lsundials_nvecserial", "-lm"]}
    with tempfile.TemporaryDirectory() as folder:
        for name, arguments in builds.items():
            subprocess.run(["cc", "-std=c11", "-D_GNU_SOURCE", "-O2", "-o", f"{folder}/program", *arguments], check=True)
            out = subprocess.run([f"{folder}/program"], input=text, capture_output=True, text=True, check=True).stdout
            for row in csv.reader(out.splitlines()):
                yield (*row[:4], float(row[4]), int(row[5]), int(row[6]), float(row[7]), *map(float, row[8:]))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", default="peers.csv")
    output = parser.parse_args().output
    all_fields = fields()
    exact = {f.name: f.exact() for f in all_fields}
    rows = list(program_rows(all_fields))
    for field in all_fields:
        rows += [*torchdiffeq_rows(field), *scipy_rows(field)]
        print(field.name, file=sys.stderr)
    rows += diffrax_rows(all_fields)
    with open(output, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow("package precision field method tolerance evaluations rejected first_step error".split())
        for row in rows:
            error = np.sqrt(np.mean((np.array(row[8:]) - exact[row[2]]) ** 2))
            writer.writerow([*row[:4], f"{row[4]:g}", *row[5:7], f"{row[7]:.6g}", f"{error:.3g}"])
    print(f"{output}: {len(rows)} solves", file=sys.stderr)


if __name__ == "__main__":
    main()
