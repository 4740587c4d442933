#!/usr/bin/env python3
"""ffjord_names.py - a trained concat FFJORD image model as a state dictionary of FFJORD's own PyTorch code.

The code is that of Grathwohl et al., github.com/rtqichen/ffjord, and the model its ODENVP with n_blocks=1,
squash_input=True, and in cnf_kwargs train_T=True and no regularization_fns. With S = F // 2 the scale of flow F:

    ours                    FFJORD's
    flow.F.field.L.weight   transforms.S.chain.I.odefunc.diffeq.layers.L._layer.weight   (out, in 9) -> (out, in, 3, 3)
    flow.F.field.L.bias     transforms.S.chain.I.odefunc.diffeq.layers.L._layer.bias
    flow.F.end_time         transforms.S.chain.I.sqrt_end_time                           (1) -> ()

I is the place of the flow among the modules of its scale: 0 for the first, 2 for the second, which follows a squeeze;
one more in scale 0, which begins with the logit. A layer's inputs are in the same order on both sides, the time first,
so no number moves. ODENVP keeps a counter beside each field, odefunc._num_evals, which is written as 0.

Images are channel-first there, channel-last in our files. FFJORD's base density is N(0, I): log p is the same where
flow.base_variance is 1.

    python3 ffjord_names.py MODEL.safetensors STATE.pt      needs numpy and torch

MODEL.safetensors is what `run export` writes. Prints the arguments of ODENVP.
"""
import json
import math
import pathlib
import re
import sys

import numpy
import torch

TYPES = {"F32": "<f4", "F64": "<f8"}


def read_safetensors(path):
    """Arrays of numbers by name, and the texts."""
    raw = pathlib.Path(path).read_bytes()
    start = 8 + int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8:start])
    texts = header.pop("__metadata__")
    arrays = {}
    for name, entry in header.items():
        begin, end = (start + offset for offset in entry["data_offsets"])
        if entry["dtype"] in TYPES:
            arrays[name] = numpy.frombuffer(raw[begin:end], TYPES[entry["dtype"]]).reshape(entry["shape"])
    return arrays, texts


def module_of(flow):
    """Where FFJORD has a flow."""
    scale, second = divmod(flow, 2)
    return f"transforms.{scale}.chain.{2 * second + (1 if scale == 0 else 0)}"


def rename(arrays, texts):
    """The state dictionary."""
    state = {}
    for name, array in arrays.items():
        parts = re.fullmatch(r"flow\.(\d+)\.(?:field\.(\d+)\.(weight|bias)|(end_time))", name)
        if not parts:
            continue
        module, layer, kind = module_of(int(parts[1])), parts[2], parts[3]
        value = torch.tensor(array)
        if kind == "weight":
            value = value.view(len(value), -1, 3, 3)
        if kind:
            state[f"{module}.odefunc.diffeq.layers.{layer}._layer.{kind}"] = value
        else:
            state[f"{module}.sqrt_end_time"] = value.view(())
        state[f"{module}.odefunc._num_evals"] = torch.tensor(0.0)
        state.setdefault(f"{module}.sqrt_end_time", torch.tensor(math.sqrt(float(texts["flow.end_time"]))))
    return state


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: ffjord_names.py MODEL.safetensors STATE.pt")
    arrays, texts = read_safetensors(sys.argv[1])
    if "shape" not in texts or texts["model.context"] != "clock" or texts["image.layer"] != "concat":
        sys.exit(f"{sys.argv[1]}: no concat FFJORD model of images")
    torch.save(rename(arrays, texts), sys.argv[2])
    hidden = (int(texts["image.hidden_channels"]),) * int(texts["image.hidden_layers"])
    size = (1, *map(int, texts["shape"].split()))
    print(f'ODENVP({size}, n_blocks=1, intermediate_dims={hidden}, nonlinearity="{texts["image.activation"]}", '
          f'alpha={texts["image.alpha"]}, cnf_kwargs={{"T": {float(texts["flow.end_time"])}, "train_T": '
          f'{texts["flow.learn_end_time"] == "yes"}, "solver": "{texts["solver.method"]}", "atol": '
          f'{texts["solver.atol"]}, "rtol": {texts["solver.rtol"]}}})')


if __name__ == "__main__":
    main()
