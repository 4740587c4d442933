#!/usr/bin/env Rscript
# sweep_terms.R - the tables sweep_comparison and sweep_term of a database beside R's t.test and lm.
#
#   Rscript tests/sweep_terms.R DATABASE
suppressMessages({library(DBI); library(RSQLite)})
db <- dbConnect(SQLite(), commandArgs(TRUE)[1], flags = SQLITE_RO)
runs <- dbGetQuery(db, "SELECT experiment, point, dataset, model, seed, loss FROM sweep_runs WHERE loss IS NOT NULL")
settings <- dbGetQuery(db, "SELECT experiment, point, axis, level,
    CASE model WHEN '' THEN '' ELSE model || ': ' END || setting || ' = ' || value AS word FROM sweep_settings")
checked <- 0
same <- function(what, ours, theirs) {
    close <- abs(ours - theirs) <= 1e-9 + 1e-6 * abs(theirs)
    checked <<- checked + length(ours)
    if (any(is.na(close) | !close)) {
        cat(what, "ours", format(ours, digits = 12), "R", format(theirs, digits = 12), "\n")
        quit(status = 1)
    }
}

pairs <- unique(dbGetQuery(db, "SELECT experiment, dataset, model, other FROM sweep_comparison"))
for (k in seq_len(nrow(pairs))) {
    pair <- pairs[k, ]
    of <- function(model) runs[runs$experiment == pair$experiment & runs$dataset == pair$dataset & runs$model == model,
                               c("point", "seed", "loss")]
    both <- merge(of(pair$model), of(pair$other), by = c("point", "seed"))
    both$d <- both$loss.y - both$loss.x
    where <- unlist(pair)

    ours <- dbGetQuery(db, "SELECT * FROM sweep_comparison WHERE experiment = ? AND dataset = ? AND model = ? AND other = ?
                            ORDER BY point", params = unname(as.list(where)))
    by_point <- split(both$d, both$point)[as.character(ours$point)]
    same("difference", ours$difference, sapply(by_point, mean))
    same("error", ours$error, sapply(by_point, function(d) sd(d) / sqrt(length(d))))
    p <- sapply(by_point, function(d) t.test(d)$p.value)
    same("p", ours$paired_p, p)

    # The design: each value against the first one of its setting, centred.
    of_experiment <- settings[settings$experiment == pair$experiment, ]
    words <- c()
    axis_of <- c()
    for (axis in sort(unique(of_experiment$axis))) {
        one <- of_experiment[of_experiment$axis == axis, ]
        level <- one$level[match(both$point, one$point)]
        for (l in setdiff(seq_len(max(one$level)), 0)) {
            name <- paste0("x", length(words))
            words[name] <- one$word[one$level == l][1]
            axis_of[name] <- axis
            both[[name]] <- (level == l) - 1 / (max(one$level) + 1)
        }
    }
    columns <- names(words)
    for (a in names(words)) for (b in names(words)) if (axis_of[a] < axis_of[b]) columns <- c(columns, paste0(a, ":", b))
    fit <- function(rows) coef(lm(as.formula(paste("d ~", paste(columns, collapse = " + "))), rows))
    each <- sapply(split(both, both$seed), fit)
    term <- sapply(strsplit(rownames(each), ":"), function(x) paste(words[x], collapse = " x "))
    term[1] <- "mean"
    ours <- dbGetQuery(db, "SELECT * FROM sweep_term WHERE experiment = ? AND dataset = ? AND model = ? AND other = ?",
                       params = unname(as.list(where)))
    stopifnot(setequal(ours$term, term))
    ours <- ours[match(term, ours$term), ]
    same("estimate", ours$estimate, rowMeans(each))
    same("error of a term", ours$error, apply(each, 1, sd) / sqrt(ncol(each)))
    p <- apply(each, 1, function(b) t.test(b)$p.value)
    same("p of a term", ours$p, p)
    same("Holm's p of a term", ours$holm_p[-1], p.adjust(p[-1], "holm"))
}
cat(nrow(pairs), "pairs,", checked, "numbers agree with R\n")
