#!/usr/bin/env python3
"""make_golden.py - reference values of small flows, computed with PyTorch in float64.

    dz/dt = f(z, c(t)),  log p(x) = log N(z(T); 0, s2 I) + int_0^T div f dt,  loss = -mean log p

Everything the library derives by hand is left to autograd here: the divergence
is a trace of derivatives of f, and the gradient of the loss is one backward
pass through the whole solve. Each case becomes one .safetensors file beside
this script: settings as text, parameters, points, results, gradients.

    python3 make_golden.py [NAME...]      needs numpy, safetensors and torch
"""
import hashlib
import json
import math
import pathlib
import sys

import numpy
import torch
from safetensors.numpy import load_file

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)

# Butcher tables: the rows of a, then b; c_i is the sum of row i.
SOLVERS = {
    "euler": ([[]], [1]),
    "midpoint": ([[], [1 / 2]], [0, 1]),
    "rk4": ([[], [1 / 2], [0, 1 / 2], [0, 0, 1]], [1 / 6, 1 / 3, 1 / 3, 1 / 6]),
    "rk4_38": ([[], [1 / 3], [-1 / 3, 1], [1, -1, 1]], [1 / 8, 3 / 8, 3 / 8, 1 / 8]),
}

DEFAULTS = {
    "dimension": 2, "width": 8, "context": "clock", "join": "no", "hypernet_layers": 2, "hypernet_width": 6,
    "augmented_dimension": 2, "augmented_width": 3, "start": "zero", "end_time": 1.0, "base_variance": 1.0,
    "solver": "rk4", "steps": 4, "divergence": "exact", "batch": 5,
}

CASES = {
    "clock_rk4": {},
    "clock_many_points": {"batch": 70, "steps": 3, "solver": "rk4_38", "base_variance": 0.1},
    "clock_join_euler": {"dimension": 1, "width": 5, "join": "yes", "hypernet_layers": 1, "hypernet_width": 4,
                         "solver": "euler", "steps": 6, "end_time": 0.7, "base_variance": 0.1, "batch": 3},
    "clock_midpoint": {"dimension": 3, "width": 6, "hypernet_layers": 3, "hypernet_width": 4, "solver": "midpoint",
                       "steps": 5, "end_time": 1.5, "base_variance": 2.0, "batch": 7},
    "clock_rademacher": {"solver": "rk4_38", "divergence": "rademacher"},
    "clock_join_gaussian": {"dimension": 3, "width": 7, "join": "yes", "steps": 3, "divergence": "gaussian",
                            "end_time": 0.9},
    "augmented_join_rk4": {"context": "augmented", "join": "yes", "start": "learned", "base_variance": 0.1},
    "augmented_rk4_38": {"context": "augmented", "augmented_dimension": 1, "augmented_width": 4, "solver": "rk4_38",
                         "steps": 5, "end_time": 2.0},
    "augmented_join_rademacher": {"context": "augmented", "augmented_dimension": 3, "dimension": 1, "join": "yes",
                                  "solver": "midpoint", "divergence": "rademacher", "batch": 4},
    "augmented_gaussian": {"context": "augmented", "augmented_dimension": 3, "dimension": 3, "width": 5,
                           "start": "learned", "steps": 3, "divergence": "gaussian", "base_variance": 0.5},
    "augmented_join_euler": {"context": "augmented", "augmented_dimension": 1, "augmented_width": 2, "dimension": 3,
                             "width": 7, "join": "yes", "start": "learned", "solver": "euler", "steps": 6,
                             "hypernet_layers": 4, "hypernet_width": 3, "end_time": 1.2, "batch": 6},
    "augmented_midpoint": {"context": "augmented", "augmented_dimension": 2, "augmented_width": 5, "width": 6,
                           "start": "learned", "solver": "midpoint", "steps": 6, "end_time": 0.7},
}


def context_size(s):
    return s["augmented_dimension"] if s["context"] == "augmented" else 1


