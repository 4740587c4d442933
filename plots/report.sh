#!/usr/bin/env bash
# report.sh - write one page with everything in a results database, for `./run report`.
# See `plots/report.sh --help`.
#
# paper_figures.sh draws the items into a separate folder; plots/report.sql and plots/report_experiment.sql select the
# rest, and plots/report.awk formats it. The page is assembled in a temporary folder and moved into place when it is
# complete. All of it comes from the database, except for the line with the date.
set -euo pipefail
shopt -s inherit_errexit
export LC_ALL=C.UTF-8

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
run=./run # what starts the program: in a checkout, or installed
case $root in */share/affjord) run=affjord ;; esac
page_bytes_max=5000000 # small enough for mail and a phone
# Dots per inch of its pictures: as many as a screen shows, and half the bytes of the 300 that journals require, which
# generated images have here too.
export AFFJORD_PNG_DOTS=150
image_dots=300

usage() {
    cat <<'END'
usage: plots/report.sh --db PATH --output FILE [--program TEXT] [--force]

Write FILE ("-" for standard output): one self-contained HTML page with the
figures and tables that the database has rows for, claims, settings, and the
origin of each run. TEXT names the calling program. SOURCE_DATE_EPOCH (seconds
since 1970) sets the date. --force replaces a file that is no such page.
Exit status: 0 success; 1 a database or a program is missing, a figure could not
be drawn, or the page could not be written; 2 usage error.
END
}

say() { printf 'report: %s\n' "$*" >&2; }
die() { say "$1"; exit "${2:-1}"; }

# shellcheck source=output.sh
. "$root/plots/output.sh"

db='' output='' program=affjord force=no
while [ $# -gt 0 ]; do
    case $1 in
        --db | --output | --program)
            [ $# -ge 2 ] || die "$1 needs a value" 2
            case $1 in
                --db) db=$2 ;;
                --output) output=$2 ;;
                --program) program=$2 ;;
            esac
            shift 2
            ;;
        --force) force=yes; shift ;;
        -h | --help) usage; exit 0 ;;
        *) say "unknown word $1"; usage >&2; exit 2 ;;
    esac
done
if [ -z "$db" ] || [ -z "$output" ]; then usage >&2; exit 2; fi

if [ -d "$root/.deps/usr" ]; then # programs unpacked without root by `make deps-local`
    PATH=$PATH:$root/.deps/usr/bin
    export PATH
fi
command -v sqlite3 >/dev/null || die "sqlite3 is not installed (Debian package sqlite3)"
[ -e "$db" ] || die "no database $db; run $run experiments/quickstart.ini to create one"
db=$(realpath -- "$db")
target=$(output_target "$output")
refusal=$(output_refusal "$output" "$target" page.html "$db") || die "$refusal" "$?"
made=$(date -u -d "@${SOURCE_DATE_EPOCH:-$(date +%s)}" '+%Y-%m-%d %H:%M UTC' 2>/dev/null) ||
    die "SOURCE_DATE_EPOCH is no number of seconds: $SOURCE_DATE_EPOCH"

place=${TMPDIR:-/tmp} # for a page that is written to a pipe or device
output_is_stream "$target" || place=$(dirname -- "$target")
work=$(mktemp -d "$place/.report.XXXXXX" 2>/dev/null) || die "cannot write to the folder $place"
. "$root/plots/database.sh"
# On any failure, print whether the disk is full.
# shellcheck disable=SC2317 # reached by the trap
finish() {
    local status=$?
    if [ "$status" -ne 0 ] && [ -d "$work" ] && ! head -c 262144 /dev/zero 2>/dev/null >"$work/probe"; then
        say "$place takes no more data; is the disk full?"
    fi
    rm -rf -- "$work" ${readable_folder:+"$readable_folder"}
}
trap finish EXIT
trap 'exit 1' INT TERM HUP

find_readable "$db"

