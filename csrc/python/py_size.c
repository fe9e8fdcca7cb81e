#include "python/py_size.h"

static bool refuse_type(const char *what, size_t min, size_t max, PyObject *value)
{
    PyErr_Format(PyExc_TypeError, "%s must be an int from %zu to %zu, not %.100s", what, min, max,
        Py_TYPE(value)->tp_name);
    return false;
}

bool fa_py_size_parse(PyObject *value, const char *what, size_t min, size_t max, size_t *out)
{
    if (!PyIndex_Check(value)) return refuse_type(what, min, max, value);
    PyObject *number = PyNumber_Index(value);
    if (number == NULL) return false;
    int overflow = 0;
    long long n = PyLong_AsLongLongAndOverflow(number, &overflow);
    bool fits = overflow == 0 && n >= 0 && (size_t)n >= min && (size_t)n <= max;
    if (fits) {
        *out = (size_t)n;
    } else if (overflow == 0) {
        PyErr_Format(
            PyExc_ValueError, "%s must be an int from %zu to %zu, not %lld", what, min, max, n);
    } else {
        /* Its digits may be more than int.__repr__ is willing to write. */
        PyErr_Format(PyExc_OverflowError,
            "%s must be an int from %zu to %zu, not one beyond 64 bits", what, min, max);
    }
    Py_DECREF(number);
    return fits;
}
