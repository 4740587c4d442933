# readers.R - readers.py for R: Rscript tests/readers.R DATABASE. Prints the same lines, not sorted.
path <- commandArgs(trailingOnly = TRUE)[1]
suppressMessages(library(RSQLite))
db <- dbConnect(SQLite(), path, flags = SQLITE_RO, bigint = "numeric")
message("RSQLite ", packageVersion("RSQLite"), ", SQLite ", dbGetQuery(db, "SELECT sqlite_version() AS v")$v)
shown <- function(column) {
  if (is.list(column)) return(vapply(column, function(b) if (is.null(b)) "NULL" else sprintf("%d bytes", length(b)), ""))
  text <- if (is.numeric(column)) sprintf("%.17g", as.numeric(column)) else as.character(column)
  ifelse(is.na(column), "NULL", text)
}
for (name in dbGetQuery(db, "SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")$name) {
  rows <- suppressWarnings(dbGetQuery(db, sprintf('SELECT * FROM "%s"', name)))
  if (nrow(rows) > 0) writeLines(do.call(paste, c(list(name), lapply(rows, shown), sep = "\t")), useBytes = TRUE)
}
dbDisconnect(db)
