#include "python/py_json.h"

#include <math.h>
#include <string.h>

#include "json/json_number.h"
#include "json/json_writer.h"

/* Deeper nesting is left to Python, whose recursion limit decides there. */
enum { MAX_DEPTH = 100 };

static enum fa_py_json_result write_value(struct fa_writer *w, PyObject *value, int depth);

static inline enum fa_py_json_result from_status(fa_status status)
{
    if (FA_LIKELY(status == FA_OK)) return FA_PY_JSON_OK;
    /* A lone surrogate has no UTF-8 form: FastAPI's encoder raises for it. */
    return status == FA_ERR_NOMEM ? FA_PY_JSON_NOMEM : FA_PY_JSON_UNSURE;
}

static inline fa_status write_text(struct fa_writer *w, PyObject *text)
{
    size_t len = (size_t)PyUnicode_GET_LENGTH(text);
    const void *data = PyUnicode_DATA(text);
    if (FA_LIKELY(PyUnicode_IS_ASCII(text)))
        return fa_json_writer_string_utf8(w, (fa_span){data, len});
    switch (PyUnicode_KIND(text)) {
    case PyUnicode_1BYTE_KIND: return fa_json_writer_string_latin1(w, data, len);
    case PyUnicode_2BYTE_KIND: return fa_json_writer_string_ucs2(w, data, len);
    default: return fa_json_writer_string_ucs4(w, data, len);
    }
}

static enum fa_py_json_result write_str(struct fa_writer *w, PyObject *text)
{
    return from_status(write_text(w, text));
}

static enum fa_py_json_result write_int(struct fa_writer *w, PyObject *number)
{
    int overflow = 0;
    long long small = PyLong_AsLongLongAndOverflow(number, &overflow);
    if (overflow != 0) return FA_PY_JSON_UNSURE;
    return from_status(fa_json_writer_int64(w, small));
}

static enum fa_py_json_result write_float(struct fa_writer *w, PyObject *number)
{
    double real = PyFloat_AS_DOUBLE(number);
    if (!isfinite(real)) return FA_PY_JSON_UNSURE;
    char text[FA_JSON_NUMBER_SIZE];
    size_t len = fa_json_number_double(real, text);
    return from_status(fa_json_writer_raw(w, (fa_span){text, len}));
}

/* jsonable_encoder leaves out keys that start with "_sa" (SQLAlchemy state). */
static inline bool is_sqlalchemy_key(PyObject *key)
{
    return PyUnicode_GET_LENGTH(key) >= 3 && PyUnicode_READ_CHAR(key, 0) == '_' &&
           PyUnicode_READ_CHAR(key, 1) == 's' && PyUnicode_READ_CHAR(key, 2) == 'a';
}

static enum fa_py_json_result write_dict(struct fa_writer *w, PyObject *dict, int depth)
{
    Py_ssize_t position = 0;
    PyObject *key, *value;
    char separator = '{';
    while (PyDict_Next(dict, &position, &key, &value)) {
        if (!PyUnicode_CheckExact(key) || is_sqlalchemy_key(key)) return FA_PY_JSON_UNSURE;
        if (!fa_writer_putc(w, separator)) return FA_PY_JSON_NOMEM;
        separator = ',';
        enum fa_py_json_result result = write_str(w, key);
        if (result != FA_PY_JSON_OK) return result;
        if (!fa_writer_putc(w, ':')) return FA_PY_JSON_NOMEM;
        result = write_value(w, value, depth + 1);
        if (result != FA_PY_JSON_OK) return result;
    }
    if (separator == '{' && !fa_writer_putc(w, '{')) return FA_PY_JSON_NOMEM;
    return fa_writer_putc(w, '}') ? FA_PY_JSON_OK : FA_PY_JSON_NOMEM;
}

static enum fa_py_json_result write_items(
    struct fa_writer *w, PyObject *const *items, Py_ssize_t count, int depth)
{
    if (!fa_writer_putc(w, '[')) return FA_PY_JSON_NOMEM;
    for (Py_ssize_t i = 0; i < count; i++) {
        if (i > 0 && !fa_writer_putc(w, ',')) return FA_PY_JSON_NOMEM;
        enum fa_py_json_result result = write_value(w, items[i], depth + 1);
        if (result != FA_PY_JSON_OK) return result;
    }
    return fa_writer_putc(w, ']') ? FA_PY_JSON_OK : FA_PY_JSON_NOMEM;
}

static enum fa_py_json_result write_value(struct fa_writer *w, PyObject *value, int depth)
{
    if (depth > MAX_DEPTH) return FA_PY_JSON_UNSURE;
    PyTypeObject *type = Py_TYPE(value);
    if (type == &PyUnicode_Type) return write_str(w, value);
    if (type == &PyLong_Type) return write_int(w, value);
    if (type == &PyDict_Type) return write_dict(w, value, depth);
    if (type == &PyList_Type) {
        return write_items(w, ((PyListObject *)value)->ob_item, PyList_GET_SIZE(value), depth);
    }
    if (value == Py_None) return from_status(fa_json_writer_null(w));
    if (value == Py_True || value == Py_False)
        return from_status(fa_json_writer_bool(w, value == Py_True));
    if (type == &PyFloat_Type) return write_float(w, value);
    if (type == &PyTuple_Type) {
        return write_items(w, ((PyTupleObject *)value)->ob_item, PyTuple_GET_SIZE(value), depth);
    }
    return FA_PY_JSON_UNSURE;
}

enum fa_py_json_result fa_py_json_write(struct fa_writer *w, PyObject *value)
{
    return write_value(w, value, 0);
}

fa_status fa_py_json_write_str(struct fa_writer *w, PyObject *text)
{
    return write_text(w, text);
}
