/* items.c - the names of the items, which every build needs, and the test of a statement. */
#include "theory/statements.h"

const char *const theory_items[] = {"cable", "magnus", "trace", "blocks", "derivative", "mapping", NULL};

bool theory_holds(const theory_statement *one) {
    if (one->relation == THEORY_AT_MOST) return one->value <= one->bound;
    return one->relation == THEORY_SHOWN || one->value >= one->bound;
}
