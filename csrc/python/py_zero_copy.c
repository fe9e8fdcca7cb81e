/*
 * py_zero_copy.c - ZeroCopyResponse: the body is written behind room for the head,
 * finalize() puts the head right in front of it and gives a view of both.
 *
 * Once finalized nothing changes any more: the views it exports stay what they
 * are, and keep the object, which owns the buffer.
 *
 * A method first turns its arguments into C values, which may run code of the
 * user's, and then changes the response in one go under its critical section.
 */
#include "python/py_zero_copy.h"

#include <string.h>

#include "base/writer.h"
#include "http/http_response.h"
#include "python/py_json.h"

/* Room for headers that are set after the body. More of them move the body, once. */
enum { LATE_ROOM = 512, JSON_ROOM = 256 };

struct fa_py_zero_copy {
    PyObject_HEAD struct fa_buffer *buf; /* NULL until there is a body or all is final */
    size_t body_at;
    size_t body_len;
    struct fa_writer lines; /* the headers; no buffer until the first one */
    PyObject *content_type; /* bytes or NULL */
    size_t start;           /* of the head, once final */
    int status;
    bool is_json;
    bool final;
};

enum problem { FINE, IS_FINAL, HAS_BODY, NO_BODY_ALLOWED, NO_MEMORY };

static PyObject *complain(enum problem problem, const char *method, int status)
{
    switch (problem) {
    case IS_FINAL: return PyErr_Format(PyExc_RuntimeError, "%s: the response is finalized", method);
    case HAS_BODY:
        return PyErr_Format(PyExc_RuntimeError, "%s: the response has a body already", method);
    case NO_BODY_ALLOWED:
        return PyErr_Format(
            PyExc_ValueError, "%s: a response with status %d has no body", method, status);
    default: return PyErr_NoMemory();
    }
}

static PyObject *done(
    struct fa_py_zero_copy *self, enum problem problem, const char *method, int status)
{
    return problem == FINE ? Py_NewRef(self) : complain(problem, method, status);
}

/* --- life ----------------------------------------------------------------------------- */

static PyObject *response_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {NULL};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "", names)) return NULL;
    struct fa_py_zero_copy *self = (struct fa_py_zero_copy *)type->tp_alloc(type, 0);
    if (self == NULL) return NULL;
    self->status = 200;
    return (PyObject *)self;
}

static void response_dealloc(struct fa_py_zero_copy *self)
{
    PyTypeObject *type = Py_TYPE(self);
    struct fa_buffer *lines = fa_writer_detach(&self->lines);
    if (lines != NULL) fa_buffer_release(lines);
    if (self->buf != NULL) fa_buffer_release(self->buf);
    Py_XDECREF(self->content_type); /* bytes: runs nothing */
    type->tp_free((PyObject *)self);
    Py_DECREF(type);
}

/* --- the head ------------------------------------------------------------------------- */

/* RFC 9110, 6.4.1: these end with their head. */
static bool has_no_body(int status)
{
    return status < 200 || status == 204 || status == 304;
}

static void head_init(const struct fa_py_zero_copy *self, struct fa_http_head *head)
{
    memset(head, 0, sizeof *head);
    head->status = self->status;
    head->has_content_length = !has_no_body(self->status);
    head->content_length = self->body_len;
    if (self->content_type != NULL) {
        head->content_type.ptr = PyBytes_AS_STRING(self->content_type);
        head->content_type.len = (size_t)PyBytes_GET_SIZE(self->content_type);
    } else if (self->is_json) {
        head->content_type = FA_SPAN("application/json");
    }
    if (self->lines.buf != NULL) {
        head->extra = (fa_span){self->lines.buf->data, fa_writer_len(&self->lines)};
    }
}

PyDoc_STRVAR(status_doc, "status($self, code, /)\n--\n\n"
                         "Set the status, 100 to 599; it is 200 otherwise. Returns self.");

static PyObject *status(struct fa_py_zero_copy *self, PyObject *value)
{
    enum problem problem = FINE;
    int overflow = 0;
    if (!PyIndex_Check(value)) {
        return PyErr_Format(PyExc_TypeError, "status: expected an int from 100 to 599, not %.100s",
            Py_TYPE(value)->tp_name);
    }
    PyObject *number = PyNumber_Index(value);
    if (number == NULL) return NULL;
    long code = PyLong_AsLongAndOverflow(number, &overflow);
    Py_DECREF(number);
    if (overflow != 0 || code < 100 || code > 599) {
        PyErr_SetString(PyExc_ValueError, "status: expected an int from 100 to 599");
        return NULL;
    }
    Py_BEGIN_CRITICAL_SECTION(self);
    if (self->final) {
        problem = IS_FINAL;
    } else if (self->body_len > 0 && has_no_body((int)code)) {
        problem = NO_BODY_ALLOWED;
    } else {
        self->status = (int)code;
    }
    Py_END_CRITICAL_SECTION();
    return done(self, problem, "status", (int)code);
}

