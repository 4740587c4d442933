#!/usr/bin/env python3
"""jax_toy.py - the toy training step in JAX, for comparison with `run bench toy`.

The same step as in torch_toy.py: 512 points in 2-D, classic RK4 with 40 steps,
width 64, 2 x 32 hypernet, exact trace, backpropagation through the solver,
Adam 1e-3, float32, all in one jit. Each model is timed in three ways:

    scan         lax.scan over steps, the trace by forward mode
    closed-form  by hand: trace from 1 - tanh^2, hypernet once for all evaluations, z* solved ahead of the batch
    unrolled     closed-form without the scan: 160 evaluations in one program

    python3 jax_toy.py [--threads N] [--repeats N] [--only WORD] [--clock wall|processor]
                       [--rounds N --between COMMAND]                  needs jax

Prints: name, median seconds, minimum, repeats. Compilation is not counted, but its time is printed. With --rounds, each
case is timed N times, and the shell's COMMAND runs after each, on the same cores, so that programs take turns.
"""
import argparse
import functools
import os
import statistics
import subprocess
import time

parser = argparse.ArgumentParser()
parser.add_argument("--threads", type=int, default=1)
parser.add_argument("--repeats", type=int, default=15)
parser.add_argument("--only", default="", help="measure only cases whose name contains this")
parser.add_argument("--clock", choices=("wall", "processor"), default="wall")
parser.add_argument("--rounds", type=int, default=1)
parser.add_argument("--between", default="", help="run this command after each round")
options = parser.parse_args()
# When it is loaded, XLA starts one thread for each core that the process may use.
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:options.threads])

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402

BATCH, D, WIDTH, HYPERNET, STEPS, T = 512, 2, 64, 32, 40, 1.0
AUGMENTED, AUGMENTED_WIDTH = 2, 3
H = T / STEPS
clock = time.process_time if options.clock == "processor" else time.perf_counter


def linear(key, inputs, outputs):
    bound = inputs ** -0.5
    return [jax.random.uniform(k, shape, minval=-bound, maxval=bound)
            for k, shape in zip(jax.random.split(key), ((inputs, outputs), (outputs,)))]


def initialise(key, augmented):
    keys = jax.random.split(key, 6)
    size = AUGMENTED if augmented else 1
    outputs = WIDTH * ((D + size if augmented else D) + 2 * D + 1)
    params = {"hypernet": [linear(keys[0], size, HYPERNET), linear(keys[1], HYPERNET, HYPERNET),
                           linear(keys[2], HYPERNET, outputs)]}
    if augmented:
        params["context"] = [linear(keys[3], AUGMENTED, AUGMENTED_WIDTH), linear(keys[4], AUGMENTED_WIDTH, AUGMENTED)]
        params["start"] = jax.random.uniform(keys[5], (AUGMENTED,))
    return params


def network(layers, activation, x):
    for weight, bias in layers[:-1]:
        x = activation(x @ weight + bias)
    return x @ layers[-1][0] + layers[-1][1]


def field_weights(params, context):
    """w (.., inputs, W), u (.., D, W), b (.., W) of contexts (.., C)."""
    out = network(params["hypernet"], jnp.tanh, context)
    w, u, g, b = jnp.split(out, [out.shape[-1] - WIDTH * k for k in (2 * D + 1, D + 1, 1)], axis=-1)
    u = (u * jax.nn.sigmoid(g) / WIDTH).reshape(*u.shape[:-1], D, WIDTH)
    return w.reshape(*w.shape[:-1], -1, WIDTH), u, b


def rk4(f, t, y):
    """One classic step of dy/dt = f(t, y) for a tuple y."""
    def moved(k, h):
        return tuple(a + h * b for a, b in zip(y, k))
    k1 = f(t, y)
    k2 = f(t + H / 2, moved(k1, H / 2))
    k3 = f(t + H / 2, moved(k2, H / 2))
    k4 = f(t + H, moved(k3, H))
    return tuple(a + H / 6 * (p + 2 * (q + r) + s) for a, p, q, r, s in zip(y, k1, k2, k3, k4))


def negative_log_likelihood(z, integral):
    return jnp.mean(0.5 * jnp.sum(z * z, 1) + 0.5 * D * jnp.log(2 * jnp.pi) - integral)


def loss_scan(params, x):
    augmented = "context" in params

    def system(t, state):
        z, c = state[0], state[2] if augmented else jnp.reshape(t, 1)
        w, u, b = field_weights(params, c)

        def field(z):
            zc = jnp.concatenate([z, jnp.broadcast_to(c, (len(z), len(c)))], 1) if augmented else z
            return jnp.tanh(zc @ w + b) @ u.T

        trace = 0
        for d in range(D):
            f, tangent = jax.jvp(field, (z,), (jnp.zeros_like(z).at[:, d].set(1),))
            trace = trace + tangent[:, d]
        return (f, trace, network(params["context"], jax.nn.elu, c)) if augmented else (f, trace)

    state = (x, jnp.zeros(len(x))) + ((params["start"],) if augmented else ())
    state, _ = jax.lax.scan(lambda y, t: (rk4(system, t, y), None), state, jnp.arange(STEPS) * H)
    return negative_log_likelihood(state[0], state[1])


