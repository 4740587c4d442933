/* csv_write.c - write tables as text. */
#include "data/csv_write.h"

#include "base/file.h"
#include "base/number.h"

enum { PART = 1 << 16, NUMBER_MAX = 32 };

/* A table that is being written. */
typedef struct writer {
    file_replacement file;
    size_t used;
    char part[PART];
} writer;

static double value_at(npy_type type, const void *values, size_t i) {
    return type == NPY_F32 ? (double)((const float *)values)[i] : ((const double *)values)[i];
}

static status flush(writer *out, error_info *err) {
    const size_t size = out->used;
    out->used = 0;
    return file_replace_write(&out->file, out->part, size, err);
}

static status write_rows(writer *out, npy_type type, const void *values, size_t rows, size_t columns, error_info *err) {
    const int digits = type == NPY_F32 ? 9 : 17;
    for (size_t i = 0; i < rows * columns; i++) {
        if (out->used + NUMBER_MAX > PART) TRY(flush(out, err));
        const char end = (i + 1) % columns == 0 ? '\n' : ',';
        out->used +=
            (size_t)number_print(out->part + out->used, NUMBER_MAX, "%.*g%c", digits, value_at(type, values, i), end);
    }
    return flush(out, err);
}

status csv_write(const char *path, npy_type type, const void *values, size_t rows, size_t columns, error_info *err) {
    writer out = {.used = 0};
    TRY(file_replace_begin(path, &out.file, err));
    return file_replace_end(&out.file, write_rows(&out, type, values, rows, columns == 0 ? 1 : columns, err), err);
}
