# doxygen.awk - convert a header's plain comments to Doxygen comments. Used by docs/Doxyfile.
#
#   /* name.h - its subject       \file, \brief
#   /* before a declaration       /**
#   code; /* beside it            /**< \brief
#   type a, b; /* of both         type a; /**< ..., type b; /**< ...
#   (three blanks or more)        verbatim, for formulas and drawings
#   #include <.../tableau.def>    the names that it defines, which Doxygen's preprocessor would skip

function open_comment(line) {
    if (FNR == 1 && line ~ /^\/\* [a-z_]+\.h - /) {
        print "/** \\file"
        sub(/^\/\* [a-z_]+\.h - /, " * \\brief ", line)
        return line
    }
    if (line ~ /^ *\/\* /) sub(/\/\* /, "/** ", line)
    else sub(/\/\* /, "/**< \\brief ", line)
    return line
}

function close_verbatim() {
    if (verbatim) print " * \\endverbatim"
    verbatim = 0
}

/^#define (TABLEAU|PAIR)\(/ {
    kind = /TABLEAU/ ? "TABLEAU" : "PAIR" # undefined again by tableau.def
    next
}

/^#include <affjord\/ode\/tableau.def>/ {
    path = FILENAME
    sub(/[^\/]*$/, "tableau.def", path)
    while ((getline row < path) > 0)
        if (index(row, kind "(") == 1 && split(row, part, /[(,]/) > 1) print "    " kind "_" part[2] ","
    close(path)
    next
}

# A comment beside several members of one type is that of each.
/^    [a-z_0-9]+ [a-z_0-9]+(\[[^]]*\])*(, [a-z_0-9]+(\[[^]]*\])*)+; \/\* .* \*\/$/ {
    text = $0
    sub(/^[^;]*; /, "", text)
    sub(/\/\* /, "/**< \\brief ", text)
    members = $0
    sub(/;.*/, "", members)
    sub(/^ *[^ ]+ /, "", members)
    count = split(members, member, ", ")
    for (i = 1; i <= count; i++) printf "%s %s; %s%s", $1, member[i], text, i < count ? " " : "\n"
    next
}

{
    line = $0
    opens = !inside && line ~ /\/\* /
    if (opens) line = open_comment(line)
    closes = (inside || opens) && line ~ /\*\//
    if (inside && line ~ /^ *\*    *[^ ]/) {
        if (!verbatim) print " * \\verbatim"
        verbatim = 1
        # Where the comment ends in the same line, the drawing ends before it.
        if (closes) {
            sub(/ *\*\/.*/, "", line)
            print line
            line = " */"
            close_verbatim()
        }
    } else if (inside && (closes || line !~ /^ *\* *$/)) {
        close_verbatim()
    }
    print line
    inside = (inside || opens) && !closes
}
