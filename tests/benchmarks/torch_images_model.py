"""torch_images_model.py - the flows of images in PyTorch, and the loss of a batch with its gradient."""
import math
import sys

import numpy
import torch
import torchdiffeq
from torch import nn
from torch.nn import functional

from torch_images_draws import INITIALISATION, normal4, probe, uniform4


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
        if settings["solver.method"] == "rk4_38":  # which torchdiffeq calls "rk4"
            self.solver = {"method": "rk4", "options": {"step_size": 1 / int(settings["solver.steps"])}}
        else:
            self.solver = {"method": "dopri5", "options": {"norm": self.norm},
                           "rtol": float(settings["solver.rtol"]), "atol": float(settings["solver.atol"])}
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
        z, wanted = state[0], torch.is_grad_enabled()  # not in an adjoint's forward solve
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
        if self.gradient == "adjoint":
            backward = {"norm": self.adjoint_norm} if "rtol" in self.solver else self.solver["options"]
            solution = torchdiffeq.odeint_adjoint(self, state, times, **self.solver, adjoint_options=backward)
        else:
            solution = torchdiffeq.odeint(self, state, times, **self.solver)
        last = [part[-1] for part in solution]
        return last[0], last[1], torch.cat(last[2:]) if self.augmented else None


def rms(x):
    return x.square().mean().sqrt()


class Multiscale(nn.Module):
    """The logit; in each scale a flow, a squeeze, a flow, and half of the channels leave; a last flow."""

    def __init__(self, settings, trace):
        super().__init__()
        for key, expected in (("image.activation", ("softplus",)), ("solver.method", ("dopri5", "rk4_38")),
                              ("flow.kinetic", ("0",)), ("flow.jacobian", ("0",))):
            if settings[key] not in expected:
                sys.exit(f"{key} = {settings[key]}: this comparison has {' and '.join(expected)} only")
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
