#!/bin/sh
# bundle.sh - make a folder, and an archive of it, that runs on another machine without installation; `make bundle`
# calls it.
#
#   bundle.sh NAME PROGRAM [DEVICE_LIBRARY]     makes build/NAME and build/NAME.tar.gz
#
# The program finds its libraries beside it ($ORIGIN). All libraries are included except the C library and the loader,
# which must be at least as new as on this machine, and CUDA's, because libaffjord_cuda.so contains the parts that it
# needs.
set -eu
cd "$(dirname "$0")/.."
name=$1
program=$2
device=${3:-}
folder=build/$name
limit=60000000

rm -rf "$folder" "$folder.tar.gz"
mkdir -p "$folder/bin"
cp "$program" "$folder/bin/affjord"
[ -z "$device" ] || cp "$device" "$folder/bin/"
strip --strip-unneeded "$folder"/bin/*
ldd "$program" | sed -n 's/.* => \(\/[^ ]*\) .*/\1/p' | while read -r library; do
    case ${library##*/} in
    libc.so.* | libm.so.* | libpthread.so.* | libdl.so.* | librt.so.* | ld-linux*) ;;
    *) cp -L "$library" "$folder/bin/" ;;
    esac
done
find experiments configs plots paper_figures.sh LICENSE -type f | while read -r file; do
    mkdir -p "$folder/$(dirname "$file")"
    cp "$file" "$folder/$file"
done
cp packaging/gpu_check.sh "$folder/"
cat >"$folder/run" <<'END'
#!/bin/sh
# run - the program of this folder; ./run --help
root=$(cd "$(dirname "$0")" && pwd -P)
AFFJORD_ROOT=$root exec "$root/bin/affjord" "$@"
END
chmod 755 "$folder/run"
tar -C build -czf "$folder.tar.gz" "$name"
size=$(wc -c <"$folder.tar.gz")
[ "$size" -le $limit ] || {
    echo "bundle.sh: $folder.tar.gz has $size bytes, more than $limit" >&2
    exit 1
}
echo "$folder.tar.gz: $((size / 1000000)) MB"