escape() {
    local text=${1//&/"&amp;"}
    text=${text//</"&lt;"}
    text=${text//>/"&gt;"}
    text=${text//\"/"&quot;"}
    printf '%s' "${text//\'/"&#39;"}"
}

# --- Figures and tables of the paper --------------------------------------------------------------------------------

unit=$'\037' record=$'\036' # separators of cells and rows, which occur in no text

# A line of `items`: the item, its description, the experiment shown, its state
# (drawn, missing, failed), and its files or the command that computes its rows.
item_row() {
    local name=$1 what=$2 line=$3
    case $line in
        '') printf '%s\n' "$name$unit$what$unit${unit}failed$unit./paper_figures.sh $name" ;;
        *'make them with: '*) printf '%s\n' "$name$unit$what$unit${unit}missing$unit${line##*make them with: }" ;;
        *'  (experiment '*)
            local experiment=${line##*  (experiment }
            printf '%s\n' "$name$unit$what$unit${experiment%)}${unit}drawn$unit${line%  (experiment *}"
            ;;
        *) printf '%s\n' "$name$unit$what$unit${unit}drawn$unit$line" ;;
    esac
}

# Draw all items into the folder `drawn` and list them in `items`. Status: 1 if one could not be drawn.
draw_items() {
    local name what line variants=() complete=0
    "$root/paper_figures.sh" --db "$readable" --out "$work/drawn" >"$work/printed" 2>"$work/errors" || complete=1
    cat "$work/errors" >&2
    [ -s "$work/printed" ] || exit 1

    # An experiment fig6_release has its own Figure 6. (Tables are of all experiments.)
    "$root/paper_figures.sh" --list >"$work/list"
    while IFS= read -r name; do
        [[ $name =~ ^(fig[0-9]+)_[A-Za-z0-9_.-]+$ ]] || continue
        ! grep -q "^${BASH_REMATCH[1]} " "$work/list" || variants+=("$name")
    done < <(query_database "SELECT name FROM experiment ORDER BY name")
    [ ${#variants[@]} -eq 0 ] ||
        "$root/paper_figures.sh" --db "$readable" --out "$work/drawn" "${variants[@]}" >>"$work/printed" 2>"$work/errors" ||
        sed -n 's/^paper_figures.sh: \([^ :]*\): .*\(make them with: .*\)/\1 \2/p' "$work/errors" >>"$work/printed"

    declare -A outcome
    while read -r name line; do outcome[$name]=$line; done <"$work/printed"
    while read -r name what; do
        item_row "$name" "$what" "${outcome[$name]-}"
        for line in ${variants[@]+"${variants[@]}"}; do
            [[ $line != "$name"_* ]] || item_row "$line" "$what" "${outcome[$line]-}"
        done
    done <"$work/list" >"$work/items"
    return "$complete"
}

# "Figure 6: validation loss ...", "Table 2: ..."; for other items their description.
heading_of() {
    local name=$1 what=$2
    if [[ $name =~ ^(fig|table)([0-9]+)(_(.*))?$ ]]; then
        [ "${BASH_REMATCH[1]}" = fig ] && printf 'Figure' || printf 'Table'
        printf ' %s' "${BASH_REMATCH[2]}"
        [ -z "${BASH_REMATCH[4]}" ] || printf ' (%s)' "${BASH_REMATCH[4]//_/ }"
        printf ': %s' "$what"
    else
        printf '%s' "${what^}"
    fi
}

# Width and height of a PNG or GIF, from its header.
size_of() {
    local b
    case $1 in
        *.png)
            read -ra b < <(od -An -tu1 -j16 -N8 -- "$1")
            printf '%d ' $((b[0] << 24 | b[1] << 16 | b[2] << 8 | b[3]))
            printf '%d\n' $((b[4] << 24 | b[5] << 16 | b[6] << 8 | b[7]))
            ;;
        *.gif)
            read -ra b < <(od -An -tu1 -j6 -N4 -- "$1")
            printf '%d %d\n' $((b[0] | b[1] << 8)) $((b[2] | b[3] << 8))
            ;;
    esac
}

# The alternative text of item $1 of experiment $2: first and last values of its
# curves, or its caption $3 if it has no curves over iterations.
alternative() {
    local kind='' ends=''
    case $1 in
        fig6 | fig6_* | fig7 | fig7_*) kind=loss ;;
        fig9 | fig9_*) kind=evaluations ;;
    esac
    [ -z "$kind" ] || ends=$(awk -v FS="$unit" -v RS="$record" -v kind="$kind" -v name="$2" \
        '$1 == kind && $2 == name { print $3 }' "$work/rows/curves")
    [ -n "$ends" ] && printf '%s' "$ends" || printf '%s' "$3"
}

