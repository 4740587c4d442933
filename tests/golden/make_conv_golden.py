#!/usr/bin/env python3
"""make_conv_golden.py - reference values of convolutional fields, computed with PyTorch in float64.

    f(z, c) and J e, J = df/dz;   loss = sum(fbar * f) + sum(product_bar * J e)

The product J e and all gradients, of parameters, z and the context c, are left
to autograd, and convolutions see the context's channels as they are, padded
with zeros; the library does all of that by hand. Each case becomes one
.safetensors file in conv/: settings as text, parameters, inputs, results,
gradients. Images are stored channel-last, joined contexts channel-first.

    python3 make_conv_golden.py [NAME...]      needs numpy, safetensors and torch
"""
import math
import pathlib

import numpy
import torch
from torch.nn.functional import conv2d, silu, softplus

from make_golden import make_cases, write_safetensors

DEFAULTS = {"channels": 2, "height": 8, "width": 8, "hidden": "6 5", "function": "softplus", "layer": "ignore",
            "context": 1, "fed": 1, "joined": 0, "batch": 3, "heads": 0, "attention": 0}

CASES = {
    "ignore": {},
    "ignore_tanh": {"function": "tanh", "channels": 1, "hidden": "16", "batch": 7},
    "ignore_swish": {"function": "swish", "channels": 3, "hidden": "4 18 3"},
    "concat_clock": {"layer": "concat"},
    "concat_augmented": {"layer": "concat", "context": 5, "fed": 3, "function": "swish"},
    "hyper_clock": {"layer": "hyper"},
    "hyper_augmented": {"layer": "hyper", "context": 6, "fed": 4, "function": "tanh", "hidden": "5 3"},
    "squash_clock": {"layer": "concatsquash", "function": "tanh"},
    "squash_augmented": {"layer": "concatsquash", "context": 4, "fed": 3},
    "joined": {"context": 128, "fed": 0, "joined": 2},
    "joined_hyper": {"layer": "hyper", "context": 128, "fed": 3, "joined": 1, "hidden": "5 3"},
    "joined_squash": {"layer": "concatsquash", "context": 128, "fed": 3, "joined": 2, "function": "swish"},
    "concat_oblong": {"layer": "concat", "height": 2, "width": 5, "channels": 4, "batch": 9, "context": 2, "fed": 2},
    "concat_row": {"layer": "concat", "height": 1, "width": 6},
    "attention": {"heads": 2, "attention": 6},
    "attention_hyper": {"layer": "hyper", "context": 6, "fed": 4, "function": "tanh", "hidden": "5 7", "heads": 1,
                        "attention": 5, "height": 7, "width": 6},
    "attention_row": {"height": 1, "width": 3, "channels": 1, "hidden": "16", "heads": 4, "attention": 4, "batch": 9},
}


def draw_parameters(s, rng):
    """Larger than an initialisation, so that no gradient is negligible."""
    sizes = [s["channels"], *map(int, s["hidden"].split()), s["channels"]]
    params = {}
    for layer in range(len(sizes) - 1):
        out = sizes[layer + 1]
        inputs = sizes[layer] + (s["fed"] if s["layer"] == "concat" else s["joined"] if layer == 0 else 0)
        gain = 1.2 / math.sqrt(inputs * 9)
        if s["layer"] == "hyper":
            made = out * inputs * 9 + out
            params[f"field.{layer}.hyper.weight"] = rng.normal(0, gain / math.sqrt(s["fed"]), (made, s["fed"]))
            params[f"field.{layer}.hyper.bias"] = rng.normal(0, gain, made)
            continue
        params[f"field.{layer}.weight"] = rng.normal(0, gain, (out, inputs * 9))
        params[f"field.{layer}.bias"] = rng.normal(0, 0.5, out)
        if s["layer"] == "concatsquash":
            params[f"field.{layer}.gate.weight"] = rng.normal(0, 1, (out, s["fed"]))
            params[f"field.{layer}.gate.bias"] = rng.normal(0.5, 1, out)
            params[f"field.{layer}.shift.weight"] = rng.normal(0, 0.5, (out, s["fed"]))
    if s["heads"]:
        gain = 1.5 / math.sqrt(sizes[-2])
        params["field.attention.in.weight"] = rng.normal(0, gain, (3 * s["attention"], sizes[-2]))
        params["field.attention.out.weight"] = rng.normal(0, 1.5 / math.sqrt(s["attention"]), (sizes[-2], s["attention"]))
    return {name: torch.tensor(value, requires_grad=True) for name, value in params.items()}


def convolve(kind, params, name, x, seen, out):
    """One layer: a 3 x 3 convolution whose weights, or what its output is scaled and shifted by, may be made of c."""
    if kind == "hyper":
        made = params[f"{name}.hyper.weight"] @ seen + params[f"{name}.hyper.bias"]
        weight, bias = made[:-out], made[-out:]
    else:
        weight, bias = params[f"{name}.weight"], params[f"{name}.bias"]
    x = conv2d(x, weight.view(out, x.shape[1], 3, 3), bias, padding=1)
    if kind != "concatsquash":
        return x
    gate = torch.sigmoid(params[f"{name}.gate.weight"] @ seen + params[f"{name}.gate.bias"])
    return x * gate.view(1, -1, 1, 1) + (params[f"{name}.shift.weight"] @ seen).view(1, -1, 1, 1)


