/*
 * py_json_builder.c - JSONBuilder: one JSON document, call by call, into one buffer.
 *
 * A method first turns its argument into C values, which may run code of the
 * user's, and only then touches the document, which may not. A call that is
 * refused leaves the document as it was.
 */
#include "python/py_json_builder.h"

#include <math.h>
#include <string.h>

#include "json/json_builder.h"
#include "json/json_writer.h"
#include "python/py_json.h"

/* reset() keeps a buffer up to this size for the next document. */
enum { FIRST_CAPACITY = 512, KEPT_CAPACITY = 65536 };

struct fa_py_json_builder {
    PyObject_HEAD struct fa_writer w;
    struct fa_json_builder b;
};

enum piece_kind {
    BEGIN_OBJECT,
    END_OBJECT,
    BEGIN_ARRAY,
    END_ARRAY,
    KEY,
    STRING,
    RAW,
    INT,
    FLOAT,
    BOOL,
    NULL_VALUE,
};

static const char *const method_names[] = {"begin_object", "end_object", "begin_array", "end_array",
    "key", "string_value", "raw_value", "int_value", "float_value", "bool_value", "null_value"};

/* What one call adds: all that is of Python in it has been looked at. */
struct piece {
    enum piece_kind kind;
    PyObject *text; /* KEY, STRING: borrowed str */
    fa_span raw;    /* RAW */
    int64_t integer;
    double real;
    bool truth;
};

/* --- life ----------------------------------------------------------------------------- */

static PyObject *builder_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {NULL};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "", names)) return NULL;
    struct fa_py_json_builder *self = (struct fa_py_json_builder *)type->tp_alloc(type, 0);
    if (self == NULL) return NULL;
    if (fa_writer_init(&self->w, NULL, FIRST_CAPACITY) != FA_OK) {
        Py_DECREF(self);
        return PyErr_NoMemory();
    }
    fa_json_builder_init(&self->b, &self->w);
    return (PyObject *)self;
}

static void builder_dealloc(struct fa_py_json_builder *self)
{
    PyTypeObject *type = Py_TYPE(self);
    struct fa_buffer *buf = fa_writer_detach(&self->w);
    if (buf != NULL) fa_buffer_release(buf);
    type->tp_free((PyObject *)self);
    Py_DECREF(type);
}

/* --- adding to the document ------------------------------------------------------------- */

static fa_status add(struct fa_py_json_builder *self, const struct piece *piece)
{
    struct fa_json_builder *b = &self->b;
    switch (piece->kind) {
    case BEGIN_OBJECT: return fa_json_builder_begin_object(b);
    case END_OBJECT: return fa_json_builder_end_object(b);
    case BEGIN_ARRAY: return fa_json_builder_begin_array(b);
    case END_ARRAY: return fa_json_builder_end_array(b);
    case KEY:
        if (fa_json_builder_begin_key(b) != FA_OK) return b->error;
        return fa_json_builder_end_key(b, fa_py_json_write_str(b->w, piece->text));
    case STRING:
        if (fa_json_builder_begin_value(b) != FA_OK) return b->error;
        return fa_json_builder_end_value(b, fa_py_json_write_str(b->w, piece->text));
    case RAW: return fa_json_builder_raw(b, piece->raw);
    case INT: return fa_json_builder_int64(b, piece->integer);
    case FLOAT: return fa_json_builder_double(b, piece->real);
    case BOOL: return fa_json_builder_bool(b, piece->truth);
    case NULL_VALUE: return fa_json_builder_null(b);
    }
    Py_UNREACHABLE();
}

