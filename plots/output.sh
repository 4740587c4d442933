# output.sh - the rule for files that a script writes, for paper_figures.sh and plots/report.sh; runner/system/output.c
# has it for the program. Links, pipes and devices are written through. An existing file is replaced only if it is
# empty or was written by the script; otherwise $force has to be yes. The database is never replaced.
# shellcheck shell=bash

# Print the full path to which a file of this name is written: links resolved; &1 for standard output etc.
output_target() {
    case $1 in
        - | /dev/stdout) printf '&1' ;;
        /dev/stderr) printf '&2' ;;
        /dev/fd/* | /proc/self/fd/*) printf '&%d' "${1##*/}" ;;
        *) if [ -p "$1" ] || [ -c "$1" ]; then realpath -se -- "$1"; else realpath -m -- "$1"; fi ;;
    esac
}

# Return 0 if the target $1 is written directly.
output_is_stream() { [[ $1 == '&'* ]] || [ -p "$1" ] || [ -c "$1" ]; }

# Return 0 if the text $1 is the caption of the picture $2: one line that names its experiment, or whose words are in
# $2.tex.
output_is_caption() {
    local words
    [ "$(wc -l <"$1")" = 1 ] || return 1
    words=$(sed 's/[^A-Za-z0-9 ].*//' -- "$1")
    grep -q ' Experiment [A-Za-z0-9_-]*\.$' -- "$1" || [ -e "$2.gif" ] ||
        { [ -n "$words" ] && grep -qF -e "\\caption{$words" -- "$2.tex" 2>/dev/null; }
}

# Return 0 if the file $1 has content that a script writes under a name like $2.
output_is_own() {
    local head kind=${2##*.}
    head=$(head -c 4096 -- "$1" | tr '\0' '.')
    case $kind in
        html) [[ $head == *'AFFJORD: results beside the paper'* ]] ;;
        pdf) [[ $head == %PDF-* ]] ;;
        png) [[ $(head -c 4 -- "$1" | od -An -tx1) == ' 89 50 4e 47' ]] ;;
        gif) [[ $head == GIF8* ]] ;;
        md) [[ $head == '| '* ]] ;;
        tex) [[ $head == '% Needs \usepackage{'* ]] ;;
        txt) output_is_caption "$1" "${1%.txt}" ;;
        *) false ;;
    esac
}

# Print why the file $1 (its target $2) must not be written with content of the kind of $3; nothing if it may be. $4:
# the database, which is read. Status: 0 if it may be written, 1 if that is impossible, 2 if it is not allowed.
output_refusal() {
    local folder
    ! output_is_stream "$2" || return 0
    folder=$(dirname -- "$2")
    if [ -d "$2" ]; then
        printf 'cannot write %s: it is a folder' "$1"
        return 1
    elif [ ! -d "$folder" ]; then
        printf 'cannot write %s: no folder %s' "$1" "$folder"
        return 1
    elif [ ! -e "$2" ]; then
        return 0
    elif [ "$2" -ef "$4" ]; then
        printf 'cannot write %s: it is the database' "$1"
    elif [ ! -f "$2" ]; then
        printf 'cannot write %s: it is no file' "$1"
    elif [[ $(head -c 15 -- "$2" | tr '\0' '.') == 'SQLite format 3' ||
        $2 == "$4"-* || $2 == "$4".lock || $2 == *.checkpoints/* || $2 == *.failures/* ]]; then
        printf 'cannot write %s: it is a database or belongs to one' "$1"
    elif [ ! -w "$2" ]; then
        printf 'cannot write %s: it is write-protected' "$1"
        return 1
    elif [ -s "$2" ] && [ "${force-no}" != yes ] && ! output_is_own "$2" "$3"; then
        printf '%s is there already and holds something else; --force replaces it' "$1"
    else
        return 0
    fi
    return 2
}

# Move the file $1 to the target $2, or write it to a pipe or device.
output_put() {
    if [[ $2 == '&'* ]]; then
        cat -- "$1" >&"${2#&}"
    elif output_is_stream "$2"; then
        cat -- "$1" >"$2"
    else
        mv -f -- "$1" "$2"
    fi
}
