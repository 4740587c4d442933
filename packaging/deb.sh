#!/bin/sh
# deb.sh - build the Debian packages of debian/control in build/deb. `make deb` calls it with VERSION in the
# environment.
#
# They are built from a copy of the tracked files, so that flags and objects do not mix with those of the checkout.
set -eu
unset MAKEFLAGS MAKELEVEL
cd "$(dirname "$0")/.."
copy=build/deb/affjord-$VERSION
[ "$(sed -n '1s/.*(\(.*\)).*/\1/p' debian/changelog)" = "$VERSION" ] || {
    echo "debian/changelog: the first entry is not of version $VERSION, which the Makefile has" >&2
    exit 1
}
rm -rf build/deb
mkdir -p "$copy"
git ls-files -z | tar --null -T - -c | tar -x -C "$copy"
(cd "$copy" && dpkg-buildpackage --build=binary --no-sign -j"$(nproc)") >build/deb/log 2>&1 || {
    tail -n 20 build/deb/log >&2
    echo "The packages could not be built; build/deb/log has all messages" >&2
    exit 1
}
ls build/deb/*.deb
