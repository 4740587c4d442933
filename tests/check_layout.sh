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
core=$below
below=
for folder in system settings statistics record plan work scale compare bench verbs; do
    below="$below${below:+|}$folder"
    breach "runner/$folder includes something above it" \
        "$(grep -nE '^#include "[a-z]+/' -r "runner/$folder" | grep -vE "#include \"($core|$below)/")"
done
breach "core includes the runner's headers" "$(grep -rnE "#include \"($below)/" core)"
breach "only runner/record/recorder* includes sqlite3.h" \
    "$(grep -rnE '#include *[<"]sqlite3\.h' core runner | grep -v '^runner/record/recorder')"
breach "only runner/settings/config* includes ini.h" \
    "$(grep -rnE '#include *[<"]ini\.h' core runner | grep -v '^runner/settings/config')"
breach "only core/backend/cpu/conv_library.c includes oneDNN or OpenMP" \
    "$(grep -rnE '#include *[<"](oneapi/|dnnl|omp\.h)' core runner | grep -v '^core/backend/cpu/conv_library')"
breach "only core/backend/cuda includes CUDA" \
    "$(grep -rnE '#include *[<"](cuda|cublas|cudnn)' core runner | grep -v '^core/backend/cuda/')"
breach "only core/backend/cuda and tests/cuda_on_host know the kernels' files" \
    "$(grep -rnE '#include *"backend/cuda/' core runner tests | grep -vE '^(core/backend/cuda|tests/cuda_on_host)/')"
# What a script left there by mistake would be committed with everything else.
breach "the top level has what is listed here" "$(git ls-files 2>/dev/null | cut -d/ -f1 | sort -u | grep -vxE \
    '\.ci|\.clang-format|\.clang-tidy|\.gitignore|LICENSE|Makefile|README\.md|configs|core|debian|docs|examples|experiments|packaging|paper_figures\.sh|plots|results|run|runner|tests')"
breach "the library prints or exits" "$(grep -rnE '\b(printf|fprintf *\((stdout|stderr)|puts|exit|abort)\(' core --include='*.c' --include='*.h' --include='*.inc' --include='*.cu' --include='*.cuh' | grep -v 'format(printf')"
breach "fast-math" "$(grep -nE '(-ffast-math|-Ofast)' Makefile | grep -v 'never')"
[ "$failures" = 0 ] || exit 1
echo "Layout: as designed."
