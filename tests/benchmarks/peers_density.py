#!/usr/bin/env python3
"""peers_density.py - densities of other packages beside this library's: values, conventions, probes.

Writes the tables of docs/lab/peers.md as Markdown. The packages are those of PACKAGES, in a virtual environment that this
script makes (5 GB, since PyTorch's wheel brings CUDA; nothing of it is used).

    make wheel
    python3 tests/benchmarks/peers_density.py [--environment FOLDER]      default: build/peers

1. One trained field, 64 points: log p by each package's own continuous flow, or by its solver for (z, log p), at rtol =
   atol = 1e-6 in float64, against SciPy's DOP853 at 1e-12.
2. One affine map, x = 1 + 2 z with z ~ N(0, 1): which way each package's transform goes.
3. Hutchinson's estimate of tr J for J = I and for J = [[0, 1], [1, 0]]: signs give no spread for I, normal numbers do."""
import argparse
import glob
import importlib.metadata
import math
import os
import pathlib
import subprocess
import sys
import tempfile
import warnings

PACKAGES = ("numpy==2.4.6 scipy==1.17.1 safetensors==0.8.0 torch==2.15.0 torchdiffeq==0.2.5 torchode==1.0.1 zuko==1.6.0 "
            "nflows==0.14 normflows==1.7.3 FrEIA==0.2 jax==0.10.2 jaxlib==0.10.2 diffrax==0.7.2").split()
ROOT = pathlib.Path(__file__).resolve().parents[2]
TOLERANCE, POINTS = 1e-6, 64


def enter(folder):
    """Run this script in an environment with the packages and this project's wheel."""
    if not os.path.exists(f"{folder}/ready"):
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        wheels = glob.glob(str(ROOT / "build/wheel/affjord-*.whl"))
        if not wheels:
            sys.exit("peers_density.py: no build/wheel/affjord-*.whl; run make wheel")
        subprocess.run([f"{folder}/bin/pip", "-q", "install", "--no-compile", *PACKAGES, *wheels], check=True)
        pathlib.Path(folder, "ready").touch()
    os.execv(f"{folder}/bin/python", [f"{folder}/bin/python", __file__, "--here"])


# --- 1. One density ---

def train():
    """A flow of two rings: log p of test points with both ways to end, its weights in double, the points."""
    import affjord
    import numpy as np
    from safetensors import safe_open
    from safetensors.numpy import load_file, save_file
    random = np.random.default_rng(0)
    angle = random.uniform(0, 2 * math.pi, 2064)
    radius = np.where(np.arange(2064) % 2, 1, 2.5) + 0.15 * random.normal(size=2064)
    x = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)
    flow = affjord.Flow(2, field="mlp", layer="concat", hidden="32", activation="tanh", context="time", end_time=1,
                        method="dopri5", atol=TOLERANCE, rtol=TOLERANCE, learning_rate=0.01, batch=128)
    flow.fit(x[POINTS:], iterations=400)
    with tempfile.TemporaryDirectory() as folder:
        flow.save(f"{folder}/m.safetensors")
        weights = load_file(f"{folder}/m.safetensors")
        with safe_open(f"{folder}/m.safetensors", "numpy") as file:
            save_file(weights, f"{folder}/stop.safetensors", {**file.metadata(), "solver.end": "stop"})
        log_p = [f.log_prob(x[:POINTS]) for f in (flow, affjord.load(f"{folder}/stop.safetensors"))]
    return log_p, [weights[f"field.{i}.{part}"].astype(float) for i in (0, 1) for part in ("weight", "bias")], x[:POINTS]


def rates(t, z, w, xp):
    """f (n, 2) and tr df/dz (n) of the trained field, in numpy, torch or jax: W2 [t, tanh(W1 [t, z] + b1)] + b2."""
    W1, b1, W2, b2 = w
    h = xp.tanh(z @ W1[:, 1:].T + W1[:, 0] * t + b1)
    return h @ W2[:, 1:].T + W2[:, 0] * t + b2, ((1 - h * h) * (W1[:, 1:] * W2[:, 1:].T).sum(1)).sum(1)


