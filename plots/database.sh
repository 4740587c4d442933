# shellcheck shell=bash disable=SC2154,SC2034 # `root` and `readable_folder` are the script's
# database.sh - a results database for the sqlite3 program, so that nothing is written beside it. Read by bash scripts, which
# have set `root` and `die`.
#
# With a rollback journal, as this program makes them, `sqlite3 -readonly` makes no file to read one. Others are read as a
# copy, which the program makes (runner/record/results_db_reading.c has the rule): those with a write-ahead log, of older
# versions, and those whose writer was killed while it wrote.
readable='' readable_folder=''

# Set `readable` to a name of the database $1 for query_database, and `readable_folder` to a folder to be removed in the end.
find_readable() {
    local binary=$root/build/affjord mode
    case $root in */share/affjord) binary=${root%/share/affjord}/bin/affjord ;; esac
    readable=$1
    mode=$(od -An -tu1 -j19 -N1 -- "$1") || die "cannot read $1"
    if [ "${mode// /}" = 2 ] || [ -s "$1-journal" ]; then
        [ -x "$binary" ] || die "$1 may have to be recovered to be read; build the program first, by make"
        readable=$("$binary" readable "$1") || exit 1
        [ "$readable" = "$1" ] || readable_folder=${readable%/*}
    fi
}

# Query it; the arguments are sqlite3's arguments after the database.
query_database() {
    sqlite3 -readonly -batch -bail -init /dev/null -cmd '.timeout 10000' "$readable" "$@"
}
