# shellcheck shell=bash disable=SC2154,SC2034 # `root` and `readable_folder` are the script's
# database.sh - open a results database for the sqlite3 program without writing files beside it. Sourced by bash scripts
# that have set `root` and `die`.
#
# `sqlite3 -readonly` creates no file for a database with a rollback journal. The program makes a copy of other
# databases (runner/record/results_db_reading.c): those with a write-ahead log, from older versions, and those whose
# writer was killed in a transaction.
readable='' readable_folder=''

# Set `readable` to a path of the database $1 for query_database, and `readable_folder` to a folder to remove at the
# end.
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
