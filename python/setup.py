"""The package is pure Python unless affjord/lib has libaffjord (make wheel); then it is specific to this platform."""
from glob import glob

from setuptools import setup
from setuptools.dist import Distribution
from wheel.bdist_wheel import bdist_wheel

BUNDLED = bool(glob("affjord/lib/*.so*"))


class PlatformDistribution(Distribution):
    def has_ext_modules(self):
        return BUNDLED


class AnyPython(bdist_wheel):
    """ctypes loads the library, so any Python 3 works."""

    def get_tag(self):
        platform = super().get_tag()[2]
        return "py3", "none", platform


setup(distclass=PlatformDistribution, cmdclass={"bdist_wheel": AnyPython})
