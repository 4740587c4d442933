#!/usr/bin/env python3
"""make_chain_golden.py - reference values of multiscale models on images, computed with PyTorch in float64.

    x -> logit -> scales of flow, squeeze, flow, split; the last scale is one flow
    log p = log N(what left; 0, s2 I) + integrals of e.(J e) over flows + log|dz/dx| of the logit
    loss = mean bits/dim + (kinetic mean of int |f|^2 dt + jacobian mean of int |J e|^2 dt) / D

The solvers' steps are unrolled and everything derived is left to autograd: J e
(or the whole trace), and the gradient of the loss, with respect to end times
too. Each case becomes one .safetensors file in chain/: settings as text,
parameters, images, probes, results, gradients. Images are stored channel-last.

    python3 make_chain_golden.py [NAME...]      needs numpy, safetensors and torch
"""
import math
import pathlib

import numpy
import torch
from torch.autograd import grad
from torch.nn.functional import pixel_shuffle, pixel_unshuffle, silu, softplus

from make_conv_golden import convolve
from make_golden import SOLVERS, make_cases, write_safetensors

# Dormand and Prince's method of order 5 with fixed steps, without its error estimate.
DOPRI5 = ([[], [1 / 5], [3 / 40, 9 / 40], [44 / 45, -56 / 15, 32 / 9],
           [19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729],
           [9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656]],
          [35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84])
METHODS = SOLVERS | {"dopri5": DOPRI5}

FUNCTIONS = {"softplus": lambda x: softplus(x, threshold=40), "tanh": torch.tanh, "swish": silu}

DEFAULTS = {
    "channels": 1, "height": 8, "width": 8, "architecture": "ffjord", "layer": "concat", "variant": "paper",
    "hidden": "5 4", "moving": 5, "fed": 3, "function": "softplus", "alpha": 0.05, "end_time": 1.0,
    "learn_end_time": "yes", "base_variance": 1.0, "divergence": "rademacher", "kinetic": 0.0, "jacobian": 0.0,
    "solver": "rk4", "steps": 3, "batch": 2,
}
AUGMENTED = {"architecture": "affjord"}

CASES = {
    "clock_concat": {"batch": 3},
    "clock_hyper": {"layer": "hyper", "function": "tanh", "kinetic": 0.05, "solver": "dopri5", "steps": 2},
    "clock_squash": {"layer": "concatsquash", "function": "swish", "jacobian": 0.04, "learn_end_time": "no",
                     "end_time": 0.8, "divergence": "gaussian", "alpha": 0.001},
    "clock_colour": {"channels": 3, "height": 16, "width": 16, "hidden": "4", "kinetic": 0.03, "jacobian": 0.02},
    "clock_exact": {"hidden": "4", "divergence": "exact", "solver": "midpoint", "steps": 2, "kinetic": 0.02,
                    "jacobian": 0.03, "base_variance": 1.5},
    "augmented_join": AUGMENTED | {"base_variance": 0.6, "batch": 3, "kinetic": 0.02, "jacobian": 0.01},
    "augmented_join_hyper": AUGMENTED | {"layer": "hyper", "hidden": "4 3", "steps": 4},
    "augmented_hyper": AUGMENTED | {"layer": "hyper", "variant": "release", "height": 16, "width": 16, "hidden": "4",
                                    "fed": 2, "function": "tanh"},
    "augmented_squash": AUGMENTED | {"layer": "concatsquash", "function": "swish", "solver": "midpoint", "steps": 4,
                                     "divergence": "gaussian"},
    "augmented_oblong": AUGMENTED | {"width": 16, "hidden": "4", "function": "tanh", "alpha": 0.1, "moving": 10,
                                     "learn_end_time": "no", "end_time": 1.2},
    "augmented_exact": AUGMENTED | {"layer": "hyper", "height": 4, "width": 4, "divergence": "exact", "hidden": "3",
                                    "kinetic": 0.03, "jacobian": 0.02, "batch": 3},
    "augmented_ignored": AUGMENTED | {"variant": "release", "channels": 2, "height": 4, "width": 4},
}


def hidden(s):
    return [int(width) for width in s["hidden"].split()]


