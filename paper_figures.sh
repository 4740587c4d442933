#!/usr/bin/env bash
# paper_figures.sh - draw the paper's figures and tables from the results
# database. See `./paper_figures.sh --help`.
#
# For each item, plots/SCRIPT.sql selects the rows and the caption, and plots/SCRIPT.gp
# draws them (plots/document.awk for a table). Everything is made in a temporary
# folder and moved into place when it is complete.
set -euo pipefail
shopt -s inherit_errexit
export LC_ALL=C.UTF-8

root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)

# The program's output folder and its name, in a checkout or installed.
place=$root
program=./run
case $root in */share/affjord) place=. program=affjord ;; esac

# name; kind; script; required table or view; runs that it shows (any: of any suitable
# experiment; own: of the experiment named as the item; all: of all experiments); data
# and model, as in plots/common.sql, or none for a drawing without rows; the experiment
# file that computes the rows; description
items='
fig1               figure  fig1           moment             any  toy      -        fig1.ini            the field of AFFJORD and FFJORD at eight times
fig2               figure  multiscale     -                  any  mnist    ffjord   table1_mnist.ini    the multiscale architecture on MNIST, with a sample by FFJORD
fig3               figure  dependencies   -                  all  none     -        -                   steps of augmented neural ODEs and of AFFJORD
fig4               figure  multiscale     -                  any  mnist    affjord  table1_mnist.ini    the augmented multiscale architecture on MNIST, with a sample by AFFJORD
fig5               figure  fig5           -                  any  toy      -        fig5.ini            target, AFFJORD and FFJORD on the toy data: densities and samples
fig6               figure  fig6           -                  any  toy      -        fig6.ini            validation loss against iteration on the toy data
fig7               figure  fig7           -                  any  image    -        fig7.ini            training and evaluation loss against iteration on images
fig8               figure  images         -                  any  image    affjord  fig8.ini            samples of images by AFFJORD, a data set beside the other
fig8_pairs         figure  images_pairs   -                  any  image    -        table1_cpu.ini      samples of images by each model from the same base points, side by side
fig9               figure  fig9           adaptive_epochs    any  image    -        fig9.ini            function evaluations against iteration on images
fig10              figure  rectangles     -                  all  none     -        -                   rectangle (i, j) of the discretized [0, T] × [0, T]
fig11              figure  rectangles     -                  all  none     -        -                   rectangles (i, j) and (j, i), on which g₂ⁿ is equal
fig12              figure  rectangles     -                  all  none     -        -                   rectangles of S₂ⁿ
fig13              figure  rectangles     -                  all  none     -        -                   rectangles of S̄₂ⁿ
fig14              figure  dependencies   -                  all  none     -        -                   dependencies in the discretized dz/dt = f(z, θ(t), t)
fig15              figure  images         -                  any  mnist    affjord  table1_mnist.ini    samples of MNIST by AFFJORD
fig16              figure  images         -                  any  cifar10  affjord  table1_cifar10.ini  samples of CIFAR-10 by AFFJORD
fig17              figure  images         -                  any  celeba   affjord  table1_celeba.ini   samples of CelebA (32×32) by AFFJORD
fig18              figure  images         -                  any  mnist    ffjord   table1_mnist.ini    samples of MNIST by FFJORD
fig19              figure  images         -                  any  cifar10  ffjord   table1_cifar10.ini  samples of CIFAR-10 by FFJORD
fig20              figure  images         -                  any  celeba   ffjord   table1_celeba.ini   samples of CelebA (32×32) by FFJORD
film               film    film           moment             any  toy      -        fig1.ini            animated: density and samples from the base to the data, both models
theory_cable       figure  theory_curves  theory_statements  any  -        -        theory.ini          errors of the cable rule as the step shrinks
theory_derivative  figure  theory_curves  theory_statements  any  -        -        theory.ini          errors of the total derivative, four ways, as the step shrinks
theory_magnus      figure  theory_curves  theory_statements  any  -        -        theory.ini          errors of the Magnus series as the time shrinks
choices            figure  choices        sweep_term         any  toy      -        choices.ini         every combination of the choices that the paper leaves open, sorted by the gain of AFFJORD
choices_length     figure  choices_length sweep_term         any  toy      -        choices.ini         the gain of AFFJORD against iteration, for every combination of these choices
regularized        figure  regularized    regularized        any  image    -        regularized.ini     Figure 9 under regularization: function evaluations of each model for each pair of weights
quickstart         figure  quickstart     -                  own  toy      -        quickstart.ini      target, model densities and samples side by side
toy_table          table   toy_table      toy_losses         any  toy      -        fig6.ini            final validation losses on the toy data
toy_tests          table   toy_tests      toy_tests          any  toy      -        fig6.ini            tests of AFFJORD against other models on the toy data
toy_rates          table   toy_rates      toy_rates          any  toy      -        toy_rates.ini       AFFJORD against FFJORD on the toy data at a common learning rate, and each at its best
choices_terms      table   choices_terms  sweep_term         any  toy      -        choices.ini         what each of these choices, and each pair of them, adds to the gain of AFFJORD
nfe_table          table   nfe_table      adaptive_epochs    any  image    -        fig9.ini            evaluations of image models under both rules of step control, and the error of the loss
regularized_table  table   regularized_table regularized     any  image    -        regularized.ini     image models with regularizers: loss, evaluations, time to a given loss
claims             table   claims         claims             all  -        -        table1.ini          claims of the paper, and their verdicts
table1             table   table1         table1             all  -        -        table1.ini          bits per dimension on images
table2             table   table2         table2             all  -        -        table2.ini          parameter counts of the image models
theory             table   theory_table   theory_statements  any  -        -        theory.ini          theorems of the paper, checked numerically
'

