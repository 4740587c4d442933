/* backend_cases.h - one table of cases, {operation, shapes, tolerance}, for every implementation of the operations.
 *
 * A case draws its inputs, equal for all backends, copies them to the backend's memory, runs an operation on shapes
 * with every kind of remainder, and copies all results back. The results of two backends must be bit-identical or, if a
 * device may sum in another order, agree within the case's tolerance, relative to the largest number of the same
 * result. */
#ifndef AFFJORD_BACKEND_CASES_H
#define AFFJORD_BACKEND_CASES_H

#include "backend/backend.h"

size_t backend_case_count(void);
const char *backend_case_name(size_t index);

/* Return whether a case has the same results on `other` and on `reference`; if not, `err` (size) describes the
 * difference. `exact`: require equal bits. */
bool backend_case_agrees(size_t index, const backend_ops *reference, const backend_ops *other, bool exact, char *err,
                         size_t size);

#endif
