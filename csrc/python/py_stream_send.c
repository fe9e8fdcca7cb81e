/* py_stream_send.c - the answer side of Stream: head, body, file, tunnel, end. */
#include <stdio.h>
#include <string.h>

#include "base/writer.h"
#include "http/http_response.h"
#include "python/py_stream.h"
#include "server/executor.h"
#include "server/stream.h"

/* Pieces up to this size are copied behind their head or chunk line; larger ones
 * are sent from the bytes object itself. */
enum { COPY_MAX = 16384, CHUNK_LINE = 24 };

static bool is_open(struct fa_py_stream *self)
{
    if (self->task != NULL) return true;
    PyErr_SetString(PyExc_RuntimeError, "the answer to this request is already complete");
    return false;
}

/* --- the request body -------------------------------------------------------------------- */

PyDoc_STRVAR(read_doc,
    "read() -> bytes | None\n--\n\n"
    "The next piece of the request body; None if nothing has arrived. `eof` is True\n"
    "once the body has been read to its end.");

static PyObject *stream_read(struct fa_py_stream *self, PyObject *unused)
{
    (void)unused;
    if (self->task == NULL || self->eof) Py_RETURN_NONE;
    struct fa_buffer *chunk = NULL;
    bool eof = false, disconnected = false;
    if (fa_stream_read(self->task, &chunk, &eof, &disconnected) != FA_OK) return PyErr_NoMemory();
    self->eof = eof;
    self->disconnected |= disconnected;
    fa_py_server_wake_soon(self->owner);
    if (chunk == NULL) Py_RETURN_NONE;
    PyObject *bytes = PyBytes_FromStringAndSize(chunk->data, (Py_ssize_t)chunk->len);
    fa_buffer_release(chunk);
    return bytes;
}

PyDoc_STRVAR(want_body_doc, "want_body() -> None\n--\n\nThe app waits for the body: a client that "
                            "expects it gets 100 Continue.");

static PyObject *stream_want_body(struct fa_py_stream *self, PyObject *unused)
{
    (void)unused;
    if (self->task != NULL) {
        fa_stream_want_body(self->task);
        fa_py_server_wake_soon(self->owner);
    }
    Py_RETURN_NONE;
}

/* --- the head ------------------------------------------------------------------------------ */

static fa_span bytes_span(PyObject *bytes)
{
    return (fa_span){PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes)};
}

static bool parse_length(fa_span text, uint64_t *length)
{
    uint64_t value = 0;
    if (text.len == 0 || text.len > 18) return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9') return false;
        value = value * 10 + (uint64_t)(text.ptr[i] - '0');
    }
    *length = value;
    return true;
}

/* Framing belongs to the server: notes what the header says about it. False: the
 * line is not copied (we write our own). -1 would be an error, set as exception. */
static int note_header(struct fa_py_stream *self, fa_span name, fa_span value)
{
    if (fa_span_eq_nocase(name, FA_SPAN("content-length"))) {
        if (self->has_length || !parse_length(value, &self->length_left)) {
            PyErr_SetString(PyExc_ValueError, "content-length must be one number of bytes");
            return -1;
        }
        self->has_length = true;
    } else if (fa_span_eq_nocase(name, FA_SPAN("connection"))) {
        if (fa_span_eq_nocase(value, FA_SPAN("close"))) self->close_after = true;
        return 0;
    } else if (fa_span_eq_nocase(name, FA_SPAN("transfer-encoding"))) {
        return 0;
    }
    return 1;
}

static int add_line(struct fa_py_stream *self, struct fa_writer *w, PyObject *name, PyObject *value)
{
    if (!PyBytes_Check(name) || !PyBytes_Check(value)) {
        PyErr_SetString(PyExc_TypeError, "header names and values must be bytes");
        return -1;
    }
    fa_span n = bytes_span(name), v = bytes_span(value);
    if (!fa_http_header_valid_name(n) || !fa_http_header_valid_value(v)) {
        PyErr_Format(PyExc_RuntimeError, "Invalid HTTP header: %R", name);
        return -1;
    }
    int copied = note_header(self, n, v);
    if (copied <= 0) return copied;
    fa_writer_put(w, n.ptr, n.len);
    fa_writer_put(w, ": ", 2);
    fa_writer_put(w, v.ptr, v.len);
    if (fa_writer_put(w, "\r\n", 2)) return 0;
    PyErr_NoMemory();
    return -1;
}

