"""The package against the program, bit by bit, and rejected arguments."""
import os
import sqlite3
import struct
import subprocess
import sys
import threading
import time

import affjord
import numpy as np
import pytest
from conftest import IMAGES, POINTS, program


def ring(n=400):
    angle = np.arange(n) * 2.4
    return (np.stack([np.cos(angle), np.sin(angle)], 1) * (1 + 0.1 * np.sin(7 * np.arange(n)))[:, None]).astype("f4")


@pytest.fixture
def trained(place):
    """A run on a table of points, exported."""
    def train(x=ring(), **settings):
        np.save("points.npy", x)
        (place / "small.ini").write_text(POINTS)
        program(place, "small.ini", "--db", "r.db", "--quiet",
                *(word for name, value in settings.items() for word in ("--set", f"{name}={value}")))
        program(place, "export", "1", "--db", "r.db", "--output", "m.safetensors")
        return affjord.load("m.safetensors")
    return train


def same(a, b):
    assert a.dtype == b.dtype and a.shape == b.shape
    np.testing.assert_array_equal(a.view(np.uint8), b.view(np.uint8))


def expect_program(place, flow, x):
    np.save("x.npy", x)
    program(place, "eval", "m.safetensors", "--input", "x.npy", "--output", "logp.npy")
    same(flow.log_prob(x), np.load("logp.npy"))
    program(place, "sample", "m.safetensors", "--n", 1500, "--seed", 4, "--output", "s.npy")
    same(flow.sample(1500, seed=4), np.load("s.npy"))


def test_points_have_the_bits_of_the_program(place, trained):
    flow = trained()
    expect_program(place, flow, ring(2500))
    expect_program(place, flow, ring(7).astype("f8") + 1e-9)


def test_a_standardised_table_too(place, trained):
    x = ring().astype("f8") * [1e6, 1e-4] + [5e6, 3]
    flow = trained(x, **{"data.standardise": "yes"})
    expect_program(place, flow, x)
    assert flow.sample(3).dtype == np.float64
    np.testing.assert_allclose(flow.inverse(flow.transform(x)), x, rtol=1e-2)
    _, slope = flow.log_prob(x[:5], gradient=True)
    step = np.array([1e3, 0])
    difference = (flow.log_prob(x[:5] + step) - flow.log_prob(x[:5] - step)) / 2e3
    np.testing.assert_allclose(slope[:, 0], difference, rtol=2e-2, atol=1e-8)


def test_adaptive_steps_too(place, trained):
    expect_program(place, trained(**{"solver.method": "dopri5", "solver.atol": "1e-3"}), ring(2500))


def test_a_fit_is_the_programs_training(place, trained):
    x = ring()
    by_program = trained(x)
    flow = affjord.Flow(2, context="augmented", join=True, width=8, steps=5, batch=32, epoch_iterations=20,
                        learning_rate=0.01)
    assert flow.fit(x, iterations=60, seed=3) is flow
    same(flow.log_prob(x), by_program.log_prob(x))
    losses = sqlite3.connect("r.db").execute("SELECT loss FROM epoch WHERE split = 'validation'").fetchall()
    assert [epoch["validation_loss"] for epoch in flow.history_] == [loss for loss, in losses]
    assert flow.score(x) == flow.log_prob(x).mean()


def write_csv(name, x, label):
    with open(name, "w") as file:
        file.write("x,label,y\n" + "".join(f"{float(a)!r},{label},{float(b)!r}\n" for a, b in x))


