#!/bin/sh
# install.sh - install the built files, or remove them.
#
#   install.sh install|uninstall      with PREFIX, LIBDIR, DESTDIR, VERSION, SONAME and LIBS in the environment;
#                                     `make install` and `make uninstall` call it
#
# Both use the same list, so `uninstall` removes exactly the installed files. Shared folders such as bin remain; folders
# named affjord are removed.
set -eu
cd "$(dirname "$0")/.."
action=$1

# put MODE FILE PLACE
put() {
    case $action in
    install) install -D -m "$1" "$2" "$DESTDIR$3" ;;
    uninstall) rm -f "$DESTDIR$3" ;;
    esac
}

# put_link TARGET PLACE
put_link() {
    case $action in
    install) ln -sf "$1" "$DESTDIR$2" ;;
    uninstall) rm -f "$DESTDIR$2" ;;
    esac
}

# put_folder FOLDER PLACE PATTERN...: its files of these names
put_folder() {
    from=$1 to=$2
    shift 2
    for pattern; do
        for file in "$from"/$pattern; do
            mode=644
            [ ! -x "$file" ] || mode=755
            put $mode "$file" "$to/${file##*/}"
        done
    done
}

own_folder() {
    [ "$action" = install ] || [ ! -d "$DESTDIR$1" ] || find "$DESTDIR$1" -depth -type d -empty -delete
}

share=$PREFIX/share/affjord

put 755 build/affjord "$PREFIX/bin/affjord"
put 755 build/double/affjord "$PREFIX/libexec/affjord/affjord-double"

# The GPU library, if it was built.
if [ "$action" = uninstall ] || [ -f build/libaffjord_cuda.so ]; then
    put 755 build/libaffjord_cuda.so "$PREFIX/libexec/affjord/libaffjord_cuda.so"
fi

put 644 build/libaffjord.a "$LIBDIR/libaffjord.a"
put 644 "build/libaffjord.so.$VERSION" "$LIBDIR/libaffjord.so.$VERSION"
put_link "libaffjord.so.$VERSION" "$LIBDIR/$SONAME"
put_link "$SONAME" "$LIBDIR/libaffjord.so"
for header in $(cd build/include && find affjord -type f); do
    put 644 "build/include/$header" "$PREFIX/include/$header"
done
# shellcheck disable=SC2016 # pkg-config's variable
case $LIBDIR in
/lib | /lib/* | /usr/lib | /usr/lib/*) rpath= ;;
*) rpath='-Wl,-rpath,${libdir} ' ;;
esac
pc=$(mktemp)
trap 'rm -f "$pc"' EXIT
sed -e "s|@PREFIX@|$PREFIX|" -e "s|@LIBDIR@|$LIBDIR|" -e "s|@VERSION@|$VERSION|" -e "s|@LIBS@|$LIBS|" \
    -e "s|@RPATH@|$rpath|" packaging/affjord.pc.in >"$pc"
put 644 "$pc" "$LIBDIR/pkgconfig/affjord.pc"

put 644 build/pages/affjord.1 "$PREFIX/share/man/man1/affjord.1"
put 644 build/pages/affjord.ini.5 "$PREFIX/share/man/man5/affjord.ini.5"
put 644 build/pages/completion "$PREFIX/share/bash-completion/completions/affjord"

put_folder configs "$share/configs" '*.ini'
put_folder experiments "$share/experiments" '*.ini'
put_folder plots "$share/plots" '*'
put 755 paper_figures.sh "$share/paper_figures.sh"
put 644 runner/record/schema.sql "$share/runner/record/schema.sql"
put_folder tests/baselines "$share/tests/baselines" '*.tsv'

put_folder . "$PREFIX/share/doc/affjord" README.md
for folder in docs docs/guide docs/reference docs/explanation docs/lab; do
    put_folder "$folder" "$PREFIX/share/doc/affjord/$folder" '*.md'
done
put_folder docs/figures "$PREFIX/share/doc/affjord/docs/figures" '*.png'
put_folder examples "$PREFIX/share/doc/affjord/examples" '*'

own_folder "$PREFIX/include/affjord"
own_folder "$PREFIX/libexec/affjord"
own_folder "$share"
own_folder "$PREFIX/share/doc/affjord"
[ "$action" = uninstall ] || echo "Installed under $DESTDIR$PREFIX"