# The pictures of the files $1 by name, without their endings.
pictures_of() {
    tr ' ' '\n' <<<"$1" | sed -n 's/\.\(png\|gif\)$//p' | awk '!seen[$0]++'
}

# Choose the files of the pictures that fit into $1 bytes: still pictures first, then
# films (GIF), or else the still picture of the same name.
choose_pictures() {
    local left=$1 files picture ending file
    take() {
        [ -e "$1" ] || return 1
        local cost
        cost=$(base64 -w 0 -- "$1" | wc -c)
        [ "$cost" -le "$left" ] || return 1
        left=$((left - cost))
        printf '%s\n' "$1"
    }
    awk -F "$unit" '$4 == "drawn" { print $5 }' "$work/items" | while IFS= read -r files; do
        pictures_of "$files"
    done >"$work/pictures"
    for ending in png gif; do
        while IFS= read -r picture; do
            file=$work/drawn/$picture
            case $ending$([ -e "$file.gif" ] && echo ' film') in
                png | 'gif film') take "$file.$ending" || { [ "$ending" = gif ] && take "$file.png"; } || true ;;
            esac
        done <"$work/pictures"
    done >"$work/chosen"
}

# --- Parts of the page ----------------------------------------------------------------------------------------------

# Query the database once for everything, so that all parts show the same state.
select_rows() {
    mkdir "$work/rows"
    ln -s "$root/plots" "$work/rows/plots"
    query_database "SELECT experiment_id FROM experiment ORDER BY name" >"$work/experiments"
    {
        printf 'BEGIN;\n.read plots/report.sql\nCREATE TEMP TABLE shown_experiment (experiment_id INTEGER);\n'
        while read -r id; do
            mkdir "$work/rows/$id"
            printf 'DELETE FROM shown_experiment;\nINSERT INTO shown_experiment VALUES (%d);\n' "$id"
            printf '.cd %d\n.read ../plots/report_experiment.sql\n.output\n.cd ..\n' "$id"
        done <"$work/experiments"
        printf 'COMMIT;\n.headers off\n.output complete\nSELECT 1;\n'
    } >"$work/rows/commands"
    # A full disk can cut files short without an error.
    (cd "$work/rows" && query_database <commands >/dev/null && [ -s complete ]) || die "cannot read $db"
}

# Set rows $3 in style $1, with the caption $2; $4: the line that opens them.
set_rows() {
    caption=$2 awk -v style="$1" -v fold="${4-}" -v corner=Setting -v label="Table: ${2%%[.:]*}" \
        -v FS="$unit" -v RS="$record" -f "$root/plots/report.awk" "$3"
}
has_rows() { [ -s "$1" ]; }

