#include "python/py_peer.h"

#include <stddef.h>
#include <structmember.h>

#include "python/py_life.h"
#include "server/memory_peer.h"

struct fa_py_peer {
    PyObject_HEAD struct fa_py_server *server;
    PyObject *sending; /* bytes the server has not read to their end, or NULL */
    unsigned number;
    bool has_context; /* in the server's contexts */
    struct fa_memory_peer peer;
};

/* On 0 the caller drives the server, and says when it no longer does. */
static int begin_driving(struct fa_py_server *server)
{
    bool runs = server->driven && server->started && !server->stopped;
    if (runs && fa_py_life_try_drive(server)) return 0;
    PyErr_SetString(
        PyExc_RuntimeError, runs ? "another thread drives this server"
                                 : "this needs a running server started with driven=True");
    return -1;
}

/* Handlers see the context variables of whoever opened the peer. */
static int keep_context(struct fa_py_peer *self)
{
    struct fa_py_server *server = self->server;
    if (server->contexts == NULL && (server->contexts = PyDict_New()) == NULL) return -1;
    PyObject *number = PyLong_FromUnsignedLong(self->number), *context = PyContext_CopyCurrent();
    int kept =
        number == NULL || context == NULL ? -1 : PyDict_SetItem(server->contexts, number, context);
    Py_XDECREF(number);
    Py_XDECREF(context);
    self->has_context = kept == 0;
    return kept;
}

/* Cannot fail for the caller: what goes wrong is reported as unraisable. */
static void drop_context(struct fa_py_peer *self)
{
    if (!self->has_context || self->server->contexts == NULL) return;
    self->has_context = false;
    PyObject *number = PyLong_FromUnsignedLong(self->number);
    if (number == NULL || PyDict_DelItem(self->server->contexts, number) < 0)
        PyErr_WriteUnraisable((PyObject *)self->server);
    Py_XDECREF(number);
}

PyObject *fa_py_peer_open(struct fa_py_server *server, PyObject *unused)
{
    (void)unused;
    PyTypeObject *type = server->state->peer_type;
    struct fa_py_peer *self = (struct fa_py_peer *)type->tp_alloc(type, 0);
    if (self == NULL) return NULL;
    self->server = (struct fa_py_server *)Py_NewRef(server);
    fa_memory_peer_init(&self->peer);
    if (begin_driving(server) < 0) {
        Py_DECREF(self);
        return NULL;
    }
    self->number = ++server->peers;
    fa_status status = fa_memory_peer_connect(&self->peer, server->server);
    if (status == FA_OK) {
        fa_memory_peer_name(&self->peer, self->number);
        fa_memory_peer_limit(&self->peer, 1);
    }
    fa_py_life_drive_end(server);
    if (status != FA_OK) PyErr_NoMemory();
    if (status != FA_OK || keep_context(self) < 0) Py_CLEAR(self);
    return (PyObject *)self;
}

PyObject *fa_py_peer_new_context(struct fa_py_server *server, const struct fa_task *task)
{
    if (FA_LIKELY(server->contexts == NULL)) return PyContext_Copy(server->context);
    PyObject *number = PyLong_FromUnsignedLong(fa_memory_peer_number(task));
    if (number == NULL) return NULL;
    PyObject *found = fa_compat_dict_get(server->contexts, number);
    Py_DECREF(number);
    if (found == NULL && PyErr_Occurred() != NULL) return NULL;
    PyObject *context = PyContext_Copy(found != NULL ? found : server->context);
    Py_XDECREF(found);
    return context;
}

PyObject *fa_py_peer_turn(struct fa_py_server *server, PyObject *unused)
{
    (void)unused;
    if (begin_driving(server) < 0) return NULL;
    fa_status status;
    Py_BEGIN_ALLOW_THREADS do
    {
        status = fa_server_turn(server->server, false);
    }
    while (status == FA_OK && !fa_server_arm(server->server))
        ;
    fa_py_life_drive_end(server);
    Py_END_ALLOW_THREADS Py_RETURN_NONE;
}

PyDoc_STRVAR(send_doc,
    "send(data: bytes) -> None\n--\n\n"
    "Offer bytes to the server, which reads them in its next turns. Raises BlockingIOError\n"
    "while it has not read those before, ConnectionError when it closed the connection.");

