#!/bin/sh
# check_layout.sh - a folder includes only folders above it; each library stays where it belongs.
set -u
cd "$(dirname "$0")/.." || exit 1
failures=0
breach() {
    if [ -n "$2" ]; then
        printf 'Layout: %s\n%s\n' "$1" "$2" >&2
        failures=$((failures + 1))
    fi
}

# From the bottom up: each may include itself and those before it.
below=
for folder in base backend ode field flow data train theory; do
    below="$below${below:+|}$folder"
    breach "core/$folder includes something above it" \
        "$(grep -nE '^#include "' -r "core/$folder" | grep -vE "#include \"($below)/")"
done
breach "core includes the runner's headers" "$(grep -rnE '#include "(config|plan|recorder|worker|settings)' core)"
breach "only runner/recorder* includes sqlite3.h" \
    "$(grep -rnE '#include *[<"]sqlite3\.h' core runner | grep -v '^runner/recorder')"
breach "only runner/config* includes ini.h" \
    "$(grep -rnE '#include *[<"]ini\.h' core runner | grep -v '^runner/config')"
breach "only core/backend/cpu/conv_library.c includes oneDNN or OpenMP" \
    "$(grep -rnE '#include *[<"](oneapi/|dnnl|omp\.h)' core runner | grep -v '^core/backend/cpu/conv_library')"
breach "only core/backend/cuda includes CUDA" \
    "$(grep -rnE '#include *[<"](cuda|cublas|cudnn)' core runner | grep -v '^core/backend/cuda/')"
breach "only core/backend/cuda and tests/cuda_on_host know the kernels' files" \
    "$(grep -rnE '#include *"backend/cuda/' core runner tests | grep -vE '^(core/backend/cuda|tests/cuda_on_host)/')"
breach "the library prints or exits" "$(grep -rnE '\b(printf|fprintf *\((stdout|stderr)|puts|exit|abort)\(' core --include='*.c' --include='*.h' --include='*.inc' --include='*.cu' --include='*.cuh' | grep -v 'format(printf')"
breach "fast-math" "$(grep -nE '(-ffast-math|-Ofast)' Makefile | grep -v 'never')"
[ "$failures" = 0 ] || exit 1
echo "Layout: as designed."