/* A str or bytes as exactly bytes, which run nothing when they go; a new reference. */
static PyObject *text_bytes(PyObject *text, const char *what)
{
    if (PyBytes_CheckExact(text)) return Py_NewRef(text);
    if (PyUnicode_Check(text)) return PyUnicode_AsLatin1String(text);
    if (PyBytes_Check(text)) {
        return PyBytes_FromStringAndSize(PyBytes_AS_STRING(text), PyBytes_GET_SIZE(text));
    }
    return PyErr_Format(
        PyExc_TypeError, "%s must be str or bytes, not %.100s", what, Py_TYPE(text)->tp_name);
}

static fa_span span_of(PyObject *bytes)
{
    return (fa_span){PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes)};
}

static bool check_value(PyObject *bytes, const char *what)
{
    if (fa_http_header_valid_value(span_of(bytes))) return true;
    PyErr_Format(PyExc_ValueError, "%s: expected no CR, LF or NUL in %R", what, bytes);
    return false;
}

static PyObject *set_content_type(struct fa_py_zero_copy *self, PyObject *bytes)
{
    enum problem problem = FINE;
    PyObject *old = NULL;
    if (!check_value(bytes, "content_type")) return NULL;
    if (PyBytes_GET_SIZE(bytes) == 0) {
        PyErr_SetString(PyExc_ValueError, "content_type: expected a media type, got no text");
        return NULL;
    }
    Py_BEGIN_CRITICAL_SECTION(self);
    if (self->final) {
        problem = IS_FINAL;
    } else {
        old = self->content_type;
        self->content_type = Py_NewRef(bytes);
    }
    Py_END_CRITICAL_SECTION();
    Py_XDECREF(old);
    return done(self, problem, "content_type", 0);
}

PyDoc_STRVAR(content_type_doc,
    "content_type($self, value, /)\n--\n\n"
    "Set the content type; json() otherwise sets application/json. Returns self.");

static PyObject *content_type(struct fa_py_zero_copy *self, PyObject *value)
{
    PyObject *bytes = text_bytes(value, "content_type");
    if (bytes == NULL) return NULL;
    PyObject *result = set_content_type(self, bytes);
    Py_DECREF(bytes);
    return result;
}

/* All of the line, or nothing. */
static enum problem add_line(struct fa_py_zero_copy *self, fa_span name, fa_span value)
{
    struct fa_writer *w = &self->lines;
    if (self->final) return IS_FINAL;
    if (w->buf == NULL && fa_writer_init(w, NULL, FA_HTTP_HEAD_ROOM) != FA_OK) return NO_MEMORY;
    if (!fa_writer_reserve(w, name.len + value.len + 4)) {
        w->error = FA_OK; /* the next one may be shorter */
        w->end = w->buf->data + w->buf->capacity;
        return NO_MEMORY;
    }
    (void)fa_writer_put(w, name.ptr, name.len);
    (void)fa_writer_put(w, ": ", 2);
    (void)fa_writer_put(w, value.ptr, value.len);
    (void)fa_writer_put(w, "\r\n", 2);
    return FINE;
}

static PyObject *add_header(struct fa_py_zero_copy *self, PyObject *name, PyObject *value)
{
    fa_span key = span_of(name);
    enum problem problem;
    if (!fa_http_header_valid_name(key)) {
        return PyErr_Format(PyExc_ValueError, "header: expected a token as name, not %R", name);
    }
    if (fa_span_eq_nocase(key, FA_SPAN("content-type"))) return set_content_type(self, value);
    if (fa_span_eq_nocase(key, FA_SPAN("content-length")) ||
        fa_span_eq_nocase(key, FA_SPAN("transfer-encoding"))) {
        return PyErr_Format(PyExc_ValueError, "header: %R is for finalize() to say", name);
    }
    if (!check_value(value, "header")) return NULL;
    Py_BEGIN_CRITICAL_SECTION(self);
    problem = add_line(self, key, span_of(value));
    Py_END_CRITICAL_SECTION();
    return done(self, problem, "header", 0);
}

