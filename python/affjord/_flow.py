"""Flow: densities, samples and trainings of a model of libaffjord."""
import sys
import threading
import warnings
from ctypes import POINTER, byref, c_bool, c_char_p, c_void_p
from os import PathLike, fsencode

import numpy as np

from ._library import Epoch, Images, InvalidError, Rows, Table, call, library
from ._results import checkpoint_of_run


def load(path=None, *, db=None, run=None, best=False, threads=1):
    """Return the flow of a model file, or of a run of a database by its number or the beginning of its key.

    With best=True: the model of the epoch with the least validation loss, from a run or a checkpoint."""
    if (path is None) == (db is None) or (db is None) != (run is None):
        raise InvalidError("load: expected the path of a model file, or db= and run=")
    path = checkpoint_of_run(db, run) if path is None else path
    handle = c_void_p()
    call("model_open_best" if best else "model_open", fsencode(path), threads, byref(handle))
    flow = Flow.__new__(Flow)
    flow._take(handle)
    return flow


def _numpy(x):
    """x as a NumPy array; PyTorch tensors share their memory, and types that NumPy lacks become float64."""
    if not hasattr(x, "detach"):
        return np.asarray(x)
    x = x.detach().cpu()
    try:
        return x.numpy()
    except (RuntimeError, TypeError):  # a view that conjugates or negates; bfloat16
        x = x.resolve_conj().resolve_neg()
        return (x if x.is_complex() else x.double()).numpy()


def _array(x, dtype=None, what="x"):
    """x as a C-ordered array of float32 (unchanged) or float64."""
    if np.ma.is_masked(x):
        raise InvalidError(f"{what} has masked values; expected numbers")
    try:
        x = _numpy(x)
        if x.dtype.kind in "cmM":
            raise TypeError(f"found {x.dtype}")
        return np.ascontiguousarray(x, dtype or (np.float32 if x.dtype == np.float32 else np.float64))
    except (RuntimeError, TypeError, ValueError) as error:
        raise InvalidError(f"{what} is not an array of real numbers: {error}") from error


def _is_path(x):
    return isinstance(x, (str, PathLike))


def _text(value):
    """A value in the syntax of experiment files."""
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_text, value))
    return repr(float(value)) if isinstance(value, (float, np.floating)) else str(value)


def _items(value):
    """A number, a path, or a list of columns, whose names may have commas."""
    if isinstance(value, (list, tuple)):
        return ", ".join('"' + str(item).replace('"', '""') + '"' for item in value)
    return str(value) if _is_path(value) else _text(value)


