#!/usr/bin/env Rscript
# results_pages.R - the numbers of README.md, docs/explanation/{results,claims}.md and docs/lab/trainings.md, from the
# tables of a database; those of long trainings from results/trainings.db.
#
#   Rscript tests/results_pages.R [--write] [DATABASE]
#
# Text between "<!-- numbers: NAME -->" and "<!-- end of numbers -->" is made here, from the tables run, setting, metric,
# epoch and theory, by R's own tests: none of the program's views or statistics. Only the bootstrap intervals are those of
# the table `comparison`, whose resamples are the program's; R's own bootstrap holds them. Without --write the pages are
# compared with that text, and the verdicts with those of the view `claims`; exit status 1 where they differ.
suppressPackageStartupMessages(library(RSQLite))

words <- commandArgs(trailingOnly = TRUE)
write_pages <- "--write" %in% words
database <- c(setdiff(words, "--write"), "results/reference.db")[1]
pages <- c("README.md", "docs/explanation/results.md", "docs/explanation/claims.md", "docs/lab/trainings.md")
query <- function(...) dbGetQuery(book, sprintf(...))
faults <- character()
fault <- function(...) faults <<- c(faults, sprintf(...))

# --- Text ---

number <- function(x, digits) sub("^-", "\u2212", formatC(x, digits = digits, format = "f"))
range_of <- function(x, digits) sprintf("%s (%s to %s)", number(x[1], digits), number(x[2], digits), number(x[3], digits))
spread <- function(x, digits) sprintf("%s \u00b1 %s", number(mean(x), digits), number(sd(x), digits))
p_text <- function(p) {
    if (p < 1e-3) return(sub("e-0?", "e-", formatC(p, digits = 0, format = "e")))
    if (p < 1e-2) return(formatC(p, digits = 3, format = "f"))
    formatC(p, digits = 2, format = "fg", flag = "#")
}
row <- function(...) paste0("| ", paste(..., sep = " | "), " |")
rule <- function(n) paste0("|", strrep("---|", n))

# p: of a test of this bound.
verdict <- function(interval, bound, above = TRUE, p = 0) {
    low <- interval[2]
    high <- interval[3]
    if (anyNA(interval) || p >= 0.05) return("undecided")
    if (above && low >= bound && high > bound) return("supported")
    if (!above && high <= bound) return("supported")
    if ((above && high < bound) || (!above && low > bound)) return("not supported")
    "undecided"
}

# --- Runs and their losses ---

metric <- function(name, ids = runs$run_id) {
    some <- metrics[metrics$name == name, ]
    some$value[match(ids, some$run_id)]
}
setting <- function(name, ids, otherwise) {
    some <- settings[settings$name == name, ]
    value <- some$value[match(ids, some$run_id)]
    ifelse(is.na(value), otherwise, value)
}

failed <- function(x) !is.na(x) & x

