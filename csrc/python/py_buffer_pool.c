/*
 * py_buffer_pool.c - BufferPool: memory of one size, used again and again.
 *
 * A PooledBuffer holds its pool, and a view of it holds the PooledBuffer. The
 * memory goes back when the PooledBuffer is released (or gone) and no view of
 * it is left, so nobody ever sees memory that somebody else has got.
 */
#include "python/py_buffer_pool.h"

#include <string.h>

#include "base/buffer_pool.h"
#include "python/module_state.h"
#include "python/py_size.h"

#define MAX_BUFFER_SIZE ((size_t)1 << 30)
#define MAX_COUNT       ((size_t)1 << 20)

struct fa_py_buffer_pool {
    PyObject_HEAD struct fa_buffer_pool pool;
    bool opened; /* pool is initialised */
    bool zero;   /* clear a buffer before it is handed out */
};

struct item {
    PyObject_HEAD struct fa_py_buffer_pool *owner;
    struct fa_buffer *buf; /* NULL: given back */
    Py_ssize_t views;
    bool released;
};

/* --- the pool ------------------------------------------------------------------------- */

static PyObject *pool_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"buffer_size", "count", "zero", NULL};
    PyObject *size_arg = NULL, *count_arg = NULL;
    size_t size = 8192, count = 1024;
    int zero = 1;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|OO$p", names, &size_arg, &count_arg, &zero))
        return NULL;
    if (size_arg != NULL &&
        !fa_py_size_parse(size_arg, "BufferPool: buffer_size", 1, MAX_BUFFER_SIZE, &size))
        return NULL;
    if (count_arg != NULL &&
        !fa_py_size_parse(count_arg, "BufferPool: count", 1, MAX_COUNT, &count))
        return NULL;
    struct fa_py_buffer_pool *self = (struct fa_py_buffer_pool *)type->tp_alloc(type, 0);
    if (self == NULL) return NULL;
    if (fa_buffer_pool_init(&self->pool, size, count, true) != FA_OK) {
        Py_DECREF(self);
        return PyErr_NoMemory();
    }
    self->opened = true;
    self->zero = zero != 0;
    return (PyObject *)self;
}

static void pool_dealloc(struct fa_py_buffer_pool *self)
{
    PyTypeObject *type = Py_TYPE(self);
    if (self->opened) fa_buffer_pool_deinit(&self->pool);
    type->tp_free((PyObject *)self);
    Py_DECREF(type);
}

PyDoc_STRVAR(acquire_doc,
    "acquire($self, /)\n--\n\n"
    "A PooledBuffer that nobody else has: one that was given back, or a new one. Never waits.");

static PyObject *acquire(struct fa_py_buffer_pool *self, PyObject *unused)
{
    (void)unused;
    PyTypeObject *type = fa_module_state_of(Py_TYPE(self))->buffer_type;
    if (type == NULL) { /* the interpreter is ending */
        PyErr_SetString(PyExc_RuntimeError, "acquire: the module is gone");
        return NULL;
    }
    struct item *item = (struct item *)type->tp_alloc(type, 0);
    if (item == NULL) return NULL;
    item->owner = (struct fa_py_buffer_pool *)Py_NewRef(self);
    item->buf = fa_buffer_pool_get(&self->pool);
    if (item->buf == NULL) {
        Py_DECREF(item);
        return PyErr_NoMemory();
    }
    if (self->zero) memset(item->buf->data, 0, item->buf->capacity);
    return (PyObject *)item;
}

PyDoc_STRVAR(stats_doc,
    "stats($self, /)\n--\n\n"
    "hits and misses of acquire(), size: buffers kept for reuse now, high_water: the most there "
    "were.");

static PyObject *stats(struct fa_py_buffer_pool *self, PyObject *unused)
{
    (void)unused;
    struct fa_pool_stats now;
    fa_buffer_pool_stats(&self->pool, &now);
    return Py_BuildValue("{sKsKsKsK}", "hits", (unsigned long long)now.hits, "misses",
        (unsigned long long)now.misses, "size", (unsigned long long)now.size, "high_water",
        (unsigned long long)now.high_water);
}

static PyObject *get_buffer_size(struct fa_py_buffer_pool *self, void *unused)
{
    (void)unused;
    return PyLong_FromUnsignedLong(self->pool.buffer_size);
}

/* --- what it hands out ---------------------------------------------------------------- */

/* The memory that may go back now, NULL if a view or its holder still needs it. */
static struct fa_buffer *take_unused(struct item *self)
{
    struct fa_buffer *buf = self->buf;
    if (!self->released || self->views > 0) return NULL;
    self->buf = NULL;
    return buf;
}

/* False if it was released before. */
static bool item_release(struct item *self)
{
    struct fa_buffer *buf;
    bool first;
    Py_BEGIN_CRITICAL_SECTION(self);
    first = !self->released;
    self->released = true;
    buf = take_unused(self);
    Py_END_CRITICAL_SECTION();
    if (buf != NULL) fa_buffer_release(buf);
    return first;
}

static void item_dealloc(struct item *self)
{
    PyTypeObject *type = Py_TYPE(self);
    (void)item_release(self); /* no view can be left: it would hold us */
    Py_XDECREF(self->owner);
    type->tp_free((PyObject *)self);
    Py_DECREF(type);
}

