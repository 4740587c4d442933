"""torch_images_draws.py - what torch_images.py draws, as our program does: start parameters, images in their order with
their noise, probes."""
import gzip
import math
import pathlib
import sys

import numpy

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
