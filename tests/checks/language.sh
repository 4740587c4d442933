#!/bin/sh
# language.sh - find phrases and sentences that CONTRIBUTING.md's rules on English exclude.
#   language.sh           pages, help, messages, comments; part of make lint
# A phrase is searched for in pages and in the comments and texts of sources. In pages, a sentence has 40 words at most.
set -u
cd "$(dirname "$0")/../.." || exit 1
failures=0

# Headless relatives, clefts, and private words, each with a plain replacement in CONTRIBUTING.md or in the glossary.
phrases='\b[Ww]hoever\b|\b[Ww]ho asks\b|\b(is|are) said\b|\bwithout a word\b|\btaken up\b|\bgo(es)? on from\b|\bgone on with\b|\bso many (bytes|pixels|seconds|numbers|rows|points)\b|\bat the hand of\b|^What [^?.]*, is '

pages() {
    git ls-files -co --exclude-standard 'README.md' 'CONTRIBUTING.md' 'CHANGELOG.md' 'docs/*.md' 'examples/*.md' 'results/*.md'
}

sources() {
    git ls-files -co --exclude-standard 'core/*' 'runner/*' 'plots/*' 'paper_figures.sh' | grep -vE '\.(db|npy|png)$'
}

# shellcheck disable=SC2046 # no name has a blank
found=$(grep -nE "$phrases" $(pages) $(sources) /dev/null)
if [ -n "$found" ]; then
    printf 'Language: phrases that the rules exclude\n%s\n' "$found" >&2
    failures=1
fi

# shellcheck disable=SC2046
found=$(awk '
    function finish(   i, n, parts, words) {
        n = split(text, parts, /[.!?:;]["*)]*( |$)/)
        for (i = 1; i <= n; i++)
            if (split(parts[i], words, " ") > 40) printf "%s:%d: %d words: %.70s...\n", FILENAME_OF, from, split(parts[i], words, " "), parts[i]
        text = ""
    }
    FNR == 1 { finish(); fence = 0; FILENAME_OF = FILENAME }
    /^ *```/ { finish(); fence = !fence; next }
    fence || /^ *\|/ || /^#/ || /^    / && text == "" { finish(); next }
    /^ *$/ { finish(); next }
    /^ *([-*]|[0-9]+\.) / { finish(); sub(/^ *([-*]|[0-9]+\.) /, "") }
    { if (text == "") from = FNR; text = text " " $0 }
    END { finish() }' $(pages))
if [ -n "$found" ]; then
    printf 'Language: sentences of more than 40 words\n%s\n' "$found" >&2
    failures=1
fi

[ $failures -eq 0 ] && echo "Language: as CONTRIBUTING.md has it."
exit $failures
