#include "python/py_json.h"

#include <string.h>

#include "json/json_writer.h"

/* Deeper nesting is left to Python, whose recursion limit decides there. */
enum { MAX_DEPTH = 100, BYTES_ROOM = 1024 };

/* Between these repr() and Pydantic write a float alike: no exponent. */
#define PLAIN_FLOAT_MIN 1e-4
#define PLAIN_FLOAT_END 1e16

static enum fa_py_json_result write_value(
    struct fa_writer *w, const char *shape, PyObject *value, int depth);

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
    int64_t value;
    if (FA_UNLIKELY(!fa_compat_small_int(number, &value))) {
        int overflow = 0;
        value = PyLong_AsLongLongAndOverflow(number, &overflow);
        if (overflow != 0) return FA_PY_JSON_UNSURE;
    }
    return from_status(fa_json_writer_int64(w, value));
}

static enum fa_py_json_result write_float(struct fa_writer *w, const char *shape, PyObject *number)
{
    double value = PyFloat_AS_DOUBLE(number), size = value < 0 ? -value : value;
    bool plain = (size >= PLAIN_FLOAT_MIN && size < PLAIN_FLOAT_END) || value == 0;
    if (!plain && *shape != FA_PY_JSON_UNTYPED[0]) return FA_PY_JSON_UNSURE;
    return from_status(fa_json_writer_double(w, value));
}

/* jsonable_encoder leaves out keys that start with "_sa" (SQLAlchemy state). */
static inline bool is_sqlalchemy_key(PyObject *key)
{
    return PyUnicode_GET_LENGTH(key) >= 3 && PyUnicode_READ_CHAR(key, 0) == '_' &&
           PyUnicode_READ_CHAR(key, 1) == 's' && PyUnicode_READ_CHAR(key, 2) == 'a';
}

/*
 * A value inside a container whose lock is held. On free-threaded builds the lock of an
 * inner container may let the outer one go for a while, so the inner one is held on to.
 */
static inline enum fa_py_json_result write_inner(
    struct fa_writer *w, const char *shape, PyObject *value, int depth)
{
#if FA_GIL_DISABLED
    Py_INCREF(value);
    enum fa_py_json_result result = write_value(w, shape, value, depth);
    Py_DECREF(value);
    return result;
#else
    return write_value(w, shape, value, depth);
#endif
}

static enum fa_py_json_result write_members(
    struct fa_writer *w, const char *shape, PyObject *dict, int depth)
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
        result = write_inner(w, shape, value, depth + 1);
        if (result != FA_PY_JSON_OK) return result;
    }
    if (separator == '{' && !fa_writer_putc(w, '{')) return FA_PY_JSON_NOMEM;
    return fa_writer_putc(w, '}') ? FA_PY_JSON_OK : FA_PY_JSON_NOMEM;
}

/* A list's size and items are read anew each time: see write_inner. */
static inline enum fa_py_json_result write_items(
    struct fa_writer *w, const char *shape, PyObject *container, bool is_list, int depth)
{
    char separator = '[';
    for (Py_ssize_t i = 0; i < Py_SIZE(container); i++) {
        PyObject *item = is_list ? PyList_GET_ITEM(container, i) : PyTuple_GET_ITEM(container, i);
        if (!fa_writer_putc(w, separator)) return FA_PY_JSON_NOMEM;
        separator = ',';
        enum fa_py_json_result result = write_inner(w, shape, item, depth + 1);
        if (result != FA_PY_JSON_OK) return result;
    }
    if (separator == '[' && !fa_writer_putc(w, '[')) return FA_PY_JSON_NOMEM;
    return fa_writer_putc(w, ']') ? FA_PY_JSON_OK : FA_PY_JSON_NOMEM;
}

static enum fa_py_json_result write_dict(
    struct fa_writer *w, const char *shape, PyObject *dict, int depth)
{
    enum fa_py_json_result result;
    Py_BEGIN_CRITICAL_SECTION(dict);
    result = write_members(w, shape, dict, depth);
    Py_END_CRITICAL_SECTION();
    return result;
}

static enum fa_py_json_result write_list(
    struct fa_writer *w, const char *shape, PyObject *list, int depth)
{
    enum fa_py_json_result result;
    Py_BEGIN_CRITICAL_SECTION(list);
    result = write_items(w, shape, list, true, depth);
    Py_END_CRITICAL_SECTION();
    return result;
}

/* Any value: what is inside it has the same shape. */
static enum fa_py_json_result write_any(
    struct fa_writer *w, const char *shape, PyObject *value, int depth)
{
    PyTypeObject *type = Py_TYPE(value);
    if (type == &PyUnicode_Type) return write_str(w, value);
    if (type == &PyLong_Type) return write_int(w, value);
    if (type == &PyDict_Type) return write_dict(w, shape, value, depth);
    if (type == &PyList_Type) return write_list(w, shape, value, depth);
    if (value == Py_None) return from_status(fa_json_writer_null(w));
    if (value == Py_True || value == Py_False)
        return from_status(fa_json_writer_bool(w, value == Py_True));
    if (type == &PyFloat_Type) return write_float(w, shape, value);
    if (type == &PyTuple_Type) return write_items(w, shape, value, false, depth);
    return FA_PY_JSON_UNSURE;
}

