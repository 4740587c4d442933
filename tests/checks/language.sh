#!/bin/sh
# language.sh - find phrases and long sentences that CONTRIBUTING.md's rules on English exclude. Part of make lint.
#
# Phrases are errors in pages and sources. In pages, a sentence has at most 40 words. settings.md is generated from
# options.def and counts as a source.
set -u
cd "$(dirname "$0")/../.." || exit 1
failures=0

# Headless relatives, clefts, private words, and one spelling of regularizer.
phrases='\b[Ww]hoever\b|\b[Ww]ho asks\b|\b(is|are|was) (said|told)\b|\bwithout a word\b'
phrases=$phrases'|\b(taken|takes|take) up again\b|\btaken up\b|\bgo(es)? on from\b|\bgone on with\b'
phrases=$phrases'|\bso many (bytes|pixels|seconds|numbers|rows|points|tests|times|iterations|steps|threads)\b'
phrases=$phrases'|^What [^?.]*, is |\b[Ww]ay (out|back)\b|\b[Rr]egularis|\bhanded (over|out)\b|\bon a grid\b'
phrases=$phrases'|^(/\*|#|--) [A-Za-z_0-9]+\.[a-z]+ - (what|which|where|how|who|whether|why)\b'
phrases=$phrases'|^[[:space:]]*(/\*|#|--) What (is|a|an|the|was|it)\b|\bshares? what\b|\bwhat the files of\b'

pages() {
    git ls-files -co --exclude-standard 'README.md' 'CONTRIBUTING.md' 'CHANGELOG.md' 'docs/*.md' 'examples/*.md' \
        'results/*.md' ':!docs/reference/settings.md'
}

sources() {
    git ls-files -co --exclude-standard 'core/*' 'runner/*' 'plots/*' 'python/*' 'examples/*' 'tests/*' 'findings/*' \
        'packaging/*' 'paper_figures.sh' 'run' 'Makefile' ':!tests/fuzz/corpus' ':!tests/checks/language.sh' |
        grep -vE '\.(db|npy|png|jpg|bin|csv|tsv|safetensors)$'
}

# report TITLE FINDINGS
report() {
    [ -z "$2" ] || printf 'Language: %s\n%s\n' "$1" "$2" >&2
}

# shellcheck disable=SC2046 # no name has a blank
found=$(grep -nE "$phrases" $(pages) $(sources))
[ -z "$found" ] || failures=1
report "phrases that the rules exclude" "$found"

# shellcheck disable=SC2046
found=$(awk '
    function finish(   i, n, count, parts, words) {
        n = split(text, parts, /[.!?:;]["*)]*( |$)/)
        for (i = 1; i <= n; i++)
            if ((count = split(parts[i], words, " ")) > 40)
                printf "%s:%d: %d words:%.70s...\n", page, from, count, parts[i]
        text = ""
    }
    FNR == 1 { finish(); fence = 0; page = FILENAME }
    /^ *```/ { finish(); fence = !fence; next }
    fence || /^ *\|/ || /^#/ || /^    / && text == "" { finish(); next }
    /^ *$/ { finish(); next }
    /^ *([-*]|[0-9]+\.) / { finish(); sub(/^ *([-*]|[0-9]+\.) /, "") }
    { if (text == "") from = FNR; text = text " " $0 }
    END { finish() }' $(pages))
[ -z "$found" ] || failures=1
report "sentences of more than 40 words" "$found"
exit $failures
