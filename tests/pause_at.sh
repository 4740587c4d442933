# pause_at.sh - stop a training in the middle, on a machine of any speed; sourced by scripts. stop_support.h is the
# equivalent for tests in C.
# shellcheck shell=sh

# Print a process and its descendants, which have separate process groups.
with_children() { # PROCESS
    echo "$1 $(cat "/proc/$1/task/$1/children" 2>/dev/null)"
}

# Run a process and its descendants for some milliseconds at a time, until the query returns more than 0, and leave them
# stopped; call let_go next. Status 1 if the process ended before.
hold_at() { # PROCESS DATABASE QUERY
    while sleep 0.01 && kill -STOP "$1" 2>/dev/null; do
        # shellcheck disable=SC2046 # numbers
        kill -STOP $(with_children "$1") 2>/dev/null || true
        reached=$(sqlite3 -readonly "$2" "$3" 2>/dev/null) || reached=0
        [ "${reached:-0}" -le 0 ] || return 0
        # shellcheck disable=SC2046 # numbers
        kill -CONT $(with_children "$1") 2>/dev/null || true
    done
    return 1
}

# Send the signal, which stopped processes receive when they continue, and continue them.
let_go() { # PROCESS SIGNAL
    kill "-$2" "$1"
    # shellcheck disable=SC2046 # numbers
    kill -CONT $(with_children "$1") 2>/dev/null || true
}