# A line of the table of contents; the text after a number is shown if there is room.
entry() {
    local number=$2 rest=
    if [[ $2 =~ ^((Figure|Table)[^:]*)(:.*)$ ]]; then
        number=${BASH_REMATCH[1]} rest="<span>$(escape "${BASH_REMATCH[3]}")</span>"
    fi
    printf '<li><a href="#%s">%s%s</a></li>\n' "$1" "$(escape "$number")" "$rest" >>"$work/contents"
}
section() {
    [ "$1" = claims ] || printf '</ul></li>\n' >>"$work/contents"
    printf '<li><a href="#%s">%s</a><ul>\n' "$1" "$2" >>"$work/contents"
    printf '<section aria-labelledby="%s">\n<h2 id="%s">%s</h2>\n' "$1" "$1" "$2"
}

# Set the table of the file $1, under the heading $2; $3: the line that opens it.
set_file() {
    caption=$(sed '/^|/d; /^$/d' "$work/drawn/$1") awk -v style=markdown -v fold="${3-}" -v label="Table: $2" \
        -f "$root/plots/report.awk" "$work/drawn/$1"
}

# The claims and verdicts: the item `claims`, which is omitted below.
write_claims() {
    section claims 'Claims'
    if [ -e "$work/drawn/claims.md" ]; then
        printf '<p>The claims of the paper and their verdicts in this database: %s.</p>\n' \
            "$(set_rows text '' "$work/rows/verdicts")"
        set_file claims.md Claims
    else
        printf '<p>The database holds no claims.</p>\n'
    fi
    printf '</section>\n'
}

write_picture() {
    local item=$1 picture=$2 heading=$3 experiment=$4 caption file width height dots shown=144
    caption=$(cat -- "$work/drawn/$picture.txt" 2>/dev/null) || caption=$heading
    printf '<figure>\n'
    file=$(grep -Fx -e "$work/drawn/$picture.png" -e "$work/drawn/$picture.gif" "$work/chosen") || file=
    if [ -n "$file" ]; then
        read -r width height < <(size_of "$file")
        # On a screen, pictures are 1.5 times as large as printed; grids of generated images are larger, to be judged.
        dots=$AFFJORD_PNG_DOTS
        case $item in fig8 | fig8_* | fig1[5-9] | fig1[5-9]_* | fig20 | fig20_*) dots=$image_dots shown=240 ;; esac
        if [[ $file == *.gif ]]; then
            dots=144
            # A film starts only when the reader opens it.
            printf '<details>\n<summary>Show the film (%d kB)</summary>\n' $(($(stat -c %s -- "$file") / 1000))
        fi
        printf '<div class="picture" role="group" tabindex="0" aria-label="Picture: %s">' "$(escape "$picture")"
        printf '<img width="%d" height="%d" style="--printed: %dpx" alt="%s" src="data:image/%s;base64,' \
            $((width * shown / dots)) $((height * shown / dots)) $((width * 96 / dots)) \
            "$(escape "$heading. $(alternative "$item" "$experiment" "$caption")")" "${file##*.}"
        base64 -w 0 -- "$file"
        printf '"></div>\n'
        [[ $file != *.gif ]] || printf '</details>\n'
    else
        printf '<p class="soft">Omitted, because the page would exceed %d MB; %s draws it.</p>\n' \
            $((page_bytes_max / 1000000)) "<code>./paper_figures.sh $(escape "$item")</code>"
    fi
    printf '<figcaption>%s</figcaption>\n</figure>\n' "$(escape "$caption")"
}

write_figures() {
    local name what experiment state files heading picture
    section figures 'Figures'
    while IFS=$unit read -r name what experiment state files; do
        if [ "$state" != drawn ] || [ -z "$(pictures_of "$files")" ]; then continue; fi
        heading=$(heading_of "$name" "$what")
        entry "item-$name" "$heading"
        printf '<h3 id="item-%s">%s</h3>\n' "$name" "$(escape "$heading")"
        while IFS= read -r picture; do
            write_picture "$name" "$picture" "$heading" "$experiment"
        done < <(pictures_of "$files")
    done <"$work/items"
    printf '</section>\n'
}