open_book <- function(path) {
    book <<- dbConnect(SQLite(), path, flags = SQLITE_RO)
    runs <<- query("SELECT e.name AS experiment, r.run_id, r.dataset, r.model, r.seed FROM experiment e
                   JOIN experiment_run USING (experiment_id) JOIN run r USING (run_id) WHERE r.status = 'done'")
    metrics <<- query("SELECT run_id, name, value FROM metric WHERE value IS NOT NULL")
    settings <<- query("SELECT run_id, section || '.' || key AS name, value FROM setting")
    runs$validation <<- metric("final_validation_loss")
    runs$offset <<- runs$validation - metric("validation_offset")
    runs$measured <<- metric("final_loss")
    runs$fine <<- metric("final_loss_fine")
    entropy <<- metric("entropy_floor")
    validated <<- as.numeric(setting("train.validation", runs$run_id, "4096"))
    moved <<- metric("solver_error")
    runs$impossible <<- ifelse(is.na(moved),
                              failed(runs$validation < entropy - 5 / sqrt(validated)) | failed(metric("density_mass") > 1.2),
                              abs(moved) > 0.01 + 5 * metric("solver_error_error"))
}
runs <- metrics <- settings <- entropy <- validated <- moved <- book <- NULL

# The value of `make` with the tables of another database.
from_book <- function(path, make) {
    open_book(path)
    on.exit({
        dbDisconnect(book)
        open_book(database)
    })
    make()
}
open_book(database)

# Seeds that both models have, by one loss; failures left out, but of the finer solve there are none.
paired <- function(experiment, dataset, model, other, quantity, values = runs) {
    of <- function(m) values[values$experiment == experiment & values$dataset == dataset & values$model == m, ]
    both <- merge(of(model), of(other), by = "seed")
    both <- both[!is.na(both[[paste0(quantity, ".x")]]) & !is.na(both[[paste0(quantity, ".y")]]), ]
    both$lost <- quantity %in% c("validation", "offset", "measured") & (both$impossible.x | both$impossible.y)
    list(x = both[[paste0(quantity, ".x")]][!both$lost], y = both[[paste0(quantity, ".y")]][!both$lost],
         all = both, failed = c(sum(both$impossible.x), sum(both$impossible.y)))
}

# Two-sided exact p of Wilcoxon's signed ranks: every sign of every mid-rank, by convolution.
signed_ranks <- function(d) {
    d[is.nan(d)] <- 0 # two failures
    d <- d[d != 0]
    ranks <- round(2 * rank(abs(d)))
    total <- sum(ranks)
    ways <- c(1, numeric(total))
    for (r in ranks) ways <- ways + c(numeric(r), ways[seq_len(total + 1 - r)])
    sums <- seq(0, total)
    seen <- sum(ranks[d > 0])
    sum(ways[abs(2 * sums - total) >= abs(2 * seen - total)]) / sum(ways)
}

# Check the interval in the table by a separate bootstrap (expanded percentiles, Hesterberg 2015).
interval <- function(experiment, dataset, model, other, quantity, what, x, y) {
    columns <- c(difference = "difference", effect = "effect", ratio = "ratio")[[what]]
    found <- query("SELECT %1$s, %1$s_low, %1$s_high FROM comparison WHERE experiment = '%2$s' AND dataset = '%3$s'
                    AND model = '%4$s' AND other = '%5$s' AND quantity = '%6$s' AND failures = 'left out'",
                   columns, experiment, dataset, model, other, quantity)
    if (nrow(found) != 1) {
        fault("no comparison of %s with %s on %s by %s in %s", model, other, dataset, quantity, experiment)
        return(rep(NA_real_, 3))
    }
    found <- as.numeric(found)
    value <- function(i) switch(what, difference = mean(y[i]) - mean(x[i]), effect = (mean(y[i]) - mean(x[i])) / sd(y[i]),
                                ratio = mean(x[i]) / mean(y[i]))
    n <- length(x)
    if (abs(found[1] - value(seq_len(n))) > 1e-9 * max(1, abs(found[1])))
        fault("%s of %s and %s on %s: %.10g in the table, %.10g by R", what, model, other, dataset, found[1], value(seq_len(n)))
    if (n < 5) return(c(found[1], NA, NA))
    set.seed(1)
    resampled <- replicate(4000, value(sample.int(n, replace = TRUE)))
    beyond <- pnorm(-sqrt(n / (n - 1)) * qt(0.975, n - 1))
    own <- quantile(resampled[is.finite(resampled)], c(beyond, 1 - beyond))
    allowed <- (if (n < 10) 0.35 else 0.15) * diff(found[2:3])
    if (any(abs(own - found[2:3]) > allowed))
        fault("interval of %s, %s and %s on %s: %.4g to %.4g in the table, %.4g to %.4g by R", what, model, other, dataset,
              found[2], found[3], own[1], own[2])
    found
}

# By the loss that most seeds have and, of these, the best measured.
compare <- function(experiment, dataset, model, other, quantities = c("fine", "measured", "offset", "validation")) {
    pairs <- lapply(quantities, function(q) paired(experiment, dataset, model, other, q))
    best <- which.max(sapply(pairs, function(p) length(p$x)))
    p <- pairs[[best]]
    q <- quantities[best]
    last <- function(v, lost) ifelse(lost, Inf, v)
    list(quantity = q, n = length(p$x), x = p$x, y = p$y, failed = p$failed,
         effect = interval(experiment, dataset, model, other, q, "effect", p$x, p$y),
         difference = mean(p$y) - mean(p$x),
         t = t.test(p$y, p$x, paired = TRUE)$p.value, wilcoxon = signed_ranks(p$y - p$x),
         last = {
             lost <- q != "fine"
             signed_ranks(last(p$all[[paste0(q, ".y")]], lost & p$all$impossible.y) -
                          last(p$all[[paste0(q, ".x")]], lost & p$all$impossible.x))
         })
}

# p of a comparison, corrected over all comparisons of the experiment by the same loss.
holm <- function(experiment, quantity, dataset, model, other) {
    here <- runs[runs$experiment == experiment, ]
    p <- unlist(lapply(unique(here$dataset), function(d) {
        models <- combn(sort(unique(here$model[here$dataset == d])), 2, simplify = FALSE)
        names(models) <- sapply(models, function(m) paste(d, m[1], m[2]))
        sapply(models, function(m) {
            two <- paired(experiment, d, m[1], m[2], quantity)
            if (length(two$x) < 2) NA else t.test(two$x, two$y, paired = TRUE)$p.value
        })
    }))
    p.adjust(p, "holm")[[paste(dataset, min(model, other), max(model, other))]]
}

# How many of the runs failed, with the interval of Clopper and Pearson.
failures <- function(experiment, dataset, model) {
    some <- runs$impossible[runs$experiment == experiment & runs$dataset == dataset & runs$model == model]
    share <- 100 * binom.test(sum(some), length(some))$conf.int
    sprintf("%d of %d (%.0f to %.0f%%)", sum(some), length(some), share[1], share[2])
}

verdicts <- list() # id -> verdict
decide <- function(id, text) {
    verdicts[[id]] <<- text
    text
}

sets <- c("Hash-Gaussian" = "hash_gaussian", TY = "ty")
losses <- c(fine = "on 200,000 points, by a finer solve", measured = "on 200,000 points",
            offset = "without that noise", validation = "validation loss")

# --- Blocks ---

blocks <- list()
fig6 <- lapply(sets, function(d) compare("fig6", d, "affjord", "ffjord"))
controls <- lapply(c(ffjord_matched = "ffjord_matched", random_curve = "random_curve"), function(other)
    lapply(sets, function(d) compare("toy_controls", d, "affjord", other)))
release <- lapply(c(coarse = "measured", fine = "fine"), function(quantity)
    lapply(sets, function(d) compare("fig6_release", d, "affjord", "ffjord", quantity)))

plain <- lapply(sets, function(d) paired("fig6", d, "affjord", "ffjord", "validation"))
sound <- function(d, model) {
    some <- runs[runs$experiment == "fig6" & runs$dataset == d & runs$model == model & !runs$impossible, "validation"]
    sprintf("%s (%d)", spread(some, 3), length(some))
}
blocks[["figure 6, losses"]] <- c(
    "Validation loss in nats at the end, mean \u00b1 deviation over the seeds that did not fail (their number):", "",
    "| | FFJORD | AFFJORD | entropy |", rule(4),
    sapply(names(sets), function(name)
        row(name, sound(sets[[name]], "ffjord"), sound(sets[[name]], "affjord"),
            number(mean(entropy[runs$dataset == sets[[name]]], na.rm = TRUE), 3))))

lead <- sapply(sets, function(d) {
    at <- query("SELECT r.model, r.seed, p.loss FROM epoch p JOIN run r USING (run_id) JOIN experiment_run USING (run_id)
                 JOIN experiment e USING (experiment_id) WHERE e.name = 'fig6' AND r.dataset = '%s'
                 AND p.split = 'validation' AND p.iteration = 2000", d)
    f <- at$loss[at$model == "ffjord"]
    (mean(f) - mean(at$loss[at$model == "affjord"])) / sd(f)
})
blocks[["figure 6, effects"]] <- c(
    sprintf("Both models of a seed share the noise of the validation points: the losses are correlated, %s and %s.",
            number(cor(plain[[1]]$x, plain[[1]]$y), 2), number(cor(plain[[2]]$x, plain[[2]]$y), 2)),
    sprintf("The final loss %s:", losses[[fig6[[1]]$quantity]]), "",
    "| | AFFJORD is lower by, nats | deviation of FFJORD | effect in deviations (95%) | paired t, Wilcoxon, p | reaches 1.5 |",
    rule(6),
    sapply(names(sets), function(name) {
        c <- fig6[[name]]
        row(name, number(c$difference, 4), number(sd(c$y), 4), sprintf("%s, %d seeds", range_of(c$effect, 2), c$n),
            paste(p_text(c$t), p_text(c$wilcoxon), sep = ", "),
            decide(paste0("toy_loss_", sets[[name]]), verdict(c$effect, 1.5)))
    }), "",
    sprintf("After 2,000 iterations AFFJORD leads by %s deviations of the recorded loss on Hash-Gaussian and by %s on TY.",
            number(lead[[1]], 1), number(lead[[2]], 1)))

titles <- c(ffjord = "FFJORD", affjord = "AFFJORD", ffjord_matched = "FFJORD with as many parameters",
            random_curve = "z\\*(t) fixed at a random curve")
failed_controls <- runs[runs$experiment == "toy_controls" & runs$impossible, ]
failed_controls <- sapply(split(failed_controls, paste(failed_controls$dataset, failed_controls$model)), function(some)
    sprintf("%s on %s %s", titles[[some$model[1]]], names(sets)[match(some$dataset[1], sets)],
            paste(number(some$fine[order(some$seed)], 2), collapse = " and ")))
blocks[["controls"]] <- c(
    paste("| AFFJORD against | data | in deviations of the other (95%) | failed runs, AFFJORD, control | paired t, p | Wilcoxon, p |",
          "t's p, Holm | verdict |"), rule(8),
    unlist(lapply(names(controls), function(other) sapply(names(sets), function(name) {
        c <- controls[[other]][[name]]
        id <- paste0(c(ffjord_matched = "control_size_", random_curve = "control_motion_")[[other]], sets[[name]])
        row(titles[[other]], name, sprintf("%s, %d seeds", range_of(c$effect, 2), c$n), paste(c$failed, collapse = ", "), p_text(c$t),
            p_text(c$wilcoxon), p_text(holm("toy_controls", c$quantity, sets[[name]], "affjord", other)), decide(id, verdict(c$effect, 0, p = c$t)))
    }))),
    "", sprintf("The finer solve gives failed runs a loss too: %s nats.", paste(failed_controls, collapse = ", ")))

blocks[["release"]] <- c(
    paste("| | failed runs of AFFJORD | of FFJORD | AFFJORD is lower by, without failed runs (95%) | p | p with failed runs",
          "ranked last | lower by, all runs by a finer solve (95%) | Wilcoxon, p |"), rule(8),
    sapply(names(sets), function(name) {
        c <- release$coarse[[name]]
        f <- release$fine[[name]]
        row(name, failures("fig6_release", sets[[name]], "affjord"), failures("fig6_release", sets[[name]], "ffjord"),
            sprintf("%s, %d seeds", range_of(c$effect, 2), c$n), p_text(c$t), p_text(c$last),
            sprintf("%s, %d seeds", range_of(f$effect, 2), f$n), p_text(f$wilcoxon))
    }), "",
    "The recorded losses of all runs, failed ones among them, as the released code would give them:", "",
    "| | AFFJORD is lower by, in deviations of FFJORD | paired t, p | lowest loss of AFFJORD | entropy |", rule(5),
    sapply(names(sets), function(name) {
        here <- runs[runs$experiment == "fig6_release" & runs$dataset == sets[[name]], ]
        here <- here[order(here$seed), ]
        x <- here$validation[here$model == "affjord"]
        y <- here$validation[here$model == "ffjord"]
        row(name, sprintf("%s, %d seeds", number((mean(y) - mean(x)) / sd(y), 2), length(x)),
            p_text(t.test(y, x, paired = TRUE)$p.value), number(min(x), 3),
            number(mean(entropy[runs$dataset == sets[[name]]], na.rm = TRUE), 3))
    }))

# What claims.md says of the recorded losses and of failed runs.
hash <- runs[runs$experiment == "fig6" & runs$dataset == "hash_gaussian", ]
blocks[["noise"]] <- c(
    "A validation loss is a mean over 4,096 points. On Hash-Gaussian, the part of it that all models of a seed share has a",
    sprintf("deviation of %s nats (`validation_offset`); the loss of FFJORD has a deviation of %s between seeds.",
            number(sd(hash$validation[hash$model == "ffjord"] - hash$offset[hash$model == "ffjord"]), 3),
            number(sd(hash$validation[hash$model == "ffjord"]), 3)))
toys <- unique(runs[runs$dataset %in% sets, c("run_id", "dataset", "model", "seed", "impossible")])
toys$steps <- as.numeric(setting("solver.steps", toys$run_id, "40"))
lost <- function(steps) {
    among <- toys[toys$steps == steps & toys$model %in% names(titles), ]
    of <- aggregate(impossible ~ model + dataset, among, sum)
    of <- of[of$impossible > 0, ]
    c("", sprintf("%d steps: %d of %d runs failed.", steps, sum(among$impossible), nrow(among)),
      sprintf("- %s on %s: %d", titles[of$model], names(sets)[match(of$dataset, sets)], of$impossible))
}
blocks[["failed runs"]] <- c("In the reference database:", lost(40), lost(20), "",
    sprintf("On Hash-Gaussian with 20 steps, paired p is %s without the failures and %s with them ranked last.",
            p_text(release$coarse[["Hash-Gaussian"]]$t), p_text(release$coarse[["Hash-Gaussian"]]$last)))

# Three learning rates for each model; the last columns compare the models, each at the rate with the least mean loss.
rates <- list(ffjord = c("3e-4" = "ffjord_slow", "1e-3" = "ffjord", "3e-3" = "ffjord_fast"),
              affjord = c("3e-4" = "affjord_slow", "1e-3" = "affjord", "3e-3" = "affjord_fast"))
rated <- function(d, model) runs[runs$experiment == "toy_rates" & runs$dataset == d & runs$model == model, ]
best_rate <- function(d, of) {
    means <- sapply(of, function(m) mean(rated(d, m)$fine))
    of[which.min(means + 1e6 * sapply(of, function(m) sum(rated(d, m)$impossible)))]
}
rate_rows <- function(name) {
    d <- sets[[name]]
    best <- lapply(rates, function(of) best_rate(d, of))
    at_best <- compare("toy_rates", d, best$affjord, best$ffjord)
    common <- compare("toy_rates", d, "affjord", "ffjord")
    c(sapply(names(rates), function(m) row(paste(name, titles[[m]], sep = ", "),
          paste(sapply(rates[[m]], function(of) {
              r <- rated(d, of)
              text <- spread(r$fine, 3)
              if (sum(r$impossible) > 0) paste0(text, sprintf(" (%d failed)", sum(r$impossible))) else text
          }), collapse = " | "), names(best[[m]]), "", "")),
      row(paste0(name, ", AFFJORD is lower by"), sprintf("| %s |", number(common$difference, 4)), "",
          sprintf("%s, p %s", number(at_best$difference, 4), p_text(at_best$t)), range_of(at_best$effect, 2)))
}
blocks[["learning rates"]] <- from_book("results/rates.db", function() c(
    "| | 3e-4 | 1e-3, the common rate | 3e-3 | best rate | each at its best rate | in deviations of FFJORD (95%) |", rule(7),
    unlist(lapply(names(sets), rate_rows))))

# The sweep of what the paper leaves open: its points, compared seed by seed; main effects by lm; the length of training.
open_sets <- c(TY = "ty", "TY (thin)" = "ty_thin", "Hash-Gaussian" = "hash_gaussian")
choice_names <- c("flow.end_time" = "End time", "flow.base_variance" = "Base variance", "solver.method" = "Rule of RK4",
                  "solver.steps" = "Steps", "train.learning_rate" = "Learning rate", "model.initial_state" = "z\\*(0)",
                  "model.concat" = "z\\* joined to z")
of_sets <- function(both, make) {
    there <- open_sets[open_sets %in% both$dataset]
    sapply(names(there), function(name) make(both[both$dataset == there[[name]], ], name))
}
# Differences FFJORD - AFFJORD of each point and seed, from rows of point, dataset, model, seed and loss.
differences <- function(rows) {
    of <- function(m) rows[rows$model == m & is.finite(rows$loss), c("dataset", "point", "seed", "loss")]
    both <- merge(of("affjord"), of("ffjord"), by = c("dataset", "point", "seed"))
    both$d <- both$loss.y - both$loss.x
    both
}
at_points <- function(both) {
    each <- lapply(split(both, list(both$dataset, both$point), drop = TRUE), function(one) {
        test <- tryCatch(t.test(one$d), error = function(e) list(p.value = NA, conf.int = c(NA, NA)))
        data.frame(dataset = one$dataset[1], point = one$point[1], n = nrow(one), mean = mean(one$d), p = test$p.value,
                   low = test$conf.int[1], high = test$conf.int[2])
    })
    each <- do.call(rbind, each)
    each$holm <- p.adjust(each$p, "holm")
    each
}
# One coefficient of the linear model with all pairs of choices for each seed: mean and standard error over the seeds.
main_effects <- function(both, levels) {
    both <- merge(both, levels, by = "point")
    columns <- setdiff(names(levels), "point")
    fit <- function(rows) coef(lm(as.formula(paste("d ~ (", paste(columns, collapse = " + "), ")^2")), rows))[c("(Intercept)", columns)]
    each <- sapply(split(both, both$seed), fit)
    cbind(rowMeans(each), apply(each, 1, sd) / sqrt(ncol(each)))
}
signed <- function(x, digits) sub("^-", "\u2212", sprintf("%+.*f", digits, x))
choices <- function() {
    points <- query("SELECT s.point, s.run_id FROM sweep_run s JOIN experiment e USING (experiment_id) WHERE e.name = 'choices'")
    swept <- query("SELECT s.point, s.axis, s.setting, s.level, s.value FROM sweep_setting s JOIN experiment e
                    USING (experiment_id) WHERE e.name = 'choices' ORDER BY s.axis, s.level")
    of <- merge(points, runs[runs$experiment == "choices", ], by = "run_id")
    q <- names(losses)[which.max(sapply(names(losses), function(q) sum(!is.na(of[[q]]))))]
    of$loss <- ifelse(q != "fine" & of$impossible, NA, of[[q]])
    both <- differences(of)
    each <- at_points(both)
    theirs <- query("SELECT dataset, point, difference FROM sweep_comparison WHERE experiment = 'choices' AND model = 'affjord'
                     AND other = 'ffjord'")
    same <- merge(each, theirs, by = c("dataset", "point"))
    if (nrow(same) != nrow(each) || nrow(same) != nrow(theirs) || any(abs(same$mean - same$difference) > 1e-9))
        fault("choices: the table sweep_comparison has other differences than R")
    labels <- unique(swept[swept$level == 1, c("axis", "setting", "value")])
    words <- ifelse(is.na(choice_names[labels$setting]), labels$setting, choice_names[labels$setting])
    levels <- data.frame(point = unique(swept$point))
    for (a in labels$axis) levels[[paste0("x", a)]] <- swept$level[swept$axis == a][match(levels$point, swept$point[swept$axis == a])] - 0.5
    effects <- of_sets(both, function(one, name) {
        b <- main_effects(one, levels)
        ifelse(is.na(b[, 2]), signed(b[, 1], 4), sprintf("%s \u00b1 %s", signed(b[, 1], 4), number(b[, 2], 4)))
    })
    epochs <- query("SELECT s.point, r.dataset, r.model, r.seed, p.iteration, p.loss FROM sweep_run s JOIN run r USING (run_id)
                     JOIN experiment e USING (experiment_id) JOIN epoch p USING (run_id)
                     WHERE e.name = 'choices' AND p.split = 'validation'")
    last <- max(epochs$iteration)
    third <- max(epochs$iteration[3 * epochs$iteration <= last])
    mean_at <- function(i) aggregate(d ~ dataset + point, differences(epochs[epochs$iteration == i, ]), mean)
    course <- merge(mean_at(third), mean_at(last), by = c("dataset", "point"))
    seeds <- sort(unique(both$seed))
    # One seed has differences only. Final losses are of at most one point for 25 that were trained on.
    alone <- max(each$n) < 2
    of_run <- function(name) as.numeric(setting(name, of$run_id[1], NA))
    drawn <- min(of_run("output.measure"), floor(of_run("train.iterations") * of_run("train.batch") / 25))
    c(strwrap(paste(
          sprintf("%d combinations, %s. The final loss (%s), FFJORD \u2212 AFFJORD in nats:", length(levels$point),
                  if (alone) paste("one seed,", seeds) else sprintf("%d seeds (%s)", length(seeds), paste(seeds, collapse = ", ")),
                  sub("200,000", format(drawn, big.mark = ","), losses[[q]])),
          if (alone) paste("at each combination that of the seed. **One seed shows no deviation between seeds: there are no",
                           "intervals and no tests, and no combination is decided.**")
          else sprintf("at each combination the mean over %s paired seeds. Intervals are Student's; Holm's correction is over all %d tests.%s",
                       paste(unique(range(each$n)), collapse = " to "), sum(!is.na(each$p)),
                       if (length(seeds) < 5) " Fewer than five seeds make them wide, and most combinations undecided." else "")), 120), "",
      paste0("| | AFFJORD lower | ", if (!alone) "by a 95% interval | after Holm | higher by a 95% interval | after Holm | ",
             "median (smallest to largest) | combination 0 |"), rule(if (alone) 4 else 8),
      of_sets(each, function(one, name) {
          count <- function(x) sprintf("%d", sum(x, na.rm = TRUE))
          tested <- c(count(one$low > 0), count(one$holm < 0.05 & one$mean > 0), count(one$high < 0),
                      count(one$holm < 0.05 & one$mean < 0))
          row(paste(c(name, sprintf("%d of %d", sum(one$mean > 0), nrow(one)), if (!alone) tested,
                      range_of(c(median(one$mean), range(one$mean)), 4), number(one$mean[one$point == 0], 4)), collapse = " | "))
      }), "",
      sprintf("What each choice adds to the difference, in nats (linear model with all pairs)%s:",
              if (alone) ", of this seed" else ", mean \u00b1 standard error over the seeds"), "",
      row("choice, against the first value", paste(colnames(effects), collapse = " | ")), rule(1 + ncol(effects)),
      sapply(seq_len(nrow(effects)), function(i)
          row(c("mean of all combinations", paste0(words, ": ", sub("rk4 38", "3/8", gsub("_", " ", labels$value))))[i], paste(effects[i, ], collapse = " | "))), "",
      sprintf("From iteration %d, a third of the training, to %d, the validation losses of the two models draw nearer in:", third, last), "",
      of_sets(course, function(one, name) {
          nearer <- sum(abs(one$d.y) < abs(one$d.x))
          sprintf("- %s: %d of %d combinations (%.0f%%); AFFJORD's lead shrinks in %d; mean difference %s, then %s.", name, nearer,
                  nrow(one), floor(100 * nearer / nrow(one) + 0.5), sum(one$d.y < one$d.x), number(mean(one$d.x), 4), number(mean(one$d.y), 4))
      }))
}
sweep_book <- Sys.getenv("AFFJORD_CHOICES", "results/choices.db")
blocks[["choices"]] <- if (file.exists(sweep_book)) from_book(sweep_book, choices) else "This repository has no runs of it yet."

# Images: runs by the rule that chose their steps.
images <- unique(runs[runs$dataset == "mnist_14x14", c("run_id", "dataset", "model", "seed")])
images$norm <- setting("solver.error_norm", images$run_id, "state_and_context")
last_epochs <- query("SELECT p.run_id, p.nfe_forward AS forward, p.nfe_backward AS backward FROM epoch p WHERE split = 'training'
                      AND epoch = (SELECT max(q.epoch) FROM epoch q WHERE q.run_id = p.run_id)")
images$forward <- last_epochs$forward[match(images$run_id, last_epochs$run_id)]
images$backward <- last_epochs$backward[match(images$run_id, last_epochs$run_id)]
names_of <- c(ffjord = "FFJORD, time as a channel", affjord = "AFFJORD, z\\* as channels",
              affjord_hyper = "AFFJORD, z\\* as channels and weights from a hypernet")
norms <- c(state = "z (the authors' rule)", state_and_context = "z and z\\*, the larger")
home <- function(norm, model) {
    ids <- images$run_id[images$norm == norm & images$model == model]
    found <- unique(runs$experiment[runs$run_id %in% ids])
    found[order(found != "table1_small_hyper", found != "error_norm_small")][1]
}
some <- function(norm, model) images[images$norm == norm & images$model == model, ]
ffjord_runs <- some("state", "ffjord") # without z*, both rules choose the same steps
or_none <- function(x, text) if (length(x) < 2 || anyNA(x)) "\u2014" else text(x)
bits_at <- function(ids, iteration) {
    value <- query("SELECT avg(loss) AS mean FROM epoch WHERE split = 'validation' AND iteration = %d AND run_id IN (%s)",
                   iteration, paste(ids, collapse = ", "))
    number(value$mean, 3)
}
loss_row <- function(norm, model) {
    r <- some(norm, model)
    if (nrow(r) < 2) return(NULL)
    row(names_of[[model]], norms[[norm]], nrow(r), paste(sapply(c(50, 100, 200, 400), bits_at, ids = r$run_id), collapse = ", "),
        spread(metric("best_bits_per_dim", r$run_id), 3), spread(metric("chosen_test_loss", r$run_id), 3),
        or_none(metric(paste0("error_by_", norm), r$run_id), function(x) number(mean(x), 4)),
        or_none(metric("final_loss", r$run_id), function(x) spread(x, 3)),
        or_none(metric("solver_error", r$run_id), function(x) formatC(mean(x), digits = 0, format = "e")))
}
count_row <- function(norm, model) {
    r <- some(norm, model)
    if (nrow(r) < 2) return(NULL)
    at <- function(name, digits) or_none(metric(name, r$run_id), function(x) number(mean(x), digits))
    row(names_of[[model]], norms[[norm]], nrow(r), sprintf("%s forward, %s backward", number(mean(r$forward), 0),
        number(mean(r$backward), 0)), at("evaluations_by_state", 1), at("error_by_state", 4),
        at("evaluations_by_state_and_context", 1), at("error_by_state_and_context", 4))
}
every <- function(of) unlist(lapply(names(norms), function(n) lapply(names(names_of), function(m) of(n, m))))
blocks[["images, losses"]] <- c(
    paste("| | steps by the error of | n | bits per dimension after 50, 100, 200, 400 iterations | best epoch | on 512",
          "other images at that epoch | error of the loss at 1e-3 | last epoch, at 1e-5 | a solve at 1e-6 moves it by |"),
    rule(9), every(loss_row))
blocks[["images, evaluations"]] <- c(
    paste("| | trained with steps by the error of | n | last epoch of training | at the end, by z | error of the loss there | at",
          "the end, by the larger | error of the loss there |"), rule(8), every(count_row))

ratio_of <- function(norm, model) {
    a <- some(norm, model)
    both <- merge(a, ffjord_runs, by = "seed")
    if (nrow(both) < 2) return(NULL)
    experiment <- home(norm, model)
    list(n = nrow(both), experiment = experiment,
         ratio = interval(experiment, "mnist_14x14", model, "ffjord", "evaluations", "ratio", both$forward.x, both$forward.y),
         t = t.test(both$forward.x, both$forward.y, paired = TRUE)$p.value)
}
ratio_line <- function(norm, model, what, above) {
    r <- ratio_of(norm, model)
    if (is.null(r)) return(sprintf("- %s, steps by the error of %s: not run.", what, norms[[norm]]))
    outcome <- verdict(r$ratio, 1, above, r$t)
    if (norm == "state")
        decide(paste0(if (above) "nfe_hyper_" else "nfe_concat_", "mnist_14x14"), outcome)
    sprintf("- %s, steps by the error of %s: %s times FFJORD's, %d seeds: %s at this size%s.", what, norms[[norm]],
            range_of(r$ratio, 2), r$n, outcome, if (norm == "state") "" else " by this rule, which is not the authors'")
}
bits_line <- function(norm) {
    a <- some(norm, "affjord")
    both <- merge(a, ffjord_runs, by = "seed")
    if (nrow(both) < 2) return(NULL)
    x <- metric("best_bits_per_dim", both$run_id.x)
    y <- metric("best_bits_per_dim", both$run_id.y)
    d <- interval(home(norm, "affjord"), "mnist_14x14", "affjord", "ffjord", "best", "difference", x, y)
    sprintf("- Bits per dimension at the best epoch, FFJORD \u2212 AFFJORD (z\\* as channels), steps by the error of %s: %s: %s.",
            norms[[norm]], range_of(d, 3), verdict(d, 0, p = t.test(x, y, paired = TRUE)$p.value))
}
blocks[["images, verdicts"]] <- c(
    unlist(lapply(names(norms), bits_line)),
    sapply(names(norms), ratio_line, "affjord", "Evaluations with z\\* as channels", FALSE),
    sapply(names(norms), ratio_line, "affjord_hyper", "Evaluations with a hypernet", TRUE))

# MNIST at 28 x 28, trained on CPUs: one row for each model; "not run" for the others of table1_cpu.ini.
large <- runs[runs$experiment == "table1_cpu", ]
large <- large[order(match(large$model, c("ffjord", "affjord_concat", "affjord")), large$seed), ]
large_names <- c(ffjord = "FFJORD", affjord_concat = "AFFJORD, z\\* as channels",
                 affjord = "AFFJORD, z\\* as channels and weights from a hypernet")
of_large <- function(i, split, column)
    query("SELECT %s AS x FROM epoch WHERE run_id = %d AND split = '%s' ORDER BY epoch", column, large$run_id[i], split)$x
tested <- function(i, probes) {
    name <- paste0("test_loss_", probes)
    loss <- metric(name, large$run_id[i])
    if (is.na(loss)) "" else sprintf("%s \u00b1 %s", number(loss, 4), number(metric(paste0(name, "_error"), large$run_id[i]), 4))
}
blocks[["images, paper's size"]] <- c(
    paste("| model | seed | iterations | training loss, epochs 1, 2, ... | validation loss at 1e-5 | a solve at 1e-6 moves it by |",
          "10,000 test images at 1e-5, one probe | eight probes | evaluations of a solve at 1e-5 | hours |"), rule(10),
    vapply(seq_len(nrow(large)), function(i) {
        reached <- query("SELECT iteration, wall_seconds FROM run WHERE run_id = %d", large$run_id[i])
        row(large_names[[large$model[i]]], large$seed[i], formatC(reached$iteration, format = "d", big.mark = ","),
            paste(number(of_large(i, "training", "loss"), 3), collapse = ", "),
            paste(number(of_large(i, "validation", "loss"), 3), collapse = ", "),
            sub("^-", "\u2212", formatC(metric("solver_error", large$run_id[i]), digits = 0, format = "e")), tested(i, "1_probe"),
            tested(i, "8_probes"), paste(number(of_large(i, "validation", "nfe_forward"), 0), collapse = ", "),
            number(reached$wall_seconds / 3600, 1))
    }, ""),
    vapply(setdiff(names(large_names), large$model), function(model)
        row(large_names[[model]], "", "not run", "", "", "", "", "", "", ""), ""))

theory <- query("SELECT t.holds FROM theory t JOIN experiment_run USING (run_id) JOIN experiment e USING (experiment_id)
                 WHERE e.name = 'theory' AND t.relation IS NOT NULL")$holds
table2 <- query("SELECT p.value AS paper, m.value AS ours FROM reported p
                 JOIN run r ON r.dataset = p.dataset JOIN metric m ON m.run_id = r.run_id AND m.name = 'parameters_declared'
                 JOIN setting c ON c.run_id = r.run_id AND c.section = 'model' AND c.key = 'context'
                      AND c.value = CASE p.model WHEN 'AFFJORD' THEN 'augmented' ELSE 'clock' END
                 JOIN setting l ON l.run_id = r.run_id AND l.section = 'image' AND l.key = 'layer' AND l.value = p.architecture
                 WHERE p.item = 'table2'")
learned <- query("SELECT c.value AS context, l.value AS layer, m.value FROM run r
                  JOIN metric m ON m.run_id = r.run_id AND m.name = 'parameters_effective'
                  JOIN setting c ON c.run_id = r.run_id AND c.section = 'model' AND c.key = 'context'
                  JOIN setting l ON l.run_id = r.run_id AND l.section = 'image' AND l.key = 'layer' WHERE r.dataset = 'mnist'")
more <- learned$value[learned$context == "augmented" & learned$layer == "hyper"] /
    learned$value[learned$context == "clock" & learned$layer == "concat"]
changes <- lapply(sets, function(d) {
    ids <- runs[runs$dataset == d & runs$model %in% c("ffjord", "affjord"), ]
    ids$change <- metric("field_change", ids$run_id)
    ids <- ids[!is.na(ids$change), ]
    experiment <- names(sort(table(ids$experiment), decreasing = TRUE))
    experiment <- if ("fig6" %in% experiment && sum(ids$experiment == "fig6") > sum(ids$experiment == "fig1")) "fig6" else "fig1"
    p <- paired(experiment, d, "affjord", "ffjord", "change", ids)
    list(n = length(p$x), ratio = interval(experiment, d, "affjord", "ffjord", "field_change", "ratio", p$x, p$y),
         t = t.test(p$x, p$y, paired = TRUE)$p.value)
})
change_text <- function(c) if (anyNA(c$ratio)) number(c$ratio[1], 1) else range_of(c$ratio, 2)
blocks[["other claims"]] <- c(
    "| claim | measured | verdict |", rule(3),
    sapply(names(sets), function(name) row(
        sprintf("AFFJORD's field changes faster in time, %s", name),
        sprintf("%s times FFJORD's, %d seeds", change_text(changes[[name]]), changes[[name]]$n),
        decide(paste0("field_change_", sets[[name]]), verdict(changes[[name]]$ratio, 1, p = changes[[name]]$t)))),
    row("z\\*(T) is the same for all points", "dz\\*(T)/dz(0) = 0", "supported"),
    row("The theorems", sprintf("%d of %d statements", sum(theory), length(theory)),
        decide("mathematics", if (all(theory == 1)) "supported" else "not supported")),
    row("Table 2", sprintf("%d of %d numbers", sum(table2$paper == table2$ours), nrow(table2)),
        decide("parameters", if (all(table2$paper == table2$ours)) "supported" else "not supported")),
    row("\"a bigger model is not being used\" with a hypernet",
        sprintf("%s times as many learned parameters on MNIST", number(more, 1)),
        decide("parameters_contained", if (more <= 1) "supported" else "not supported")))

claim_row <- function(text, c, bound, id) row(text, sprintf("%s, %d seeds", range_of(c$effect, 2), c$n), verdicts[[id]])
figure9 <- ratio_of("state", "affjord")
blocks[["claims"]] <- c(
    "| claim of the paper | measured | verdict |", rule(3),
    claim_row("Hash-Gaussian: AFFJORD's loss about two deviations below FFJORD's (1.5 or more)", fig6[[1]], 1.5,
              "toy_loss_hash_gaussian"),
    claim_row("TY: the same", fig6[[2]], 1.5, "toy_loss_ty"),
    claim_row("Control, Hash-Gaussian: below an FFJORD with as many parameters", controls$ffjord_matched[[1]], 0,
              "control_size_hash_gaussian"),
    claim_row("Control, TY: the same", controls$ffjord_matched[[2]], 0, "control_size_ty"),
    row("Table 2: parameter counts", sprintf("%d of %d", sum(table2$paper == table2$ours), nrow(table2)), verdicts$parameters),
    row("Theorems of section 3 and the appendices", sprintf("%d of %d statements", sum(theory), length(theory)),
        verdicts$mathematics),
    row("Figure 9, MNIST at 14 \u00d7 14: fewer evaluations with z\\* as channels, by the authors' rule",
        if (is.null(figure9)) "" else sprintf("%s times as many, %d seeds", range_of(figure9$ratio, 2), figure9$n),
        if (is.null(figure9)) "not run" else paste(verdicts$nfe_concat_mnist_14x14, "at this size")),
    row("Table 1, MNIST: FFJORD comes to 0.96 bits per dimension",
        if (any(large$model == "ffjord")) {
            one <- large[which(large$model == "ffjord")[1], ]
            test <- metric("test_loss_1_probe", one$run_id)
            sprintf("%s on %s images, 1 seed, %s iterations of 16 images", number(if (is.na(test)) one$measured else test, 3),
                    if (is.na(test)) "validation" else "test",
                    formatC(query("SELECT iteration AS i FROM run WHERE run_id = %d", one$run_id)$i, format = "d", big.mark = ","))
        } else "",
        if (any(large$model == "ffjord")) "undecided" else "not run"),
    row("Table 1, Figures 7 and 9: AFFJORD at the paper's size", "", "not run"), "",
    sprintf("AFFJORD's loss is below FFJORD's on both toy densities (paired p = %s and %s).", p_text(fig6[[1]]$t),
            p_text(fig6[[2]]$t)))
blocks[["size"]] <- sprintf("The archive holds %d runs.", query("SELECT count(*) AS n FROM run WHERE status = 'done'")$n)

# --- Long trainings ---

# Images of the first iterations: train.batch_phases has smaller batches, "N until ITERATION", before train.batch.
images_of <- function(iterations, batch, phases) {
    parts <- regmatches(phases, gregexpr("[0-9]+ +until +[0-9]+", phases))[[1]]
    until <- pmin(c(as.numeric(sub(".* ", "", parts)), Inf), iterations)
    sum(c(as.numeric(sub(" .*", "", parts)), batch) * diff(c(0, until)))
}

trainings <- function() {
    all <- query("SELECT r.run_id, r.key, e.name AS experiment, r.dataset, r.model, r.seed, r.status, r.iterations,
                 coalesce(c.iteration, r.iteration) AS reached, r.wall_seconds, r.cpu, r.command_line
                 FROM run r JOIN experiment_run USING (run_id) JOIN experiment e USING (experiment_id)
                 LEFT JOIN checkpoint c USING (run_id) ORDER BY e.name, r.dataset, r.seed, r.model DESC")
    last <- query("SELECT run_id, split, loss, nfe_forward + nfe_backward AS evaluations FROM epoch p WHERE epoch =
                  (SELECT max(epoch) FROM epoch q WHERE q.run_id = p.run_id AND q.split = p.split)")
    of <- function(split, id) last[last$split == split & last$run_id == id, ]
    grouped <- function(x) formatC(x, format = "d", big.mark = ",")
    # Without the options of the session, and by the file's path in the repository.
    command <- function(line) {
        line <- gsub(" +--(db|until|jobs|threads) +[^ ]+| +--quiet", "", line)
        paste(sub(" [^ ]*/experiments/", " experiments/", line), "--db results/long.db --until 4h")
    }
    lines <- vapply(seq_len(nrow(all)), function(i) {
        r <- all[i, ]
        images <- images_of(r$reached, as.numeric(setting("train.batch", r$run_id, "512")),
                            setting("train.batch_phases", r$run_id, ""))
        training <- of("training", r$run_id)
        loss <- of("validation", r$run_id)$loss
        row(r$experiment, paste0("`", substr(r$key, 1, 12), "`"), paste(r$dataset, r$model), r$seed, r$status,
            paste(grouped(r$reached), "of", grouped(r$iterations)), grouped(images),
            if (length(loss) == 1) number(loss, 3) else "no epoch yet",
            if (nrow(training) == 1) number(training$evaluations, 0) else "",
            number(r$wall_seconds / 3600, 1), r$cpu)
    }, "")
    unfinished <- all[all$status != "done", ]
    c("| experiment | run | data, model | seed | state | iterations | images | validation | evaluations | hours | processor |",
      rule(11), lines, "", "Each unfinished one continues with:", "",
      "    ./run merge results/trainings.db --db results/long.db",
      unique(paste0("    ", vapply(unfinished$command_line, command, ""))))
}
carried <- "results/trainings.db"
blocks[["trainings"]] <- if (file.exists(carried)) from_book(carried, trainings) else "No training is unfinished."

# --- The pages ---

seen <- character()
for (page in pages) {
    text <- readLines(page, encoding = "UTF-8")
    made <- character()
    at <- 1
    while (at <= length(text)) {
        name <- sub("^<!-- numbers: (.*) -->$", "\\1", text[at])
        made <- c(made, text[at])
        if (name == text[at]) {
            at <- at + 1
            next
        }
        end <- at + match("<!-- end of numbers -->", text[-seq_len(at)])
        if (is.na(end)) stop(page, ": no end of numbers: ", name)
        if (is.null(blocks[[name]])) stop(page, ": no numbers are called ", name)
        seen <- c(seen, name)
        block <- unname(blocks[[name]])
        there <- text[seq_len(end - at - 1) + at]
        if (!write_pages && !identical(enc2utf8(there), enc2utf8(block)))
            fault("%s, %s: the page says\n%s\nand the tables give\n%s", page, name,
                  paste(setdiff(there, block), collapse = "\n"), paste(setdiff(block, there), collapse = "\n"))
        made <- c(made, block, text[end])
        at <- end + 1
    }
    if (write_pages) writeLines(enc2utf8(made), page, useBytes = TRUE)
}
for (name in setdiff(names(blocks), seen)) fault("no page has the numbers %s", name)

# The program's verdicts, where its views are of this version.
program <- tryCatch(query("SELECT id, verdict FROM claims"), error = function(e) NULL)
for (id in names(verdicts)) {
    theirs <- program$verdict[match(id, program$id)]
    if (!is.null(program) && !is.na(theirs) && theirs != verdicts[[id]])
        fault("claim %s: \"%s\" by the view, \"%s\" by R", id, theirs, verdicts[[id]])
}
dbDisconnect(book)
if (length(faults) > 0) {
    writeLines(faults, stderr())
    quit(status = 1)
}
cat(length(seen), "blocks of numbers and", length(verdicts), "verdicts are those of", database, "\n")
