#!/usr/bin/env python3
"""read_results.py - losses from a results database, parameters from an exported model.

    ./read_results.py results/results.db [model.safetensors]

Python's standard library is all that it needs. With the package safetensors,
safetensors.numpy.load_file("model.safetensors") gives the same arrays.
"""
import array
import hashlib
import json
import pathlib
import sqlite3
import struct
import sys


def losses(path):
    """Return (experiment, data, model, runs, mean final validation loss, unit, runs left out).

    The means are those of view toy_losses: experiments differ in settings, so that none is averaged
    with another, and a run whose loss is impossible for a density is left out.
    """
    with sqlite3.connect(f"{pathlib.Path(path).resolve().as_uri()}?mode=ro", uri=True) as book:
        return book.execute(
            "SELECT experiment, dataset, model, count(kept), avg(kept), iif(images, 'bits/dim', 'nats'), sum(impossible) "
            "FROM (SELECT *, CASE WHEN NOT impossible THEN loss END AS kept FROM final_losses) "
            "GROUP BY experiment, dataset, model ORDER BY experiment, dataset, model"
        ).fetchall()


def checksum(arrays):
    """What the metadata entry sha256_by_name is of (docs/reference/formats.md)."""
    sum_of = hashlib.sha256()
    for name in sorted(arrays, key=str.encode):
        shape, numbers = arrays[name]
        kind, wide = (b"U", numbers) if numbers.typecode == "Q" else (b"F", array.array("d", numbers))
        sum_of.update(name.encode() + b"\0" + kind + struct.pack(f"<{1 + len(shape)}Q", len(shape), *shape))
        sum_of.update(wide.tobytes())
    return sum_of.hexdigest()


def load(path):
    """The arrays, {name: (shape, numbers)}, and the texts of a .safetensors file."""
    codes = {"F32": "f", "F64": "d", "U64": "Q"}
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        body = file.read()
    texts = header.pop("__metadata__", {})
    arrays = {}
    for name, entry in header.items():
        first, last = entry["data_offsets"]
        arrays[name] = (entry["shape"], array.array(codes[entry["dtype"]], body[first:last]))
    if "sha256_by_name" in texts:
        sound = checksum(arrays) == texts["sha256_by_name"]
    else:  # an older file, or one of another program, which may have none
        sound = hashlib.sha256(body).hexdigest() == texts.get("sha256", hashlib.sha256(body).hexdigest())
    if not sound:
        raise ValueError(f"{path}: the arrays do not have the checksum that the file states")
    return arrays, texts


def main(words):
    if len(words) not in (2, 3):
        sys.exit("usage: read_results.py DATABASE [MODEL.safetensors]")
    for experiment, data, model, runs, mean, unit, left_out in losses(words[1]):
        end = f", {left_out} of no density left out" if left_out else ""
        loss = f"{mean:.6f} {unit}" if runs else "no finite loss"
        print(f"{experiment:18} {data:16} {model:16} {runs:4} runs   {loss}{end}")
    if len(words) == 3:
        arrays, texts = load(words[2])
        print(f"{texts['model']} on {texts['dataset']}, seed {texts['seed']}, {texts['train.iterations']} iterations")
        for name, (shape, numbers) in arrays.items():
            print(f"{name:24} {shape!s:12} mean {sum(numbers) / len(numbers):+.6f}")


if __name__ == "__main__":
    main(sys.argv)
