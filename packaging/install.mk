# install.mk - installation, packages and their tests. Included by the Makefile.
#
#   make install PREFIX=/usr/local DESTDIR=     programs, library, headers, pages, experiments
#   make uninstall PREFIX=... DESTDIR=...       removes exactly these
#   make deb deb-check                          Debian packages in build/deb; install, test and remove them
#   make api                                    the library's documentation, build/api/html
#   make bundle bundle-check                    a folder and an archive that run without installation; test them
#   make wheel test-python                      the Python package, build/wheel; its tests (they need pip)
#   make gpu-check                              on a machine with a GPU: build/gpu-check.md (docs/guide/gpu.md)
#
# All files are of the float build, plus the double program for the theory experiments.

PREFIX  ?= /usr/local
LIBDIR  ?= $(PREFIX)/lib
DESTDIR ?=
SONAME  := libaffjord.so.$(firstword $(subst ., ,$(VERSION)))
SHARED  := build/libaffjord.so.$(VERSION)
PAGES   := $(addprefix build/pages/,affjord.1 affjord.ini.5 completion)

.PHONY: installable install uninstall api deb deb-check bundle bundle-check wheel test-python gpu-check

# Calls inside the library are bound to it, even if the calling program has functions of the same name. The library is
# never unloaded, because jansson, which the program may use too, calls one of its functions (core/train/json_memory.h).
$(SHARED): $(CORE_OBJECTS)
	@$(call say,link,$@)
	$(Q)$(CC) $(STRICT) $(CFLAGS) $(LDFLAGS) -shared -Wl,-soname,$(SONAME) -Wl,-Bsymbolic -Wl,-z,defs,-z,nodelete \
	    -Wl,--as-needed -o $@ $^ $(CORE_LIBS)

# The installed headers include each other as <affjord/...>, so that users need no include path.
build/include/affjord/affjord.h: $(wildcard core/*.h core/*/*.h core/*/*/*.h core/ode/tableau.def)
	@rm -rf build/include
	@for header in $$($(CC) -MM -Icore core/affjord.h | sed -e 's/^[^:]*://' -e 's/\\//'); do \
	    to=build/include/affjord/$${header#core/}; mkdir -p "$${to%/*}"; \
	    sed 's|^#include "\(.*\)"|#include <affjord/\1>|' "$$header" > "$$to" || exit 1; done
	@touch $@

$(PAGES): build/affjord
	@mkdir -p $(@D)
	@$(call say,write,$@)
	@AFFJORD_ROOT=. build/affjord document $(@F) > $@

build/double/affjord: FORCE
	@$(MAKE) --no-print-directory PRECISION=double all

installable: build/affjord build/double/affjord build/libaffjord.a $(SHARED) build/include/affjord/affjord.h $(PAGES)

# (Not INSTALL, which Debian's helpers set.)
PUT = PREFIX='$(PREFIX)' LIBDIR='$(LIBDIR)' DESTDIR='$(DESTDIR)' VERSION='$(VERSION)' SONAME='$(SONAME)' \
      LIBS='$(CORE_LIBS)' sh packaging/install.sh
install: installable
	@$(PUT) install
uninstall: build/include/affjord/affjord.h
	@$(PUT) uninstall

# Its input is the installed headers. A missing comment, or one that does not match the declaration, is an error.
api: build/include/affjord/affjord.h
	@sh runner/packages.sh install api
	@rm -rf build/api && mkdir -p build/api
	@VERSION=$(VERSION) doxygen docs/Doxyfile
	@echo "build/api/html/index.html"

deb:
	@sh runner/packages.sh install deb
	@VERSION=$(VERSION) sh packaging/deb.sh
deb-check: deb build/affjord-tests
	@sh packaging/check_deb.sh

# The program again, with libraries beside itself, also for its libraries' dependencies (no new dtags).
BUNDLE := affjord-$(VERSION)-$(shell uname -m)
build/bundle/affjord: $(RUNNER_OBJECTS) build/libaffjord.a
	@mkdir -p $(@D)
	@$(call say,link,$@)
	$(Q)$(CC) $(STRICT) $(CFLAGS) $(LDFLAGS) -Wl,--disable-new-dtags,-rpath,'$$ORIGIN' -o $@ $^ $(LIBS)
bundle: build/bundle/affjord $(CUDA)
	@sh packaging/bundle.sh $(BUNDLE) build/bundle/affjord $(CUDA)
bundle-check: bundle
	@sh packaging/check_bundle.sh $(BUNDLE)

wheel: $(SHARED)
	@sh packaging/wheel.sh $(SHARED)
test-python: wheel build/affjord
	@sh packaging/test_python.sh build/affjord

# Includes the tests of any device if they can be built.
gpu-check: all $(if $(wildcard $(addsuffix /include/criterion/criterion.h,/usr $(LOCAL))),tests)
	@sh packaging/gpu_check.sh build/affjord build/gpu-check.md
