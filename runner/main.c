/* main.c - ./run. */
#include "verbs.h"

int main(int count, char **words) {
    return verbs_main(count, words);
}
