# pause_at.sh - stop a training in the middle, on a machine of any speed; to be read by scripts with `.`. For tests in C it is
# in stop_support.h.
# shellcheck shell=sh

# A process, and those that it has started, which are in groups of their own.
with_children() { # PROCESS
    echo "$1 $(cat "/proc/$1/task/$1/children" 2>/dev/null)"
}

# Let a process go on for some milliseconds at a time, and all that it has started, until the query says more than 0, and
# hold them there: let_go is next. Status 1 if it came to its end before.
hold_at() { # PROCESS DATABASE QUERY
    while sleep 0.01 && kill -STOP "$1" 2>/dev/null; do
        # shellcheck disable=SC2046 # numbers
        kill -STOP $(with_children "$1") 2>/dev/null || true
        held=$(sqlite3 -readonly "$2" "$3" 2>/dev/null) || held=0
        [ "${held:-0}" -le 0 ] || return 0
        # shellcheck disable=SC2046 # numbers
        kill -CONT $(with_children "$1") 2>/dev/null || true
    done
    return 1
}

# What is held gets the signal as it goes on.
let_go() { # PROCESS SIGNAL
    kill "-$2" "$1"
    # shellcheck disable=SC2046 # numbers
    kill -CONT $(with_children "$1") 2>/dev/null || true
}