def base(z):
    return -0.5 * (z * z).sum(-1) - math.log(2 * math.pi)


def densities(w, x):
    """Yield package, what is used, log p (n), evaluations."""
    import diffrax
    import jax
    import jax.numpy as jnp
    import numpy as np
    import torch
    import torchdiffeq
    import torchode
    import zuko
    from scipy.integrate import solve_ivp
    jax.config.update("jax_enable_x64", True)
    torch.set_num_threads(1)
    count = [0]

    def augmented(xp, weights):
        def derivative(t, y):
            count[0] += 1
            y = y.reshape(-1, 3)
            f, trace = rates(t, y[:, :2], weights, xp)
            return xp.concatenate([f, trace[:, None]], 1)
        return derivative

    def finish(y):
        y = np.asarray(y, float).reshape(-1, 3)
        taken, count[0] = count[0], 0
        return base(y[:, :2]) + y[:, 2], taken

    start = np.concatenate([x, np.zeros((len(x), 1))], 1)
    for method, tolerance in (("DOP853", 1e-12), ("RK45", TOLERANCE)):
        f = augmented(np, w)
        out = solve_ivp(lambda t, y: f(t, y).reshape(-1), (0, 1), start.reshape(-1), method=method, rtol=tolerance,
                        atol=tolerance)
        yield "scipy", method, *finish(out.y[:, -1])

    weights, y0 = [torch.tensor(a) for a in w], torch.tensor(start)
    f, times = augmented(torch, weights), torch.tensor([0.0, 1.0], dtype=torch.float64)
    for used, options in (("dopri5", None), ("dopri5, step_t at the end", {"step_t": times[1:]})):
        yield "torchdiffeq", used, *finish(torchdiffeq.odeint(f, y0, times, method="dopri5", rtol=TOLERANCE, atol=TOLERANCE,
                                                              options=options)[-1])

    # torchode has a time for each row.
    term = torchode.ODETerm(lambda t, y: f(t[:, None], y))
    solver = torchode.AutoDiffAdjoint(torchode.Dopri5(term=term),
                                      torchode.IntegralController(atol=TOLERANCE, rtol=TOLERANCE, term=term))
    ends = [torch.full((len(x),), t, dtype=torch.float64) for t in (0.0, 1.0)]
    out = solver.solve(torchode.InitialValueProblem(y0=y0, t_start=ends[0], t_end=ends[1]))
    yield "torchode", "Dopri5, steps for each row", *finish(out.ys[:, -1])

    def points(t, z):
        count[0] += 1
        return rates(t, z, weights, torch)[0]
    flow = zuko.distributions.NormalizingFlow(
        zuko.transforms.FreeFormJacobianTransform(points, 0.0, 1.0, atol=TOLERANCE, rtol=TOLERANCE),
        zuko.distributions.DiagNormal(torch.zeros(2, dtype=torch.float64), torch.ones(2, dtype=torch.float64)))
    log_p, taken = flow.log_prob(torch.tensor(x)).detach().numpy(), count[0]
    count[0] = 0
    yield "zuko", "FreeFormJacobianTransform", log_p, taken

    f = augmented(jnp, [jnp.asarray(a) for a in w])
    out = diffrax.diffeqsolve(diffrax.ODETerm(lambda t, y, args: f(t, y)), diffrax.Dopri5(), 0.0, 1.0, None, jnp.asarray(start),
                              stepsize_controller=diffrax.PIDController(rtol=TOLERANCE, atol=TOLERANCE))
    yield "diffrax", "Dopri5", finish(out.ys[-1])[0], 1 + 6 * int(out.stats["num_steps"])


def print_densities():
    import numpy as np
    log_p, w, x = train()
    rows = list(densities(w, x))
    exact = rows[0][2]
    ours = [("this library", f"dopri5, float32, `solver.end = {end}`", found, "-")
            for end, found in zip(("interpolate", "stop"), log_p)]
    print("| package | used | largest error of log p, nats | evaluations |\n|---|---|---|---|")
    for package, used, log_p, evaluations in ours + rows[1:]:
        print(f"| {package} | {used} | {np.abs(log_p - exact).max():.0e} | {evaluations} |")