usage() {
    cat <<'END'
usage: ./paper_figures.sh [--db PATH] [--out DIR] [--experiment NAME]
                          [--width column|page] [--force] [ITEM...]
       ./paper_figures.sh --list

Draw each ITEM from the database: figures as ITEM.pdf and ITEM.png, with the
caption in ITEM.txt and a LaTeX figure in ITEM.tex; films as ITEM.gif; tables as
ITEM.md and ITEM.tex. Without items, draw all that the database has rows for.
Figures 3 and 10 to 14 are drawings and need no database.

  --db PATH          results database (results/results.db)
  --out DIR          output folder (results/figures/EXPERIMENT; results/figures
                     for drawings and for tables of all experiments)
  --experiment NAME  draw this experiment's runs. Default: the experiment named
                     as the item; else the one whose file computes its rows;
                     else the one with the longest training on such data
  --width WIDTH      maximal width of figures: column (3.4 inches) or page (7
                     inches, the default); text has 8 points in both. Drawings
                     (2 to 4, 10 to 14) and films have their own width
  --force            replace files in DIR that are no figures or tables
  --list             print the items
  --help             print this help

ITEM_NAME, as in fig6_release, is ITEM drawn from the experiment ITEM_NAME.
Exit status: 0 success; 1 a database, a program or an item is missing, or an item
could not be drawn; 2 usage error.
END
}

say() { printf 'paper_figures.sh: %s\n' "$*" >&2; }
die() { say "$1"; exit "${2:-1}"; }

item_names() { awk 'NF { print $1 }' <<<"$items"; }

# The line of item $1, or of the item that $1 is a variant of.
item_line() {
    awk -v name="$1" '
        NF && (name == $1 || index(name, $1 "_") == 1) && length($1) > best { best = length($1); line = $0 }
        END { print line }' <<<"$items"
}

# Does item $1 show rows of the database? An unknown item does.
shows_rows() {
    local data
    read -r _ _ _ _ _ data _ <<<"$(item_line "$1")" || true
    [ "$data" != none ]
}