PyDoc_STRVAR(header_doc,
    "header($self, name, value, /)\n--\n\n"
    "Add a header line; str is Latin-1. content-length and transfer-encoding are a ValueError,\n"
    "as is a name that is no token and a CR, LF or NUL in the value. Returns self.");

static PyObject *header(struct fa_py_zero_copy *self, PyObject *const *args, Py_ssize_t count)
{
    if (count != 2) {
        return PyErr_Format(
            PyExc_TypeError, "header() takes a name and a value (%zd arguments given)", count);
    }
    PyObject *name = text_bytes(args[0], "header: the name"), *result = NULL;
    PyObject *value = name == NULL ? NULL : text_bytes(args[1], "header: the value");
    if (value != NULL) result = add_header(self, name, value);
    Py_XDECREF(name);
    Py_XDECREF(value);
    return result;
}

/* --- the body ------------------------------------------------------------------------- */

/* May a body of this size (0: not known yet) come now? `room`: what to leave for the head. */
static enum problem body_begin(struct fa_py_zero_copy *self, size_t len, size_t *room, int *code)
{
    enum problem problem = FINE;
    struct fa_http_head head;
    Py_BEGIN_CRITICAL_SECTION(self);
    *code = self->status;
    if (self->final) {
        problem = IS_FINAL;
    } else if (self->buf != NULL) {
        problem = HAS_BODY;
    } else if (len > 0 && has_no_body(self->status)) {
        problem = NO_BODY_ALLOWED;
    }
    head_init(self, &head);
    head.content_length = UINT64_MAX; /* as long as can be */
    *room = fa_http_head_size(&head) + LATE_ROOM;
    Py_END_CRITICAL_SECTION();
    return problem;
}

/* Take over the buffer whose bytes from `room` on are the body; on a problem it is freed. */
static enum problem body_end(
    struct fa_py_zero_copy *self, struct fa_buffer *buf, size_t room, bool is_json, int *code)
{
    enum problem problem = FINE;
    size_t len = buf->len - room;
    Py_BEGIN_CRITICAL_SECTION(self);
    *code = self->status; /* another thread may have been here */
    if (self->final) {
        problem = IS_FINAL;
    } else if (self->buf != NULL) {
        problem = HAS_BODY;
    } else if (len > 0 && has_no_body(self->status)) {
        problem = NO_BODY_ALLOWED;
    } else {
        self->buf = buf;
        self->body_at = room;
        self->body_len = len;
        self->is_json = is_json;
    }
    Py_END_CRITICAL_SECTION();
    if (problem != FINE) fa_buffer_release(buf);
    return problem;
}

static enum problem put_body(struct fa_py_zero_copy *self, const Py_buffer *view, int *code)
{
    size_t room, len = (size_t)view->len;
    enum problem problem = body_begin(self, len, &room, code);
    if (problem != FINE) return problem;
    struct fa_buffer *buf = len <= UINT32_MAX - room ? fa_buffer_new(room + len) : NULL;
    if (buf == NULL) return NO_MEMORY;
    if (len > 0) memcpy(buf->data + room, view->buf, len);
    buf->len = (uint32_t)(room + len);
    return body_end(self, buf, room, false, code);
}

PyDoc_STRVAR(body_doc,
    "body($self, data, /)\n--\n\n"
    "Set the body, a bytes-like object, which is copied to where it stays. Returns self.");

static PyObject *body(struct fa_py_zero_copy *self, PyObject *data)
{
    Py_buffer view;
    int code = 0;
    if (!PyObject_CheckBuffer(data)) {
        return PyErr_Format(PyExc_TypeError, "body: expected a bytes-like object, not %.100s",
            Py_TYPE(data)->tp_name);
    }
    if (PyObject_GetBuffer(data, &view, PyBUF_SIMPLE) < 0) return NULL;
    enum problem problem = put_body(self, &view, &code);
    PyBuffer_Release(&view);
    return done(self, problem, "body", code);
}

/* Append the value; false with an exception set. */
static bool write_json(struct fa_writer *w, size_t room, PyObject *value)
{
    w->cur += room;
    enum fa_py_json_result result = fa_py_json_write(w, FA_PY_JSON_UNTYPED, value);
    if (result == FA_PY_JSON_UNSURE) {
        PyObject *bytes = fa_py_json_encode_slowly(value);
        if (bytes == NULL) return false;
        w->cur = w->buf->data + room;
        bool put = fa_writer_put(w, PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes));
        Py_DECREF(bytes);
        result = put ? FA_PY_JSON_OK : FA_PY_JSON_NOMEM;
    }
    if (result == FA_PY_JSON_NOMEM) PyErr_NoMemory();
    return result == FA_PY_JSON_OK;
}

