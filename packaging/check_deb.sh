#!/bin/sh
# check_deb.sh - install the packages in build/deb into an empty root, use them from there, and remove them. `make
# deb-check` calls it.
#
# Dependencies are those of this machine, not of the root, so the test only checks the packages' own files.
set -eu
cd "$(dirname "$0")/.."
packages=$PWD/build/deb
root=$(mktemp -d)
work=$(mktemp -d)
trap 'rm -rf "$root" "$work"' EXIT
architecture=$(dpkg-architecture -qDEB_HOST_MULTIARCH)

say() { printf '== %s\n' "$*"; }
die() {
    printf 'check_deb.sh: %s\n' "$*" >&2
    exit 1
}
in_root() {
    dpkg --root="$root" --log=/dev/null --force-depends --force-not-root --force-script-chrootless "$@" >"$work/dpkg" 2>&1 ||
        die "dpkg $1: $(cat "$work/dpkg")"
}
files() { find "$root" ! -type d ! -path "$root/var/lib/dpkg/*"; }

say "installing into an empty root"
mkdir -p "$root/var/lib/dpkg/info" "$root/var/lib/dpkg/updates" "$root/var/lib/dpkg/triggers"
: >"$root/var/lib/dpkg/status"
in_root --install "$packages"/affjord_*.deb "$packages"/libaffjord0_*.deb "$packages"/libaffjord-dev_*.deb
[ "$(dpkg --root="$root" -l 'affjord' 'libaffjord*' | grep -c '^ii')" = 3 ] || die "not all three are installed"
for package in affjord libaffjord0; do
    dpkg --root="$root" -s $package | grep '^Depends:' | grep -q 'libc6 (>= ' || die "$package depends on no libc6"
done

say "the program, without any of this environment"
cat >"$work/small.ini" <<'END'
include = configs/toy_paper.ini
[experiment]
name = small
data = ty
models = affjord
figures = toy_table, fig6
[model affjord]
context = augmented
width = 16
[solver]
steps = 5
[train]
iterations = 100
batch = 64
epoch_iterations = 50
validation = 40
[output]
density_cells = 0
samples = 0
END
cd "$work"
env -i PATH=/usr/bin:/bin "$root/usr/bin/affjord" small.ini --quiet
ls results/figures/small/toy_table.md results/figures/small/fig6.pdf >/dev/null
env -i PATH=/usr/bin:/bin "$root/usr/bin/affjord" fig6.ini --dry-run >/dev/null
env -i PATH=/usr/bin:/bin "$root/usr/libexec/affjord/affjord-double" --version | grep -q 'numbers F64'

say "the same numbers as the checkout's program"
query='SELECT epoch, split, printf("%!.17g", loss) FROM epoch ORDER BY 1, 2'
include=$OLDPWD/configs/toy_paper.ini
sed "s|^include = .*|include = $include|" small.ini >own.ini
"$OLDPWD/build/affjord" own.ini --db own.db --quiet --set experiment.figures=toy_table
[ "$(sqlite3 own.db "$query")" = "$(sqlite3 results/results.db "$query")" ] || die "other losses than the checkout's"

say "a program that uses the library"
cp -r "$root/usr/share/doc/libaffjord-dev/examples" .
export PKG_CONFIG_SYSROOT_DIR="$root" PKG_CONFIG_LIBDIR="$root/usr/lib/$architecture/pkgconfig"
make -s -C examples own_equation CFLAGS="-O1 -Wall -Werror"
LD_LIBRARY_PATH=$root/usr/lib/$architecture examples/own_equation | tail -n 1
cd "$OLDPWD"

say "docs/guide/tutorial.md and own_data.md, done literally by the installed program"
AFFJORD_INSTALLED=$root/usr/bin build/affjord-tests --filter 'tutorial/*' >"$work/tutorial" 2>&1 ||
    die "the tutorial: $(cat "$work/tutorial")"
grep -q 'Passing: 2 ' "$work/tutorial" || die "the tutorial was not tried: $(cat "$work/tutorial")"

say "lintian"
lintian --allow-root --fail-on error,warning "$packages"/affjord_*.changes

say "removing"
in_root --purge affjord libaffjord-dev libaffjord0
[ -z "$(files)" ] || die "left behind: $(files)"
[ -z "$(find "$root" -name '*affjord*')" ] || die "left behind: $(find "$root" -name '*affjord*')"
say "nothing is left"