static bool fits(char letter, PyObject *value)
{
    switch (letter) {
    case 's': return PyUnicode_CheckExact(value);
    case 'i': return PyLong_CheckExact(value);
    case 'f': return PyFloat_CheckExact(value);
    case 'b': return PyBool_Check(value);
    case 'n': return value == Py_None;
    case '{': return PyDict_CheckExact(value);
    case '[': return PyList_CheckExact(value);
    default: return false;
    }
}

static enum fa_py_json_result write_value(
    struct fa_writer *w, const char *shape, PyObject *value, int depth)
{
    if (depth > MAX_DEPTH) return FA_PY_JSON_UNSURE;
    if (*shape == FA_PY_JSON_UNTYPED[0] || *shape == 'a') return write_any(w, shape, value, depth);
    if (*shape == '?') return write_value(w, value == Py_None ? "n" : shape + 1, value, depth);
    if (!fits(*shape, value)) return FA_PY_JSON_UNSURE;
    bool is_container = *shape == '{' || *shape == '[';
    return write_any(w, shape + is_container, value, depth);
}

enum fa_py_json_result fa_py_json_write(struct fa_writer *w, const char *shape, PyObject *value)
{
    return write_value(w, shape, value, 0);
}

bool fa_py_json_is_shape(const char *text)
{
    const char *at = text + strspn(text, "?{[");
    return strlen(text) <= FA_PY_JSON_SHAPE_MAX && *at != '\0' && strchr("asifbn", *at) != NULL &&
           at[1] == '\0';
}

fa_status fa_py_json_write_str(struct fa_writer *w, PyObject *text)
{
    return write_text(w, text);
}

PyObject *fa_py_json_encode_slowly(PyObject *value)
{
    PyObject *hooks = PyImport_ImportModule("fasterapi.plan.hooks");
    if (hooks == NULL) return NULL;
    PyObject *encode = PyObject_GetAttrString(hooks, "encode");
    PyObject *bytes = encode == NULL ? NULL : PyObject_CallOneArg(encode, value);
    Py_XDECREF(encode);
    Py_DECREF(hooks);
    if (bytes == NULL || PyBytes_Check(bytes)) return bytes;
    Py_DECREF(bytes);
    PyErr_SetString(PyExc_TypeError, "json: the encoder did not return bytes");
    return NULL;
}

PyObject *fa_py_json_bytes_as(const char *shape, PyObject *value, bool *unsure)
{
    /* Most texts fit here. The second reference keeps the writer from freeing it. */
    union {
        struct fa_buffer buf;
        char bytes[sizeof(struct fa_buffer) + BYTES_ROOM];
    } first;
    struct fa_writer w;
    PyObject *bytes = NULL;
    first.buf = (struct fa_buffer){.refs = 2, .capacity = BYTES_ROOM};
    fa_writer_attach(&w, &first.buf, 0);
    enum fa_py_json_result result = fa_py_json_write(&w, shape, value);
    struct fa_buffer *buf = fa_writer_detach(&w);
    if (result == FA_PY_JSON_OK) bytes = PyBytes_FromStringAndSize(buf->data, (Py_ssize_t)buf->len);
    if (result == FA_PY_JSON_NOMEM) PyErr_NoMemory();
    if (buf != &first.buf) fa_buffer_release(buf);
    *unsure = result == FA_PY_JSON_UNSURE;
    return bytes;
}

const char fa_py_json_bytes_doc[] =
    "json_bytes($module, value, shape=None, /)\n--\n\n"
    "The value as JSON, as a route would answer it: one without a response model, or one whose\n"
    "model has this shape (see py_json.h; then None if the core leaves the value to Pydantic).\n"
    "Raises ValueError for what is no shape, and what jsonable_encoder and json.dumps raise.";

PyObject *fa_py_json_bytes(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    const char *shape = NULL;
    Py_ssize_t len = 0;
    bool unsure;
    (void)module;
    if (count < 1 || count > 2)
        return PyErr_Format(PyExc_TypeError, "json_bytes takes 1 or 2 arguments, not %zd", count);
    if (count == 2 && args[1] != Py_None) {
        shape = PyUnicode_AsUTF8AndSize(args[1], &len); /* TypeError for what is no str */
        if (shape == NULL) return NULL;
        if (strlen(shape) != (size_t)len || !fa_py_json_is_shape(shape))
            return PyErr_Format(PyExc_ValueError, "json_bytes: %R is no shape", args[1]);
    }
    PyObject *bytes =
        fa_py_json_bytes_as(shape == NULL ? FA_PY_JSON_UNTYPED : shape, args[0], &unsure);
    if (!unsure) return bytes;
    if (shape == NULL) return fa_py_json_encode_slowly(args[0]);
    Py_RETURN_NONE;
}