PyDoc_STRVAR(json_doc,
    "json($self, value, /)\n--\n\n"
    "Set the body to the value as JSON, as a route would answer it. Returns self.");

static PyObject *json(struct fa_py_zero_copy *self, PyObject *value)
{
    size_t room = 0;
    int code = 0;
    struct fa_writer w;
    enum problem problem = body_begin(self, 1, &room, &code);
    if (problem != FINE) return complain(problem, "json", code);
    if (fa_writer_init(&w, NULL, room + JSON_ROOM) != FA_OK) return PyErr_NoMemory();
    bool written = write_json(&w, room, value);
    struct fa_buffer *buf = fa_writer_detach(&w);
    if (!written) {
        fa_buffer_release(buf);
        return NULL;
    }
    problem = body_end(self, buf, room, true, &code);
    return done(self, problem, "json", code);
}

/* --- all of it ------------------------------------------------------------------------ */

/* A buffer with the head's room and the body behind it; where there is none, or too
 * little room in it, a new one. */
static bool make_room(struct fa_py_zero_copy *self, size_t head_size)
{
    if (self->buf != NULL && self->body_at >= head_size) return true;
    if (self->body_len > UINT32_MAX - head_size) return false;
    struct fa_buffer *buf = fa_buffer_new(head_size + self->body_len);
    if (buf == NULL) return false;
    if (self->buf != NULL) {
        memcpy(buf->data + head_size, self->buf->data + self->body_at, self->body_len);
        fa_buffer_release(self->buf);
    }
    self->buf = buf;
    self->body_at = head_size;
    return true;
}

PyDoc_STRVAR(finalize_doc,
    "finalize($self, /)\n--\n\n"
    "Write the head in front of the body. Returns a read-only memoryview of the whole answer,\n"
    "which stays valid as long as somebody has it. May be called again.");

static PyObject *finalize(struct fa_py_zero_copy *self, PyObject *unused)
{
    (void)unused;
    bool written = true;
    Py_BEGIN_CRITICAL_SECTION(self);
    if (!self->final) {
        struct fa_http_head head;
        head_init(self, &head);
        size_t size = fa_http_head_size(&head);
        written = make_room(self, size);
        if (written) {
            self->start = self->body_at - size;
            (void)fa_http_head_write(&head, self->buf->data + self->start);
            self->final = true;
        }
    }
    Py_END_CRITICAL_SECTION();
    return written ? PyMemoryView_FromObject((PyObject *)self) : PyErr_NoMemory();
}

static int get_buffer(struct fa_py_zero_copy *self, Py_buffer *view, int flags)
{
    bool final;
    Py_BEGIN_CRITICAL_SECTION(self);
    final = self->final;
    Py_END_CRITICAL_SECTION();
    if (!final) {
        view->obj = NULL;
        PyErr_SetString(PyExc_BufferError, "the response is not finalized");
        return -1;
    }
    size_t len = self->body_at + self->body_len - self->start;
    return PyBuffer_FillInfo(
        view, (PyObject *)self, self->buf->data + self->start, (Py_ssize_t)len, 1, flags);
}

PyDoc_STRVAR(response_doc,
    "ZeroCopyResponse()\n--\n\n"
    "A whole HTTP/1.1 answer in one piece of memory. The body is written once, behind room for\n"
    "the head, and finalize() puts the head in front of it. Headers set before the body always\n"
    "find room; for those set after it there are 512 bytes, and more than that moves the body.\n"
    "All methods but finalize() return the response, so that calls can be chained.");

static PyMethodDef response_methods[] = {
    {"status", (PyCFunction)status, METH_O, status_doc},
    {"header", (PyCFunction)(void (*)(void))header, METH_FASTCALL, header_doc},
    {"content_type", (PyCFunction)content_type, METH_O, content_type_doc},
    {"body", (PyCFunction)body, METH_O, body_doc},
    {"json", (PyCFunction)json, METH_O, json_doc},
    {"finalize", (PyCFunction)finalize, METH_NOARGS, finalize_doc},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot response_slots[] = {
    {Py_tp_doc, (void *)response_doc},
    {Py_tp_new, response_new},
    {Py_tp_dealloc, response_dealloc},
    {Py_tp_methods, response_methods},
    {Py_bf_getbuffer, get_buffer},
    {0, NULL},
};

PyType_Spec fa_py_zero_copy_spec = {
    .name = "fasterapi._fasterapi_core.ZeroCopyResponse",
    .basicsize = sizeof(struct fa_py_zero_copy),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = response_slots,
};
