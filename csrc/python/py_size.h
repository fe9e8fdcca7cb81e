/* py_size.h - a size that Python gave as an argument. */
#ifndef FA_PYTHON_PY_SIZE_H
#define FA_PYTHON_PY_SIZE_H

#include <stddef.h>

#include "base/base.h"
#include "python/compat.h"

/*
 * fa_py_size_parse - `value` as a number from `min` to `max`; `what` begins the message.
 *
 * Refs:      borrows `value`.
 * GIL:       attached thread state required.
 * Calls out: yes, value.__index__ if it is no int.
 * Errors:    false with TypeError (no int), OverflowError (beyond 64 bits) or ValueError (out
 *            of bounds) that names the bounds. `out` is then not written.
 */
FA_NODISCARD bool fa_py_size_parse(
    PyObject *value, const char *what, size_t min, size_t max, size_t *out);

#endif
