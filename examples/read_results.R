#!/usr/bin/env Rscript
# read_results.R - losses from a results database, parameters from an exported model.
#
#   ./read_results.R results/results.db [model.safetensors]
#
# Needs the packages RSQLite and jsonlite (Debian: r-cran-rsqlite, r-cran-jsonlite).
suppressPackageStartupMessages(library(RSQLite))

words <- commandArgs(trailingOnly = TRUE)
if (!length(words) %in% 1:2) stop("usage: read_results.R DATABASE [MODEL.safetensors]")

book <- dbConnect(SQLite(), words[1], flags = SQLITE_RO)
# Experiments differ in settings, so don't average across them. Runs with an impossible loss are excluded, as in the view
# toy_losses.
losses <- dbGetQuery(book, "
    SELECT experiment, dataset, model, seed, loss FROM final_losses WHERE NOT impossible AND loss IS NOT NULL
    ORDER BY 1, 2, 3, 4")
dbDisconnect(book)
if (nrow(losses) == 0) {
    cat("no finished run has a finite loss\n")
} else {
    means <- aggregate(loss ~ model + dataset + experiment, losses, function(x) c(length(x), mean(x)))
    with(means, cat(sprintf("%-18s %-16s %-16s %4d runs   %.6f\n", experiment, dataset, model, as.integer(loss[, 1]),
                            loss[, 2]), sep = ""))
}

# The arrays of a .safetensors file: 8 bytes with the length of a header in JSON, the header, the numbers row by row.
load_model <- function(path) {
    file <- file(path, "rb")
    on.exit(close(file))
    length <- sum(readBin(file, "integer", 4, size = 2, signed = FALSE, endian = "little") * 65536^(0:3))
    header <- jsonlite::fromJSON(rawToChar(readBin(file, "raw", length)))
    body <- readBin(file, "raw", file.size(path))
    arrays <- header[names(header) != "__metadata__"]
    arrays <- lapply(arrays, function(entry) {
        size <- c(F32 = 4, F64 = 8)[[entry$dtype]]
        from <- entry$data_offsets
        numbers <- readBin(body[seq_len(from[2] - from[1]) + from[1]], "double", (from[2] - from[1]) / size,
                           size = size, endian = "little")
        # R keeps columns together.
        aperm(array(numbers, rev(entry$shape)))
    })
    list(arrays = arrays, texts = header[["__metadata__"]])
}

if (length(words) == 2) {
    model <- load_model(words[2])
    with(model$texts, cat(model, "on", dataset, "seed", seed, "\n"))
    for (name in names(model$arrays))
        cat(sprintf("%-24s %-12s mean %+.6f\n", name, paste(dim(model$arrays[[name]]), collapse = " x "),
                    mean(model$arrays[[name]])))
}