static PyObject *peer_send(struct fa_py_peer *self, PyObject *data)
{
    if (!PyBytes_CheckExact(data)) {
        PyErr_Format(PyExc_TypeError, "send() takes bytes, not %.100s", Py_TYPE(data)->tp_name);
        return NULL;
    }
    if (begin_driving(self->server) < 0) return NULL;
    bool closed = self->peer.conn == NULL, busy = self->peer.in_len > 0;
    if (!closed && !busy)
        fa_memory_peer_send(&self->peer, PyBytes_AS_STRING(data), (size_t)PyBytes_GET_SIZE(data));
    fa_py_life_drive_end(self->server);
    if (closed) {
        PyErr_SetString(PyExc_ConnectionError, "the server has closed the connection");
        return NULL;
    }
    if (busy) {
        PyErr_SetString(PyExc_BlockingIOError, "the bytes before these are not read yet");
        return NULL;
    }
    Py_XSETREF(self->sending, Py_NewRef(data));
    Py_RETURN_NONE;
}

PyDoc_STRVAR(take_doc,
    "take() -> bytes\n--\n\n"
    "What the server has sent since the last call. It sends no more before it is taken;\n"
    "after that it needs a turn().");

static PyObject *peer_take(struct fa_py_peer *self, PyObject *unused)
{
    (void)unused;
    if (!fa_py_life_drive(self->server)) return PyBytes_FromStringAndSize(NULL, 0);
    PyObject *bytes = PyBytes_FromStringAndSize(self->peer.out, (Py_ssize_t)self->peer.out_len);
    if (bytes != NULL) fa_memory_peer_took(&self->peer);
    fa_py_life_drive_end(self->server);
    return bytes;
}

PyDoc_STRVAR(close_doc, "close() -> None\n--\n\nBreak the connection; more than once is fine.");

/* The connection knows where the peer lies, so it goes first, also after the server's stop. */
static void break_connection(struct fa_py_peer *self)
{
    if (self->peer.conn == NULL || !fa_py_life_drive(self->server)) return;
    fa_memory_peer_close(&self->peer);
    fa_py_life_drive_end(self->server);
}

static PyObject *peer_close(struct fa_py_peer *self, PyObject *unused)
{
    (void)unused;
    break_connection(self);
    drop_context(self);
    Py_RETURN_NONE;
}

static PyObject *get_closed(struct fa_py_peer *self, void *unused)
{
    (void)unused;
    return PyBool_FromLong(self->peer.conn == NULL || self->peer.out_ended);
}

static int peer_traverse(struct fa_py_peer *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->server);
    return 0;
}

static void peer_dealloc(struct fa_py_peer *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    if (self->server != NULL) {
        drop_context(self);
        break_connection(self);
        self->peer.conn = NULL; /* else of a parent process */
    }
    fa_memory_peer_deinit(&self->peer);
    Py_CLEAR(self->sending);
    Py_CLEAR(self->server);
    type->tp_free((PyObject *)self);
    Py_DECREF(type);
}

static PyMethodDef peer_methods[] = {
    {"send", (PyCFunction)peer_send, METH_O, send_doc},
    {"take", (PyCFunction)peer_take, METH_NOARGS, take_doc},
    {"close", (PyCFunction)peer_close, METH_NOARGS, close_doc},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef peer_members[] = {
    {"number", T_UINT, offsetof(struct fa_py_peer, number), READONLY,
        "its address, as the 32 bits of an IPv4 one"},
    {NULL, 0, 0, 0, NULL},
};

static PyGetSetDef peer_getset[] = {
    {"closed", (getter)get_closed, NULL, "the server has ended the connection", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PyDoc_STRVAR(peer_doc, "A client of a driven server, in this process. Event-loop thread only.");

static PyType_Slot peer_slots[] = {
    {Py_tp_doc, (void *)peer_doc},
    {Py_tp_traverse, peer_traverse},
    {Py_tp_dealloc, peer_dealloc},
    {Py_tp_methods, peer_methods},
    {Py_tp_members, peer_members},
    {Py_tp_getset, peer_getset},
    {0, NULL},
};

PyType_Spec fa_py_peer_spec = {
    .name = "fasterapi._fasterapi_core.Peer",
    .basicsize = sizeof(struct fa_py_peer),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE |
             Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = peer_slots,
};