def draw_parameters(s, rng):
    """Larger than an initialisation, so that no gradient is negligible."""
    C, D, W = context_size(s), s["dimension"], s["width"]
    inputs = D + C if s["join"] == "yes" else D
    params = {}

    def linear(name, rows, columns, gain):
        params[f"{name}.weight"] = rng.normal(0, gain / math.sqrt(columns), (rows, columns))
        params[f"{name}.bias"] = rng.normal(0, 0.7, rows)

    sizes = [C] + [s["hypernet_width"]] * s["hypernet_layers"] + [W * (inputs + 2 * D + 1)]
    for layer in range(len(sizes) - 1):
        linear(f"hypernet.{layer}", sizes[layer + 1], sizes[layer], 1.3)
    if s["context"] == "augmented":
        linear("context.0", s["augmented_width"], C, 1.3)
        linear("context.1", C, s["augmented_width"], 1.3)
        if s["start"] == "learned":
            params["context.start"] = rng.uniform(0, 1, C)
    return {name: torch.tensor(value, requires_grad=True) for name, value in params.items()}


def linear(params, name, x):
    return x @ params[f"{name}.weight"].T + params[f"{name}.bias"]


def context_velocity(params, c):
    return linear(params, "context.1", torch.nn.functional.elu(linear(params, "context.0", c)))


def field(s, params, z, c):
    """f (B, D) of z (B, D) at the context c (C)."""
    D, W = s["dimension"], s["width"]
    h = c
    for layer in range(s["hypernet_layers"]):
        h = torch.tanh(linear(params, f"hypernet.{layer}", h))
    out = linear(params, f"hypernet.{s['hypernet_layers']}", h)
    w, u, g, b = out.split([out.numel() - W * (2 * D + 1), W * D, W * D, W])
    zc = torch.cat([z, c.expand(len(z), -1)], 1) if s["join"] == "yes" else z
    hidden = torch.tanh(zc @ w.view(-1, W) + b)  # (B, W)
    return hidden @ (u * torch.sigmoid(g)).view(D, W).T / W


def divergence(f, z, probe):
    """tr J, or e.(J e) for each row, with J = df/dz; keeps the graph."""
    if probe is not None:
        return (torch.autograd.grad(f, z, probe, create_graph=True)[0] * probe).sum(1)
    trace = torch.zeros(len(z))
    for d in range(z.shape[1]):
        trace = trace + torch.autograd.grad(f[:, d].sum(), z, create_graph=True)[0][:, d]
    return trace


def solve(s, params, x, probe):
    """z(T) (B, D) and int_0^T div dt (B), with z* on the same grid."""
    a, b = SOLVERS[s["solver"]]
    h = s["end_time"] / s["steps"]
    augmented = s["context"] == "augmented"

    def velocity(t, state):
        z, _, c = state
        # A leaf-like handle on the stage's z, through which J is taken while the graph to x stays.
        z = z if z.requires_grad else z.detach().requires_grad_()
        context = c if augmented else torch.tensor([t])
        f = field(s, params, z, context)
        return f, divergence(f, z, probe), context_velocity(params, c) if augmented else c

    def advance(state, weights, slopes):
        return tuple(y + h * sum((w * k[i] for w, k in zip(weights, slopes)), torch.zeros_like(y))
                     for i, y in enumerate(state))

    start = params["context.start"] if "context.start" in params else torch.zeros(context_size(s))
    state = (x, torch.zeros(len(x)), start)
    for step in range(s["steps"]):
        slopes = []
        for row in a:
            slopes.append(velocity((step + sum(row)) * h, advance(state, row, slopes)))
        state = advance(state, b, slopes)
    return state[0], state[1]


def log_density(s, params, x, probe):
    z, integral = solve(s, params, x, probe)
    s2 = s["base_variance"]
    base = -0.5 * (z * z).sum(1) / s2 - 0.5 * s["dimension"] * math.log(2 * math.pi * s2)
    return z, base + integral


