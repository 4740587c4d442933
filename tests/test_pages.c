/* test_pages.c - pages about the program from `document`. test_install.c reads them with man, bash and others. */
#ifndef AFFJORD_DOUBLE /* pages are the same in both */

#include "run_support.h"

static void begin(void) {
    begin_run("");
}

TestSuite(pages, .init = begin, .fini = end_run, .timeout = 60);

Test(pages, every_page_is_written) {
    EXPECT(0, "$AFFJORD document affjord.1");
    EXPECT_SAYS(".TH affjord 1 ");
    EXPECT_SAYS(".SH EXIT STATUS");
    EXPECT(0, "$AFFJORD document affjord.ini.5");
    EXPECT_SAYS(".TH affjord.ini 5 ");
    EXPECT_SAYS("learning_rate");
    EXPECT(
        0,
        "$AFFJORD document completion > $TEST_DIR/completion; bash -n $TEST_DIR/completion; cat $TEST_DIR/completion");
    EXPECT_SAYS("train.learning_rate=");
    EXPECT(0, "$AFFJORD document settings.md | cmp - docs/reference/settings.md");
}

Test(pages, other_pages_and_full_disks_are_errors) {
    EXPECT(2, "$AFFJORD document");
    EXPECT_SAYS("expected one page, affjord.1, affjord.ini.5, completion or settings.md");
    EXPECT(2, "$AFFJORD document affjord.2");
    EXPECT(1, "$AFFJORD document affjord.1 > /dev/full");
    EXPECT_SAYS("the page could not be written whole");
}

#endif