static int add_lines(struct fa_py_stream *self, struct fa_writer *w, PyObject *headers)
{
    PyObject *rows = PySequence_Fast(headers, "headers must be a sequence of (name, value) pairs");
    if (rows == NULL) return -1;
    int failed = 0;
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(rows) && !failed; i++) {
        PyObject *pair = PySequence_Fast(
            PySequence_Fast_GET_ITEM(rows, i), "each header is a (name, value) pair");
        if (pair == NULL) {
            failed = -1;
        } else if (PySequence_Fast_GET_SIZE(pair) != 2) {
            PyErr_SetString(PyExc_ValueError, "each header is a (name, value) pair");
            failed = -1;
        } else {
            failed = add_line(
                self, w, PySequence_Fast_GET_ITEM(pair, 0), PySequence_Fast_GET_ITEM(pair, 1));
        }
        Py_XDECREF(pair);
    }
    Py_DECREF(rows);
    return failed;
}

static bool has_no_body(int status)
{
    return status < 200 || status == 204 || status == 304;
}

PyDoc_STRVAR(start_doc,
    "start(status: int, headers: list[tuple[bytes, bytes]]) -> None\n--\n\n"
    "Store the answer's head; it leaves with the first write. Raises RuntimeError when\n"
    "called twice or for a header that would break the framing.");

static PyObject *stream_start(struct fa_py_stream *self, PyObject *args)
{
    int status;
    PyObject *headers;
    if (!PyArg_ParseTuple(args, "iO:start", &status, &headers)) return NULL;
    if (!is_open(self)) return NULL;
    if (self->started || self->upgraded) {
        PyErr_SetString(PyExc_RuntimeError, "the answer has already been started");
        return NULL;
    }
    if (status < 200 || status > 999) {
        PyErr_Format(PyExc_ValueError, "%d is not a final HTTP status (200 to 999)", status);
        return NULL;
    }
    struct fa_writer w;
    if (fa_writer_init(&w, NULL, 256) != FA_OK) return PyErr_NoMemory();
    self->has_length = self->close_after = false;
    if (add_lines(self, &w, headers) == 0) {
        self->lines_len = fa_writer_len(&w);
        self->lines = PyMem_Malloc(self->lines_len + 1);
        if (self->lines == NULL) PyErr_NoMemory();
    }
    struct fa_buffer *text = fa_writer_detach(&w);
    if (self->lines != NULL) memcpy(self->lines, text->data, self->lines_len);
    fa_buffer_release(text);
    if (self->lines == NULL) return NULL;
    self->status = status;
    self->started = true;
    Py_RETURN_NONE;
}

static void head_init(struct fa_py_stream *self, struct fa_http_head *head)
{
    struct fa_task *task = self->task;
    memset(head, 0, sizeof *head);
    bool bodyless = has_no_body(self->status) || task->head_only;
    if (has_no_body(self->status) && !self->has_length) {
        self->has_length = true; /* of nothing; not announced */
        self->length_left = 0;
    }
    self->chunked = !self->has_length && !bodyless && task->req.minor > 0;
    if (!self->has_length && !bodyless && task->req.minor == 0) self->close_after = true;
    self->close_after |= fa_task_should_close(task);
    head->status = self->status;
    if (self->owner->config.date_header) head->date = fa_clock_date_refresh(&self->owner->date);
    head->fixed = self->owner->fixed;
    head->before = (fa_span){self->lines, self->lines_len};
    head->chunked = self->chunked;
    head->close = self->close_after;
    head->keep_alive_10 = !self->close_after && fa_task_is_keep_alive_10(task);
    task->status = self->status;
}

/* --- the body -------------------------------------------------------------------------------- */

/* Queue a piece; a client that went away is not an error but a fact. */
static int queue_buffer(struct fa_py_stream *self, struct fa_writer *w)
{
    fa_status failed = w->error;
    struct fa_buffer *buffer = fa_writer_detach(w);
    if (failed == FA_OK && buffer->len > 0) {
        failed = fa_stream_write(self->task, buffer, 0);
        if (failed == FA_OK) return 0;
    }
    if (buffer != NULL) fa_buffer_release(buffer);
    if (failed == FA_OK) return 0;
    if (failed == FA_ERR_CLOSED) {
        self->disconnected = true;
        return 0;
    }
    PyErr_NoMemory();
    return -1;
}

static int queue_bytes(struct fa_py_stream *self, PyObject *data)
{
    fa_span body = bytes_span(data);
    fa_status failed = fa_stream_write_external(self->task, body.ptr, body.len, Py_NewRef(data));
    if (failed == FA_OK) return 0;
    Py_DECREF(data);
    if (failed == FA_ERR_CLOSED) {
        self->disconnected = true;
        return 0;
    }
    PyErr_NoMemory();
    return -1;
}

static void put_head(struct fa_py_stream *self, struct fa_writer *w)
{
    if (self->head_sent) return;
    struct fa_http_head head;
    head_init(self, &head);
    size_t size = fa_http_head_size(&head);
    if (fa_writer_reserve(w, size)) w->cur += fa_http_head_write(&head, w->cur);
    self->head_sent = true;
}

