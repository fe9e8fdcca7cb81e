/* py_stream.c - the request side of Stream: what it is, what arrived. */
#include "python/py_stream.h"

#include <stddef.h>

#include "python/py_scope.h"
#include "server/executor.h"
#include "server/stream.h"

/* --- life ----------------------------------------------------------------------------- */

static struct fa_py_stream *stream_new(struct fa_py_server *owner, struct fa_task *task)
{
    PyTypeObject *type = owner->state->stream_type;
    struct fa_py_stream *self = (struct fa_py_stream *)type->tp_alloc(type, 0);
    if (self == NULL) return NULL;
    self->owner = (struct fa_py_server *)Py_NewRef(owner);
    self->task = task;
    self->kind = (enum fa_py_kind)task->user_kind;
    self->outcome = fa_py_outcome_take(task);
    task->user = self; /* borrowed back-pointer for events */
    return self;
}

void fa_py_stream_abort(struct fa_py_stream *self)
{
    struct fa_task *task = self->task;
    if (task == NULL) return;
    self->task = NULL;
    fa_stream_abort(task);
    if (!self->owner->in_batch) fa_executor_wake_reactor(self->owner->server);
}

void fa_py_stream_open(struct fa_py_server *owner, struct fa_task *task)
{
    struct fa_py_stream *self = stream_new(owner, task);
    if (self == NULL) {
        PyErr_WriteUnraisable((PyObject *)owner);
        Py_XDECREF((PyObject *)task->user);
        fa_stream_abort(task);
        return;
    }
    PyObject *outcome = PyObject_CallOneArg(owner->hooks.asgi, (PyObject *)self);
    if (outcome == NULL) {
        PyErr_WriteUnraisable(owner->hooks.asgi);
        fa_py_stream_abort(self);
    }
    Py_XDECREF(outcome);
    Py_DECREF(self);
}

/* Did the client go away? Kept in `disconnected` because the task ends first. */
static bool look_for_disconnect(struct fa_py_stream *self)
{
    if (self->task != NULL && fa_stream_is_disconnected(self->task)) self->disconnected = true;
    return self->disconnected;
}

void fa_py_stream_event(struct fa_task *task)
{
    struct fa_py_stream *self = task->user;
    Py_INCREF(self);
    look_for_disconnect(self);
    PyObject *callback = Py_XNewRef(self->on_event);
    if (callback != NULL) {
        PyObject *outcome = PyObject_CallNoArgs(callback);
        if (outcome == NULL) PyErr_WriteUnraisable(callback);
        Py_XDECREF(outcome);
        Py_DECREF(callback);
    }
    Py_DECREF(self);
}

static int stream_traverse(struct fa_py_stream *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->owner);
    Py_VISIT(self->outcome.value);
    Py_VISIT(self->outcome.scope);
    Py_VISIT(self->outcome.context);
    Py_VISIT(self->on_event);
    return 0;
}

static int stream_clear(struct fa_py_stream *self)
{
    Py_CLEAR(self->outcome.value);
    Py_CLEAR(self->outcome.scope);
    Py_CLEAR(self->outcome.context);
    Py_CLEAR(self->on_event);
    return 0;
}

static void stream_dealloc(struct fa_py_stream *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    fa_py_stream_abort(self);
    (void)stream_clear(self);
    PyMem_Free(self->lines);
    Py_CLEAR(self->owner);
    type->tp_free((PyObject *)self);
    Py_DECREF(type);
}

/* --- what was asked --------------------------------------------------------------------- */

static PyObject *gone(void)
{
    PyErr_SetString(PyExc_RuntimeError,
        "this request has been answered; read what is needed of it before that");
    return NULL;
}

static PyObject *bytes_of(fa_span span)
{
    return PyBytes_FromStringAndSize(span.ptr, (Py_ssize_t)span.len);
}

static PyObject *get_method(struct fa_py_stream *self, void *unused)
{
    (void)unused;
    return self->task == NULL ? gone() : fa_py_scope_method(self->task);
}

static PyObject *get_path(struct fa_py_stream *self, void *unused)
{
    (void)unused;
    return self->task == NULL ? gone() : fa_py_scope_path(self->task);
}

static PyObject *get_raw_path(struct fa_py_stream *self, void *unused)
{
    (void)unused;
    return self->task == NULL ? gone() : bytes_of(self->task->req.path);
}

static PyObject *get_query_string(struct fa_py_stream *self, void *unused)
{
    (void)unused;
    return self->task == NULL ? gone() : bytes_of(self->task->req.query);
}

static PyObject *get_http_version(struct fa_py_stream *self, void *unused)
{
    (void)unused;
    return self->task == NULL ? gone() : fa_py_scope_version(self->task);
}

static PyObject *get_headers(struct fa_py_stream *self, void *unused)
{
    (void)unused;
    return self->task == NULL ? gone() : fa_py_scope_headers(self->owner, self->task);
}

static PyObject *get_client(struct fa_py_stream *self, void *unused)
{
    (void)unused;
    return self->task == NULL ? gone() : fa_py_scope_client(self->task);
}

static PyObject *get_scheme(struct fa_py_stream *self, void *unused)
{
    (void)unused;
    return self->task == NULL ? gone() : fa_py_scope_scheme(self->task);
}

