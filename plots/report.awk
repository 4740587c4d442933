# report.awk - rows of the database as HTML, for plots/report.sh. All cells are text and
# are escaped.
#
#   style = "table"      a table: the first row has its headings, its caption is in
#                        the environment; with `fold`, folded behind a line
#   style = "pivot"      the same of rows (row, column, cell) without headings;
#                        `corner` is the heading of the first column
#   style = "markdown"   the same of a table that plots/document.awk set
#   style = "list"       rows (number, field, value): a heading and a list for each
#                        number
#   style = "sentence"   the cells one after the other, the second in seconds
#   style = "text"       the first cell alone
#
# The unit separator ends cells and the record separator ends rows; in Markdown, bars and
# line ends do (set FS and RS accordingly). Columns of words at the left are the row's
# headings. Repeated first headings become one cell.
function escape(text) {
    gsub(/[\001-\010\013\014\016-\037\177]/, "\357\277\275", text)
    gsub(/&/, "\\&amp;", text)
    gsub(/</, "\\&lt;", text)
    gsub(/>/, "\\&gt;", text)
    gsub(/"/, "\\&quot;", text)
    gsub(/'/, "\\&#39;", text)
    return text
}
# Format a number of seconds for people.
function duration(seconds) {
    if (seconds !~ /^[0-9.e+-]+$/) return seconds
    if (seconds < 0.05) return "under 0.1 s"
    if (seconds < 59.95) return sprintf("%.1f s", seconds)
    if (seconds < 3600) return sprintf("%d min %02d s", seconds / 60, seconds % 60)
    if (seconds < 86400) return sprintf("%d h %02d min", seconds / 3600, seconds % 3600 / 60)
    return sprintf("%d d %02d h", seconds / 86400, seconds % 86400 / 3600)
}
function keep(row, column, text) {
    cell[row, column] = text
    if (column > columns) columns = column
    if (row > rows) rows = row
}
# Keys, commands and checksums: monospaced.
function is_code(heading) {
    return heading ~ /^(Key|Name|Setting|Settings|Command|SHA-256|Make it with)$/
}
# Columns of words at the left that are not headings.
function is_said(heading) {
    return is_code(heading) || heading ~ /^(Runs|Seeds|State|Where|Source|Why)$/
}
function content(row, column,    text, heading) {
    text = cell[row, column]
    heading = cell[1, column]
    if (heading ~ /^Time/) text = duration(text)
    text = escape(text)
    if (text ~ /^(supported|holds)$/) return "<span class=\"yes\">" text "</span>"
    if (text ~ /^(not supported|does not hold|failed)$/) return "<span class=\"no\">" text "</span>"
    if (text ~ /^(not run|not finished|not in our source|—)$/) return "<span class=\"none\">" text "</span>"
    if (heading == "Environment") gsub(/[0-9]+/, "<a href=\"#environment-&\">&</a>", text)
    if (is_code(heading)) return "<code>" text "</code>"
    return text
}
# A number, with its deviation or expected count; or a word in its place.
function is_number(text) {
    return text ~ /^(-|\+|−)?[0-9][0-9.,]*(e[-+]?[0-9]+)?( (±|of) [0-9.,e+-]+)?$/ ||
           text ~ /^(—|-?inf|nan|not .*)$/
}
# Columns of words, their longest text, and the number of heading columns at the left.
function measure(    row, column, size) {
    for (column = 1; column <= columns; column++) {
        if (is_code(cell[1, column]) || cell[1, column] == "Environment") words[column] = 1
        for (row = 2; row <= rows; row++) {
            if (cell[1, column] !~ /^Time/ && !is_number(cell[row, column])) words[column] = 1
            size = length(cell[row, column])
            if (size > longest[column]) longest[column] = size
        }
    }
    heads = 1
    while (heads < columns && (heads + 1) in words && longest[heads + 1] <= 48 && !is_said(cell[1, heads + 1])) heads++
    if (heads == columns) heads = 1
}
function kind(column,    names) {
    names = column == 1 ? "lead" : column in words ? "" : "number"
    if (column in words && longest[column] > 28)
        names = names (names == "" ? "" : " ") (longest[column] > 48 ? "wide" : "fair")
    return names == "" ? "" : " class=\"" names "\""
}
function row_of_cells(row,    column, span, line, first, text) {
    first = row == 2 || cell[row, 1] != cell[row - 1, 1]
    if (heads == 1) line = "<th scope=\"row\"" kind(1) ">" content(row, 1) "</th>"
    else if (first) {
        if (row > 2) print "</tbody>\n<tbody>"
        for (span = 1; row + span <= rows && cell[row + span, 1] == cell[row, 1]; span++) { }
        line = "<th scope=\"rowgroup\" rowspan=\"" span "\"" kind(1) ">" content(row, 1) "</th>"
    }
    for (column = 2; column <= columns; column++) {
        text = kind(column) ">" content(row, column)
        line = line (column <= heads ? "<th scope=\"row\"" text "</th>" : "<td" text "</td>")
    }
    print "<tr>" line "</tr>"
}
function print_table(    row, column) {
    measure()
    if (fold != "") print "<details>\n<summary>" escape(fold) "</summary>"
    print "<div class=\"scroll\" role=\"group\" tabindex=\"0\" aria-label=\"" escape(label) "\">"
    # In print, do not break a table that fits on a page.
    print (rows > 26 ? "<table>" : "<table class=\"short\">")
    print "<caption><span>" escape(ENVIRON["caption"]) "</span></caption>"
    print "<thead>\n<tr>"
    for (column = 1; column <= columns; column++)
        print "<th scope=\"col\"" kind(column) ">" escape(cell[1, column]) "</th>"
    print "</tr>\n</thead>\n<tbody>"
    for (row = 2; row <= rows; row++) row_of_cells(row)
    print "</tbody>\n</table>\n</div>"
    if (fold != "") print "</details>"
}

style == "table" {
    for (i = 1; i <= NF; i++) keep(NR, i, $i)
}
style == "pivot" {
    if (!($1 in row_at)) {
        row_at[$1] = ++pivot_rows + 1
        keep(row_at[$1], 1, $1)
    }
    if (!($2 in column_at)) {
        column_at[$2] = ++pivot_columns + 1
        keep(1, column_at[$2], $2)
    }
    keep(row_at[$1], column_at[$2], $3)
}
# "| a | b |": a bar or a star within a cell has a backslash before it.
style == "markdown" && /^\|/ && !/^\|(---:?\|)+$/ {
    line = substr($0, 3, length($0) - 4)
    gsub(/\\\|/, "\001", line)
    parts = split(line, part, / \| /)
    markdown_rows++
    for (i = 1; i <= parts; i++) {
        gsub(/\001/, "|", part[i])
        gsub(/\\\*/, "*", part[i])
        keep(markdown_rows, i, part[i])
    }
}
style == "list" {
    if ($1 != number) {
        if (number != "") print "</dl>"
        number = $1
        print "<h3 id=\"environment-" number "\">Environment " number "</h3>\n<dl>"
    }
    print "<dt>" escape($2) "</dt><dd>" ($2 ~ /^(Commit|Options)$/ ? "<code>" escape($3) "</code>" : escape($3)) "</dd>"
}
style == "sentence" {
    print escape($1) duration($2) escape($3)
}
style == "text" && NR == 1 {
    print escape($1)
}

END {
    if (style == "pivot") {
        cell[1, 1] = corner
        for (i = 2; i <= rows; i++)
            for (j = 2; j <= columns; j++)
                if (!((i, j) in cell)) cell[i, j] = "—"
    }
    if (style == "list" && number != "") print "</dl>"
    if (style ~ /^(table|pivot|markdown)$/ && rows > 1) print_table()
}