/* What the app may still send; uvicorn's words for what it may not. */
static int check_length(struct fa_py_stream *self, size_t len, bool more)
{
    if (self->task->head_only || !self->has_length) return 0;
    if (has_no_body(self->status) && len == 0) return 0;
    if (len > self->length_left) {
        PyErr_SetString(PyExc_RuntimeError, "Response content longer than Content-Length");
        return -1;
    }
    self->length_left -= len;
    if (!more && self->length_left > 0) {
        PyErr_SetString(PyExc_RuntimeError, "Response content shorter than Content-Length");
        return -1;
    }
    return 0;
}

static int send_piece(struct fa_py_stream *self, PyObject *data, bool more)
{
    size_t len = (size_t)PyBytes_GET_SIZE(data);
    struct fa_writer w;
    size_t room = self->lines_len + self->owner->head_room;
    if (fa_writer_init(&w, NULL, room + (len <= COPY_MAX ? len : 0)) != FA_OK) {
        PyErr_NoMemory();
        return -1;
    }
    put_head(self, &w);
    if (check_length(self, len, more) < 0) {
        (void)queue_buffer(self, &w); /* the head still leaves */
        return -1;
    }
    /* Bytes behind a 204 or 304 would be read as the next answer. */
    bool dropped = self->task->head_only || len == 0 || has_no_body(self->status);
    if (!dropped && self->chunked) {
        char line[CHUNK_LINE];
        fa_writer_put(&w, line, (size_t)snprintf(line, sizeof line, "%zx\r\n", len));
    }
    if (!dropped && len <= COPY_MAX) {
        fa_writer_put(&w, PyBytes_AS_STRING(data), len);
    } else if (!dropped) {
        if (queue_buffer(self, &w) < 0 || queue_bytes(self, data) < 0) return -1;
        if (fa_writer_init(&w, NULL, CHUNK_LINE) != FA_OK) {
            PyErr_NoMemory();
            return -1;
        }
    }
    if (!dropped && self->chunked) fa_writer_put(&w, "\r\n", 2);
    if (!more && self->chunked) fa_writer_put(&w, "0\r\n\r\n", 5);
    return queue_buffer(self, &w);
}

/* A piece of the answer may be lost: nothing that is sent after it could be understood. */
static PyObject *cut_short(struct fa_py_stream *self)
{
    if (PyErr_ExceptionMatches(PyExc_MemoryError)) fa_py_stream_abort(self);
    return NULL;
}

static void end(struct fa_py_stream *self, bool close)
{
    struct fa_task *task = self->task;
    self->task = NULL;
    fa_stream_end(task, close);
}

PyDoc_STRVAR(write_doc,
    "write(data: bytes, more: bool) -> None\n--\n\n"
    "Send the head (if it has not left) and `data`; `more=False` completes the answer.\n"
    "Raises RuntimeError before start() and when the body differs from content-length.\n"
    "A client that has gone away sets `disconnected`.");

static PyObject *stream_write(struct fa_py_stream *self, PyObject *const *args, Py_ssize_t count)
{
    if (count != 2 || !PyBytes_Check(args[0])) {
        PyErr_SetString(PyExc_TypeError, "write(data: bytes, more: bool)");
        return NULL;
    }
    int more = PyObject_IsTrue(args[1]);
    if (more < 0 || !is_open(self)) return NULL;
    if (!self->started) {
        PyErr_SetString(PyExc_RuntimeError, "write() before start()");
        return NULL;
    }
    if (send_piece(self, args[0], more != 0) < 0) return cut_short(self);
    if (!more) end(self, self->close_after);
    fa_py_server_wake_soon(self->owner);
    Py_RETURN_NONE;
}

/* The line end behind a chunk's data. */
static int end_chunk(struct fa_py_stream *self)
{
    struct fa_writer w;
    if (fa_writer_init(&w, NULL, CHUNK_LINE) != FA_OK) {
        PyErr_NoMemory();
        return -1;
    }
    fa_writer_put(&w, "\r\n", 2);
    return queue_buffer(self, &w);
}

PyDoc_STRVAR(write_file_doc,
    "write_file(fd: int, offset: int, count: int) -> None\n--\n\n"
    "Send `count` bytes of an open file with sendfile. The descriptor is taken over\n"
    "unless an exception is raised. Complete the answer with write(b'', False).");

