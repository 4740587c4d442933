#!/bin/sh
# subjects.sh - check that subjects of commits are `area: imperative`, at most 72 characters (CONTRIBUTING.md): 1 if one
# is not.
#
#   subjects.sh [COMMIT]
#
# Checks the commits after COMMIT, without merges; by default, those since this check exists. Without history, as in a
# tarball or a shallow clone, it prints a message and exits with 0.
set -eu
export LC_ALL=C.UTF-8
rule_since=e8086fae050204ab4bbbc42b43b6869b64fc7d11
since=${1:-$rule_since}
cannot() {
    echo "subjects.sh: commit subjects not checked: $1" >&2
    exit 0
}

command -v git >/dev/null || cannot "git is not installed"
top=$(git rev-parse --show-toplevel 2>/dev/null) || cannot "no git repository here"
[ "$top" = "$(pwd -P)" ] || cannot "no git repository of its own here"
if ! git merge-base --is-ancestor "$since" HEAD 2>/dev/null; then
    [ "$(git rev-parse --is-shallow-repository)" = false ] || cannot "the clone is shallow; git fetch --unshallow"
    cannot "commit $since is not in the history"
fi

# A verb's mood is detected by its ending; these imperatives have the ending of another mood.
git log --no-merges --format='%h %s' "$since..HEAD" | awk '
    {
        hash = $1
        subject = substr($0, length(hash) + 2)
        colon = index(subject, ": ")
        area = substr(subject, 1, colon - 1)
        what = substr(subject, colon + 2)
        split(what, words, /[^A-Za-z0-9_-]/)
        first = words[1]
        problem = ""
        if (length(subject) > 72) problem = length(subject) " characters, more than 72"
        else if (!colon || area !~ /^[A-Za-z0-9_.\/, -]+$/ || area ~ /^ | $/) problem = "no area before a colon"
        else if (what !~ /^[a-z]/) problem = "no verb in lower case after the colon"
        else if (first ~ /(ing|ed)$/ && first !~ /^(bring|string|ping|embed|feed|need|seed|shed|speed|exceed|proceed)$/)
            problem = "\"" first "\" is no imperative"
        else if (first ~ /^(the|a|an|that|what|this|these|there|it|its|no|not|all)$/)
            problem = "\"" first "\" is no imperative"
        else if (what ~ /[.]$/) problem = "a full stop at its end"
        if (problem != "") {
            bad++
            printf "commit %s: %s; expected \"area: imperative\" of at most 72 characters, found \"%s\"; reword it\n", hash, problem, subject
        }
    }
    END { exit bad > 0 }' >&2
