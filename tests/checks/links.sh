#!/bin/sh
# links.sh - check that links of pages lead to a file and a heading, that paths in pages exist, and
# that scripts in commands are executable. Part of make lint.
set -u
cd "$(dirname "$0")/../.." || exit 1
pages=$(git ls-files -co --exclude-standard '*.md')
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT

# A page without its blocks of code.
prose() {
    awk '/^ *```/ { fence = !fence; next } !fence' "$1"
}
# page TAB target: of links
for page in $pages; do
    prose "$page" | grep -oE '\]\([^)]+\)' | sed 's/^](//; s/)$//' | grep -vE '^https?:' |
        sed "s|^|$page	|"
done >"$scratch/links"
# The anchors of a page, as GitHub makes them.
anchors() {
    prose "$1" | sed -n 's/^##* //p' | tr '[:upper:]' '[:lower:]' | sed 's/[^a-z0-9_ -]//g; s/ /-/g'
}
while IFS='	' read -r page target; do
    file=${target%%#*} anchor=
    case $target in *'#'*) anchor=${target#*#} ;; esac
    [ -n "$file" ] && file=$(dirname "$page")/$file || file=$page
    if [ ! -e "$file" ]; then echo "$page: no file for the link $target"
    elif [ -n "$anchor" ] && ! anchors "$file" | grep -qFx -e "$anchor"; then echo "$page: no heading for the link $target"
    fi
done <"$scratch/links" >"$scratch/broken"

# Paths of sources. X, NAME and mine stand for others; a path may also be a prefix or a pattern.
for page in $pages; do
    grep -oE '\b(core|runner|tests|plots|docs|experiments|configs|packaging|examples)/[a-z0-9_./-]*[a-z0-9_]' "$page" | sort -u |
        while read -r path; do
            case $path in */mine.ini) continue ;; esac
            set -- "$path"*
            [ -e "$1" ] || [ -e "$(dirname "$page")/$path" ] || echo "$page: no file $path"
        done
done >>"$scratch/broken"
# Commands of pages: a script at the beginning of an indented line is executable.
for page in $pages; do
    sed -nE 's%^    (\./)?([a-z_/]+\.(sh|py))( .*)?$%\2%p' "$page" | sort -u | while read -r script; do
        [ ! -e "$script" ] || [ -x "$script" ] || echo "$page: the script $script is not executable; chmod +x it"
    done
done >>"$scratch/broken"
[ ! -s "$scratch/broken" ] || { cat "$scratch/broken" >&2; exit 1; }
