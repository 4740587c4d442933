#!/usr/bin/env python3
"""torch_toy.py - the toy training step in PyTorch, for comparison with `run bench toy`.

One step: 512 points in 2-D, RK4 with 40 steps, field of width 64 with a 2 x 32
hypernet, exact trace, backpropagation through the solver, Adam 1e-3, float32;
FFJORD (the context is t) and AFFJORD (the context is z* in R^2, joined to z).
Each model is timed in five ways:

    units        odeint with each hidden unit a small matrix product of its own, on z repeated for all units, the form
                 in which this field is usually found; trace by autograd ('rk4' there is the 3/8 rule: as many
                 evaluations)
    torchdiffeq  odeint with all units in one matrix product, trace by autograd
    autograd     the same with a plain classic RK4 loop in place of odeint
    closed-form  by hand: trace from 1 - tanh^2, hypernet once for all evaluations, z* solved ahead of the batch
    compiled     closed-form, one RK4 step through torch.compile (left out where that fails)

    python3 torch_toy.py [--threads N] [--repeats N] [--only WORD]      needs torch and torchdiffeq

Prints: name, median seconds, minimum, repeats.
"""
import argparse
import math
import statistics
import sys
import time

import torch
from torch import nn
from torchdiffeq import odeint

BATCH, D, WIDTH, HYPERNET, STEPS, T = 512, 2, 64, 32, 40, 1.0
AUGMENTED, AUGMENTED_WIDTH = 2, 3


class Model(nn.Module):
    """f_d = 1/W sum_j u_jd sigmoid(g_jd) tanh(w_j . zc + b_j), with weights from the context."""

    def __init__(self, augmented):
        super().__init__()
        self.augmented = augmented
        self.repeat = False
        size = AUGMENTED if augmented else 1
        self.inputs = D + size if augmented else D
        self.hypernet = nn.Sequential(
            nn.Linear(size, HYPERNET), nn.Tanh(), nn.Linear(HYPERNET, HYPERNET), nn.Tanh(),
            nn.Linear(HYPERNET, WIDTH * (self.inputs + 2 * D + 1)))
        if augmented:
            self.context = nn.Sequential(
                nn.Linear(AUGMENTED, AUGMENTED_WIDTH), nn.ELU(), nn.Linear(AUGMENTED_WIDTH, AUGMENTED))
            self.start = nn.Parameter(torch.rand(AUGMENTED))

    def weights(self, context):
        """w (.., inputs, W), u (.., D, W), b (.., W) of contexts (.., C)."""
        w, u, g, b = self.hypernet(context).split([self.inputs * WIDTH, D * WIDTH, D * WIDTH, WIDTH], -1)
        u = u * torch.sigmoid(g) / WIDTH
        return w.unflatten(-1, (self.inputs, WIDTH)), u.unflatten(-1, (D, WIDTH)), b

    def forward(self, t, state):
        """The right-hand side of the whole system, for any solver; the trace by autograd."""
        z, c = state[0], state[2] if self.augmented else t.reshape(1)
        with torch.enable_grad():
            if not z.requires_grad:
                z = z.detach().requires_grad_()
            w, u, b = self.weights(c)
            zc = torch.cat([z, c.expand(len(z), -1)], 1) if self.augmented else z
            if self.repeat:
                each = zc.unsqueeze(0).repeat(WIDTH, 1, 1)  # (W, B, inputs)
                hidden = torch.tanh(each @ w.T.unsqueeze(2) + b.reshape(-1, 1, 1))
                f = (hidden @ u.T.unsqueeze(1)).sum(0)
            else:
                f = torch.tanh(zc @ w + b) @ u.T
            trace = sum(torch.autograd.grad(f[:, d].sum(), z, create_graph=True)[0][:, d] for d in range(D))
        return (f, trace, self.context(c)) if self.augmented else (f, trace)


def negative_log_likelihood(z, integral):
    return (0.5 * (z * z).sum(1) + 0.5 * D * math.log(2 * math.pi) - integral).mean()


def initial_state(model, x):
    state = (x, torch.zeros(len(x)))
    return state + (model.start,) if model.augmented else state


def loss_torchdiffeq(model, x):
    solution = odeint(model, initial_state(model, x), torch.tensor([0.0, T]), method="rk4",
                      options={"step_size": T / STEPS})
    return negative_log_likelihood(solution[0][-1], solution[1][-1])


def loss_units(model, x):
    model.repeat = True
    loss = loss_torchdiffeq(model, x)
    model.repeat = False
    return loss


