/* tableau.h - the Runge-Kutta methods, by name. tableau.def has their coefficients; a new method is one entry there. */
#ifndef AFFJORD_ODE_TABLEAU_H
#define AFFJORD_ODE_TABLEAU_H

#include <stdbool.h>

#include "backend/butcher.h"
#include "base/export.h"

AFFJORD_API_BEGIN

/* All methods, in the order of tableau.def. */
typedef enum tableau_id {
#define TABLEAU(symbol, name, order, stages, a, b, c) TABLEAU_##symbol,
#define PAIR(symbol, name, order, stages, a, b, c, error, mid) TABLEAU_##symbol,
#include "ode/tableau.def"
    TABLEAU_COUNT
} tableau_id;

/* Return a method. It lives as long as the program. Cheap and thread-safe, as are the next two. */
const tableau *tableau_get(tableau_id id);
/* Return the method's id. */
tableau_id tableau_id_of(const tableau *method);

/* Return the method of this name, as in "dopri5"; NULL if there is none. */
const tableau *tableau_find(const char *name);

/* Return whether a method is an embedded pair, which estimates its error and so can choose steps. */
bool tableau_is_pair(const tableau *method);

AFFJORD_API_END

#endif
