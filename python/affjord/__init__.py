"""Continuous normalizing flows on libaffjord.

    flow = affjord.load("model.safetensors")
    flow.log_prob(x), flow.sample(1000, seed=0), flow.transform(x), flow.inverse(z)

Numbers are the same bits as those of the program: log_prob is `affjord eval`, sample is `affjord sample`.
"""
from ._flow import Flow, load
from ._library import Error, FormatError, InvalidError, LibraryError, SolveError
from ._results import Results, results

__all__ = ["Error", "Flow", "FormatError", "InvalidError", "LibraryError", "Results", "SolveError", "load", "results"]
__version__ = "0.1.0"
