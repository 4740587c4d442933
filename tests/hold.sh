# hold.sh - stop a training in the middle, on a machine of any speed; to be read by scripts with `.`. For tests in C it is
# in stop_support.h.
# shellcheck shell=sh

# Let a process that was started by setsid, and all of its group, go on for some milliseconds at a time until the query
# says more than 0, and hold them there: let_go is next. Status 1 if it came to its end before.
hold_at() { # PROCESS DATABASE QUERY
    while sleep 0.01 && kill -STOP "-$1" 2>/dev/null; do
        held=$(sqlite3 -readonly "$2" "$3" 2>/dev/null) || held=0
        [ "${held:-0}" -le 0 ] || return 0
        kill -CONT "-$1" 2>/dev/null || return 1
    done
    return 1
}

# What is held gets the signal as it goes on.
let_go() { # PROCESS SIGNAL
    kill "-$2" "$1"
    kill -CONT "-$1"
}
