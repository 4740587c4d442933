"""libaffjord: its location, functions and errors."""
import ctypes
import os
from ctypes import POINTER, byref, c_bool, c_char, c_char_p, c_double, c_int, c_size_t, c_uint64, c_void_p
from pathlib import Path

SONAME = "libaffjord.so.0"


class Error(Exception):
    """An error of the library, with its message."""


class InvalidError(Error, ValueError):
    """An argument or setting outside its range."""


class FormatError(Error, ValueError):
    """A file or array with invalid content."""


class LibraryError(Error, OSError):
    """The operating system refused a call, or libaffjord is missing."""


class LibraryMemoryError(Error, MemoryError):
    """An allocation failed."""


class SolveError(Error, ArithmeticError):
    """An equation could not be solved."""


ERRORS = {-1: InvalidError, -2: LibraryMemoryError, -3: LibraryError, -4: FormatError}


class Failure(ctypes.Structure):
    _fields_ = [("text", c_char * 1024)]


class Rows(ctypes.Structure):
    """model_rows: float32 or float64, by the address of the array."""

    _fields_ = [("reals", c_void_p), ("doubles", c_void_p)]

    def __init__(self, array=None, first=0):
        super().__init__()
        if array is None:
            return
        address = array.ctypes.data + first * array.strides[0]
        if array.dtype.itemsize == 4:
            self.reals = address
        else:
            self.doubles = address


class Epoch(ctypes.Structure):
    """model_epoch."""

    _fields_ = [
        ("epoch", c_uint64),
        ("iteration", c_uint64),
        ("training_loss", c_double),
        ("validation_loss", c_double),
        ("skipped", c_uint64),
        ("test_loss", c_double),
    ]


class Table(ctypes.Structure):
    """table of data/table.h."""

    _fields_ = [("rows", c_size_t), ("columns", c_size_t), ("values", c_void_p), ("sha256", c_char * 65),
                ("names", c_void_p), ("numbers", POINTER(c_double))]


class Images(ctypes.Structure):
    """The first members of image_set of data/image.h."""

    _fields_ = [("name", c_char_p), ("count", c_size_t), ("channels", c_size_t), ("height", c_size_t),
                ("width", c_size_t), ("pixels", POINTER(ctypes.c_ubyte))]


MODEL, TEXT, COUNT, SEED, REASON, ARRAY = c_void_p, c_char_p, c_size_t, c_uint64, POINTER(Failure), c_void_p

# The called functions, as in model/model.h, model/fit.h, data/table.h and data/image.h. Those with a REASON return a
# status.
FUNCTIONS = {
    "model_open": (TEXT, COUNT, POINTER(MODEL), REASON),
    "model_open_best": (TEXT, COUNT, POINTER(MODEL), REASON),
    "model_create": (COUNT, COUNT, POINTER(TEXT), COUNT, POINTER(MODEL), REASON),
    "model_set_solver": (MODEL, COUNT, POINTER(TEXT), REASON),
    "model_close": (POINTER(MODEL),),
    "model_write": (MODEL, TEXT, REASON),
    "model_transform": (MODEL, Rows, SEED, COUNT, SEED, Rows, ARRAY, REASON),
    "model_score": (MODEL, Rows, SEED, COUNT, SEED, Rows, REASON),
    "model_invert": (MODEL, Rows, SEED, COUNT, Rows, REASON),
    "model_sample": (MODEL, SEED, SEED, COUNT, Rows, REASON),
    "model_trajectory": (MODEL, Rows, COUNT, COUNT, ARRAY, Rows, REASON),
    "model_dequantize": (MODEL, ARRAY, COUNT, SEED, ARRAY),
    "model_fit_create": (MODEL, Rows, COUNT, COUNT, SEED, SEED, POINTER(c_void_p), REASON),
    "model_fit_open": (MODEL, TEXT, COUNT, POINTER(TEXT), SEED, SEED, POINTER(c_void_p), REASON),
    "model_read_points": (MODEL, TEXT, POINTER(POINTER(Table)), REASON),
    "model_read_images": (MODEL, TEXT, POINTER(POINTER(Images)), REASON),
    "table_destroy": (POINTER(POINTER(Table)),),
    "image_close": (POINTER(POINTER(Images)),),
    "model_fit_step": (c_void_p, POINTER(c_bool), POINTER(Epoch), REASON),
    "model_fit_end": (POINTER(c_void_p),),
    # Functions with another result.
    "model_dimension": (COUNT, MODEL),
    "model_batch": (COUNT, MODEL),
    "model_image": (POINTER(COUNT), MODEL),
    "model_end_time": (c_double, MODEL),
    "model_text": (TEXT, MODEL, TEXT),
    "model_note": (TEXT, MODEL, COUNT),
    "model_fit_finished": (c_bool, c_void_p),
}
WITH_RESULT = ("model_dimension", "model_batch", "model_image", "model_end_time", "model_text", "model_note",
               "model_fit_finished")


def candidates():
    """Candidate paths: AFFJORD_LIBRARY, the wheel, the loader's search path, the usual prefix."""
    if os.environ.get("AFFJORD_LIBRARY"):
        return [os.environ["AFFJORD_LIBRARY"]]
    return [str(Path(__file__).parent / "lib" / SONAME), SONAME, "/usr/local/lib/" + SONAME]


def open_library():
    reasons = []
    for path in candidates():
        try:
            library = ctypes.CDLL(path)
        except OSError as error:
            reasons.append(str(error))
            continue
        for name, types in FUNCTIONS.items():
            function = getattr(library, name)
            if name in WITH_RESULT:
                function.restype, function.argtypes = types[0], types[1:]
            else:
                function.restype, function.argtypes = c_int if types[-1] is REASON else None, types
        return library
    raise LibraryError(
        f"{SONAME}: not found ({reasons[-1]}); expected an installed libaffjord (make install), or its path in "
        "AFFJORD_LIBRARY; make wheel builds a package that brings it"
    )


_library = None


def library():
    """The functions, without a status."""
    global _library
    if _library is None:
        _library = open_library()
    return _library


def call(name, *arguments):
    """Call a function that returns a status; raise its error. Other threads of the interpreter continue meanwhile."""
    reason = Failure()
    status = getattr(library(), name)(*arguments, byref(reason))
    if status != 0:
        raise ERRORS.get(status, SolveError)(reason.text.decode(errors="replace"))