def flows(s):
    """Of each flow channels, height, width, and what comes after it."""
    c, h, w = s["channels"], s["height"], s["width"]
    found = []
    while h >= 8 and w >= 8:
        found += [(c, h, w, "squeeze"), (4 * c, h // 2, w // 2, "split")]
        c, h, w = 2 * c, h // 2, w // 2
    return found + [(c, h, w, "end")]


def joins(s):
    return s["architecture"] == "affjord" and s["variant"] == "paper"


def shows_time(s):
    return s["architecture"] == "ffjord" and s["layer"] == "concat"


def moves(s):
    """z* moves unless the field cannot see it."""
    return s["architecture"] == "affjord" and (joins(s) or s["layer"] != "concat")


def draw_parameters(s, rng):
    """Larger than an initialisation, so that no gradient is negligible."""
    params = {}
    fed = s["fed"] if s["architecture"] == "affjord" else 1
    for f, (channels, _, _, _) in enumerate(flows(s)):
        sizes = [channels, *hidden(s), channels]
        for layer in range(len(sizes) - 1):
            name, out = f"flow.{f}.field.{layer}", sizes[layer + 1]
            inputs = sizes[layer] + shows_time(s) + (channels if joins(s) and layer == 0 else 0)
            gain = 1.2 / math.sqrt(inputs * 9)
            if s["layer"] == "hyper":
                made = out * inputs * 9 + out
                params[f"{name}.hyper.weight"] = rng.normal(0, gain / math.sqrt(fed), (made, fed))
                params[f"{name}.hyper.bias"] = rng.normal(0, gain, made)
                continue
            params[f"{name}.weight"] = rng.normal(0, gain, (out, inputs * 9))
            params[f"{name}.bias"] = rng.normal(0, 0.5, out)
            if s["layer"] == "concatsquash":
                params[f"{name}.gate.weight"] = rng.normal(0, 1, (out, fed))
                params[f"{name}.gate.bias"] = rng.normal(0.5, 1, out)
                params[f"{name}.shift.weight"] = rng.normal(0, 0.5, (out, fed))
        if moves(s):
            M = s["moving"]
            for layer in range(2):
                params[f"flow.{f}.context.{layer}.weight"] = rng.normal(0, 1.3 / math.sqrt(M), (M, M))
                params[f"flow.{f}.context.{layer}.bias"] = rng.normal(0, 0.7, M)
        if s["learn_end_time"] == "yes":
            params[f"flow.{f}.end_time"] = rng.uniform(0.75, 1.2, 1)
    return {name: torch.tensor(value, requires_grad=True) for name, value in params.items()}


def field(s, params, f, z, c):
    """f (n, c, h, w) of flow number f at the context c: the time (1), or z* (c h w)."""
    plane = z.shape[2:]
    seen = c[:s["fed"]] if s["architecture"] == "affjord" else c
    x = torch.cat([z, c.view(1, *z.shape[1:]).expand(len(z), -1, -1, -1)], 1) if joins(s) else z
    sizes = [*hidden(s), z.shape[1]]
    for layer, out in enumerate(sizes):
        name = f"flow.{f}.field.{layer}"
        if shows_time(s):
            x = torch.cat([c.view(1, 1, 1, 1).expand(len(z), 1, *plane), x], 1)
        x = convolve(s["layer"], params, name, x, seen, out)
        if layer + 1 < len(sizes):
            x = FUNCTIONS[s["function"]](x)
    return x


def context_velocity(s, params, f, c):
    """dz*/dt: zero but for the entries that move."""
    if not moves(s):
        return torch.zeros_like(c)
    net, M = f"flow.{f}.context", s["moving"]
    h = torch.tanh(params[f"{net}.0.weight"] @ c[:M] + params[f"{net}.0.bias"])
    return torch.cat([params[f"{net}.1.weight"] @ h + params[f"{net}.1.bias"], torch.zeros(len(c) - M)])


def each_image(x):
    return x.flatten(1).sum(1)


def derivatives(value, z, probe):
    """e.(J e) and |J e|^2 of each image, or tr J and the squared Frobenius norm of J; keeps the graph."""
    if probe is not None:
        dual = torch.zeros_like(value).requires_grad_()
        product = grad(grad(value, z, dual, create_graph=True)[0], dual, probe, create_graph=True)[0]
        return each_image(probe * product), each_image(product * product)
    trace, square = 0, 0
    for d in range(value[0].numel()):
        row = grad(value.flatten(1)[:, d].sum(), z, create_graph=True)[0]
        trace = trace + row.flatten(1)[:, d]
        square = square + each_image(row * row)
    return trace, square


def end_time(s, params, f):
    return params[f"flow.{f}.end_time"] ** 2 if s["learn_end_time"] == "yes" else torch.tensor([s["end_time"]])


def solve(s, velocity, state, start, end):
    a, b = METHODS[s["solver"]]
    h = (end - start) / s["steps"]

    def advance(at, weights, slopes):
        return tuple(y + h * sum((w * k[i] for w, k in zip(weights, slopes)), torch.zeros_like(y))
                     for i, y in enumerate(at))

    for step in range(s["steps"]):
        slopes = []
        for row in a:
            slopes.append(velocity(start + (step + sum(row)) * h, advance(state, row, slopes)))
        state = advance(state, b, slopes)
    return state


def integrate(s, params, f, z, c, probe):
    """z, z*, int div, int |f|^2, int |J e|^2 at the end of a flow."""
    T = end_time(s, params, f)

    def velocity(time, state):
        # A leaf-like handle on the stage's z, through which J is taken while the graph to x stays.
        z = state[0] if state[0].requires_grad else state[0].detach().requires_grad_()
        context = T * time if s["architecture"] == "ffjord" else state[1]
        value = field(s, params, f, z, context)
        divergence, square = derivatives(value, z, probe)
        return T * value, T * context_velocity(s, params, f, state[1]), T * divergence, T * each_image(value ** 2), \
            T * square

    nothing = torch.zeros(len(z))
    return solve(s, velocity, (z, c, nothing, nothing, nothing), 0, 1)


def invert_flow(s, params, f, z, c):
    T = end_time(s, params, f)

    def velocity(time, state):
        context = T * time if s["architecture"] == "ffjord" else state[1]
        return T * field(s, params, f, state[0], context), T * context_velocity(s, params, f, state[1])

    return solve(s, velocity, (z, c), 1, 0)[0]


def transform(s, params, x, probes):
    """What left, the end of z* in each flow, log p, and int |f|^2, int |J e|^2 over all flows."""
    y = s["alpha"] + (1 - 2 * s["alpha"]) * x
    z = torch.log(y) - torch.log1p(-y)
    log_density = each_image(math.log(1 - 2 * s["alpha"]) - torch.log(y) - torch.log1p(-y))
    kinetic, jacobian = torch.zeros(len(x)), torch.zeros(len(x))
    left, contexts, c = [], [], None
    for f, (channels, h, w, after) in enumerate(flows(s)):
        c = torch.zeros(channels * h * w) if c is None else c
        z, c, divergence, more_kinetic, more_jacobian = integrate(s, params, f, z, c, probes[f])
        log_density = log_density + divergence
        kinetic, jacobian = kinetic + more_kinetic, jacobian + more_jacobian
        contexts.append(c)
        if after == "squeeze":
            z, c = pixel_unshuffle(z, 2), pixel_unshuffle(c.view(1, channels, h, w), 2).flatten()
            continue
        kept, gone = (z[:, :channels // 2], z[:, channels // 2:]) if after == "split" else (None, z)
        left.append(gone)
        z, c = kept, None
    s2 = s["base_variance"]
    for part in left:
        log_density = log_density - 0.5 * each_image(part ** 2 / s2 + math.log(2 * math.pi * s2))
    return left, contexts, log_density, kinetic, jacobian


def invert(s, params, left, contexts):
    """The images from what left, by the same grid backwards: near x, as far as the grid is fine."""
    left, z = list(left), None
    for f, (_, _, _, after) in reversed(list(enumerate(flows(s)))):
        if after == "squeeze":
            z = pixel_shuffle(z, 2)
        else:
            z = left.pop() if after == "end" else torch.cat([z, left.pop()], 1)
        z = invert_flow(s, params, f, z, contexts[f])
    return (torch.sigmoid(z) - s["alpha"]) / (1 - 2 * s["alpha"])


def losses(s, log_density, kinetic, jacobian):
    """bits/dim, the regularizers that have a weight, and the loss."""
    D = s["channels"] * s["height"] * s["width"]
    bits = 8 - log_density.mean() / (D * math.log(2))
    kinetic = kinetic.mean() / D if s["kinetic"] > 0 else torch.tensor(0.0)
    jacobian = jacobian.mean() / D if s["jacobian"] > 0 else torch.tensor(0.0)
    return bits, kinetic, jacobian, bits + s["kinetic"] * kinetic + s["jacobian"] * jacobian


def check_gradients(s, params, x, probes):
    """Every parameter counts in a comparison, and three entries of each agree with central differences."""
    for name, value in params.items():
        assert value.grad.abs().max() > 3e-4, f"{name} hardly matters"
        for i in {0, value.numel() // 2, value.numel() - 1}:
            entry = value.data.view(-1)[i:i + 1]
            original, found = entry.item(), []
            for delta in (1e-5, -1e-5):
                entry.fill_(original + delta)
                found.append(losses(s, *transform(s, params, x, probes)[2:])[3].item())
            entry.fill_(original)
            difference = (found[0] - found[1]) / 2e-5 - value.grad.view(-1)[i].item()
            assert abs(difference) < 1e-7 * (1 + value.grad.abs().max().item()), f"{name}: off by {difference}"


def check_determinant(s, params, x):
    """A whole exact model on a fine grid: log p against log |det dz/dx| of the map from x to what left."""
    fine = dict(s, solver="rk4", steps=12)
    probes = [None] * len(flows(s))
    params = {name: value.detach() for name, value in params.items()}

    def parts(image):
        return torch.cat([part.flatten() for part in transform(fine, params, image[None], probes)[0]])

    z = parts(x[0])
    jacobian = torch.autograd.functional.jacobian(parts, x[0]).view(len(z), len(z))
    base = -0.5 * (z ** 2 / s["base_variance"] + math.log(2 * math.pi * s["base_variance"])).sum()
    expected = base + torch.linalg.slogdet(jacobian)[1]
    difference = (transform(fine, params, x[:1], probes)[2][0] - expected).abs().item()
    print(f"  log p differs from the determinant's by {difference:.1e}")
    assert difference < 1e-4


def last(image):
    return image.permute(0, 2, 3, 1).contiguous()


def make(name, settings, seed):
    s = DEFAULTS | settings
    rng = numpy.random.Generator(numpy.random.PCG64(seed))
    params = draw_parameters(s, rng)
    n = s["batch"]
    x = torch.tensor(rng.uniform(0, 1, (n, s["channels"], s["height"], s["width"])))
    probes = []
    for channels, h, w, _ in flows(s):
        shape = (n, channels, h, w)
        drawn = {"exact": lambda: None, "rademacher": lambda: torch.tensor(rng.integers(0, 2, shape) * 2.0 - 1),
                 "gaussian": lambda: torch.tensor(rng.normal(0, 1, shape))}
        probes.append(drawn[s["divergence"]]())

    left, contexts, log_density, kinetic, jacobian = transform(s, params, x, probes)
    loss = losses(s, log_density, kinetic, jacobian)
    loss[3].backward()
    with torch.no_grad():
        inverse = invert(s, params, left, contexts)
    largest = max(part.abs().max().item() for part in left)
    smallest, least = min((value.grad.abs().max().item(), key) for key, value in params.items())
    print(f"{name}: bits/dim {loss[0].item():.4f}, loss {loss[3].item():.4f}, largest z {largest:.2f}, inverse off by "
          f"{(inverse - x).abs().max().item():.1e}, smallest gradient {smallest:.4f} of {least}")
    check_gradients(s, params, x, probes)
    if s["divergence"] == "exact":
        check_determinant(s, params, x)

    arrays = dict(params)
    arrays |= {"x": last(x), "z": torch.cat([last(part).flatten(1) for part in left], 1), "log_density": log_density,
               "loss": torch.stack(loss), "inverse": last(inverse)}
    arrays |= {f"probe.{f}": last(probe) for f, probe in enumerate(probes) if probe is not None}
    arrays |= {f"gradient.{key}": value.grad for key, value in params.items()}
    folder = pathlib.Path(__file__).with_name("chain")
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.safetensors"
    write_safetensors(path, {key: value.detach().numpy() for key, value in arrays.items()},
                      {key: str(value) for key, value in s.items()})
    print(f"  {path.stat().st_size} bytes")


if __name__ == "__main__":
    make_cases(make, CASES, first_seed=3000)
