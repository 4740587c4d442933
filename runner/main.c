/* main.c - ./run. */
#include "verbs/verbs.h"

int main(int count, char **words) {
    return verbs_main(count, words);
}