/* The exception for a piece that was refused. `deep`: because of the nesting. */
static PyObject *refused(
    fa_status status, const struct piece *piece, const char *expected, bool deep)
{
    const char *method = method_names[piece->kind];
    if (status == FA_ERR_NOMEM) return PyErr_NoMemory();
    if (status == FA_ERR_ENCODING) {
        /* Python's own words for the lone surrogate; the text is one, so this fails. */
        PyObject *bytes = PyUnicode_AsUTF8String(piece->text);
        Py_XDECREF(bytes);
        return NULL;
    }
    if (deep) {
        return PyErr_Format(PyExc_ValueError, "%s: nesting deeper than %d levels", method,
            FA_JSON_BUILDER_MAX_DEPTH);
    }
    return PyErr_Format(PyExc_ValueError, "%s: expected %s", method, expected);
}

/* Add a piece, or nothing at all. Returns self, so that calls can be chained. */
static PyObject *put(struct fa_py_json_builder *self, const struct piece *piece)
{
    fa_status status;
    const char *expected;
    bool deep;
    Py_BEGIN_CRITICAL_SECTION(self);
    size_t len = fa_writer_len(&self->w);
    status = add(self, piece);
    if (FA_UNLIKELY(status != FA_OK)) fa_json_builder_undo(&self->b, len);
    expected = fa_json_builder_expected(&self->b);
    deep =
        self->b.depth == FA_JSON_BUILDER_MAX_DEPTH && self->b.state <= FA_JSON_BUILDER_NEXT_VALUE;
    Py_END_CRITICAL_SECTION();
    if (FA_LIKELY(status == FA_OK)) return Py_NewRef(self);
    deep = deep && (piece->kind == BEGIN_OBJECT || piece->kind == BEGIN_ARRAY);
    return refused(status, piece, expected, deep);
}

static PyObject *put_simple(struct fa_py_json_builder *self, enum piece_kind kind)
{
    return put(self, &(struct piece){.kind = kind});
}

PyDoc_STRVAR(begin_object_doc, "begin_object($self, /)\n--\n\nOpen an object. Returns self.");
static PyObject *begin_object(struct fa_py_json_builder *self, PyObject *unused)
{
    (void)unused;
    return put_simple(self, BEGIN_OBJECT);
}

PyDoc_STRVAR(end_object_doc, "end_object($self, /)\n--\n\nClose the open object. Returns self.");
static PyObject *end_object(struct fa_py_json_builder *self, PyObject *unused)
{
    (void)unused;
    return put_simple(self, END_OBJECT);
}

PyDoc_STRVAR(begin_array_doc, "begin_array($self, /)\n--\n\nOpen an array. Returns self.");
static PyObject *begin_array(struct fa_py_json_builder *self, PyObject *unused)
{
    (void)unused;
    return put_simple(self, BEGIN_ARRAY);
}

PyDoc_STRVAR(end_array_doc, "end_array($self, /)\n--\n\nClose the open array. Returns self.");
static PyObject *end_array(struct fa_py_json_builder *self, PyObject *unused)
{
    (void)unused;
    return put_simple(self, END_ARRAY);
}

PyDoc_STRVAR(null_value_doc, "null_value($self, /)\n--\n\nAdd null. Returns self.");
static PyObject *null_value(struct fa_py_json_builder *self, PyObject *unused)
{
    (void)unused;
    return put_simple(self, NULL_VALUE);
}

/* --- values that come from Python --------------------------------------------------------- */

static PyObject *wrong_type(enum piece_kind kind, const char *wanted, PyObject *got)
{
    return PyErr_Format(PyExc_TypeError, "%s() takes %s, not %.100s", method_names[kind], wanted,
        Py_TYPE(got)->tp_name);
}

static PyObject *put_str(struct fa_py_json_builder *self, enum piece_kind kind, PyObject *text)
{
    if (!PyUnicode_Check(text)) return wrong_type(kind, "a str", text);
    return put(self, &(struct piece){.kind = kind, .text = text});
}

PyDoc_STRVAR(key_doc, "key($self, name, /)\n--\n\nAdd the key of the next value. Returns self.");
static PyObject *key(struct fa_py_json_builder *self, PyObject *name)
{
    return put_str(self, KEY, name);
}