def test_files_are_what_the_program_reads(place):
    x, more, last = ring(300), ring(80) * 0.9, ring(60) * 1.1
    for name, part in ("a.csv", x), ("b.csv", more), ("c.csv", last):
        write_csv(name, part, "some words")
    np.savez("all.npz", x=x, more=more)
    flow = affjord.Flow(2, context="augmented", width=8, steps=5, batch=32, epoch_iterations=20)
    flow.fit("a.csv", iterations=40, validation="b.csv", test="c.csv", ignore=["label"])
    assert [sorted(epoch) for epoch in flow.history_] == 2 * [[
        "epoch", "iteration", "skipped", "test_loss", "training_loss", "validation_loss"]]
    np.testing.assert_allclose(flow.history_[-1]["validation_loss"], -flow.score(more), rtol=1e-6)
    np.testing.assert_allclose(flow.history_[-1]["test_loss"], -flow.score(last), rtol=1e-6)
    same(flow.log_prob("a.csv"), flow.log_prob(x.astype("f8")))
    flow.save("m.safetensors")
    program(place, "eval", "m.safetensors", "--input", "a.csv", "--output", "logp.npy")
    same(flow.log_prob(place / "a.csv"), np.load("logp.npy"))
    same(flow.log_prob("all.npz:x"), flow.log_prob(x.astype("f8")))
    assert np.isnan(flow.fit(x, iterations=20).history_[-1]["test_loss"])
    by_array = affjord.Flow(2, width=8, steps=5).fit(x.astype("f8"), iterations=20)
    by_file = affjord.Flow(2, width=8, steps=5).fit("all.npz:x", iterations=20)
    same(by_array.log_prob(x), by_file.log_prob(x))
    with pytest.raises(affjord.InvalidError, match='no array "z"; expected one of x, more'):
        flow.log_prob("all.npz:z")
    with pytest.raises(affjord.InvalidError, match='data.ignore: no column "lable".*one of x, label, y'):
        flow.fit("a.csv", ignore=["lable"])
    with pytest.raises(affjord.InvalidError, match="expected the path of a table"):
        flow.fit(x, test="c.csv")


def test_saved_is_as_it_was(place, trained):
    flow = trained()
    flow.save("again.safetensors")
    assert (place / "again.safetensors").read_bytes() == (place / "m.safetensors").read_bytes()


def test_a_run_by_its_number_and_key(place, trained):
    flow, x = trained(), ring(20)
    key = sqlite3.connect("r.db").execute("SELECT key FROM run").fetchone()[0]
    for run in (1, "1", key, key[:6]):
        same(affjord.load(db="r.db", run=run).log_prob(x), flow.log_prob(x))
    for run in (2, "x", ""):
        with pytest.raises(affjord.InvalidError, match="expected one"):
            affjord.load(db="r.db", run=run)


def test_the_best_epoch_of_a_run_has_the_bits_of_the_program(place, trained):
    flow = trained()
    with pytest.warns(UserWarning, match="parameters of the best epoch"):
        best = affjord.load(db="r.db", run=1, best=True)
    program(place, "sample", "1:best", "--db", "r.db", "--n", 9, "--output", "s.npy")
    same(best.sample(9), np.load("s.npy"))
    flow.save("last.safetensors")
    with pytest.raises(affjord.InvalidError, match="keeps no best epoch"):
        affjord.load("last.safetensors", best=True)


def test_another_solver_has_the_bits_of_the_program(place, trained):
    flow, x = trained(), ring(20)
    np.save("x.npy", x)
    program(place, "eval", "1", "--db", "r.db", "--input", "x.npy", "--set", "solver.steps=50", "--output", "p.npy")
    before = flow.log_prob(x)
    after = flow.set_solver(steps=50).log_prob(x)
    same(np.stack([after, before - after], axis=1), np.load("p.npy"))
    assert flow.setting("solver.steps") == "50"
    with pytest.raises(affjord.InvalidError, match="nearest is solver.steps"):
        flow.set_solver(stps=3)


def test_results_are_tables(place, trained):
    trained()
    curves = affjord.results("r.db").loss_curves(experiment="small")
    assert list(curves["iteration"][curves["split"] == "validation"]) == [20, 40, 60]
    assert len(affjord.results("r.db").nfe_curves(model="none")["model"]) == 0
    with pytest.raises(OSError, match="no such database"):
        affjord.results("s.db")


def test_gradients_trajectories_and_inverses(place):
    x = ring(50)
    flow = affjord.Flow(2, context="augmented", width=8, end_time=2).fit(x, iterations=20)
    log_p, slope = flow.log_prob(x, gradient=True)
    same(log_p, flow.log_prob(x))
    step = np.array([0, 1e-3])
    wide = x.astype("f8")
    difference = (flow.log_prob(wide + step) - flow.log_prob(wide - step)) / 2e-3
    np.testing.assert_allclose(slope[:, 1], difference, rtol=1e-2, atol=1e-3)
    path = flow.trajectory(x, [0, 0.7, 2])
    same(path[0], x)
    np.testing.assert_allclose(path[2], flow.transform(x), atol=1e-5)
    np.testing.assert_allclose(flow.inverse(path[2]), x, atol=1e-4)


