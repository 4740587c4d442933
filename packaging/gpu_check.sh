#!/bin/sh
# gpu_check.sh - what only a machine with a GPU can show, as one report in Markdown; `make gpu-check` calls it.
#
#   gpu_check.sh PROGRAM [REPORT]     PROGRAM with libaffjord_cuda.so beside it; REPORT (gpu-check.md)
#
# It needs the driver and nothing else: also from an unpacked bundle (make bundle), as
#   sh gpu_check.sh bin/affjord
# cuDNN's convolutions of images are checked where libcudnn.so.9 is found, and the report says so where it is not.
# compute-sanitizer, of the CUDA toolkit, is run where it is found. Status 1 where anything is not as it should be.
set -u
program=$1
report=${2:-gpu-check.md}
failed=0

listed=$("$program" list devices)
printf '%s\n' "$listed"
case $listed in
*"driver for CUDA"*) ;; # of a device that can be used
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

sanitizer=$(command -v compute-sanitizer || ls /usr/local/cuda/bin/compute-sanitizer 2>/dev/null)
for tool in memcheck racecheck; do
    if [ -z "$sanitizer" ]; then
        printf -- '- %s: not run, as compute-sanitizer was not found\n' $tool >>"$report"
        continue
    fi
    log=$(mktemp)
    "$sanitizer" --tool $tool --error-exitcode 9 "$program" bench device --brief >"$log" 2>&1
    outcome=$?
    verdict "$tool" $outcome >>"$report"
    [ $outcome = 0 ] || { printf '\n```\n' && tail -n 40 "$log" && printf '```\n'; } >>"$report"
    rm -f "$log"
done

cat "$report"
exit $failed
