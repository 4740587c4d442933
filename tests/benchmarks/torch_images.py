#!/usr/bin/env python3
"""torch_images.py - the training step on images in PyTorch: Table 1's FFJORD and AFFJORD on MNIST.

The same work as a step of `./run experiments/table1_mnist.ini`: multiscale flows of 3 x 3 convolutions, the logit, one
probe of Hutchinson's estimate a solve, torchdiffeq's Dopri5 with the same tolerances and the same norm of the error,
learned end times, Adam. Start parameters, the order of images, dequantization noise and probes are those of our runs,
drawn here by the same generator, so that a step here and one there can be held side by side (--check).

    ffjord     the time is a channel of every convolution's input ("concat")
    affjord    z* is joined to z as channels, and makes the weights (layer "hyper")

FFJORD's own code has --gradient adjoint (odeint_adjoint) and --trace autograd, the default here: e J by a reverse pass
whose graph is kept. The experiments have --gradient discrete, backpropagation through odeint, the default too.
--trace dual has J e by dual numbers, written by hand, as our program does. torch.compile cannot differentiate what was
differentiated inside it, so --compile, of the field, implies --trace dual.

    python3 torch_images.py [--device cpu|cuda] [--model ffjord|affjord] [--compile] [--batch N] [--repeats N]
                            [--parameters FILE.safetensors] [--data FOLDER | --images FILE.npy] [--json]
    python3 torch_images.py --check RESULTS.db --data FOLDER

Needs numpy, torch and torchdiffeq (which wants scipy). FILE.safetensors is a checkpoint, or what `./run export` wrote:
its settings hold, and a checkpoint's iterations are counted on from. FOLDER has MNIST's file of training images, packed
or not; FILE.npy has images as rows in [0, 1), channels last. Without either, images are the made-up ones of
`./run bench device`.

Prints the loss and the evaluations of the first step, then the seconds of one: forward, backward and Adam. Batches and
probes are made before the clock starts. Convolutions are in single precision; --tf32 allows TensorFloat-32, which our
program doesn't use.

Backward evaluations are those that a gradient went through. Where torchdiffeq takes the first step's size from the
evaluation made for it, it goes back through that one too, so through one more a solve than our program.

--check takes each finished run of K iterations, from the parameters of the run of K - 1 beside it (from the start where
K is 1), through its last step, and compares loss, evaluations and gradient with what the database and Adam's moments
say. All runs of the database are of one experiment; docs/gpu.md has the commands.
"""
import argparse
import contextlib
import gzip
import importlib
import json
import math
import pathlib
import platform
import sqlite3
import statistics
import sys
import time

import numpy
import torch
import torchdiffeq
from torch import nn
from torch.nn import functional

# As experiments/table1_mnist.ini has them.
SETTINGS = {"shape": "1 28 28", "image.average": "1", "image.hidden_layers": "3", "image.hidden_channels": "64",
            "image.activation": "softplus", "image.alpha": "1e-6", "image.moving": "20", "image.fed": "10",
            "image.flip": "no", "flow.end_time": "1", "flow.learn_end_time": "yes", "flow.base_variance": "1",
            "flow.divergence": "rademacher", "flow.kinetic": "0", "flow.jacobian": "0", "solver.method": "dopri5",
            "solver.atol": "1e-5", "solver.rtol": "1e-5", "solver.gradient": "discrete", "solver.seminorm": "yes",
            "solver.max_steps": "1000", "train.batch": "200", "train.learning_rate": "6e-4", "train.warmup": "1000"}
MODELS = {"ffjord": {"model.context": "clock", "image.layer": "concat"},
          "affjord": {"model.context": "augmented", "image.layer": "hyper", "image.variant": "paper"}}

# --- Random numbers, as core/base/random.c has them ---

INITIALISATION, TRAINING, PROBE, SHUFFLE = 1, 2, 4, 8


