"""make_photo.py - a picture of CelebA's size, and what Pillow makes of it.

photo.jpg        178 x 218 pixels, colours stored at half the resolution
photo_32x32.bin  bytes (3, 32, 32): decoded, resized to 32 x 39 with the BILINEAR filter, the middle 32 rows but for
                 the half pixel by which the cut lies lower

Written with Pillow 10.4; the tests only read the files.

    python3 -m pip install numpy pillow
    python3 tests/golden/make_photo.py
"""
import pathlib

import numpy
from PIL import Image

folder = pathlib.Path(__file__).parent
width, height, side = 178, 218, 32

y, x = numpy.mgrid[0:height, 0:width].astype(float)
disc = (x - 80) ** 2 + (y - 90) ** 2 < 50**2
stripes = (x + 2 * y) % 23 < 7
planes = [
    255 * x / width * ~stripes + 40 * disc,
    128 + 100 * numpy.sin(x / 9) * numpy.cos(y / 13) + 60 * disc,
    255 * y / height - 80 * stripes,
]
picture = numpy.clip(numpy.stack(planes, axis=-1), 0, 255).astype(numpy.uint8)
Image.fromarray(picture).save(folder / "photo.jpg", quality=75, subsampling=2)

small = Image.open(folder / "photo.jpg").convert("RGB").resize((side, side * height // width), Image.BILINEAR)
top = (small.height - side + 1) // 2
small = small.crop((0, top, side, top + side))
(folder / "photo_32x32.bin").write_bytes(numpy.asarray(small).transpose(2, 0, 1).tobytes())
