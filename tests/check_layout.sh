#!/bin/sh
# check_layout.sh - check that a folder includes only folders above it, and that each external library is used only in
# its folder.
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
for folder in base backend ode context field flow data train model theory; do
    below="$below${below:+|}$folder"
    breach "core/$folder includes something above it" \
        "$(grep -nE '^#include "' -r "core/$folder" | grep -vE "#include \"($below)/")"
done
core=$below
below=
for folder in system settings statistics record plan work scale compare bench commands; do
    below="$below${below:+|}$folder"
    breach "runner/$folder includes something above it" \
        "$(grep -nE '^#include "[a-z]+/' -r "runner/$folder" | grep -vE "#include \"($core|$below)/")"
done
breach "core includes the runner's headers" "$(grep -rnE "#include \"($below)/" core)"
breach "only runner/record/results_db* includes sqlite3.h" \
    "$(grep -rnE '#include *[<"]sqlite3\.h' core runner | grep -v '^runner/record/results_db')"
breach "only runner/settings/config* includes ini.h" \
    "$(grep -rnE '#include *[<"]ini\.h' core runner | grep -v '^runner/settings/config')"
breach "only core/backend/cuda includes CUDA" \
    "$(grep -rnE '#include *[<"](cuda|cublas|cudnn)' core runner | grep -v '^core/backend/cuda/')"
breach "only core/backend/cuda and tests/cuda_on_host include the kernels' files" \
    "$(grep -rnE '#include *"backend/cuda/' core runner tests | grep -vE '^(core/backend/cuda|tests/cuda_on_host)/')"
# Files that a script leaves there by mistake would be committed.
breach "the top level has what is listed here" "$(git ls-files 2>/dev/null | cut -d/ -f1 | sort -u | grep -vxE \
    '\.ci|\.clang-format|\.clang-tidy|\.gitignore|CITATION\.cff|CHANGELOG\.md|CONTRIBUTING\.md|LICENSE|Makefile|README\.md|configs|core|debian|docs|examples|findings|experiments|packaging|paper_figures\.sh|plots|python|results|run|runner|tests')"
breach "the library prints or exits" "$(grep -rnE '\b(printf|fprintf *\((stdout|stderr)|puts|exit|abort)\(' core --include='*.c' --include='*.h' --include='*.inc' --include='*.cu' --include='*.cuh' | grep -v 'format(printf')"
# core/base/number.c converts numbers to text without effect of the locale. Output for people may use printf, because
# the program sets no locale.
breach "only core/base/number.c reads numbers with a fraction, or uses locales" "$(grep -rnE \
    '\b(strto(f|d|ld)(_l)?|atof|wcsto(f|d|ld)|(set|new|use|dup|free)locale|localeconv|(str|wcs)coll|strcasecmp)\b *\(' core runner |
    grep -v '^core/base/number\.c:')"
# Search whole statements, because a format may be some lines after its function. In core, search all formatting
# functions; in runner, those that write to a text, which may become a key, a file or a row.
# shellcheck disable=SC2016 # the dollars are awk's
breach "a number with a fraction is read or written by locale" "$(find core runner -name '*.[ch]' -o -name '*.cu*' -o -name '*.inc' |
    grep -v '^core/base/number\.' | sort | xargs awk '
    FNR == 1 { statement = "" }
    { statement = statement " " $0 }
    /[;{}]/ {
        makes = FILENAME ~ /^core/ ? "printf *\\(" : "(^|[^a-z_])v?(s|sn|as|d)printf *\\("
        number = "\"[^\"]*%[-+ #0]*[0-9*]*([.][0-9*]+)?[lL]?[aefgAEFG]"
        if (statement ~ makes && statement ~ number || statement ~ /scanf *\(/ && statement ~ /%[*0-9]*[lL]?[aefgAEFG]/)
            print FILENAME ":" FNR ": " statement
        statement = ""
    }')"
breach "fast-math" "$(grep -nE '(-ffast-math|-Ofast)' Makefile | grep -v 'never')"
[ "$failures" = 0 ] || exit 1
echo "Layout: as designed."
