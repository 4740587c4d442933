# common.sh - shared by the scripts of this folder: a small experiment, its numbers, and the conditions on a database
# that no process is using. Sourced, with $here, this folder, set; each script works in its own temporary folder.
# shellcheck shell=sh

affjord=$(realpath "${AFFJORD:-$here/../../build/affjord}")
AFFJORD_ROOT=$(realpath "$here/../..")
export AFFJORD_ROOT
[ -x "$affjord" ] || { echo "no program $affjord: make first" >&2; exit 2; }

# The working folder; it is not removed after a failure.
work=$(mktemp -d "${TMPDIR:-/tmp}/affjord-stress-XXXXXX")
kept=
group= # process group to end with the script
leave() {
    [ -z "$group" ] || kill -9 -- "-$group" 2>/dev/null || true
    cd /
    [ -n "$kept" ] || rm -rf "$work"
}
trap leave EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
cd "$work" || exit 1

give_up() {
    kept=yes
    echo "$*" >&2
    echo "what it left is in $work" >&2
    exit 1
}

# Sleep for a fraction of seconds.
seconds_now() { date +%s.%N; }
since() { echo "$1 $(seconds_now)" | awk '{ printf "%.1f", $2 - $1 }'; }

# Print the numbers of database NAME.db.
numbers() {
    cat "$here/../results.sql" "$here/../checkpoints.sql" | sqlite3 -bail "$1.db"
    sqlite3 -bail "$1.db" 'SELECT * FROM comparison'
}

# Check NAME.db after any failure, before it is opened for writing again: its structure is sound, and every recorded
# checkpoint exists unchanged. "./run check" compares size and SHA-256 of each.
check_sound() {
    [ -s "$1.db" ] || return 0
    [ "$(sqlite3 "$1.db" 'PRAGMA integrity_check; PRAGMA foreign_key_check')" = ok ] || give_up "$2: the database is damaged"
    [ -n "$(sqlite3 "$1.db" "SELECT 1 FROM sqlite_schema LIMIT 1")" ] || return 0
    "$affjord" check "$1.db" >check.out 2>&1 || { cat check.out >&2; give_up "$2: a checkpoint is lost"; }
}

# Check NAME.db also for a finished experiment and for the numbers in the file EXPECTED.
check_finished() {
    check_sound "$1" "$2"
    numbers "$1" >"$1.numbers"
    cmp -s "$1.numbers" expected.numbers || give_up "$2: other numbers than undisturbed: $1.numbers, expected.numbers"
    [ "$(sqlite3 "$1.db" "SELECT count(*) FROM run WHERE status <> 'done' OR process IS NOT NULL")" = 0 ] ||
        give_up "$2: a run is left that is not done"
    sqlite3 "$1.db" 'SELECT path FROM checkpoint ORDER BY path' >recorded.files
    find "$1.checkpoints" -type f | sort >there.files
    cmp -s recorded.files there.files || give_up "$2: other files than the recorded checkpoints: there.files"
    for beside in "$1".*; do
        case $beside in
        "$1.db" | "$1.db.lock" | "$1.checkpoints" | "$1.numbers") ;;
        *) give_up "$2: $beside was left" ;;
        esac
    done
}

forget() { rm -rf "$1.db" "$1".db-* "$1.db.lock" "$1.checkpoints" "$1.numbers" "$1.failures"; }
