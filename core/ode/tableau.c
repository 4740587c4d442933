/* tableau.c - the methods of tableau.def as constants. */
#include "ode/tableau.h"

#include <string.h>

#define ROW(...)                                                                                                       \
    { __VA_ARGS__ }
static const tableau tableaus[TABLEAU_COUNT] = {
#define TABLEAU(symbol, name_, order_, stages_, a_, b_, c_)                                                            \
    [TABLEAU_##symbol] = {.name = name_, .order = order_, .stages = stages_, .a = a_, .b = b_, .c = c_},
#define PAIR(symbol, name_, order_, stages_, a_, b_, c_, error_, mid_)                                                 \
    [TABLEAU_##symbol] = {                                                                                             \
        .name = name_, .order = order_, .stages = stages_, .a = a_, .b = b_, .c = c_, .error = error_, .mid = mid_},
#include "ode/tableau.def"
};

const tableau *tableau_get(tableau_id id) {
    return &tableaus[id];
}

tableau_id tableau_id_of(const tableau *method) {
    return (tableau_id)(method - tableaus);
}

const tableau *tableau_find(const char *name) {
    for (tableau_id id = 0; id < TABLEAU_COUNT; id++)
        if (strcmp(tableaus[id].name, name) == 0) return &tableaus[id];
    return NULL;
}

bool tableau_is_pair(const tableau *method) {
    for (size_t i = 0; i <= method->stages; i++)
        if (method->error[i] != 0) return true;
    return false;
}
