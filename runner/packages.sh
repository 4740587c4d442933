#!/bin/sh
# packages.sh - the distribution's packages that the project needs, and how to get them.
#
#   packages.sh missing [FOR]    print those that are missing
#   packages.sh install [FOR]    install them: as root or with sudo, otherwise print instructions
#   packages.sh local   [FOR]    unpack them into .deps, without root (all but the compiler and make)
#
# Both first list the packages with their purposes. On a terminal, `install` then asks for confirmation, and Enter means
# yes; without a terminal, or with CI=true, it continues.
#
# FOR: test, test-all, check, api or deb: also the packages of this target of the Makefile (check: of the instruments
# and linters); slurm: only those of tests/slurm.
#
# For all tests also axe-core, the accessibility rules for the report's page, which the distribution lacks. It comes
# from a Python package, by version and checksum, into .deps/axe.
#
# A package counts as installed if its file exists, under / or under .deps.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd -P)
architecture=$(uname -m)-linux-gnu

# package, and a file that it brings
compiler_packages="
gcc              usr/bin/gcc
make             usr/bin/make
libc6-dev        usr/include/stdio.h
"
build_packages="
libsqlite3-dev   usr/include/sqlite3.h
libinih-dev      usr/include/ini.h
libjansson-dev   usr/include/jansson.h
libmd-dev        usr/include/sha256.h
libsleef-dev     usr/include/ARCHITECTURE/sleef.h
librandom123-dev usr/include/Random123/philox.h
libopenblas-dev  usr/lib/ARCHITECTURE/libopenblas.so
liblapacke-dev   usr/include/lapacke.h
libjpeg62-turbo-dev usr/include/jpeglib.h
libpng-dev       usr/include/png.h
libzip-dev       usr/include/zip.h
zlib1g-dev       usr/include/zlib.h
sqlite3          usr/bin/sqlite3
gnuplot-nox      usr/bin/gnuplot
fonts-dejavu-core usr/share/fonts/truetype/dejavu/DejaVuSans.ttf
"
test_packages="
libcriterion-dev usr/include/criterion/criterion.h
g++              usr/bin/c++
git              usr/bin/git
procps           usr/bin/ps
"
test_all_packages="
libsundials-dev  usr/include/cvodes/cvodes.h
chromium-headless-shell usr/lib/chromium/chromium-headless-shell
python3-pip      usr/lib/python3/dist-packages/pip/__init__.py
python3-venv     usr/share/doc/python3-venv
pkgconf          usr/bin/pkg-config
mandoc           usr/bin/mandoc
r-base-core      usr/bin/Rscript
r-cran-rsqlite   usr/lib/R/site-library/RSQLite/DESCRIPTION
parallel         usr/bin/parallel
r-cran-jsonlite  usr/lib/R/site-library/jsonlite/DESCRIPTION
locales          usr/share/i18n/locales/de_DE
"
check_packages="
clang            usr/bin/clang
libclang-rt-14-dev usr/lib/llvm-14/lib/clang/14.0.6/lib/linux
clang-format     usr/bin/clang-format
clang-tidy       usr/bin/clang-tidy
cppcheck         usr/bin/cppcheck
shellcheck       usr/bin/shellcheck
valgrind         usr/bin/valgrind
libc6-dbg        usr/lib/debug/.build-id
gcovr            usr/bin/gcovr
"
api_packages="
doxygen          usr/bin/doxygen
"
deb_packages="
build-essential  usr/share/build-essential/list
dpkg-dev         usr/bin/dpkg-buildpackage
debhelper        usr/bin/dh
lintian          usr/bin/lintian
"
axe_package="axe-playwright-python==0.1.8 --hash=sha256:fdd263c998388f1a8e67cad02677e612d946248bd44d163be5e8650ea31f95f8"

slurm_packages="
slurm-wlm        usr/sbin/slurmd
munge            usr/sbin/munged
"

