/* device.c - find and load the library of CUDA devices at run time. */
#include "backend/device.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

status device_parse(const char *text, device_choice *out, error_info *err) {
    static const char word[] = "cuda";
    enum { DIGITS_MAX = 4 };
    const char *number = text + sizeof word; /* after "cuda:" */
    *out = (device_choice){.library = strcmp(text, "cpu") != 0};
    out->all = strcmp(text, "cuda:auto") == 0;
    if (!out->library || out->all || strcmp(text, word) == 0) return STATUS_OK;
    const bool numbered = strncmp(text, word, sizeof word - 1) == 0 && text[sizeof word - 1] == ':';
    const size_t digits = numbered ? strspn(number, "0123456789") : 0;
    if (digits < 1 || digits > DIGITS_MAX || number[digits])
        return error_set(err, STATUS_INVALID, "--device %.100s: expected cpu, cuda, cuda:N or cuda:auto", text);
    out->number = (int)strtol(number, NULL, 10);
    return STATUS_OK;
}

#ifdef AFFJORD_DOUBLE
status device_open(const device_table **out, error_info *err) {
    (void)out;
    return error_set(err, STATUS_IO, "--device cuda: not available in double precision; expected cpu");
}
#else
static const char library_name[] = "libaffjord_cuda.so";

static void *open_at(const char *path, const char *name, error_info *err) {
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) error_describe(err, "%s: cannot open: %s", name, dlerror());
    return library;
}

static void *open_library(error_info *err) {
    /* Beside the program as built; where `make install` puts it; the system's search path. dlopen expands $ORIGIN. */
    static const char *const places[] = {"$ORIGIN/libaffjord_cuda.so", "$ORIGIN/../libexec/affjord/libaffjord_cuda.so",
                                         library_name};
    const char *given = getenv("AFFJORD_DEVICE_LIBRARY");
    if (given) return open_at(given, given, err);
    void *library = NULL;
    /* Stop at a library that exists but cannot be loaded: its error is the useful one. */
    for (size_t i = 0; !library && i < sizeof places / sizeof *places; i++) {
        library = open_at(places[i], library_name, err);
        if (!library && !strstr(err->text, "No such file")) break;
    }
    return library;
}

status device_open(const device_table **out, error_info *err) {
    error_info reason;
    void *library = open_library(&reason);
    if (!library)
        return error_set(err, STATUS_IO, "CUDA backend: %.800s; to build it, install nvcc and run make", reason.text);
    device_table_function *table_function;
    void *symbol = dlsym(library, DEVICE_TABLE_SYMBOL);
    /* ISO C does not convert between object and function pointers. */
    memcpy(&table_function, &symbol, sizeof table_function);
    if (!symbol) {
        dlclose(library);
        return error_set(err, STATUS_FORMAT, "CUDA backend: %s has no symbol \"%s\"; rebuild it with make",
                         library_name, DEVICE_TABLE_SYMBOL);
    }
    const device_table *table = table_function();
    if (table->version != DEVICE_TABLE_VERSION) {
        const unsigned found = table->version;
        dlclose(library);
        return error_set(
            err, STATUS_FORMAT,
            "CUDA backend: %s: expected interface version %d, found %u; build program and library from the same "
            "sources",
            library_name, DEVICE_TABLE_VERSION, found);
    }
    *out = table;
    return STATUS_OK;
}
#endif
