#!/bin/sh
# jpeg_versions.sh - one file has other pixels in another version of libjpeg
#
# Expected: decoders of the same JPEG file differ by one in a few pixels, if at all.
# Observed: versions from 7 on, which some distributions and tools have, enlarge the colour planes in
#   another way than 6b and libjpeg-turbo. Half of all numbers differ, by up to 13 of 255. Pillow,
#   OpenCV and TensorFlow bring libjpeg-turbo.
# Version: jpeglib 1.0.2 with libjpeg 6b, 8d, 9f and libjpeg-turbo 2.1.0; Pillow 13.0.0
#
# Source: jpeglib.read_spatial and PIL.Image.open on an image of CelebA's size, 178 x 218. Date:
#   2026-11-30.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' INT TERM
python3 -m pip -q install --root-user-action ignore --no-warn-conflicts --no-compile --only-binary :all: --target "$folder/v" jpeglib==1.0.2 pillow==13.0.0 numpy==2.4.6
PYTHONPATH="$folder/v" python3 - <<'END'
import os
import sys
import tempfile

import jpeglib
import numpy as np
import PIL.Image

y, x = np.mgrid[:218, :178]
image = 127 + np.stack([100 * np.sin(x / 9 + y / 13), 90 * np.cos(y / 7), 60 * np.sin(x / 5) * np.cos(y / 17)], -1)
image = np.clip(image + 8 * np.random.default_rng(0).normal(size=image.shape), 0, 255).astype(np.uint8)
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "a.jpg")
    PIL.Image.fromarray(image).save(path, quality=90)
    pillow = np.asarray(PIL.Image.open(path)).astype(int)
    print("jpeglib", jpeglib.__version__, "pillow", PIL.__version__)
    found = {}
    for version in ("6b", "turbo210", "8d", "9f"):
        jpeglib.version.set(version)
        difference = np.abs(jpeglib.read_spatial(path).spatial.astype(int) - pillow)
        found[version] = int(difference.max())
        print(f"{version} and Pillow: {(difference != 0).mean():.0%} of the numbers differ, by up to {difference.max()}")
sys.exit(0 if found["6b"] == found["turbo210"] == 0 and found["8d"] == found["9f"] > 5 else "changed")
END