def attend(s, params, x):
    """Self-attention over the pixels of x (n, c, h, w), all heads."""
    n, _, height, width = x.shape
    made = torch.einsum("ac,ncp->nap", params["field.attention.in.weight"], x.flatten(2))
    q, k, v = (part.view(n, s["heads"], -1, height * width) for part in made.chunk(3, 1))
    weights = torch.softmax(torch.einsum("nhdp,nhdj->nhpj", q, k) / math.sqrt(q.shape[2]), -1)
    seen = torch.einsum("nhpj,nhdj->nhdp", weights, v).reshape(n, -1, height * width)
    return x + torch.einsum("ca,nap->ncp", params["field.attention.out.weight"], seen).view(x.shape)


def field(s, params, z, c):
    """f (n, c, h, w)."""
    seen = c[:s["fed"]]
    plane = z.shape[2:]
    x = z
    if s["joined"]:
        x = torch.cat([x, c[:s["joined"] * z[0, 0].numel()].view(1, -1, *plane).expand(len(z), -1, -1, -1)], 1)
    layers = len(s["hidden"].split()) + 1
    sizes = [*map(int, s["hidden"].split()), s["channels"]]
    for layer in range(layers):
        out = sizes[layer]
        if s["layer"] == "concat":
            x = torch.cat([seen.view(1, -1, 1, 1).expand(len(z), -1, *plane), x], 1)
        x = convolve(s["layer"], params, f"field.{layer}", x, seen, out)
        if layer + 1 < layers:
            x = {"softplus": softplus, "tanh": torch.tanh, "swish": silu}[s["function"]](x)
        if s["heads"] and layer + 2 == layers:
            x = attend(s, params, x)
    return x


def compute(s, params, z, e, c, fbar, product_bar):
    f, product = torch.autograd.functional.jvp(lambda x: field(s, params, x, c), z, e, create_graph=True)
    return f, product, (fbar * f).sum() + (product_bar * product).sum()


def check(s, params, z, e, c, fbar, product_bar, product):
    """The product against the whole Jacobian of an image; three entries of each gradient against differences."""
    jacobian = torch.autograd.functional.jacobian(lambda x: field(s, params, x[None], c)[0].flatten(), z[0].detach())
    assert (jacobian.view(z[0].numel(), -1) @ e[0].flatten() - product[0].flatten()).abs().max() < 1e-12
    for name, value in {**params, "z": z, "c": c}.items():
        assert value.grad.abs().max() > 1e-2, f"{name} hardly matters"
        for i in {0, value.numel() // 2, value.numel() - 1}:
            entry = value.data.view(-1)[i:i + 1]
            original, losses = entry.item(), []
            for delta in (1e-5, -1e-5):
                entry.fill_(original + delta)
                losses.append(compute(s, params, z, e, c, fbar, product_bar)[2].item())
            entry.fill_(original)
            assert abs((losses[0] - losses[1]) / 2e-5 - value.grad.view(-1)[i].item()) < 1e-6, name


def make(name, settings, seed):
    s = DEFAULTS | settings
    rng = numpy.random.Generator(numpy.random.PCG64(seed))
    params = draw_parameters(s, rng)
    shape = (s["batch"], s["channels"], s["height"], s["width"])
    z = torch.tensor(rng.normal(0, 1, shape), requires_grad=True)
    e = torch.tensor(rng.integers(0, 2, shape) * 2.0 - 1)
    context = rng.normal(0.3, 1, s["context"])
    if s["joined"]:
        context[20:] = 0  # as the augmented state, most of which never moves
    c = torch.tensor(context, requires_grad=True)
    fbar, product_bar = torch.tensor(rng.normal(0, 1, shape)), torch.tensor(rng.normal(0, 1, shape))

    f, product, loss = compute(s, params, z, e, c, fbar, product_bar)
    loss.backward()
    if c.grad is None:  # a layer that ignores it
        assert s["layer"] == "ignore" and not s["joined"]
        c.grad = torch.zeros_like(c)
        check(s, params, z, e, z, fbar, product_bar, product)
    else:
        check(s, params, z, e, c, fbar, product_bar, product)

    def last(image):
        return image.detach().permute(0, 2, 3, 1).contiguous()

    arrays = {key: value.detach() for key, value in params.items()}
    arrays |= {"z": last(z), "e": last(e), "c": c.detach(), "fbar": last(fbar), "product_bar": last(product_bar),
               "f": last(f), "product": last(product), "gradient.z": last(z.grad), "gradient.c": c.grad}
    arrays |= {f"gradient.{key}": value.grad for key, value in params.items()}
    folder = pathlib.Path(__file__).with_name("conv")
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.safetensors"
    write_safetensors(path, {key: value.numpy() for key, value in arrays.items()},
                      {key: str(value) for key, value in s.items()})
    print(f"{name}: loss {loss.item():.6f}, {path.stat().st_size} bytes")


if __name__ == "__main__":
    make_cases(make, CASES, first_seed=2000)