# Print the packages of a group, and their purpose.
packages_of() {
    case $1 in
    compiler) printf '%s' "$compiler_packages" ;;
    build) printf '%s' "$build_packages" ;;
    test) printf '%s' "$test_packages" ;;
    test-all) printf '%s' "$test_all_packages" ;;
    check) printf '%s' "$check_packages" ;;
    api) printf '%s' "$api_packages" ;;
    deb) printf '%s' "$deb_packages" ;;
    slurm) printf '%s' "$slurm_packages" ;;
    esac
}
reason_of() {
    case $1 in
    compiler) echo "to compile" ;;
    build) echo "libraries and programs that affjord computes, records and draws with" ;;
    test) echo "for the tests" ;;
    test-all) echo "for the other tests" ;;
    check) echo "for linters and instruments" ;;
    api) echo "for the library's pages" ;;
    deb) echo "to make Debian packages" ;;
    slurm) echo "for the test with Slurm" ;;
    esac
}

# missing GROUP...
missing() {
    for group; do packages_of "$group"; done | while read -r package file; do
        file=$(echo "$file" | sed "s/ARCHITECTURE/$architecture/")
        [ -n "$package" ] || continue
        [ -e "/$file" ] || [ -e "$root/.deps/$file" ] || printf '%s\n' "$package"
    done
}

axe_is_missing() {
    [ "$wants_axe" = yes ] && [ ! -e "$root/.deps/axe/axe.min.js" ]
}

# announce WAY: list what is missing, group by group; WAY is the way of installation.
announce() {
    {
        [ -z "$list" ] || echo "Missing packages, $1 with what they need:"
        # shellcheck disable=SC2086 # a list of words
        for group in $groups; do
            here=$(missing "$group" | tr '\n' ' ')
            [ -z "$here" ] || printf '  %s: %s\n' "$(reason_of "$group")" "${here% }"
        done
        ! axe_is_missing || printf 'Missing axe-core, to be fetched by pip into .deps/axe:\n  %s: %s\n' \
            "to test that the report's page is accessible" "${axe_package%% *}"
    } >&2
}

# Ask for confirmation on a terminal; only Enter and yes mean yes.
agree() {
    { [ -t 0 ] && [ -t 2 ]; } || return 0
    case ${CI:-false} in false | 0) ;; *) return 0 ;; esac
    printf 'Go on? [Y/n] ' >&2
    read -r answer || answer=no
    case $answer in '' | [yY] | [yY][eE][sS]) return 0 ;; esac
    echo "Nothing was installed.${list:+ By hand: sudo apt-get install ${list% }}" >&2
    return 1
}

install_all() {
    # shellcheck disable=SC2086 # a list of words
    list=$(missing $groups | tr '\n' ' ')
    if [ -n "$list" ]; then
        find_root
        announce "to be installed by ${as_root:+$as_root }apt-get"
    elif axe_is_missing; then
        announce ""
    else
        return 0
    fi
    agree || return 1
    [ -z "$list" ] || install_packages
    ! axe_is_missing || fetch_axe
}

# as_root <- the prefix that runs a command as root; empty for root.
find_root() {
    if [ "$(id -u)" = 0 ]; then
        as_root=
    elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
        as_root=sudo
    else
        {
            echo "These packages are missing: $list"
            echo "Install them with"
            echo "    sudo apt-get install $list"
            echo "or, without root, unpack them into .deps with"
            echo "    make deps-local        (or: sh runner/packages.sh local)"
        } >&2
        exit 1
    fi
    command -v apt-get >/dev/null || {
        echo "No apt-get here; install the counterparts of: $list" >&2
        exit 1
    }
}

install_packages() {
    log=$(mktemp)
    # shellcheck disable=SC2086 # a list of words
    if $as_root apt-get -q update >"$log" 2>&1 &&
        $as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install $list >>"$log" 2>&1; then
        rm -f "$log"
    else
        tail -n 20 "$log" >&2
        echo "apt-get failed; its whole output is in $log" >&2
        return 1
    fi
}

