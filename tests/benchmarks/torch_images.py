#!/usr/bin/env python3
"""torch_images.py - the training step on images in PyTorch: Table 1's FFJORD and AFFJORD on MNIST.

The same work as a step of `./run experiments/table1_mnist.ini`: multiscale flows of 3 x 3 convolutions, the logit, one
probe of Hutchinson's estimate a solve, torchdiffeq's Dopri5 with the same tolerances and the same norm of the error (or
fixed steps of the 3/8 rule, --steps), learned end times, Adam. Start parameters, the order of images, dequantization
noise and probes are those of our runs, drawn here by the same generator, so that a step here and one there can be
compared (--check).

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
say. All runs of the database are of one experiment; docs/guide/gpu.md has the commands.
"""
import argparse
import contextlib
import importlib
import json
import pathlib
import platform
import sqlite3
import statistics
import sys
import time

import numpy
import torch
import torchdiffeq

from torch_images_draws import blobs, mnist, training_batch
from torch_images_model import Multiscale, channels_first, loss_and_gradient

# As experiments/table1_mnist.ini has them.
SETTINGS = {"shape": "1 28 28", "image.average": "1", "image.hidden_layers": "3", "image.hidden_channels": "64",
            "image.activation": "softplus", "image.alpha": "1e-6", "image.moving": "20", "image.fed": "10",
            "image.flip": "no", "flow.end_time": "1", "flow.learn_end_time": "yes", "flow.base_variance": "1",
            "flow.divergence": "rademacher", "flow.kinetic": "0", "flow.jacobian": "0", "solver.method": "dopri5",
            "solver.atol": "1e-5", "solver.rtol": "1e-5", "solver.gradient": "discrete", "solver.seminorm": "yes",
            "solver.max_steps": "1000", "train.batch": "200", "train.learning_rate": "6e-4", "train.warmup": "1000"}
MODELS = {"ffjord": {"model.context": "clock", "image.layer": "concat"},
          "affjord": {"model.context": "augmented", "image.layer": "hyper", "image.variant": "paper"}}
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
        # In float, step sizes follow from differences that are mostly rounding errors, so two solves agree within the
        # tolerance; in double they are equal.
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
                       ("solver.atol", options.tolerance), ("solver.rtol", options.tolerance),
                       ("solver.steps", options.steps), ("solver.method", options.steps and "rk4_38")):
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
    parser.add_argument("--steps", type=int, help="this number of fixed steps of the 3/8 rule instead of Dopri5")
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