# --- 2. One affine map ---

def print_directions():
    """x = 1 + 2 z: whether calling the transform takes x = 3 to z = 1, and the log-determinant that it returns."""
    import FrEIA
    import nflows.distributions
    import nflows.flows
    import nflows.transforms
    import normflows
    import torch
    import zuko
    one, three = torch.ones(1, 1), torch.full((1, 1), 3.0)
    affine = normflows.flows.AffineConstFlow(1)
    affine.s.data.fill_(math.log(2))
    affine.t.data.fill_(1)
    block = FrEIA.modules.FixedLinearTransform([(1,)], M=torch.full((1, 1), 2.0), b=torch.ones(1))
    calls = {
        "zuko": zuko.transforms.MonotonicAffineTransform(one, torch.full((1, 1), math.log(2.0))).call_and_ladj,
        "nflows": nflows.transforms.PointwiseAffineTransform(1.0, 2.0).forward,
        "normflows": affine.forward,
        "FrEIA": lambda z: (lambda out: (out[0][0], out[1]))(block([z])),
    }
    print("\n| package | the same affine layer takes 1 to | its log-determinant |\n|---|---|---|")
    for package, call in calls.items():
        y, log_determinant = call(one)
        print(f"| {package} {importlib.metadata.version(package)} | {float(y):.3f} | {float(log_determinant):+.3f} |")
    print()
    # In a density: which of the two maps a package's flow takes the layer for.
    flows = {
        "zuko": zuko.distributions.NormalizingFlow(
            zuko.transforms.MonotonicAffineTransform(one[0], torch.full((1,), math.log(2.0))),
            zuko.distributions.DiagNormal(torch.zeros(1), torch.ones(1))).log_prob,
        "nflows": nflows.flows.Flow(nflows.transforms.PointwiseAffineTransform(1.0, 2.0),
                                    nflows.distributions.StandardNormal([1])).log_prob,
        "normflows": normflows.NormalizingFlow(normflows.distributions.DiagGaussian(1, trainable=False), [affine]).log_prob,
    }
    print("| package | mean and deviation of the density |\n|---|---|")
    grid = torch.linspace(-40, 40, 80001)[:, None]
    for package, log_prob in flows.items():
        p = log_prob(grid).detach().double().exp().reshape(-1) * 0.001
        mean = float((p * grid[:, 0]).sum())
        print(f"| {package} | {mean:.2f}, {math.sqrt(float((p * (grid[:, 0] - mean) ** 2).sum())):.2f} |")
    print()


# --- 3. Probes ---

def print_probes():
    import normflows
    import numpy as np
    import torch
    import zuko
    swap = torch.tensor([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])

    class Linear(torch.nn.Module):
        def __init__(self, matrix):
            super().__init__()
            self.matrix = matrix

        def forward(self, x):
            return x @ self.matrix

    def zuko_estimate(matrix):
        return zuko.transforms.FreeFormJacobianTransform(lambda t, x: x @ matrix, exact=False).call_and_ladj(
            torch.zeros(1000, 3))[1]

    def normflows_estimate(matrix):
        block = normflows.flows.residual.iResBlock(Linear(0.5 * matrix)).eval()
        return -block(torch.zeros(1000, 3), torch.zeros(1000, 1))[1].detach()[:, 0]

    print("| package | spread over rows, J = I | J = swap | same in a second call |\n|---|---|---|---|")
    for package, estimate in (("zuko", zuko_estimate), ("normflows", normflows_estimate)):
        torch.manual_seed(0)
        np.random.seed(0)
        first, again, other = estimate(torch.eye(3)), estimate(torch.eye(3)), estimate(swap)
        print(f"| {package} | {float(first.std()):.2f} | {float(other.std()):.2f} | {bool((first == again).all())} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--environment", default=str(ROOT / "build/peers"))
    parser.add_argument("--here", action="store_true", help="use the packages of this Python")
    arguments = parser.parse_args()
    if not arguments.here:
        enter(arguments.environment)
    warnings.simplefilter("ignore")
    print_densities()
    print_directions()
    print_probes()


if __name__ == "__main__":
    main()