# Fetch the missing packages with all that they need and the system lacks, and unpack them into .deps.
unpack_packages() {
    compiler=$(missing compiler | tr '\n' ' ')
    [ -z "$compiler" ] || {
        echo "A compiler does not work from a folder of its own; an administrator installs: $compiler" >&2
        return 1
    }
    [ -n "$list" ] || return 0
    mkdir -p "$root/.deps/archives"
    cd "$root/.deps/archives"
    # shellcheck disable=SC2086 # a list of words
    wanted=$(apt-get -s --no-install-recommends install $list | sed -n 's/^Inst \([^ ]*\) .*/\1/p')
    [ -n "$wanted" ] || {
        echo "apt-get has no such packages: $list (its lists may be old; an administrator runs apt-get update)" >&2
        return 1
    }
    # shellcheck disable=SC2086
    apt-get -qq download $wanted
    for archive in *.deb; do dpkg-deb -x "$archive" "$root/.deps"; done
    rm -rf "$root/.deps/archives"
    # If /lib is a separate folder, merge it with /usr/lib.
    [ ! -d "$root/.deps/lib" ] || cp -a "$root/.deps/lib/." "$root/.deps/usr/lib/"
    # Alternatives that a package's installation would have set up.
    [ -e "$root/.deps/usr/bin/gnuplot-nox" ] && ln -sf gnuplot-nox "$root/.deps/usr/bin/gnuplot"
    for file in "$root/.deps/usr/lib/$architecture"/*/lib*.so.* "$root/.deps/usr/lib/$architecture"/openblas*/lib*.so \
        "$root/.deps/usr/include/$architecture"/openblas*/*.h; do
        [ ! -e "$file" ] || ln -sf "$(basename "$(dirname "$file")")/$(basename "$file")" \
            "$(dirname "$(dirname "$file")")/$(basename "$file")"
    done
    echo "Unpacked into .deps: $list and what they need" >&2
}

unpack_all() {
    # shellcheck disable=SC2086 # a list of words
    list=$(missing $groups | tr '\n' ' ')
    if [ -z "$list" ] && ! axe_is_missing; then
        echo "Nothing is missing." >&2
        return 0
    fi
    announce "to be unpacked into .deps"
    unpack_packages
    ! axe_is_missing || fetch_axe
}

fetch_axe() {
    folder=$(mktemp -d)
    printf '%s\n' "$axe_package" >"$folder/wanted.txt"
    # Python may be of the system or of .deps.
    if (
        PATH=$PATH:$root/.deps/usr/bin
        PYTHONPATH=${PYTHONPATH:+$PYTHONPATH:}$root/.deps/usr/lib/python3/dist-packages
        export PATH PYTHONPATH
        cd "$folder"
        python3 -m pip -q --disable-pip-version-check download --no-deps --only-binary :all: --require-hashes \
            -r wanted.txt >log 2>&1 && python3 -m zipfile -e ./*.whl . >>log 2>&1
    ); then
        mkdir -p "$root/.deps/axe"
        # From another file system, moving is copying, which may be cut short.
        cp "$folder/axe_playwright_python/axe.min.js" "$root/.deps/axe/new"
        mv "$root/.deps/axe/new" "$root/.deps/axe/axe.min.js"
        rm -rf "$folder"
    else
        tail -n 20 "$folder/log" >&2
        echo "axe-core could not be fetched: pip download ${axe_package%% *} failed (above); the file axe.min.js of" \
            "that package can also be put into .deps/axe by hand" >&2
        rm -rf "$folder"
        return 1
    fi
}

groups="compiler build" wants_axe=no
case ${2:-} in
test) groups="$groups test" ;;
test-all) groups="$groups test test-all deb api" wants_axe=yes ;;
check) groups="$groups test test-all check" wants_axe=yes ;;
api) groups="$groups api" ;;
deb) groups="$groups deb" ;;
slurm) groups=slurm ;;
esac
# shellcheck disable=SC2086 # a list of words
case ${1:-} in
missing) missing $groups ;;
install) install_all ;;
local) unpack_all ;;
*)
    echo "usage: packages.sh missing|install|local [test|test-all|check|api|deb|slurm]" >&2
    exit 2
    ;;
esac