write_tables() {
    local name what state files file heading fold
    section tables 'Tables'
    while IFS=$unit read -r name what _ state files; do
        if [ "$state" != drawn ] || [ "$name" = claims ]; then continue; fi
        heading=
        for file in $files; do
            [[ $file == *.md ]] || continue
            if [ -z "$heading" ]; then
                heading=$(heading_of "$name" "$what")
                entry "item-$name" "$heading"
                printf '<h3 id="item-%s">%s</h3>\n' "$name" "$(escape "$heading")"
            fi
            # A long table is folded.
            fold=$(grep -c '^|' "$work/drawn/$file") || true
            [ "$fold" -gt 40 ] && fold="All $((fold - 2)) rows" || fold=
            set_file "$file" "$heading" "$fold"
        done
    done <"$work/items"
    if has_rows "$work/rows/toy_losses"; then
        entry toy_losses 'Final losses of every experiment on point sets'
        printf '<h3 id="toy_losses">Final losses of every experiment on point sets</h3>\n'
        set_rows table 'Validation loss in nats at the end: mean ± deviation over n seeds, and the least.' \
            "$work/rows/toy_losses"
    fi
    if has_rows "$work/rows/reported"; then
        entry reported 'Sources of the reported numbers'
        printf '<h3 id="reported">Sources of the reported numbers</h3>\n'
        set_rows table 'Numbers that the paper and the works it compares with report, and where.' \
            "$work/rows/reported" 'All reported numbers'
    fi
    printf '</section>\n'
}

write_experiment() {
    local rows=$1 number=$2 title shown
    title=$(set_rows text '' "$rows/heading")
    printf '<li><a href="#experiment-%d">%s</a></li>\n' "$number" "$title" >>"$work/contents"
    printf '<h3 id="experiment-%d">%s</h3>\n' "$number" "$title"
    printf '<p class="soft">%s</p>\n' "$(set_rows sentence '' "$rows/sentence")"
    has_rows "$rows/groups" || return 0
    ! has_rows "$rows/evaluations" || printf '<p class="soft">%s</p>\n' "$(set_rows text '' "$rows/evaluations")"
    set_rows table 'Runs by data set and model. Time is the mean of those that finished.' "$rows/groups"
    set_rows pivot 'Settings that differ between runs, by model.' "$rows/differing" 'Settings that differ'
    set_rows table 'Settings that all runs share, defaults included.' "$rows/common" 'Settings in common'
    shown=$(($(tr -dc "$record" <"$rows/runs" | wc -c) - 1))
    set_rows table 'Runs, at most 600 of them. Loss is that at the end; of images, of the best epoch.' \
        "$rows/runs" "Every run and its seed ($shown)"
    set_rows table 'What started the runs.' "$rows/commands" 'Command lines'
}

write_runs() {
    local id number=0
    section runs 'Runs'
    if [ -s "$work/experiments" ]; then
        printf '<p>Experiments share runs. A shared run was computed once and appears in each experiment.</p>\n'
    else
        printf '<p>The database has no runs yet. <code>%s experiments/quickstart.ini</code> computes the first ones.</p>\n' "$run"
    fi
    while read -r id; do
        number=$((number + 1))
        write_experiment "$work/rows/$id" "$number"
    done <"$work/experiments"
    if has_rows "$work/rows/failed"; then
        entry failed 'Runs that failed'
        printf '<h3 id="failed">Runs that failed</h3>\n'
        set_rows table 'Runs that failed, and why.' "$work/rows/failed"
    fi
    printf '</section>\n'
    has_rows "$work/rows/environments" || return 0
    section provenance 'Provenance'
    printf '<p>Origin of the runs: data, program and machine.</p>\n'
    entry datasets 'Data sets'
    printf '<h3 id="datasets">Data sets</h3>\n'
    set_rows table 'Data sets of the runs, with the checksum of their data.' "$work/rows/datasets"
    awk -v FS="$unit" -v RS="$record" '!seen[$1]++ { print $1 }' "$work/rows/environments" |
        while read -r number; do entry "environment-$number" "Environment $number"; done
    set_rows list '' "$work/rows/environments"
    printf '</section>\n'
}