static PyObject *get_prefix(struct fa_py_stream *self, void *unused)
{
    (void)unused;
    if (self->task == NULL) return gone();
    fa_span prefix = fa_task_prefix(self->task);
    return PyUnicode_FromStringAndSize(prefix.ptr, (Py_ssize_t)prefix.len);
}

static PyObject *get_server(struct fa_py_stream *self, void *unused)
{
    (void)unused;
    return self->task == NULL ? gone() : fa_py_scope_server(self->task);
}

static PyObject *get_is_upgrade(struct fa_py_stream *self, void *unused)
{
    (void)unused;
    return self->task == NULL ? gone() : PyBool_FromLong(self->task->req.upgrade);
}

static PyObject *or_none(PyObject *object)
{
    return Py_NewRef(object == NULL ? Py_None : object);
}

static PyObject *get_value(struct fa_py_stream *self, void *unused)
{
    (void)unused;
    return or_none(self->outcome.value);
}

static PyObject *get_scope(struct fa_py_stream *self, void *unused)
{
    (void)unused;
    return or_none(self->outcome.scope);
}

static PyObject *get_context(struct fa_py_stream *self, void *unused)
{
    (void)unused;
    return or_none(self->outcome.context);
}

static PyObject *get_disconnected(struct fa_py_stream *self, void *unused)
{
    (void)unused;
    return PyBool_FromLong(look_for_disconnect(self));
}

static PyObject *get_peer_closed(struct fa_py_stream *self, void *unused)
{
    (void)unused;
    return PyBool_FromLong(self->task != NULL && fa_stream_is_peer_closed(self->task));
}

static PyObject *get_pending(struct fa_py_stream *self, void *unused)
{
    (void)unused;
    return PyLong_FromSize_t(self->task == NULL ? 0 : fa_stream_pending(self->task));
}

static PyObject *get_high_water(struct fa_py_stream *self, void *unused)
{
    (void)unused;
    return PyLong_FromLongLong(self->owner->config.write_high_water);
}

static PyObject *get_on_event(struct fa_py_stream *self, void *unused)
{
    (void)unused;
    return or_none(self->on_event);
}

static int set_on_event(struct fa_py_stream *self, PyObject *value, void *unused)
{
    (void)unused;
    if (value != NULL && value != Py_None && !PyCallable_Check(value)) {
        PyErr_SetString(PyExc_TypeError, "on_event must be callable or None");
        return -1;
    }
    Py_XSETREF(self->on_event, value == NULL || value == Py_None ? NULL : Py_NewRef(value));
    return 0;
}

static PyObject *get_kind(struct fa_py_stream *self, void *unused)
{
    (void)unused;
    return PyLong_FromLong(self->kind);
}

static PyObject *get_eof(struct fa_py_stream *self, void *unused)
{
    (void)unused;
    return PyBool_FromLong(self->eof);
}

#define GETTER(name, doc)                          \
    {                                              \
#name, (getter)get_##name, NULL, doc, NULL \
    }

static PyGetSetDef stream_getset[] = {
    GETTER(method, "request method, e.g. 'GET'"),
    GETTER(path, "percent-decoded path"),
    GETTER(raw_path, "path as it was sent, bytes"),
    GETTER(query_string, "query without '?', bytes"),
    GETTER(http_version, "'1.1' or '1.0'"),
    GETTER(headers, "list of (lower-case name, value) pairs of bytes"),
    GETTER(client, "(host, port) of the client, or None on a Unix socket"),
    GETTER(scheme, "'http', or what a trusted proxy says: 'https', 'ws', 'wss'"),
    GETTER(prefix, "what a trusted proxy has taken off the path, '' without forwarded_prefix"),
    GETTER(server, "(host, port) of our end, or None on a Unix socket"),
    GETTER(is_upgrade, "the client asked to change the protocol"),
    GETTER(kind,
        "0: nothing has run; 1: the handler raised `value`; 2: it returned the Response `value`"),
    GETTER(value, "see kind"),
    GETTER(scope, "the ASGI scope that the handler has seen, or None"),
    GETTER(context, "contextvars.Context that the answer is made in, or None for a new one"),
    GETTER(eof, "the request body has been read to its end"),
    GETTER(disconnected, "the client is gone"),
    GETTER(peer_closed, "the client has closed its sending side; it may still read the answer"),
    GETTER(pending, "bytes of the answer that wait for the client"),
    GETTER(high_water, "stop writing above this many pending bytes"),
    {"on_event", (getter)get_on_event, (setter)set_on_event,
        "called when body, room or a disconnect arrived", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PyDoc_STRVAR(stream_doc,
    "One handed-over request: what was asked, and the way to answer. Event-loop thread only.");

static PyType_Slot stream_slots[] = {
    {Py_tp_doc, (void *)stream_doc},
    {Py_tp_traverse, stream_traverse},
    {Py_tp_clear, stream_clear},
    {Py_tp_dealloc, stream_dealloc},
    {Py_tp_getset, stream_getset},
    {Py_tp_methods, fa_py_stream_methods},
    {0, NULL},
};

PyType_Spec fa_py_stream_spec = {
    .name = "fasterapi._fasterapi_core.Stream",
    .basicsize = sizeof(struct fa_py_stream),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE |
             Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = stream_slots,
};