def uniform4(seed, purpose, iteration, sample, block):
    """Philox4x32-10: four numbers in (0, 1) along a new last axis, for arrays of samples and blocks."""
    sample, block, iteration = numpy.broadcast_arrays(*(numpy.asarray(a, numpy.uint64)
                                                        for a in (sample, block, iteration)))
    low = numpy.uint64(0xFFFFFFFF)
    half = numpy.uint64(32)
    c = [sample & low, block | numpy.uint64(purpose << 24), iteration & low, iteration >> half]
    key = [seed & 0xFFFFFFFF, seed >> 32]
    for _ in range(10):
        a, b = c[0] * numpy.uint64(0xD2511F53), c[2] * numpy.uint64(0xCD9E8D57)
        c = [(b >> half) ^ c[1] ^ numpy.uint64(key[0]), b & low, (a >> half) ^ c[3] ^ numpy.uint64(key[1]), a & low]
        key = [(key[0] + 0x9E3779B9) & 0xFFFFFFFF, (key[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return (numpy.stack(c, -1).astype(numpy.float64) + 0.5) * 2.0**-32


def normal4(*arguments):
    u = uniform4(*arguments)
    radius, angle = numpy.sqrt(-2 * numpy.log(u[..., 0::2])), 2 * math.pi * u[..., 1::2]
    return numpy.stack([radius * numpy.cos(angle), radius * numpy.sin(angle)], -1).reshape(u.shape)


def probe(kind, seed, iteration, n, first, D):
    """Probes (n, D), whose blocks begin at `first`."""
    draw = normal4 if kind == "gaussian" else uniform4
    e = draw(seed, PROBE, iteration, numpy.arange(n)[:, None], first + numpy.arange((D + 3) // 4))
    e = e.reshape(n, -1)[:, :D]
    return e if kind == "gaussian" else numpy.where(e < 0.5, -1.0, 1.0)


# --- Images ---


def shuffled(seed, epoch, count, place):
    """core/data/shuffle.c for one place."""
    bits = (count - 1).bit_length()
    lower_bits, upper_bits = bits - bits // 2, bits // 2

    def word(half, number):
        return int(uniform4(seed, SHUFFLE, epoch, half, number)[..., 0] * 2.0**32)

    while True:
        upper, lower = place >> lower_bits, place & ((1 << lower_bits) - 1)
        for number in range(0, 12, 2):
            upper ^= word(lower, number) & ((1 << upper_bits) - 1)
            lower ^= word(upper, number + 1) & ((1 << lower_bits) - 1)
        place = upper << lower_bits | lower
        if place < count:
            return place


def mnist(folder, average):
    """Bytes (60000, side, side) of the training images, squares of `average` pixels a side replaced by their mean."""
    name = "train-images-idx3-ubyte"
    places = [pathlib.Path(folder, inner, name + ending) for inner in ("", "mnist") for ending in ("", ".gz")]
    found = next((place for place in places if place.exists()), None)
    if not found:
        sys.exit(f"{folder}: no {name}, nor one packed")
    with (gzip.open if found.suffix == ".gz" else open)(found, "rb") as file:
        raw = file.read()
    shape = [int.from_bytes(raw[4 * i:4 * i + 4], "big") for i in (1, 2, 3)]
    images = numpy.frombuffer(raw, numpy.uint8, offset=16).reshape(shape)
    side, area = shape[1] // average, average * average
    sums = images.reshape(-1, side, average, side, average).sum((2, 4), dtype=numpy.int64)
    return ((2 * sums + area) // (2 * area)).astype(numpy.uint8)


def blobs(side):
    """The made-up training images of runner/bench/bench_images.c."""
    i, y, x = numpy.ogrid[:400, :side, :side]
    far = (y - i * 7 % side) ** 2 + (x - i * 11 % side) ** 2
    return (255 / (1 + far / (2 + i % 5))).astype(numpy.uint8)


def training_batch(pixels, seed, iteration, n, real=numpy.float32):
    """Batch (n, 1, side, side) of an iteration, from 1: in the order of the epoch, with its noise."""
    count, numbers = len(pixels), pixels[0].size
    out = numpy.empty((n, numbers), real)
    for i in range(n):
        epoch, place = divmod((iteration - 1) * n + i, count)
        u = uniform4(seed, TRAINING, epoch, place, numpy.arange((numbers + 3) // 4)).reshape(-1)[:numbers]
        x = (pixels[shuffled(seed, epoch, count, place)].reshape(-1) + (u - 2.0**-33)) / 256
        near = x.astype(real)
        out[i] = numpy.where(near > x, numpy.nextafter(near, real(0)), near)
    return out.reshape(n, 1, *pixels.shape[1:])


# --- The model ---


class Flow(nn.Module):
    """One flow: dz/ds = T f(z, c), dl/ds = T e.(J e) for s in [0, 1], and z*'s own equation."""

    def __init__(self, settings, shape, trace):
        super().__init__()
        self.shape, self.D = shape, math.prod(shape)
        self.layer = settings["image.layer"]
        self.augmented = settings["model.context"] == "augmented"
        self.moving = int(settings["image.moving"]) if self.augmented else 0
        self.fed = int(settings["image.fed"]) if self.augmented else 1
        self.learned = settings["flow.learn_end_time"] == "yes"
        self.fixed_end_time = float(settings["flow.end_time"])
        self.seminorm = settings["solver.seminorm"] == "yes"
        self.gradient = settings["solver.gradient"]
        self.tolerances = {"rtol": float(settings["solver.rtol"]), "atol": float(settings["solver.atol"])}
        self.names, self.values = [], nn.ParameterList()
        c, hidden = shape[0], [int(settings["image.hidden_channels"])] * int(settings["image.hidden_layers"])
        self.clock_joined = not self.augmented and self.layer == "concat"
        self.sizes = []  # (out, in) of each convolution, with channels of the context
        for l, (inputs, outputs) in enumerate(zip([c] + hidden, hidden + [c])):
            inputs += 1 if self.clock_joined else c if self.augmented and l == 0 else 0
            self.sizes.append((outputs, inputs))
            rows = outputs * inputs * 9 + outputs
            if self.layer == "hyper":
                self.add(f"field.{l}.hyper.weight", rows, self.fed)
                self.add(f"field.{l}.hyper.bias", rows)
            else:
                self.add(f"field.{l}.weight", outputs, inputs * 9)
                self.add(f"field.{l}.bias", outputs)
        for l in range(2 if self.moving else 0):
            self.add(f"context.{l}.weight", self.moving, self.moving)
            self.add(f"context.{l}.bias", self.moving)
        if self.learned:
            self.add("end_time", 1)
        self.place = {name: i for i, name in enumerate(self.names)}
        self.trace = trace
        self.field = self.dual if trace == "dual" else self.autograd
        self.e, self.forward_count, self.backward_count = None, 0, 0

    def add(self, name, *shape):
        self.names.append(name)
        self.values.append(nn.Parameter(torch.zeros(shape)))

    def get(self, name):
        return self.values[self.place[name]]

    def end_time(self):
        return self.get("end_time").square() if self.learned else self.fixed_end_time

    def convolution(self, l, context):
        """Weight and bias of a layer at a context."""
        outputs, inputs = self.sizes[l]
        if self.layer == "hyper":
            made = functional.linear(context[:self.fed], self.get(f"field.{l}.hyper.weight"),
                                     self.get(f"field.{l}.hyper.bias"))
            weight, bias = made[:-outputs], made[-outputs:]
        else:
            weight, bias = self.get(f"field.{l}.weight"), self.get(f"field.{l}.bias")
        return weight.reshape(outputs, inputs, 3, 3), bias

    def with_context(self, l, x, context, along):
        """A layer's input with the channels that it has of the context; they don't change along e."""
        n, _, h, w = x.shape
        if self.clock_joined:
            channel = torch.zeros_like(x[:, :1]) if along else context.reshape(1, 1, 1, 1).expand(n, 1, h, w)
            return torch.cat([channel, x], 1)
        if self.augmented and l == 0:
            channels = torch.zeros_like(x) if along else context.reshape(1, *self.shape).expand(n, -1, -1, -1)
            return torch.cat([x, channels], 1)
        return x

    def autograd(self, context, z, e):
        """f (n, D) and e.(e J) (n), as FFJORD's code has it."""
        x = z.reshape(-1, *self.shape)
        for l in range(len(self.sizes)):
            weight, bias = self.convolution(l, context)
            x = functional.conv2d(self.with_context(l, x, context, False), weight, bias, padding=1)
            if l + 1 < len(self.sizes):
                x = functional.softplus(x)
        f = x.flatten(1)
        along, = torch.autograd.grad(f, z, e, create_graph=True)
        return f, (along * e).sum(1)

    def dual(self, context, z, e):
        """f (n, D) and e.(J e) (n): values and what they change by along e, through all layers together."""
        n, x, along = len(z), z.reshape(-1, *self.shape), e.reshape(-1, *self.shape)
        for l in range(len(self.sizes)):
            weight, bias = self.convolution(l, context)
            both = torch.cat([self.with_context(l, x, context, False), self.with_context(l, along, context, True)])
            h = functional.conv2d(both, weight, padding=1)
            x, along = h[:n] + bias.reshape(1, -1, 1, 1), h[n:]
            if l + 1 < len(self.sizes):
                x, along = functional.softplus(x), torch.sigmoid(x) * along
        return x.flatten(1), (along.flatten(1) * e).sum(1)

    def forward(self, s, state):
        """The right-hand side; state (z, l), or (z, l, entries of z* that move, entries that don't)."""
        self.forward_count += 1
        z, wanted = state[0], torch.is_grad_enabled()  # not on an adjoint's way out
        with torch.set_grad_enabled(wanted or self.trace == "autograd"):
            if self.trace == "autograd" and not (wanted and z.requires_grad):
                z = z.detach().requires_grad_()
            T = self.end_time()
            context = torch.cat(state[2:]) if self.augmented else (T * s).reshape(1)
            f, divergence = self.field(context, z, self.e)
            rates = (T * f, T * divergence)
            if rates[0].requires_grad:
                rates[0].register_hook(self.count_backward)
            if self.augmented:
                h = torch.tanh(functional.linear(state[2], self.get("context.0.weight"), self.get("context.0.bias")))
                g = functional.linear(h, self.get("context.1.weight"), self.get("context.1.bias"))
                rates += (T * g, torch.zeros_like(state[3]))
        return rates

    def count_backward(self, _):
        self.backward_count += 1

    def norm(self, state):
        """z with l, and z*, each by its RMS; the larger."""
        z, l = state[0], state[1]
        joint = ((z.square().sum() + l.square().sum()) / (z.numel() + l.numel())).sqrt()
        return torch.maximum(joint, rms(state[2])) if self.augmented else joint

    def adjoint_norm(self, state):
        """z, z* and their cotangents; not l, and the parameters only where asked for."""
        parts = 4 if self.augmented else 2
        counted = [state[1], state[1 + parts]]
        if self.augmented:
            counted += [state[3], state[3 + parts]]
        largest = torch.stack([rms(part) for part in counted]).max()
        if self.seminorm:
            return largest
        rest = ([state[4 + parts]] if self.augmented else []) + list(state[1 + 2 * parts:])
        return torch.maximum(largest, rms(torch.cat([part.reshape(-1) for part in rest])))

    def integrate(self, z, context, e):
        """z (n, D), l (n) and the context at T."""
        self.e = e
        state = (z, torch.zeros_like(z[:, 0]))
        if self.augmented:
            state += (context[:self.moving], context[self.moving:])
        times = torch.tensor([0.0, 1.0], dtype=z.dtype, device=z.device)
        arguments = {"method": "dopri5", "options": {"norm": self.norm}, **self.tolerances}
        if self.gradient == "adjoint":
            solution = torchdiffeq.odeint_adjoint(self, state, times, **arguments,
                                                  adjoint_options={"norm": self.adjoint_norm})
        else:
            solution = torchdiffeq.odeint(self, state, times, **arguments)
        last = [part[-1] for part in solution]
        return last[0], last[1], torch.cat(last[2:]) if self.augmented else None


def rms(x):
    return x.square().mean().sqrt()


class Multiscale(nn.Module):
    """The logit; in each scale a flow, a squeeze, a flow, and half of the channels leave; a last flow."""

    def __init__(self, settings, trace):
        super().__init__()
        for key, expected in (("image.activation", "softplus"), ("solver.method", "dopri5"), ("flow.kinetic", "0"),
                              ("flow.jacobian", "0")):
            if settings[key] != expected:
                sys.exit(f"{key} = {settings[key]}: this comparison has {expected} only")
        if settings["flow.divergence"] == "exact" or settings["image.layer"] not in ("concat", "hyper"):
            sys.exit("this comparison has one probe, and the layers concat and hyper")
        augmented = settings["model.context"] == "augmented"
        if augmented and settings["image.variant"] != "paper":
            sys.exit("this comparison has AFFJORD's variant paper only")
        settings = dict(settings)
        if augmented and settings["image.layer"] == "concat":
            settings["image.layer"] = "joined"  # z* stands beside z and nowhere else
        self.alpha, self.variance = float(settings["image.alpha"]), float(settings["flow.base_variance"])
        self.shape = c, h, w = tuple(map(int, settings["shape"].split()))
        self.flows = nn.ModuleList()
        while True:
            last = h // 2 < 4 or w // 2 < 4
            self.flows.append(Flow(settings, (c, h, w), trace))
            if last:
                break
            self.flows.append(Flow(settings, (4 * c, h // 2, w // 2), trace))
            c, h, w = 2 * c, h // 2, w // 2

    def named(self):
        """Names and parameters in the order of our table."""
        return [(f"flow.{f}.{name}", value) for f, flow in enumerate(self.flows)
                for name, value in zip(flow.names, flow.values)]

    def initialise(self, seed):
        """What a run of that seed starts from."""
        place, values = 0, {}
        for name, value in self.named():
            index, shape = numpy.arange(place, place + value.numel()), tuple(value.shape)
            flow, layer = self.flows[int(name.split(".")[1])], name.split(".")
            if name.endswith("end_time"):
                drawn = numpy.full(len(index), math.sqrt(flow.fixed_end_time))
            elif name.endswith("hyper.weight"):
                drawn = numpy.zeros(len(index))
            elif name.endswith("hyper.bias"):
                drawn = 0.01 * normal4(seed, INITIALISATION, 0, index, 0)[:, 0]
            else:
                fan_in = flow.moving if layer[2] == "context" else 9 * flow.sizes[int(layer[3])][1]
                drawn = (2 * uniform4(seed, INITIALISATION, 0, index, 0)[:, 0] - 1) / math.sqrt(fan_in)
            values[name] = drawn.reshape(shape)
            place += value.numel()
        self.set(values)

    def set(self, values):
        """Parameters <- arrays by name."""
        with torch.no_grad():
            for name, parameter in self.named():
                parameter.copy_(torch.tensor(values[name]).reshape(parameter.shape))

    def probes(self, kind, seed, iteration, n):
        first, out, like = 0, [], next(self.parameters())
        for flow in self.flows:
            e = torch.tensor(probe(kind, seed, iteration, n, first, flow.D)).to(like)
            out.append(channels_first(e, flow.shape))
            first += (flow.D + 3) // 4
        return out

    def forward(self, x, probes):
        """log p(x) (n) in nats, in double, of images (n, c, h, w); the logit is taken in double, as it is in ours."""
        y = self.alpha + (1 - 2 * self.alpha) * x.double()
        log_y, log_rest = torch.log(y), torch.log1p(-y)
        log_density = (math.log1p(-2 * self.alpha) - log_y - log_rest).flatten(1).sum(1)
        log_density = log_density - 0.5 * y[0].numel() * (math.log(2 * math.pi) + math.log(self.variance))
        z, context = (log_y - log_rest).to(x.dtype).flatten(1), None
        for f, (flow, e) in enumerate(zip(self.flows, probes)):
            first, last = f % 2 == 0, f + 1 == len(self.flows)
            if flow.augmented:
                context = torch.zeros(flow.D, device=x.device) if first else squeeze(context[None], before)[0]
            z, integral, context = flow.integrate(z, context, e)
            log_density, before = log_density + integral.double(), flow.shape
            if last:
                left = z
            elif first:
                z = squeeze(z, flow.shape)
                continue
            else:
                z, left = z.reshape(len(z), 2, -1).unbind(1)
            log_density = log_density - 0.5 * left.double().square().sum(1) / self.variance
        return log_density

    def counts(self):
        """Evaluations of each flow since the last call: forward, and those that a gradient went through."""
        out = []
        for flow in self.flows:
            backward = flow.backward_count
            forward = flow.forward_count - (backward if flow.gradient == "adjoint" else 0)
            out.append((forward, backward))
            flow.forward_count = flow.backward_count = 0
        return out


def squeeze(x, shape):
    return functional.pixel_unshuffle(x.reshape(-1, *shape), 2).flatten(1)


def channels_first(x, shape):
    """Rows whose channels come last, as in our files, as rows whose channels come first."""
    c, h, w = shape
    return x.reshape(-1, h, w, c).permute(0, 3, 1, 2).flatten(1).contiguous()


def loss_and_gradient(model, x, probes):
    """Bits per dimension, and gradients of them. A solve back begins with cotangents of a sum over images, as in ours,
    so that an adjoint's tolerances mean the same for any batch."""
    for parameter in model.parameters():
        parameter.grad = None
    nats = -model(x, probes).sum()
    nats.backward()
    to_bits = 1 / (len(x) * x[0].numel() * math.log(2))
    for parameter in model.parameters():
        parameter.grad *= to_bits
    return 8 + nats.detach() * to_bits


# --- Comparing with our runs ---


def read_safetensors(path):
    """Arrays by name, and the texts; without the package of that name."""
    raw = pathlib.Path(path).read_bytes()
    start = 8 + int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8:start])
    texts = header.pop("__metadata__")
    types = {"F32": "<f4", "F64": "<f8", "U64": "<u8"}
    return {name: numpy.frombuffer(raw[start + entry["data_offsets"][0]:start + entry["data_offsets"][1]],
                                   types[entry["dtype"]]).reshape(entry["shape"])
            for name, entry in header.items()}, texts


def check(options):
    """Each run of the database that has one with an iteration less beside it, or that has only one: its last step."""
    book = sqlite3.connect(f"file:{options.check}?mode=ro", uri=True)
    runs, worst = {}, 0
    for run, name, seed, k, path in book.execute(
            "SELECT run_id, model, seed, iterations, path FROM run JOIN checkpoint USING (run_id) "
            "WHERE status = 'done' ORDER BY model, seed, iterations"):
        runs[name, seed, k] = run, pathlib.Path(options.check).parent / path
    print("| model, step | bits/dim: ours | PyTorch | difference | evaluations: ours | PyTorch | gradient differs by |")
    print("|---|---|---|---|---|---|---|")
    for (name, seed, k), (run, path) in runs.items():
        if k > 1 and (name, seed, k - 1) not in runs:
            continue
        after, texts = read_safetensors(path)
        real = after["adam.first"].dtype.type
        double = real == numpy.float64
        model = Multiscale({**SETTINGS, **texts}, options.trace).to(torch.double if double else torch.float)
        model.initialise(seed)
        moment = 0
        if k > 1:
            before, _ = read_safetensors(runs[name, seed, k - 1][1])
            model.set(before)
            moment = before["adam.first"]
        batch, kind = int(texts["train.batch"]), texts["flow.divergence"]
        x = torch.tensor(training_batch(mnist(options.data, int(texts["image.average"])), seed, k, batch, real))
        bits = loss_and_gradient(model, x, model.probes(kind, seed, k, batch)).item()
        counts = [sum(side) for side in zip(*model.counts())]
        loss, forward, backward = book.execute(
            "SELECT loss, nfe_forward, nfe_backward FROM epoch WHERE run_id = ? AND split = 'training' "
            "AND iteration = ? AND epoch = ?", (run, k, k)).fetchone()
        ours = (after["adam.first"] - 0.9 * moment) / 0.1  # Adam's mean of gradients grew by a tenth of the last
        theirs = torch.cat([parameter.grad.reshape(-1) for _, parameter in model.named()]).numpy()
        far = float(numpy.linalg.norm(ours - theirs) / numpy.linalg.norm(ours))
        print(f"| {name}, {k} | {loss:.7f} | {bits:.7f} | {abs(loss - bits):.1e} | {forward:.0f} + {backward:.0f} | "
              f"{counts[0]} + {counts[1]} | {far:.1e} |", flush=True)
        # In float, sizes of steps come from differences that are mostly rounding, so that two solves are as near as the
        # tolerance has it; in double they are the same.
        bound = abs(loss) * (1e-10 if double else 3 * float(texts["solver.rtol"]))
        worst = max(worst, abs(loss - bits) / bound, far / 1e-3, abs(forward - counts[0]) / (6 * len(model.flows)))
    if not runs:
        sys.exit(f"{options.check}: no finished runs with a checkpoint")
    print("agrees" if worst <= 1 else "differs")
    return worst > 1


# --- Timing ---


def choose(options):
    """Settings, parameters by name (None: those of the seed), and the iterations done."""
    values, done, settings = None, 0, {**SETTINGS, **MODELS[options.model]}
    if options.parameters:
        values, texts = read_safetensors(options.parameters)
        if "shape" not in texts:
            sys.exit(f"{options.parameters}: no model of images")
        settings = {**SETTINGS, **texts}
        done = int(values["trainer.counters"][0]) if "trainer.counters" in values else 0
        if "seed" in texts and options.seed is None:
            options.seed = int(texts["seed"])
    for key, given in (("train.batch", options.batch), ("solver.gradient", options.gradient),
                       ("image.hidden_channels", options.hidden), ("image.moving", options.moving),
                       ("solver.atol", options.tolerance), ("solver.rtol", options.tolerance)):
        if given is not None:
            settings[key] = str(given)
    if options.average:
        side = 28 // options.average
        settings.update({"image.average": str(options.average), "shape": f"1 {side} {side}"})
    options.seed = 1 if options.seed is None else options.seed
    return settings, values, done


def batches(options, settings, count, done):
    n, shape = int(settings["train.batch"]), tuple(map(int, settings["shape"].split()))
    if options.images:
        rows = numpy.load(options.images).astype(numpy.float32)
        x = torch.tensor(numpy.resize(rows, (n, rows.shape[1])))
        return [channels_first(x, shape).reshape(n, *shape)] * count
    pixels = mnist(options.data, int(settings["image.average"])) if options.data else blobs(shape[1])
    return [torch.tensor(training_batch(pixels, options.seed, done + i + 1, n)) for i in range(count)]


def measure(options):
    settings, values, done = choose(options)
    cuda = options.device.startswith("cuda")
    torch.set_num_threads(options.threads)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = options.tf32
    torch.backends.cudnn.benchmark = True  # the fastest of its convolutions
    model = Multiscale(settings, options.trace)
    if values:
        model.set(values)
    else:
        model.initialise(options.seed)
    model.to(options.device)
    if options.compile:
        with contextlib.suppress(ImportError):  # odeint_adjoint keeps its graphs, which buffers given away forbid
            importlib.import_module("torch._functorch.config").donated_buffer = False
        for flow in model.flows:
            flow.field = torch.compile(flow.field, fullgraph=True, dynamic=False)
    optimiser = torch.optim.Adam(model.parameters(), lr=1)
    warmup, rate = int(settings["train.warmup"]), float(settings["train.learning_rate"])
    count, n = options.repeats + options.warm, int(settings["train.batch"])
    work = batches(options, settings, count, done)
    times, processor, evaluations, first = [], [], [], None
    for i, x in enumerate(work):
        iteration = done + i + 1
        x = x.to(options.device)
        probes = model.probes(settings["flow.divergence"], options.seed, iteration, n)
        if cuda:
            torch.cuda.synchronize()
        begin, begun = time.perf_counter(), time.process_time()
        bits = loss_and_gradient(model, x, probes)
        for group in optimiser.param_groups:
            group["lr"] = rate * min(1, iteration / warmup) if warmup else rate
        optimiser.step()
        bits = bits.item()  # which waits for the device
        if cuda:
            torch.cuda.synchronize()
        times.append(time.perf_counter() - begin)
        processor.append(time.process_time() - begun)
        evaluations.append([sum(side) for side in zip(*model.counts())])
        first = bits if first is None else first
        if i + 1 == options.warm and cuda:
            torch.cuda.reset_peak_memory_stats()
    times, timed = times[options.warm:], evaluations[options.warm:]
    context = settings["model.context"], settings["image.layer"]
    report = {
        "model": " ".join(context), "shape": settings["shape"], "hidden": settings["image.hidden_channels"], "batch": n,
        "tolerance": settings["solver.rtol"], "gradient": settings["solver.gradient"], "trace": options.trace,
        "compile": options.compile, "tf32": options.tf32, "images": options.images or options.data or "made up",
        "iteration": done + 1, "bits_per_dim": first, "forward": evaluations[0][0], "backward": evaluations[0][1],
        "median_seconds": statistics.median(times), "min_seconds": min(times), "repeats": options.repeats,
        "median_processor_seconds": statistics.median(processor[options.warm:]),
        "mean_forward": statistics.mean(t[0] for t in timed), "mean_backward": statistics.mean(t[1] for t in timed),
        "peak_bytes": torch.cuda.max_memory_allocated() if cuda else None,
        "device": torch.cuda.get_device_name() if cuda else f"{platform.machine()}, {options.threads} threads",
        "python": platform.python_version(), "torch": torch.__version__, "torchdiffeq": torchdiffeq.__version__,
        "cudnn": torch.backends.cudnn.version() if cuda else None}
    if options.json:
        print(json.dumps(report))
        return
    for name, value in report.items():
        if value is not None:
            print(f"{name}: {value:.7g}" if isinstance(value, float) else f"{name}: {value}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N")
    parser.add_argument("--model", choices=MODELS, default="ffjord")
    parser.add_argument("--compile", action="store_true", help="torch.compile of the field, by dual numbers")
    parser.add_argument("--gradient", choices=("discrete", "adjoint"))
    parser.add_argument("--trace", choices=("autograd", "dual"))
    parser.add_argument("--batch", type=int)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--warm", type=int, default=1, help="steps before those that are timed")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, help="as in experiment.seeds (that of FILE, else 1)")
    parser.add_argument("--parameters", metavar="FILE.safetensors")
    parser.add_argument("--images", metavar="FILE.npy")
    parser.add_argument("--data", metavar="FOLDER")
    parser.add_argument("--hidden", type=int, help="channels of each hidden layer")
    parser.add_argument("--moving", type=int, help="entries of z* that move")
    parser.add_argument("--average", type=int, help="2: images of 14 x 14")
    parser.add_argument("--tolerance", help="of the solver, both")
    parser.add_argument("--tf32", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--check", metavar="RESULTS.db")
    options = parser.parse_args()
    if options.compile and options.trace == "autograd":
        parser.error("torch.compile cannot differentiate twice: --trace dual")
    if options.compile and not hasattr(torch, "compile"):
        parser.error(f"torch {torch.__version__} has no torch.compile: torch 2 has")
    options.trace = options.trace or ("dual" if options.compile else "autograd")
    if options.check:
        if not options.data:
            parser.error("--check needs --data FOLDER")
        torch.set_num_threads(options.threads)
        sys.exit(check(options))
    measure(options)


if __name__ == "__main__":
    main()