write_missing() {
    local state
    section missing 'Not drawn'
    for state in missing failed; do
        awk -F "$unit" -v OFS="$unit" -v ORS="$record" -v state="$state" '
            NR == 1 { print "Item", "What it shows", "Make it with" }
            $4 == state { print $1, $2, $5 }' "$work/items" >"$work/rows/items_$state"
    done
    if [ "$(tr -dc "$record" <"$work/rows/items_missing" | wc -c)" -gt 1 ]; then
        printf '<p>The database has no rows for these items yet.</p>\n'
        set_rows table 'Items without rows, and the commands that make them.' "$work/rows/items_missing"
    else
        printf '<p>Every item of the paper has rows.</p>\n'
    fi
    if [ "$(tr -dc "$record" <"$work/rows/items_failed" | wc -c)" -gt 1 ]; then
        printf '<p>These items could not be drawn. The commands print the reasons.</p>\n'
        set_rows table 'Items that could not be drawn, and the commands that try again.' "$work/rows/items_failed"
    fi
    printf '</section>\n'
}

# Only the line with the date does not come from the database.
write_head() {
    cat <<'END'
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>AFFJORD: results beside the paper</title>
<style>
END
    cat "$root/plots/report.css"
    cat <<'END'
</style>
</head>
<body>
<a class="skip" href="#main">To the results</a>
<header>
<h1>AFFJORD: results beside the paper</h1>
<p>Figures, tables and claims of <cite>Enhanced Distribution Modelling via Augmented Architectures For Neural ODE
Flows</cite> (Haxholli and Lorenzi, <a href="https://arxiv.org/abs/2306.02731">arXiv 2306.02731</a>), as one results
database has them.</p>
END
    printf '<p>%s</p>\n' "$(set_rows sentence '' "$work/rows/summary")"
    printf '<p class="made">Made on %s from %s by %s.</p>\n' \
        "$made" "$(escape "$(basename -- "$db")")" "$(escape "$program")"
    printf '</header>\n<nav aria-labelledby="contents">\n<div>\n<h2 id="contents">Contents</h2>\n<ul>\n'
    cat "$work/contents"
    printf '</ul></li>\n</ul>\n</div>\n</nav>\n<main id="main">\n'
}

write_foot() {
    cat <<END
</main>
<footer>
<p>Every number here is in the database; <code>$run report</code> makes the page anew from it.</p>
</footer>
</body>
</html>
END
}

say "drawing from $db; this takes a few seconds"
status=0
draw_items || status=1
select_rows
cd "$work"
: >contents
write_claims >claims.html
# The room for pictures depends on the size of everything else.
cp contents before
: >chosen
write_figures >figures.html
write_tables >tables.html
write_runs >runs.html
write_missing >missing.html
write_head >head.html
write_foot >foot.html
cp contents after
choose_pictures $((page_bytes_max - $(cat ./*.html | wc -c)))
cp before contents
write_figures >figures.html
cat head.html claims.html figures.html tables.html runs.html missing.html foot.html >page
[ "$(tail -n 1 page)" = '</html>' ]
if [ -f "$target" ]; then chmod --reference="$target" page; else chmod "$(printf '%o' $((0666 & ~0$(umask))))" page; fi
summary="$output: $(grep -c '<img ' page) pictures, $(grep -c '<table[ >]' page) tables, $(($(stat -c %s page) / 1000)) kB"
# Check again: another process may have created the file.
refusal=$(output_refusal "$output" "$target" page.html "$db") || die "$refusal" "$?"
trap '' PIPE # report a closed pipe as an error
output_put page "$target" || die "cannot write $output"
if [ "$target" = '&1' ]; then say "$summary"; else printf '%s\n' "$summary"; fi
exit "$status"