def test_threads_and_forms_change_no_bit(place):
    x = ring(3000)
    one = affjord.Flow(2, width=8, steps=4).fit(x, iterations=5)
    one.save("m.safetensors")
    four = affjord.load("m.safetensors", threads=4)
    for other in (x, x.astype("f8"), x.tolist(), np.asfortranarray(x), x[::-1][::-1]):
        same(four.log_prob(other), one.log_prob(x))
    line = affjord.Flow(1, steps=4).fit(x[:, 0], iterations=2)
    same(line.log_prob(x[:, 0]), line.log_prob(x[:, :1]))


class LikeATensor:
    """The used part of the interface of PyTorch's tensors."""

    def __init__(self, array):
        self.array = array

    def detach(self):
        return LikeATensor(self.array)

    def cpu(self):
        return self

    def numpy(self):
        return self.array


def test_tensors_are_taken_through_numpy(place):
    x = ring(30)
    one = affjord.Flow(2, width=8, steps=4).fit(LikeATensor(x), iterations=2)
    same(one.log_prob(LikeATensor(x)), one.log_prob(x))


def test_tensors_of_pytorch(place):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed; pip install torch")
    x = torch.tensor(ring(30))
    flow = affjord.Flow(2, width=8, steps=4).fit(x, iterations=2)
    expected = flow.log_prob(x.numpy())
    for same_numbers in (x.clone().requires_grad_(), torch.nn.Parameter(x), x.T.contiguous().T, x.flip(0).flip(0),
                         torch.stack([x, x], 1)[:, 1], torch.complex(x, -x).conj().imag, x.double(), list(x)):
        same(flow.log_prob(same_numbers), expected)
    for narrow in (x.half(), x.bfloat16(), x.bool()):
        same(flow.log_prob(narrow), flow.log_prob(narrow.double().numpy()))
    log_p, slope = flow.log_prob(x.clone().requires_grad_(), gradient=True)
    same(log_p, expected)
    assert slope.dtype == np.float32 and flow.log_prob(x.double(), gradient=True)[1].dtype == np.float64
    same(flow.transform(x.requires_grad_()), flow.transform(x.detach().numpy()))
    same(flow.trajectory(x, torch.linspace(0, 1, 3)), flow.trajectory(x.detach().numpy(), np.linspace(0, 1, 3)))
    for wrong in (x.to(torch.complex64), x.to(torch.complex64).conj(), x.to_sparse(), x.detach().to("meta")):
        with pytest.raises(affjord.InvalidError, match="x is not an array of real numbers"):
            flow.log_prob(wrong)


def write_images(folder):
    """Write a set of 8 x 8 images in MNIST's format; return the test images."""
    (folder / "data/mnist-tiny").mkdir(parents=True)
    random = np.random.default_rng(0)
    for name, count in (("train", 100), ("t10k", 60)):
        pixels = random.integers(0, 256, (count, 8, 8), np.uint8)
        head = struct.pack(">4I", 0x803, count, 8, 8)
        (folder / f"data/mnist-tiny/{name}-images-idx3-ubyte").write_bytes(head + pixels.tobytes())
    return pixels


def test_images_have_the_bits_of_the_program(place):
    pixels = write_images(place)
    (place / "tiny.ini").write_text(IMAGES)
    here = {"AFFJORD_DATA": str(place / "data")}
    program(place, "tiny.ini", "--db", "r.db", "--quiet", **here)
    flow = affjord.load(db="r.db", run=1)
    assert flow.image_shape == (8, 8, 1)
    printed = program(place, "eval", "1", "--db", "r.db", "--input", "mnist-tiny", "--seed", 5, "--output", "l.npy", **here)
    log_p = np.load("l.npy")
    bits = flow.bits_per_dim(pixels, seed=5)
    np.testing.assert_array_equal(bits, 8 - log_p / (64 * np.log(2)))
    assert f"60 images: {bits.mean():.4f} bits" in printed
    program(place, "sample", "1", "--db", "r.db", "--n", 60, "--output", "s.npy")
    samples = flow.sample(60)
    assert samples.shape == (60, 8, 8, 1)
    same(samples.reshape(60, 64), np.load("s.npy"))
    x = ((pixels + 0.5) / 256).astype("f4")
    np.testing.assert_allclose(flow.inverse(flow.transform(x))[..., 0], x, atol=0.05)
    _, slope = flow.log_prob(x[:2], gradient=True)
    assert slope.shape == (2, 8, 8, 1) and np.isfinite(slope).all()
    with pytest.raises(affjord.InvalidError, match="0 to 1"):
        flow.log_prob(pixels)
    np.save("own.npy", pixels)
    same(flow.bits_per_dim("own.npy", seed=5), flow.bits_per_dim(pixels, seed=5))
    np.save("large.npy", np.zeros((2, 12, 8), np.uint8))
    with pytest.raises(affjord.FormatError, match="expected 1 x 8 x 8"):
        flow.bits_per_dim("large.npy")
    with pytest.raises(affjord.InvalidError, match="scales have flows of their own"):
        flow.trajectory(x, [0])