quote_sql() { printf "'%s'" "${1//\'/\'\'}"; }

# shellcheck source=plots/output.sh
. "$root/plots/output.sh"

db=$place/results/results.db
out=
experiment=
force=no
width=page
wanted=()
while [ $# -gt 0 ]; do
    case $1 in
        --db | --out | --experiment | --width)
            [ $# -ge 2 ] || die "$1 needs a value" 2
            case $1 in
                --db) db=$2 ;;
                --out) out=$2 ;;
                --experiment) experiment=$2 ;;
                --width) width=$2 ;;
            esac
            shift 2
            ;;
        --force) force=yes; shift ;;
        --list)
            while read -r name _ _ _ _ _ _ _ what; do
                [ -z "$name" ] || printf '%-18s%s\n' "$name" "$what"
            done <<<"$items"
            exit 0
            ;;
        -h | --help) usage; exit 0 ;;
        -*) say "unknown option $1"; usage >&2; exit 2 ;;
        *) wanted+=("$1"); shift ;;
    esac
done

case $width in
    column) inches=3.4 ;;
    page) inches=7.0 ;;
    *) say "unknown width $width; expected column or page"; usage >&2; exit 2 ;;
esac

# Programs unpacked without root by `make deps-local`.
if [ -d "$root/.deps/usr" ]; then
    PATH=$PATH:$root/.deps/usr/bin
    LD_LIBRARY_PATH=${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$root/.deps/usr/lib/$(uname -m)-linux-gnu
    export PATH LD_LIBRARY_PATH
fi
gnuplot=$(command -v gnuplot || command -v gnuplot-nox || true)
[ -n "$gnuplot" ] || die "gnuplot is not installed (Debian package gnuplot-nox)"
command -v sqlite3 >/dev/null || die "sqlite3 is not installed (Debian package sqlite3)"

work=
# shellcheck disable=SC2317 # reached by the trap
tidy() { rm -rf -- ${work:+"$work"} ${readable_folder:+"$readable_folder"}; }
trap tidy EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
. "$root/plots/database.sh"

# Drawings without rows use an empty database.
query() {
    if [ "$db" = :memory: ]; then
        sqlite3 -batch -bail -init "$root/runner/record/schema.sql" "$db" "$@"
    else
        query_database "$@"
    fi
}

explicit=${#wanted[@]}
rows_shown=0
[ "$explicit" -gt 0 ] && [ -z "$experiment" ] || rows_shown=1
for item in ${wanted[@]+"${wanted[@]}"}; do
    ! shows_rows "$item" || rows_shown=1
done
if [ "$rows_shown" = 0 ]; then
    db=:memory:
else
    [ -e "$db" ] || die "no database $db; run $program experiments/quickstart.ini to create one"
    db=$(realpath -- "$db")
    find_readable "$db"
    known_version=$(sed -n "s/.*VALUES ('schema_version', '\([0-9]*\)').*/\1/p" "$root/runner/record/schema.sql")
    version=$(query "SELECT value FROM meta WHERE key = 'schema_version'" 2>&1) ||
        die "$db is no results database: $version"
    [ "$version" -le "$known_version" ] 2>/dev/null ||
        die "$db has schema version $version; expected at most $known_version; use a newer version of this program"
    if [ -n "$experiment" ]; then
        names=$(query "SELECT name FROM experiment ORDER BY name")
        grep -Fxq -e "$experiment" <<<"$names" || die "no experiment $experiment in $db; it has: ${names//$'\n'/ }"
    fi
fi

for item in ${wanted[@]+"${wanted[@]}"}; do
    read -r base _ <<<"$(item_line "$item")" || true
    if [ "$base" != "$item" ] && { [ -z "$base" ] || { [ ! -e "$root/experiments/$item.ini" ] &&
        [ -z "$(query "SELECT 1 FROM experiment WHERE name = $(quote_sql "$item")")" ]; }; }; then
        if [ -n "$base" ] && shows_rows "$item"; then
            names=$(query "SELECT name FROM experiment ORDER BY name")
            die "unknown item $item; $db has no experiment of that name; run one (name = $item in its file), or draw $base by --experiment with one of: ${names//$'\n'/ }" 2
        fi
        die "unknown item $item; expected one of: $(item_names | paste -sd ' ')" 2
    fi
done
[ "$explicit" -gt 0 ] || mapfile -t wanted < <(item_names)

apart=0 # a folder for each experiment
[ -n "$out" ] || { apart=1 && out=$place/results/figures; }
mkdir -p -- "$out" 2>/dev/null || die "cannot make the folder $out"
out=$(realpath -- "$out")
work=$(mktemp -d "$out/.drawing.XXXXXX" 2>/dev/null) || die "cannot write to $out"

if [ -d "$root/.deps/usr/share/fonts" ]; then
    cat >"$work/fonts.conf" <<END
<fontconfig>
<include ignore_missing="yes">/etc/fonts/fonts.conf</include>
<dir>$root/.deps/usr/share/fonts</dir>
<cachedir prefix="xdg">fontconfig</cachedir>
</fontconfig>
END
    export FONTCONFIG_FILE=$work/fonts.conf
fi

# The row of the table `request` (plots/common.sql) for item $1 with the runs $2, the
# data $3, the model $4 and the experiment file $5.
request() {
    local wish=NULL fallback=0 home=NULL data=NULL model=NULL
    [ -z "$experiment" ] || wish=$(quote_sql "$experiment")
    [ "$2" != any ] || { fallback=1 && home=$(quote_sql "${5%.ini}"); }
    [ "$3" = - ] || data=$(quote_sql "$3")
    [ "$4" = - ] || model=$(quote_sql "$4")
    printf '%s, ' "$(quote_sql "$1")" "$wish" "$fallback" "$home" "$data"
    printf '%s' "$model"
}

# Statements that list what of sweeps the query $1 reads and an older database lacks.
sweeps() {
    printf 'CREATE TEMP TABLE swept (experiment_id INTEGER);\n'
    printf 'CREATE TEMP TABLE reading (id TEXT PRIMARY KEY, readings INTEGER, supported INTEGER, refuted INTEGER);\n'
    [ "${version:-0}" -ge 10 ] || return 0
    printf 'INSERT INTO swept SELECT DISTINCT experiment_id FROM sweep_point;\n'
    [ "$1" != claims ] || printf 'INSERT INTO reading SELECT id, readings, readings_supported, readings_refuted %s;\n' \
        'FROM claims WHERE readings > 0'
}

# Run the query $2 for the request $1 in the folder $3. Write rows (rows.tsv),
# captions (captions.tsv), the chosen experiment (chosen.txt), the blobs that the rows
# name, and done.txt, which shows that the disk was not full. $4 stands for missing
# values; $5 switches headings (on, off).
select_rows() {
    ln -s "$root/plots" "$3/plots"
    (cd "$3" && query >/dev/null <<END
BEGIN;
CREATE TEMP TABLE request (item TEXT, experiment TEXT, fallback INTEGER, home TEXT, data TEXT, model TEXT);
INSERT INTO request VALUES ($1);
$(sweeps "$2")
.mode tabs
.nullvalue $4
.headers $5
.output rows.tsv
.read plots/$2.sql
.headers off
.output captions.tsv
SELECT text, part FROM caption;
.output chosen.txt
SELECT what, next_seed, name, file FROM lack;
.output
CREATE TEMP VIEW IF NOT EXISTS panel AS SELECT NULL AS subject, NULL AS kind, NULL AS state WHERE 0;
SELECT writefile(b.subject || '.' || b.kind, sqlar_uncompress(b.data, 4 * b.rows * b.columns))
FROM panel p JOIN sample_blob b USING (subject, kind) WHERE p.state = 'drawn';
CREATE TEMP VIEW IF NOT EXISTS shown_moment AS SELECT NULL AS subject, NULL AS kind, NULL AS moment WHERE 0;
SELECT writefile(b.subject || '.' || b.kind || '.' || b.moment, sqlar_uncompress(b.data, 4 * b.rows * b.columns))
FROM shown_moment p JOIN moment b USING (subject, kind, moment);
COMMIT;
.output done.txt
SELECT 'done';
END
    ) && [ -s "$3/done.txt" ]
}

# Draw part $2 with the script $1 in the folder $3, in the formats $4, side by side.
draw_part() {
    local format pids=() failed=0 file
    for format in $4; do
        (cd "$3" && exec "$gnuplot" --default-settings -e "format = '$format'; part = '${2//\'/\'\'}'; width = $inches" "plots/$1.gp" \
            >"errors.$2.$format" 2>&1 </dev/null) &
        pids+=($!)
    done
    for format in $4; do
        wait "${pids[0]}" || failed=1
        pids=("${pids[@]:1}")
        file=$3/picture.$2.$format
        # A full disk can cut a file short without an error.
        if [ "$failed" = 0 ]; then
            case $format in
                pdf) tail -c 8 "$file" 2>/dev/null | grep -q '%%EOF' || failed=1 ;;
                png) tail -c 12 "$file" 2>/dev/null | grep -qa 'IEND' || failed=1 ;;
                gif) [ "$(tail -c 1 "$file" 2>/dev/null)" = ';' ] || failed=1 ;;
            esac
        fi
        [ "$failed" = 0 ] || cat "$3/errors.$2.$format" >&2
    done
    return "$failed"
}

