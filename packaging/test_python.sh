#!/bin/sh
# test_python.sh - test the Python package, from its wheel, in a separate environment.
#
#   test_python.sh PROGRAM [PYTEST OPTION...]      `make test-python` calls it
set -eu
cd "$(dirname "$0")/.."
program=$PWD/$1
shift
environment=$(mktemp -d)
trap 'rm -rf "$environment"' EXIT
python3 -m venv "$environment"
"$environment/bin/pip" -q --disable-pip-version-check install build/wheel/affjord-*.whl pytest
cp -r python/tests "$environment/tests"
env -u PYTHONPATH -u AFFJORD_LIBRARY -u LD_LIBRARY_PATH AFFJORD_PROGRAM="$program" AFFJORD_ROOT="$PWD" \
    AFFJORD_GUIDE="$PWD/docs/guide/python.md" \
    "$environment/bin/python" -m pytest -q -p no:cacheprovider "$environment/tests" "$@"