class Flow:
    """A flow p(x) on R^dimension, or on images for those that load() returns.

    Settings are those of experiment files (docs/reference/settings.md), by their key or as **{"section.key": value}; the
    defaults are those of a file. A flow computes one call at a time; calls of other threads wait.

    Points x are (n, dimension), images (n, height, width[, channels]) with numbers (byte + u)/256 in [0, 1). Both may be
    the path of a file as in an experiment: a table (.csv, .tsv, .npy, "file.npz:name"), or bytes in .npy or .npz, a folder or
    .zip of pictures, with the columns and sizes of the training. float32 is
    used without a copy and returned; everything else becomes float64. z is in the flow's own units: for a flow trained with
    standardise=True, trajectories begin at (x - mean) / deviation.
    """

    def __init__(self, dimension, *, threads=1, **settings):
        texts = [f"{name}={_text(value)}".encode() for name, value in settings.items()]
        handle = c_void_p()
        call("model_create", dimension, len(texts), (c_char_p * len(texts))(*texts), threads, byref(handle))
        self._take(handle)

    def _take(self, handle):
        self._handle, self._lock, self.history_ = handle, threading.RLock(), []
        shape = library().model_image(handle)
        self.dimension = library().model_dimension(handle)
        self.image_shape = (shape[1], shape[2], shape[0]) if shape else None  # height, width, channels
        self._batch = library().model_batch(handle)
        index = 0
        while note := library().model_note(handle, index):
            warnings.warn(note.decode(), stacklevel=3)
            index += 1

    def __del__(self):
        if getattr(self, "_handle", None):
            library().model_close(byref(self._handle))

    def __repr__(self):
        return f"<affjord.Flow on {'images ' + str(self.image_shape) if self.image_shape else f'R^{self.dimension}'}>"

    def setting(self, name):
        """Return a setting by its name, as "solver.steps", as text; None for an unknown one."""
        text = library().model_text(self._handle, name.encode())
        return None if text is None else text.decode()

    def set_solver(self, **settings):
        """Change settings of [solver] for later calls, as steps=400 or method="dopri5"; return self."""
        texts = [f"solver.{name}={_text(value)}".encode() for name, value in settings.items()]
        with self._lock:
            call("model_set_solver", self._handle, len(texts), (c_char_p * len(texts))(*texts))
        return self

    @property
    def end_time(self):
        """T of a flow of points."""
        return library().model_end_time(self._handle)

    def save(self, path):
        """Write a model file, as `affjord export` does."""
        with self._lock:
            call("model_write", self._handle, fsencode(path))

    # --- Rows ---

    def _read(self, path):
        """The numbers of a table, or the bytes (n, height, width, channels) of images."""
        kind, name, free = (Images, "model_read_images", "image_close") if self.image_shape else (
            Table, "model_read_points", "table_destroy")
        data = POINTER(kind)()
        with self._lock:
            call(name, self._handle, fsencode(path), byref(data))
        try:
            if not self.image_shape:
                return np.ctypeslib.as_array(data[0].numbers, (data[0].rows, data[0].columns)).copy()
            shape = (data[0].count, data[0].channels, data[0].height, data[0].width)
            return np.ctypeslib.as_array(data[0].pixels, shape).transpose(0, 2, 3, 1).copy()
        finally:
            getattr(library(), free)(byref(data))

    def _rows(self, x, what="x"):
        """x as (n, D)."""
        x = _array(self._read(x) if _is_path(x) else x, what=what)
        shape = x.shape
        if x.ndim == 1 and self.dimension == 1:
            x = x.reshape(-1, 1)
        elif self.image_shape and x.ndim > 2 and (shape + (1,))[1:4] == self.image_shape:
            x = x.reshape(len(x), -1)
        if x.ndim != 2 or x.shape[1] != self.dimension:
            images = f" or (n, {', '.join(map(str, self.image_shape))})" if self.image_shape else ""
            raise InvalidError(f"{what} has shape {shape}; expected (n, {self.dimension}){images}")
        return x

    def _image_rows(self, x, seed=0):
        """Data as (n, D) between 0 and 1, for images."""
        rows = self._rows(self._dequantize(self._read(x), seed) if self.image_shape and _is_path(x) else x)
        if self.image_shape and rows.size and not (rows.min() >= 0 and rows.max() <= 1):
            raise InvalidError("x has numbers outside 0 to 1; expected (byte + u)/256, or uint8 images in bits_per_dim")
        return rows

    def _shaped(self, rows):
        return rows.reshape((len(rows),) + self.image_shape) if self.image_shape else rows

    def _each_batch(self, n, compute):
        """Call compute(first, count) batch by batch: between two of them Python handles Ctrl-C."""
        for first in range(0, n, self._batch):
            with self._lock:
                compute(first, min(self._batch, n - first))

    # --- Densities ---

    def log_prob(self, x, gradient=False, seed=0):
        """Return log p(x) in nats, float64 (n); with gradient=True also d log p/dx in the shape of x.

        Points have the exact divergence. Images have Hutchinson's estimate with probes of this seed.
        """
        x = self._image_rows(x, seed)
        log_p = np.empty(len(x))
        self._each_batch(len(x), lambda first, count: call(
            "model_transform", self._handle, Rows(x, first), first, count, seed, Rows(), log_p[first:].ctypes.data))
        if not gradient:
            return log_p
        slope = np.empty_like(x)
        self._each_batch(len(x), lambda first, count: call(
            "model_score", self._handle, Rows(x, first), first, count, seed, Rows(slope, first)))
        return log_p, self._shaped(slope)

    def score(self, x, y=None):
        """Return the mean of log p(x) in nats, as scikit-learn's GaussianMixture does; its KernelDensity has the sum."""
        return float(np.mean(self.log_prob(x)))

    def bits_per_dim(self, images, seed=0):
        """Return -log2 p of each image, per number of it, with the 8 bits of a byte: float64 (n).

        uint8 images get the noise that `affjord eval` gives the test images of a set with this seed.
        """
        if not self.image_shape:
            raise InvalidError("bits_per_dim: this is a flow of points; expected one of images")
        pixels = _numpy(self._read(images) if _is_path(images) else images)
        if pixels.dtype == np.uint8:
            images = self._dequantize(pixels, seed)
        return 8 - self.log_prob(images, seed=seed) / (self.dimension * np.log(2))

    def _dequantize(self, pixels, seed):
        if pixels.ndim < 3 or (pixels.shape + (1,))[1:4] != self.image_shape:
            raise InvalidError(f"images have shape {pixels.shape}; expected (n, {', '.join(map(str, self.image_shape))})")
        planes = np.ascontiguousarray(pixels.reshape((-1,) + self.image_shape).transpose(0, 3, 1, 2))
        x = np.empty((len(planes), self.dimension), np.float32)
        library().model_dequantize(self._handle, planes.ctypes.data, len(planes), seed, x.ctypes.data)
        return x

    # --- Transforms ---

    def transform(self, x, seed=0):
        """Return z = z(T) for x = z(0), (n, dimension): N(0, s^2 I) if the flow is p."""
        x = self._image_rows(x, seed)
        z = np.empty_like(x)
        self._each_batch(len(x), lambda first, count: call(
            "model_transform", self._handle, Rows(x, first), first, count, seed, Rows(z, first), None))
        return z

    def inverse(self, z):
        """Return x = z(0) for z = z(T), the opposite of transform."""
        z = self._rows(z, "z")
        x = np.empty_like(z)
        self._each_batch(len(z), lambda first, count: call(
            "model_invert", self._handle, Rows(z, first), first, count, Rows(x, first)))
        return self._shaped(x)

    def sample(self, n, seed=0):
        """Return n samples, the first n of this seed; float32, or float64 if the flow has its own units."""
        x = np.empty((n, self.dimension), np.float64 if self.setting("standard.mean") else np.float32)
        self._each_batch(n, lambda first, count: call(
            "model_sample", self._handle, seed, first, count, Rows(x, first)))
        return self._shaped(x)

    def trajectory(self, x, times):
        """Return z(t) for x = z(0) at the times, which ascend from 0 to end_time: (len(times), n, dimension)."""
        x, times = self._rows(x), _array(times, np.float64, "times").reshape(-1)
        z = np.empty((len(times),) + x.shape, x.dtype)

        def compute(first, count):
            part = np.empty((len(times), count, self.dimension), x.dtype)
            call("model_trajectory", self._handle, Rows(x, first), count, len(times), times.ctypes.data, Rows(part))
            z[:, first:first + count] = part

        self._each_batch(len(x), compute)
        return z

    # --- Training ---

    def fit(self, x, y=None, *, iterations=0, seed=0, validation=0.1, test=None, columns=None, ignore=None,
            progress=False):
        """Train on the rows of x from the initial parameters of `seed`; return self.

        `iterations` 0 is the setting train.iterations. `validation` is the part of the rows, or their number, that the
        validation loss is taken on. If x is the path of a table, `validation` and `test` may be paths too, and `columns` and
        `ignore` list names or numbers from 1. With progress=True a line is printed to standard error for each epoch; a
        function is called with its dict instead. history_ has all of these, with test_loss if there is a test part. Ctrl-C
        ends the training with the parameters reached.
        With a tenth of a table's rows held out, the parameters are bit-identical to those of `affjord`.
        """
        if _is_path(x):
            parts = {"validation": validation, "test": test, "columns": columns, "ignore": ignore}
            texts = [f"data.{key}={_items(value)}".encode() for key, value in parts.items() if value is not None]
            begin = ("model_fit_open", self._handle, fsencode(x), len(texts), (c_char_p * len(texts))(*texts))
        elif test is not None or columns is not None or ignore is not None:
            raise InvalidError("test, columns and ignore: x is an array; expected the path of a table")
        else:
            x = self._rows(x)
            held_out = max(1, int(len(x) * validation)) if isinstance(validation, float) else int(validation)
            begin = ("model_fit_create", self._handle, Rows(x), len(x), held_out)
        training, ended, epoch, self.history_ = c_void_p(), c_bool(), Epoch(), []
        with self._lock:
            call(*begin, iterations, seed, byref(training))
            try:
                while not library().model_fit_finished(training):
                    call("model_fit_step", training, byref(ended), byref(epoch))
                    if ended.value:
                        self._note_epoch({name: getattr(epoch, name) for name, _ in Epoch._fields_}, progress)
            finally:
                library().model_fit_end(byref(training))
        return self

    def _note_epoch(self, epoch, progress):
        self.history_.append(epoch)
        if callable(progress):
            progress(epoch)
        elif progress:
            print("{iteration:8d}  training {training_loss:.4f}  validation {validation_loss:.4f} nats".format(**epoch),
                  file=sys.stderr)