def contexts(params):
    """The contexts of all evaluations, (STEPS, 4, C), without the batch."""
    if "context" not in params:
        return (jnp.arange(STEPS)[:, None, None] + jnp.array([0, 0.5, 0.5, 1])[:, None]) * H

    def step(c, _):
        velocity = functools.partial(network, params["context"], jax.nn.elu)
        k1 = velocity(c)
        c2 = c + H / 2 * k1
        k2 = velocity(c2)
        c3 = c + H / 2 * k2
        k3 = velocity(c3)
        c4 = c + H * k3
        return c + H / 6 * (k1 + 2 * (k2 + k3) + velocity(c4)), jnp.stack([c, c2, c3, c4])

    return jax.lax.scan(step, params["start"], None, length=STEPS)[1]


def loss_closed_form(params, x, unroll=1):
    c = contexts(params)
    w, u, b = field_weights(params, c)
    if "context" in params:  # what is joined is the same for all points: part of the bias
        b = b + jnp.einsum("sec,secw->sew", c, w[:, :, D:])
        w = w[:, :, :D]
    v = jnp.sum(u * w, 2)

    def step(state, weights):
        w, u, b, v = weights

        def system(i, y):
            t = jnp.tanh(w[i].T @ y[0] + b[i][:, None])  # points run along the rows: (W, B)
            return u[i] @ t, v[i] @ (1 - t * t)

        evaluations = iter(range(4))  # rk4 evaluates in this order
        return rk4(lambda _, y: system(next(evaluations), y), 0.0, state), None

    state, _ = jax.lax.scan(step, (x.T, jnp.zeros(len(x))), (w, u, b, v), unroll=unroll)
    return negative_log_likelihood(state[0].T, state[1])


@functools.partial(jax.jit, static_argnums=0, donate_argnums=(1, 2, 3))
def train(loss, params, mean, square, iteration, x):
    value, gradient = jax.value_and_grad(loss)(params, x)
    mean = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, mean, gradient)
    square = jax.tree.map(lambda s, g: 0.999 * s + 0.001 * g * g, square, gradient)
    rate = 1e-3 * jnp.sqrt(1 - 0.999 ** iteration) / (1 - 0.9 ** iteration)
    params = jax.tree.map(lambda p, m, s: p - rate * m / (jnp.sqrt(s) + 1e-8), params, mean, square)
    return params, mean, square, value


def check(loss, augmented):
    """The same loss and gradient as by forward mode, up to rounding; else its time means nothing."""
    params = initialise(jax.random.key(1), augmented)
    x = jax.random.normal(jax.random.key(2), (BATCH, D))
    value, gradient = jax.jit(jax.value_and_grad(loss_scan))(params, x)
    other, other_gradient = jax.jit(jax.value_and_grad(loss))(params, x)
    assert abs(value - other) < 1e-4
    for g, o in zip(jax.tree.leaves(gradient), jax.tree.leaves(other_gradient)):
        assert jnp.linalg.norm(g - o) < 1e-3 * jnp.linalg.norm(g) + 1e-6


def measure(name, loss, augmented):
    begin = clock()
    check(loss, augmented)
    params = initialise(jax.random.key(0), augmented)
    mean, square = jax.tree.map(jnp.zeros_like, params), jax.tree.map(jnp.zeros_like, params)
    times = []
    for repeat in range(options.rounds * options.repeats + 2):  # the first compiles
        x = jax.random.normal(jax.random.key(repeat), (BATCH, D)).block_until_ready()
        start = clock()
        params, mean, square, value = train(loss, params, mean, square, repeat + 1.0, x)
        jax.block_until_ready((params, value))
        if repeat == 0:
            print(f"{name}: compiled and checked in {clock() - begin:.0f} s", flush=True)
        if repeat < 2:
            continue
        times.append(clock() - start)
        if len(times) == options.repeats:
            print(f"{name}, {statistics.median(times):.4f}, {min(times):.4f}, {options.repeats}", flush=True)
            times = []
            if options.between:
                subprocess.run(options.between, shell=True, check=True)


if __name__ == "__main__":
    ways = {"scan": loss_scan, "closed-form": loss_closed_form,
            "unrolled": functools.partial(loss_closed_form, unroll=STEPS)}
    for model in ("ffjord", "affjord"):
        for way, function in ways.items():
            case = f"jax {way} {model} threads={options.threads}"
            if options.only in case:
                measure(case, function, model == "affjord")