PyDoc_STRVAR(release_doc,
    "release($self, /)\n--\n\n"
    "Give the memory back. A memoryview that somebody keeps stays valid: the memory goes back\n"
    "once the last one is gone. ValueError if it was released before.");

static PyObject *release(struct item *self, PyObject *unused)
{
    (void)unused;
    if (item_release(self)) Py_RETURN_NONE;
    PyErr_SetString(PyExc_ValueError, "release: the buffer was released before");
    return NULL;
}

static PyObject *item_enter(struct item *self, PyObject *unused)
{
    (void)unused;
    bool released;
    Py_BEGIN_CRITICAL_SECTION(self);
    released = self->released;
    Py_END_CRITICAL_SECTION();
    if (!released) return Py_NewRef(self);
    PyErr_SetString(PyExc_ValueError, "the buffer was released before");
    return NULL;
}

static PyObject *item_exit(struct item *self, PyObject *unused)
{
    (void)unused;
    (void)item_release(self);
    Py_RETURN_NONE;
}

/* Said here because a type without tp_new would pickle by the oldest protocols. */
static PyObject *item_reduce(struct item *self, PyObject *unused)
{
    (void)self, (void)unused;
    PyErr_SetString(PyExc_TypeError, "cannot pickle 'PooledBuffer' object");
    return NULL;
}

static Py_ssize_t item_len(struct item *self)
{
    return (Py_ssize_t)self->owner->pool.buffer_size;
}

static PyObject *get_released(struct item *self, void *unused)
{
    (void)unused;
    bool released;
    Py_BEGIN_CRITICAL_SECTION(self);
    released = self->released;
    Py_END_CRITICAL_SECTION();
    return PyBool_FromLong(released);
}

static void release_view(struct item *self, Py_buffer *view)
{
    (void)view;
    struct fa_buffer *buf;
    Py_BEGIN_CRITICAL_SECTION(self);
    self->views--;
    buf = take_unused(self);
    Py_END_CRITICAL_SECTION();
    if (buf != NULL) fa_buffer_release(buf);
}

static int get_view(struct item *self, Py_buffer *view, int flags)
{
    bool released;
    Py_BEGIN_CRITICAL_SECTION(self);
    released = self->released;
    self->views += !released;
    Py_END_CRITICAL_SECTION();
    if (released) {
        view->obj = NULL;
        PyErr_SetString(PyExc_BufferError, "the buffer was released");
        return -1;
    }
    if (PyBuffer_FillInfo(view, (PyObject *)self, self->buf->data, item_len(self), 0, flags) == 0)
        return 0;
    release_view(self, view);
    return -1;
}

/* --- the types ------------------------------------------------------------------------ */

static PyMethodDef pool_methods[] = {
    {"acquire", (PyCFunction)acquire, METH_NOARGS, acquire_doc},
    {"stats", (PyCFunction)stats, METH_NOARGS, stats_doc},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef pool_getset[] = {
    {"buffer_size", (getter)get_buffer_size, NULL, "bytes in each buffer", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PyDoc_STRVAR(pool_doc,
    "BufferPool(buffer_size=8192, count=1024, *, zero=True)\n--\n\n"
    "Memory of one size, used again and again; at most count free buffers are kept. A buffer is\n"
    "cleared before it is handed out, but with zero=False it holds whatever was in it before.");

static PyType_Slot pool_slots[] = {
    {Py_tp_doc, (void *)pool_doc},
    {Py_tp_new, pool_new},
    {Py_tp_dealloc, pool_dealloc},
    {Py_tp_methods, pool_methods},
    {Py_tp_getset, pool_getset},
    {0, NULL},
};

PyType_Spec fa_py_buffer_pool_spec = {
    .name = "fasterapi._fasterapi_core.BufferPool",
    .basicsize = sizeof(struct fa_py_buffer_pool),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = pool_slots,
};

static PyMethodDef item_methods[] = {
    {"release", (PyCFunction)release, METH_NOARGS, release_doc},
    {"__enter__", (PyCFunction)item_enter, METH_NOARGS, "The buffer itself."},
    {"__reduce__", (PyCFunction)item_reduce, METH_NOARGS, "TypeError: it cannot be copied."},
    {"__exit__", (PyCFunction)item_exit, METH_VARARGS, "Release it, unless that was done."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef item_getset[] = {
    {"released", (getter)get_released, NULL, "it was given back", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PyDoc_STRVAR(item_doc,
    "Writable memory from a BufferPool, through the buffer protocol: memoryview(buffer),\n"
    "socket.recv_into(buffer). Released by release(), at the end of a with block, or when the\n"
    "last reference goes.");

static PyType_Slot item_slots[] = {
    {Py_tp_doc, (void *)item_doc},
    {Py_tp_dealloc, item_dealloc},
    {Py_tp_methods, item_methods},
    {Py_tp_getset, item_getset},
    {Py_sq_length, item_len},
    {Py_bf_getbuffer, get_view},
    {Py_bf_releasebuffer, release_view},
    {0, NULL},
};

PyType_Spec fa_py_buffer_pool_item_spec = {
    .name = "fasterapi._fasterapi_core.PooledBuffer",
    .basicsize = sizeof(struct item),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = item_slots,
};