def loss_autograd(model, x):
    state, h = initial_state(model, x), T / STEPS

    def moved(k, step):
        return tuple(y + step * v for y, v in zip(state, k))

    for i in range(STEPS):
        t = torch.tensor(i * h)
        k1 = model(t, state)
        k2 = model(t + h / 2, moved(k1, h / 2))
        k3 = model(t + h / 2, moved(k2, h / 2))
        k4 = model(t + h, moved(k3, h))
        state = tuple(y + h / 6 * (a + 2 * (b + c) + d) for y, a, b, c, d in zip(state, k1, k2, k3, k4))
    return negative_log_likelihood(state[0], state[1])


def contexts(model):
    """The contexts of all evaluations, (4 STEPS, C), without the batch."""
    h = T / STEPS
    if not model.augmented:
        return (torch.arange(STEPS)[:, None] + torch.tensor([0, 0.5, 0.5, 1])).reshape(-1, 1) * h
    c, path = model.start, []
    for _ in range(STEPS):
        k1 = model.context(c)
        c2 = c + h / 2 * k1
        k2 = model.context(c2)
        c3 = c + h / 2 * k2
        k3 = model.context(c3)
        c4 = c + h * k3
        path += [c, c2, c3, c4]
        c = c + h / 6 * (k1 + 2 * (k2 + k3) + model.context(c4))
    return torch.stack(path)


def closed_form_step(z, integral, w, u, b, v):
    """One step from weights w (4, D, W), u (4, W, D), b (4, W) and v_j = u_j . w_j of its four evaluations."""
    h = T / STEPS

    def evaluate(i, y):
        t = torch.tanh(torch.addmm(b[i], y, w[i]))
        return t @ u[i], (1 - t * t) @ v[i]

    k1, l1 = evaluate(0, z)
    k2, l2 = evaluate(1, z + h / 2 * k1)
    k3, l3 = evaluate(2, z + h / 2 * k2)
    k4, l4 = evaluate(3, z + h * k3)
    return z + h / 6 * (k1 + 2 * (k2 + k3) + k4), integral + h / 6 * (l1 + 2 * (l2 + l3) + l4)


def loss_closed_form(model, x, step=closed_form_step):
    c = contexts(model)
    w, u, b = model.weights(c)
    if model.augmented:  # what is joined is the same for all points: part of the bias
        b = b + (c[:, None] @ w[:, D:]).squeeze(1)
        w = w[:, :D]
    v = (u * w).sum(1)

    def by_step(y):
        return y.unflatten(0, (STEPS, 4)).unbind()

    z, integral = x, torch.zeros(len(x))
    for weights in zip(by_step(w), by_step(u.mT), by_step(b), by_step(v)):
        z, integral = step(z, integral, *weights)
    return negative_log_likelihood(z, integral)


def check(loss, augmented):
    """The same loss and gradient as autograd's, up to rounding; else its time means nothing."""
    torch.manual_seed(1)
    model, x = Model(augmented), torch.randn(BATCH, D)
    results = []
    for function in (loss_autograd, loss):
        model.zero_grad()
        value = function(model, x)
        value.backward()
        results.append((value.item(), torch.cat([p.grad.reshape(-1) for p in model.parameters()])))
    (value, gradient), (other_value, other_gradient) = results
    assert abs(value - other_value) < 1e-4
    assert (gradient - other_gradient).norm() < 1e-3 * gradient.norm()


def measure(name, loss, augmented, repeats):
    check(loss, augmented)
    torch.manual_seed(0)
    model = Model(augmented)
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
    times = []
    for repeat in range(repeats + 2):  # two to warm up
        x = torch.randn(BATCH, D)
        begin = time.perf_counter()
        optimiser.zero_grad()
        loss(model, x).backward()
        optimiser.step()
        times.append(time.perf_counter() - begin)
    times = times[2:]
    print(f"{name}, {statistics.median(times):.4f}, {min(times):.4f}, {repeats}", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--only", default="", help="measure only cases whose name contains this")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)

    def loss_compiled(model, x):
        return loss_closed_form(model, x, compiled_step)

    compiled_step = torch.compile(closed_form_step)
    ways = {"units": loss_units, "torchdiffeq": loss_torchdiffeq, "autograd": loss_autograd,
            "closed-form": loss_closed_form, "compiled": loss_compiled}
    for model in ("ffjord", "affjord"):
        for way, loss in ways.items():
            name = f"torch {way} {model} threads={options.threads}"
            if options.only not in name:
                continue
            try:
                measure(name, loss, model == "affjord", options.repeats)
            except Exception as error:  # no compiler, or one that this version can't drive
                if way != "compiled":
                    raise
                print(f"{name}: torch.compile failed: {type(error).__name__}", file=sys.stderr)


if __name__ == "__main__":
    main()