PyDoc_STRVAR(string_value_doc,
    "string_value($self, value, /)\n--\n\n"
    "Add a str, escaped. A lone surrogate is a UnicodeEncodeError. Returns self.");
static PyObject *string_value(struct fa_py_json_builder *self, PyObject *text)
{
    return put_str(self, STRING, text);
}

PyDoc_STRVAR(bool_value_doc, "bool_value($self, value, /)\n--\n\nAdd true or false. Returns self.");
static PyObject *bool_value(struct fa_py_json_builder *self, PyObject *value)
{
    if (!PyBool_Check(value)) return wrong_type(BOOL, "a bool", value);
    return put(self, &(struct piece){.kind = BOOL, .truth = value == Py_True});
}

/* More than 64 bits: the digits Python writes. */
static PyObject *put_big_int(struct fa_py_json_builder *self, PyObject *number)
{
    Py_ssize_t len = 0;
    PyObject *digits = PyLong_Type.tp_repr(number);
    if (digits == NULL) return NULL;
    const char *text = PyUnicode_AsUTF8AndSize(digits, &len);
    PyObject *result = NULL;
    if (text != NULL) {
        result = put(self, &(struct piece){.kind = RAW, .raw = {text, (size_t)len}});
    }
    Py_DECREF(digits);
    return result;
}

PyDoc_STRVAR(
    int_value_doc, "int_value($self, value, /)\n--\n\nAdd an int of any size. Returns self.");
static PyObject *int_value(struct fa_py_json_builder *self, PyObject *value)
{
    if (!PyIndex_Check(value)) return wrong_type(INT, "an int", value);
    PyObject *number = PyNumber_Index(value);
    if (number == NULL) return NULL;
    int overflow = 0;
    long long small = PyLong_AsLongLongAndOverflow(number, &overflow);
    PyObject *result = overflow != 0 ? put_big_int(self, number)
                                     : put(self, &(struct piece){.kind = INT, .integer = small});
    Py_DECREF(number);
    return result;
}

PyDoc_STRVAR(float_value_doc,
    "float_value($self, value, /)\n--\n\n"
    "Add a float as repr() writes it. NaN and infinities are a ValueError. Returns self.");
static PyObject *float_value(struct fa_py_json_builder *self, PyObject *value)
{
    double real = PyFloat_AsDouble(value);
    if (real == -1.0 && PyErr_Occurred()) return NULL;
    if (!isfinite(real)) {
        return PyErr_Format(PyExc_ValueError,
            "float_value: expected a finite number, JSON has no %s",
            isnan(real) ? "NaN" : "infinity");
    }
    return put(self, &(struct piece){.kind = FLOAT, .real = real});
}

PyDoc_STRVAR(raw_value_doc,
    "raw_value($self, data, /)\n--\n\n"
    "Add one value that is JSON already, as str or bytes-like object. It is not checked.\n"
    "Returns self.");
static PyObject *raw_value(struct fa_py_json_builder *self, PyObject *data)
{
    Py_buffer view = {0};
    PyObject *result = NULL;
    struct piece piece = {.kind = RAW};
    if (PyUnicode_Check(data)) {
        Py_ssize_t len = 0;
        piece.raw.ptr = PyUnicode_AsUTF8AndSize(data, &len);
        piece.raw.len = (size_t)len;
    } else if (PyObject_CheckBuffer(data)) {
        if (PyObject_GetBuffer(data, &view, PyBUF_SIMPLE) == 0) {
            piece.raw = (fa_span){view.buf, (size_t)view.len};
        }
    } else {
        return wrong_type(RAW, "a str or bytes-like object", data);
    }
    if (PyErr_Occurred()) return NULL;
    if (piece.raw.len > 0) {
        result = put(self, &piece);
    } else {
        PyErr_SetString(PyExc_ValueError, "raw_value: expected one JSON value, got no text");
    }
    PyBuffer_Release(&view);
    return result;
}

