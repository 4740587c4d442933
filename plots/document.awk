# document.awk - tables and captions for documents.
#
#   style = "markdown"   a table, its caption below
#   style = "latex"      the same as a table environment (package booktabs)
#   style = "figure"     a figure environment around the picture (package graphicx),
#                        which is `points` points wide in print; no input
#
# Input: tab-separated cells, the first line the headings. `name` is that of the item, and the environment has the
# caption, because awk keeps backslashes there. Columns of numbers (or of words in their place) are right-aligned. In
# LaTeX, columns of long texts are wrapped, and a cell of the first column that repeats the one above is left empty.
BEGIN {
    FS = "\t"
    caption = ENVIRON["caption"]
}
{
    for (i = 1; i <= NF; i++) cell[NR, i] = $i
    if (NF > columns) columns = NF
    if (NR > 1) {
        for (i = 1; i <= NF; i++) {
            if ($i !~ /^[-+]?[0-9]|^(—|not .*)$/) words[i] = 1
            if (length($i) > 50 && !(i in long)) long[i] = ++longs
        }
    }
}
function right(i) {
    return i > 1 && !(i in words)
}
function tex(text) {
    gsub(/\\/, "\001", text)
    gsub(/[{}$&#_%]/, "\\\\&", text)
    gsub(/\001/, "\\textbackslash{}", text)
    gsub(/~/, "\\textasciitilde{}", text)
    gsub(/\^/, "\\textasciicircum{}", text)
    gsub(/±/, "$\\pm$", text)
    gsub(/×/, "$\\times$", text)
    gsub(/—/, "---", text)
    gsub(/–/, "--", text)
    gsub(/S̄₂ⁿ/, "$\\bar{S}_2^n$", text)
    gsub(/S₂ⁿ/, "$S_2^n$", text)
    gsub(/g₂ⁿ/, "$g_2^n$", text)
    gsub(/ₖ₊₁/, "$_{k+1}$", text)
    gsub(/ₖ/, "$_k$", text)
    gsub(/θ/, "$\\theta$", text)
    gsub(/ < /, " $<$ ", text)
    if (text ~ /^-[0-9]/) text = "$-$" substr(text, 2)
    return text
}
function markdown(text) {
    gsub(/[|*`]/, "\\\\&", text)
    gsub(/&/, "\\&amp;", text)
    gsub(/</, "\\&lt;", text)
    return text
}
function print_markdown(    row, i, line) {
    for (row = 1; row <= NR; row++) {
        line = "|"
        for (i = 1; i <= columns; i++) line = line " " markdown(cell[row, i]) " |"
        print line
        if (row == 1) {
            line = "|"
            for (i = 1; i <= columns; i++) line = line (right(i) ? "---:|" : "---|")
            print line
        }
    }
    print "\n" caption
}
function print_latex(    row, i, line) {
    print "% Needs \\usepackage{booktabs}."
    print "\\begin{table}\n\\centering\n\\caption{" tex(caption) "}\n\\label{tab:" name "}"
    line = ""
    for (i = 1; i <= columns; i++) line = line (right(i) ? "r" : i in long ? "p{" 0.6 / longs "\\linewidth}" : "l")
    print "\\begin{tabular}{" line "}\n\\toprule"
    for (row = 1; row <= NR; row++) {
        if (row > 2 && cell[row, 1] != cell[row - 1, 1]) print "\\addlinespace"
        line = row > 2 && cell[row, 1] == cell[row - 1, 1] ? "" : tex(cell[row, 1])
        for (i = 2; i <= columns; i++) line = line " & " tex(cell[row, i])
        print line " \\\\"
        if (row == 1) print "\\midrule"
    }
    print "\\bottomrule\n\\end{tabular}\n\\end{table}"
}
# A figure up to 3.4 inches wide stands in a column, a wider one across the page of 7
# inches. Each has its own share of that width, so that the text keeps its size.
function print_figure(    wide, part) {
    wide = points > 3.41 * 72
    part = points > 0 ? points / ((wide ? 7 : 3.4) * 72) : 1
    print "% Needs \\usepackage{graphicx}."
    print "\\begin{figure" (wide ? "*" : "") "}\n\\centering\n\\includegraphics[width=" (part < 0.99 ? sprintf("%.2f", part) : "") \
          "\\linewidth]{" name "}"
    print "\\caption{" tex(caption) "}\n\\label{fig:" name "}\n\\end{figure" (wide ? "*" : "") "}"
}
END {
    if (style == "figure") print_figure()
    else if (style == "latex") print_latex()
    else print_markdown()
}