# The width of a PDF in points.
width_of() {
    grep -aom 1 'MediaBox \[ 0 0 [0-9.]*' "$1" | sed 's/.* //'
}

# Format standard input with the caption $2 of $3 in style $1; a figure is $4 points wide.
document() {
    caption=$2 awk -v style="$1" -v name="$3" -v points="${4:-0}" -f "$root/plots/document.awk"
}

# Move the files $3... from the folder $1 to the folder $2 (empty, or ending in a slash) of $out. Move
# none if one of them would destroy another file.
put_files() {
    local folder=$1 to=$2 name refusal refused=0
    shift 2
    for name; do
        refusal=$(output_refusal "$out/$to$name" "$(output_target "$out/$to$name")" "$name" "$db") || { say "$refusal" && refused=1; }
    done
    [ "$refused" = 0 ] || return 1
    for name; do output_put "$folder/$name" "$(output_target "$out/$to$name")"; done
}

# Return whether the database has the table or view $1.
has_table() {
    [ -n "$(query "SELECT 1 FROM sqlite_master WHERE type IN ('table', 'view') AND name = '$1'")" ]
}

# Draw item $1 and move its files into place. Status: 0 success, 3 no rows, 1 failure.
make_item() {
    local item=$1 base kind script view whose data model file wish folder part caption name chosen='' to='' made=()
    read -r base kind script view whose data model file _ <<<"$(item_line "$item")"
    [ "$item" = "$base" ] || whose=own
    [ "$view" = - ] || has_table "$view" || return 3

    [ "$data" != none ] || db=:memory:
    folder=$work/$item
    mkdir "$folder"
    wish=$(request "$item" "$whose" "$data" "$model" "$file")
    if [ "$kind" = table ]; then
        select_rows "$wish" "$script" "$folder" — on || return 1
    else
        select_rows "$wish" "$script" "$folder" NULL off || return 1
    fi
    [ -s "$folder/rows.tsv" ] || return 3

    while IFS=$'\t' read -r caption part; do
        name=$item${part:+_$part}
        if [ "$kind" = table ]; then
            document markdown "$caption" "$name" <"$folder/rows.tsv" >"$folder/$name.md"
            document latex "$caption" "$name" <"$folder/rows.tsv" >"$folder/$name.tex"
            made+=("$name.md" "$name.tex")
        elif [ "$kind" = film ]; then
            draw_part "$script" "$part" "$folder" gif || return 1
            mv "$folder/picture.$part.gif" "$folder/$name.gif"
            printf '%s\n' "$caption" >"$folder/$name.txt"
            made+=("$name.gif" "$name.txt")
        else
            draw_part "$script" "$part" "$folder" "pdf png" || return 1
            mv "$folder/picture.$part.pdf" "$folder/$name.pdf"
            mv "$folder/picture.$part.png" "$folder/$name.png"
            printf '%s\n' "$caption" >"$folder/$name.txt"
            document figure "$caption" "$name" "$(width_of "$folder/$name.pdf")" </dev/null >"$folder/$name.tex"
            made+=("$name.pdf" "$name.png" "$name.txt" "$name.tex")
        fi
    done <"$folder/captions.tsv"
    [ "$whose" = all ] || chosen=$(cut -f 3 "$folder/chosen.txt")
    # In an older database, an experiment's name may be invalid as a folder's name.
    [ "$apart" = 0 ] || [ -z "$chosen" ] || { to=${chosen//\//_}/ && to=${to/#./_}; }
    mkdir -p -- "$out/$to"
    put_files "$folder" "$to" "${made[@]}"
    printf '%-18s%s%s\n' "$item" "${made[*]/#/$to}" "${chosen:+  (experiment $chosen)}"
}

# Print why the chosen experiment has no rows for item $1, if its command alone would
# not help, and a command that computes them.
missing_rows() {
    local base view script home lack='' seed='' name='' file=''
    read -r base _ script view _ _ _ home _ <<<"$(item_line "$1")"
    if [ "$view" != - ] && [ "$version" -lt "$known_version" ] && ! has_table "$view"; then
        printf 'it has schema version %s, without %s; bring it up to date with: %s measure --db %s' "$version" "$view" \
            "$program" "$db"
        return
    fi
    home=experiments/$home
    [ "$1" = "$base" ] || home=experiments/$1.ini
    [ ! -s "$work/$1/chosen.txt" ] || IFS=$'\t' read -r lack seed name file <"$work/$1/chosen.txt"
    [ "$lack" != data ] || [ -n "$experiment" ] || lack=''
    case $lack/$script in
        data/*) printf 'experiment %s has no runs on data that it shows; ' "$name" ;;
        runs/*) home=$file ;;
        stored/fig1 | stored/film)
            printf 'experiment %s stored no snapshots (possible for data of two columns); ' "$name"
            home="$file --set output.snapshots=24"
            ;;
        stored/fig5 | stored/quickstart | stored/images | stored/multiscale)
            printf 'the finished runs of experiment %s stored no such pictures; ' "$name"
            home="$file --seeds $seed --set output.samples=10000 --set output.density_cells=256"
            ;;
        stored/*) printf 'experiment %s has no finite values; ' "$name" ;;
    esac
    printf 'make them with: %s %s' "$program" "$home"
}

status=0
for item in "${wanted[@]}"; do
    # Not `make_item || ...`, because set -e has no effect there.
    set +e
    (set -e; make_item "$item")
    result=$?
    set -e
    case $result in
        0) ;;
        3)
            if [ "$explicit" -gt 0 ]; then
                say "$item: the database has no rows for it; $(missing_rows "$item")"
                status=1
            else
                printf '%-18sno rows yet; %s\n' "$item" "$(missing_rows "$item")"
            fi
            ;;
        *)
            if head -c 65536 /dev/zero 2>/dev/null >"$work/probe"; then
                say "$item could not be drawn"
            else
                say "$item could not be drawn: $out takes no more data; is the disk full?"
            fi
            status=1
            ;;
    esac
    rm -rf -- "${work:?}/$item" "$work/probe"
done
exit "$status"