/* --- the end ------------------------------------------------------------------------------ */

PyDoc_STRVAR(finish_doc,
    "finish($self, /)\n--\n\n"
    "The document as bytes; ValueError if something is open or nothing was added.\n"
    "Can be asked for again until reset().");

/* Making the bytes object may let another thread at the document: look again then. */
static PyObject *finish(struct fa_py_json_builder *self, PyObject *unused)
{
    (void)unused;
    PyObject *bytes = NULL;
    size_t len = 0;
    for (;;) {
        bool complete, copied = false;
        const char *expected;
        Py_BEGIN_CRITICAL_SECTION(self);
        complete = self->b.state == FA_JSON_BUILDER_DONE;
        expected = fa_json_builder_expected(&self->b);
        if (complete && bytes != NULL && len == fa_writer_len(&self->w)) {
            memcpy(PyBytes_AS_STRING(bytes), self->w.buf->data, len);
            copied = true;
        }
        len = fa_writer_len(&self->w);
        Py_END_CRITICAL_SECTION();
        if (copied) return bytes;
        Py_CLEAR(bytes);
        if (!complete) return PyErr_Format(PyExc_ValueError, "finish: expected %s", expected);
        bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)len);
        if (bytes == NULL) return NULL;
    }
}

PyDoc_STRVAR(
    reset_doc, "reset($self, /)\n--\n\nForget the document and begin the next one. Returns self.");
static PyObject *reset(struct fa_py_json_builder *self, PyObject *unused)
{
    (void)unused;
    struct fa_buffer *fresh = NULL, *old = NULL;
    Py_BEGIN_CRITICAL_SECTION(self);
    if (self->w.buf->capacity > KEPT_CAPACITY) fresh = fa_buffer_new(FIRST_CAPACITY);
    if (fresh != NULL) {
        old = fa_writer_detach(&self->w);
        fa_writer_attach(&self->w, fresh, 0);
    }
    fa_json_builder_init(&self->b, &self->w);
    fa_json_builder_undo(&self->b, 0);
    Py_END_CRITICAL_SECTION();
    if (old != NULL) fa_buffer_release(old);
    return Py_NewRef(self);
}

PyDoc_STRVAR(builder_doc,
    "JSONBuilder()\n--\n\n"
    "One JSON document, call by call: commas, colons and escapes are put, what would not be\n"
    "JSON is a ValueError that says what was expected and changes nothing. All methods but\n"
    "finish() return the builder, so that calls can be chained. The text is what\n"
    "json.dumps(ensure_ascii=False, separators=(',', ':')) gives. At most 512 levels deep.");

#define METHOD(name, flags)                         \
    {                                               \
#name, (PyCFunction)name, flags, name##_doc \
    }
static PyMethodDef builder_methods[] = {
    METHOD(begin_object, METH_NOARGS),
    METHOD(end_object, METH_NOARGS),
    METHOD(begin_array, METH_NOARGS),
    METHOD(end_array, METH_NOARGS),
    METHOD(key, METH_O),
    METHOD(int_value, METH_O),
    METHOD(float_value, METH_O),
    METHOD(string_value, METH_O),
    METHOD(bool_value, METH_O),
    METHOD(null_value, METH_NOARGS),
    METHOD(raw_value, METH_O),
    METHOD(finish, METH_NOARGS),
    METHOD(reset, METH_NOARGS),
    {NULL, NULL, 0, NULL},
};

static PyType_Slot builder_slots[] = {
    {Py_tp_doc, (void *)builder_doc},
    {Py_tp_new, builder_new},
    {Py_tp_dealloc, builder_dealloc},
    {Py_tp_methods, builder_methods},
    {0, NULL},
};

PyType_Spec fa_py_json_builder_spec = {
    .name = "fasterapi._fasterapi_core.JSONBuilder",
    .basicsize = sizeof(struct fa_py_json_builder),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = builder_slots,
};