@pytest.mark.parametrize("wrong, kind, sentence", [
    (lambda flow, x: flow.log_prob(x[:, :1]), ValueError, r"shape \(9, 1\); expected \(n, 2\)"),
    (lambda flow, x: flow.log_prob(x + 1j), ValueError, "x is not an array of real numbers: found complex"),
    (lambda flow, x: flow.log_prob([["a", "b"]]), ValueError, "x is not an array of real numbers: could not convert"),
    (lambda flow, x: flow.log_prob([[1], [1, 2]]), ValueError, "x is not an array of real numbers"),
    (lambda flow, x: flow.trajectory(x, ["m8"]), ValueError, "times is not an array of real numbers"),
    (lambda flow, x: flow.transform(np.ma.masked_less(x, 0)), ValueError, "masked values"),
    (lambda flow, x: flow.fit(np.full((9, 2), np.nan)), ValueError, "expected a finite number"),
    (lambda flow, x: flow.fit(x, validation=9), ValueError, "9 of 9 points held out"),
    (lambda flow, x: flow.trajectory(x, [1, 0.5]), ValueError, "times that ascend"),
    (lambda flow, x: flow.trajectory(x, [11]), ValueError, "from 0 to 10"),
    (lambda flow, x: flow.bits_per_dim(x), ValueError, "flow of points"),
    (lambda flow, x: flow.save("no/where.safetensors"), OSError, "no/where"),
    (lambda flow, x: affjord.Flow(2, contxt="augmented"), ValueError, "the nearest is model.context"),
    (lambda flow, x: affjord.Flow(2, context="general"), ValueError, "there is no density"),
    (lambda flow, x: affjord.Flow(0), ValueError, "dimension"),
    (lambda flow, x: affjord.load("none.safetensors"), OSError, "none.safetensors"),
    (lambda flow, x: affjord.load(), ValueError, "expected the path"),
])
def test_errors_have_the_librarys_sentence(place, wrong, kind, sentence):
    flow = affjord.Flow(2, steps=2)
    with pytest.raises(kind, match=sentence) as error:
        wrong(flow, ring(9))
    assert isinstance(error.value, affjord.Error)


def test_a_damaged_file_is_refused(place):
    affjord.Flow(2).save("m.safetensors")
    data = bytearray((place / "m.safetensors").read_bytes())
    data[-1] ^= 1
    (place / "m.safetensors").write_bytes(data)
    with pytest.raises(affjord.FormatError, match="damaged"):
        affjord.load("m.safetensors")


def test_other_threads_run_during_a_solve(place):
    flow, done, counted = affjord.Flow(2, steps=4000).fit(ring(20), iterations=1), threading.Event(), 0
    solver = threading.Thread(target=lambda: (flow.log_prob(ring(1000)), done.set()))
    solver.start()
    while not done.is_set():
        counted += 1
        time.sleep(0.001)
    solver.join()
    assert counted > 3


def test_ctrl_c_stops_a_fit_which_keeps_what_it_reached(place):
    script = """
import os, signal, numpy, affjord
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
flow = affjord.Flow(2, steps=4, width=8, batch=16, epoch_iterations=1)
seen = []
def stop(epoch):
    seen.append(epoch)
    if len(seen) == 5:
        os.kill(os.getpid(), signal.SIGINT)
try:
    flow.fit(numpy.random.default_rng(0).normal(size=(50, 2)), iterations=10**9, progress=stop)
except KeyboardInterrupt:
    print(len(seen), numpy.isfinite(flow.score([[0, 0]])), flow.sample(2).std() > 0)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, cwd=place)
    assert done.stdout == "5 True True\n", done.stdout + done.stderr


def test_it_is_the_installed_package():
    assert "site-packages" in affjord.__file__
    assert os.path.exists(os.path.join(os.path.dirname(affjord.__file__), "lib", "libaffjord.so.0"))
