#!/bin/sh
# gpu_check.sh - run the checks that need a GPU, and write a report in Markdown; `make gpu-check` calls it.
#
#   gpu_check.sh PROGRAM [REPORT]     PROGRAM with libaffjord_cuda.so beside it; REPORT (gpu-check.md)
#
# It needs only the driver. From an unpacked bundle (make bundle):
#   sh gpu_check.sh bin/affjord
# In a checkout with built tests, the tests of any device run on the GPU. cuDNN's convolutions are checked if
# libcudnn.so.9 is found, cuBLAS's products if libcublas.so.13 is; otherwise the report has a note. compute-sanitizer, of
# the CUDA toolkit, runs if it is found.
# Status 1 if any check fails.
set -u
program=$1
report=${2:-gpu-check.md}
failed=0

listed=$("$program" list devices)
printf '%s\n' "$listed"
case $listed in
*"driver for CUDA"*) ;; # the description of a usable device
*)
    echo "gpu_check.sh: no CUDA device to check" >&2
    exit 1
    ;;
esac

verdict() { # WHAT STATUS
    if [ "$2" = 0 ]; then printf -- '- %s: passed\n' "$1"; else
        printf -- '- %s: **FAILED**, status %s\n' "$1" "$2"
        failed=1
    fi
}

"$program" bench device >"$report"
outcome=$?
{
    printf '\n## Verdicts\n\n'
    verdict "trainings on the device are those of the processor, of points to the bit, of images nearly" $outcome
} >>"$report"

# Each operation against the processor's, golden values and gradients, trainings by graphs and without, batched
# trainings of points.
tests=$(dirname "$program")/affjord-tests
if [ -x "$tests" ]; then
    log=$(mktemp)
    AFFJORD_TEST_LIBRARY=$(realpath "$(dirname "$program")/libaffjord_cuda.so") "$tests" --filter 'any_device/*' -j1 >"$log" 2>&1
    outcome=$?
    {
        verdict "$(sed -n 's/.*Tested: \([0-9]*\).*/\1/p' "$log") tests of any device" $outcome
        [ $outcome = 0 ] || { printf '\n```\n' && tail -n 100 "$log" && printf '```\n'; }
    } >>"$report"
    rm -f "$log"
else
    printf -- '- tests of any device: not run, as there is no %s (make tests)\n' "$tests" >>"$report"
fi

sanitizer=$(command -v compute-sanitizer || ls /usr/local/cuda/bin/compute-sanitizer 2>/dev/null)
for tool in memcheck racecheck; do
    if [ -z "$sanitizer" ]; then
        printf -- '- %s: not run, as compute-sanitizer was not found\n' $tool >>"$report"
        continue
    fi
    log=$(mktemp)
    "$sanitizer" --tool $tool --error-exitcode 9 "$program" bench device --brief >"$log" 2>&1
    outcome=$?
    {
        verdict "$tool" $outcome
        [ $outcome = 0 ] || { printf '\n```\n' && tail -n 40 "$log" && printf '```\n'; }
    } >>"$report"
    rm -f "$log"
done

cat "$report"
exit $failed
