/* backend_cases.h - one table of cases, {operation, shapes, tolerance}, for every implementation of the operations.
 *
 * A case draws its inputs, the same for all, puts them where the backend's memory
 * is, runs an operation on some shapes that leave every kind of remainder, and
 * fetches all that it gave. What one backend gave is compared with what another
 * did: to the bit, or, where a device may sum in an order of its own, within the
 * case's tolerance, in units of the largest number of the same result. */
#ifndef AFFJORD_BACKEND_CASES_H
#define AFFJORD_BACKEND_CASES_H

#include "backend/backend.h"

size_t backend_case_count(void);
const char *backend_case_name(size_t index);

/* Whether a case gives on `other` what it gives on `reference`; if not, `err` (size) is a sentence. `exact`: to the bit. */
bool backend_case_agrees(size_t index, const backend_ops *reference, const backend_ops *other, bool exact, char *err,
                         size_t size);

#endif