def check_divergence(s, params, x, probe):
    """Against the Jacobian itself; and the exact one against log |det dz(T)/dx| of a fine grid."""
    c = torch.linspace(0.3, 0.8, context_size(s))
    points = x.detach().requires_grad_()
    given = divergence(field(s, params, points, c), points, probe)
    for i in range(len(x)):
        jacobian = torch.autograd.functional.jacobian(lambda z: field(s, params, z[None], c)[0], x[i])
        expected = jacobian.trace() if probe is None else probe[i] @ jacobian @ probe[i]
        assert abs(given[i] - expected) < 1e-12
    if probe is None:
        fine = dict(s, solver="rk4", steps=60)
        _, integral = solve(fine, params, x[:2], None)
        for i in range(2):
            jacobian = torch.autograd.functional.jacobian(lambda z: solve(fine, params, z[None], None)[0][0], x[i])
            assert abs(integral[i] - torch.linalg.slogdet(jacobian)[1]) < 1e-6


def check_gradients(s, params, x, probe):
    """Every gradient counts in a comparison, and two entries of each agree with central differences."""
    for name, value in params.items():
        assert value.grad.abs().max() > 1e-3, f"{name} hardly matters"
        assert value.grad.abs().min() > 1e-9, f"{name} has an entry that doesn't matter"
        for i in {0, value.numel() - 1}:
            entry = value.data.view(-1)[i:i + 1]
            original, losses = entry.item(), []
            for delta in (1e-5, -1e-5):
                entry.fill_(original + delta)
                losses.append(-log_density(s, params, x, probe)[1].mean().item())
            entry.fill_(original)
            assert abs((losses[0] - losses[1]) / 2e-5 - value.grad.view(-1)[i].item()) < 1e-7, name


def write_safetensors(path, arrays, texts):
    """The file, with the SHA-256 of its data among the texts."""
    data, header = b"", {}
    for name, array in arrays.items():
        raw = numpy.ascontiguousarray(array, dtype="<f8").tobytes()
        header[name] = {"dtype": "F64", "shape": list(array.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    header["__metadata__"] = dict(texts, sha256=hashlib.sha256(data).hexdigest())
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # so that the data are aligned
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)


def make(name, settings, seed):
    s = DEFAULTS | settings
    rng = numpy.random.Generator(numpy.random.PCG64(seed))
    params = draw_parameters(s, rng)
    shape = (s["batch"], s["dimension"])
    x = torch.tensor(rng.normal(0, 1, shape))
    probe = None
    if s["divergence"] == "rademacher":
        probe = torch.tensor(rng.integers(0, 2, shape) * 2.0 - 1)
    elif s["divergence"] == "gaussian":
        probe = torch.tensor(rng.normal(0, 1, shape))

    check_divergence(s, params, x, probe)
    z, logp = log_density(s, params, x, probe)
    loss = -logp.mean()
    loss.backward()
    check_gradients(s, params, x, probe)

    arrays = {key: value.detach() for key, value in params.items()}
    arrays |= {"x": x, "z": z.detach(), "log_density": logp.detach(), "loss": loss.detach().reshape(1)}
    if probe is not None:
        arrays["probe"] = probe
    arrays |= {f"gradient.{key}": value.grad for key, value in params.items()}
    arrays = {key: value.numpy() for key, value in arrays.items()}

    path = pathlib.Path(__file__).with_name(f"{name}.safetensors")
    write_safetensors(path, arrays, {key: str(value) for key, value in s.items()})
    read = load_file(path)
    assert read.keys() == arrays.keys() and all((read[key] == arrays[key]).all() for key in arrays)
    print(f"{name}: loss {loss.item():.6f}, {path.stat().st_size} bytes")


def make_cases(make, cases, first_seed):
    """The cases that the command line names, or all; a case's seed depends on its place alone."""
    unknown = [name for name in sys.argv[1:] if name not in cases]
    if unknown:
        sys.exit(f"unknown case {unknown[0]}; known: {', '.join(cases)}")
    for number, (case, changes) in enumerate(cases.items()):
        if len(sys.argv) == 1 or case in sys.argv[1:]:
            make(case, changes, seed=first_seed + number)


if __name__ == "__main__":
    make_cases(make, CASES, first_seed=1000)