static PyObject *stream_write_file(struct fa_py_stream *self, PyObject *args)
{
    int fd;
    long long offset, size;
    if (!PyArg_ParseTuple(args, "iLL:write_file", &fd, &offset, &size)) return NULL;
    if (!is_open(self)) return NULL;
    if (!self->started || fd < 0 || offset < 0 || size < 0) {
        PyErr_SetString(PyExc_ValueError, "write_file needs start() first, and no negative number");
        return NULL;
    }
    struct fa_writer w;
    if (fa_writer_init(&w, NULL, self->lines_len + self->owner->head_room) != FA_OK)
        return PyErr_NoMemory();
    put_head(self, &w);
    if (check_length(self, (size_t)size, true) < 0) {
        (void)queue_buffer(self, &w); /* the head still leaves */
        return cut_short(self);
    }
    if (self->task->head_only || has_no_body(self->status)) size = 0;
    if (self->chunked && size > 0) {
        char line[CHUNK_LINE];
        fa_writer_put(&w, line, (size_t)snprintf(line, sizeof line, "%llx\r\n", size));
    }
    if (queue_buffer(self, &w) < 0) return cut_short(self);
    fa_status failed =
        size == 0 ? FA_ERR_CLOSED : fa_stream_write_file(self->task, fd, offset, (uint64_t)size);
    if (failed == FA_ERR_NOMEM) {
        PyErr_NoMemory();
        return cut_short(self);
    }
    if (failed != FA_OK) {
        close(fd); /* nothing to send, or nobody to send it to */
    } else if (self->chunked && end_chunk(self) < 0) {
        PyErr_Clear(); /* the descriptor is taken: an exception would have it closed twice */
        fa_py_stream_abort(self);
    }
    fa_py_server_wake_soon(self->owner);
    Py_RETURN_NONE;
}

/* --- tunnel and end ---------------------------------------------------------------------------- */

PyDoc_STRVAR(upgrade_doc,
    "upgrade() -> None\n--\n\n"
    "Make the connection a raw tunnel: write_raw() sends bytes as they are (the 101\n"
    "head first), read() gives all further input.");

static PyObject *stream_upgrade(struct fa_py_stream *self, PyObject *unused)
{
    (void)unused;
    if (!is_open(self)) return NULL;
    fa_status failed = self->started ? FA_ERR_INVALID : fa_stream_upgrade(self->task);
    if (failed == FA_ERR_CLOSED) {
        self->disconnected = true;
    } else if (failed != FA_OK) {
        PyErr_SetString(PyExc_RuntimeError, "this request cannot change the protocol");
        return NULL;
    }
    self->upgraded = true;
    self->eof = false;
    self->task->status = 101;
    fa_py_server_wake_soon(self->owner);
    Py_RETURN_NONE;
}

PyDoc_STRVAR(write_raw_doc,
    "write_raw(data: bytes) -> None\n--\n\nSend bytes through the tunnel made by upgrade().");

static PyObject *stream_write_raw(struct fa_py_stream *self, PyObject *data)
{
    if (!PyBytes_Check(data)) {
        PyErr_SetString(PyExc_TypeError, "write_raw(data: bytes)");
        return NULL;
    }
    if (!is_open(self)) return NULL;
    if (!self->upgraded) {
        PyErr_SetString(PyExc_RuntimeError, "write_raw() before upgrade()");
        return NULL;
    }
    struct fa_writer w;
    size_t len = (size_t)PyBytes_GET_SIZE(data);
    if (len > COPY_MAX) {
        if (queue_bytes(self, data) < 0) return cut_short(self);
    } else {
        if (fa_writer_init(&w, NULL, len) != FA_OK) {
            PyErr_NoMemory();
            return cut_short(self);
        }
        fa_writer_put(&w, PyBytes_AS_STRING(data), len);
        if (queue_buffer(self, &w) < 0) return cut_short(self);
    }
    fa_py_server_wake_soon(self->owner);
    Py_RETURN_NONE;
}

PyDoc_STRVAR(close_doc,
    "close() -> None\n--\n\n"
    "End a tunnel after its last byte; cut the connection of an answer that is not\n"
    "complete. Does nothing after a complete answer.");

static PyObject *stream_close(struct fa_py_stream *self, PyObject *unused)
{
    (void)unused;
    if (self->task == NULL) Py_RETURN_NONE;
    if (self->upgraded) {
        end(self, true);
        fa_py_server_wake_soon(self->owner);
    } else {
        fa_py_stream_abort(self);
    }
    Py_RETURN_NONE;
}

PyMethodDef fa_py_stream_methods[] = {
    {"read", (PyCFunction)stream_read, METH_NOARGS, read_doc},
    {"want_body", (PyCFunction)stream_want_body, METH_NOARGS, want_body_doc},
    {"start", (PyCFunction)stream_start, METH_VARARGS, start_doc},
    {"write", (PyCFunction)(void (*)(void))stream_write, METH_FASTCALL, write_doc},
    {"write_file", (PyCFunction)stream_write_file, METH_VARARGS, write_file_doc},
    {"upgrade", (PyCFunction)stream_upgrade, METH_NOARGS, upgrade_doc},
    {"write_raw", (PyCFunction)stream_write_raw, METH_O, write_raw_doc},
    {"close", (PyCFunction)stream_close, METH_NOARGS, close_doc},
    {NULL, NULL, 0, NULL},
};
