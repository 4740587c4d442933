/* test_run_image_device.c - ./run --device cuda on images from outside, on the device of tests/cuda_on_host. */
#ifndef AFFJORD_DOUBLE

#include "run_images_support.h"

static void begin_device(void) {
    begin();
    setenv("AFFJORD_DEVICE_LIBRARY", AFFJORD_LIBRARY_EMULATED, 1);
}

TestSuite(run_image_device, .init = begin_device, .fini = end, .timeout = 240);

Test(run_image_device, probe) {
    double a = now();
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/cpu.db --seeds 0 --quiet --set train.iterations=6");
    double b = now();
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/device.db --seeds 0 --device cuda --set train.iterations=6");
    double c = now();
    printf("%s\ncpu %g device %g\n", output, b - a, c - b);
    EXPECT(0, "for d in cpu device; do sqlite3 $TEST_DIR/$d.db 'SELECT model, epoch, split, loss, nfe_forward, nfe_backward, gpu FROM run JOIN epoch USING (run_id) order by 1,2,3'; done");
    printf("%s\n", output);
}
#endif
