/*
 * py_queue.c - SPSCQueue, MPMCQueue and LockedQueue: one set of methods over struct fa_queue.
 *
 * The queue owns a reference to each object in it. A push or a pop runs no code
 * of the user's and does not give up the GIL, so with the GIL calls never overlap.
 * On free-threaded builds MPMCQueue and LockedQueue are what they are in C; an
 * SPSCQueue notices two calls at the same end and raises.
 */
#include "python/py_queue.h"

#include <stdatomic.h>

#include "base/alloc.h"
#include "python/py_size.h"
#include "queue/queue.h"

#define DEFAULT_CAPACITY 1024

struct fa_py_queue {
    PyObject_HEAD void *block; /* what `queue` lies in, on a cache line's start */
    struct fa_queue *queue;    /* NULL until tp_new is through */
    atomic_bool pushing;       /* SPSC without a GIL: somebody is inside of try_push */
    atomic_bool popping;
};

/* --- life ----------------------------------------------------------------------------- */

static bool queue_open(struct fa_py_queue *self, enum fa_queue_kind kind, size_t capacity)
{
    self->block = fa_alloc(sizeof(struct fa_queue) + FA_CACHELINE);
    if (self->block == NULL) return false;
    uintptr_t start = ((uintptr_t)self->block + FA_CACHELINE - 1) & ~(uintptr_t)(FA_CACHELINE - 1);
    struct fa_queue *queue = (struct fa_queue *)start;
    if (fa_queue_init(queue, kind, capacity) != FA_OK) return false;
    self->queue = queue;
    return true;
}

static PyObject *queue_new(
    PyTypeObject *type, PyObject *args, PyObject *kwargs, enum fa_queue_kind kind, const char *what)
{
    static char *names[] = {"capacity", NULL};
    PyObject *asked = NULL;
    size_t capacity = DEFAULT_CAPACITY;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O", names, &asked)) return NULL;
    if (asked != NULL && !fa_py_size_parse(asked, what, 1, FA_PY_QUEUE_MAX, &capacity)) return NULL;
    struct fa_py_queue *self = (struct fa_py_queue *)type->tp_alloc(type, 0);
    if (self == NULL) return NULL;
    if (!queue_open(self, kind, capacity)) {
        Py_DECREF(self);
        return PyErr_NoMemory();
    }
    return (PyObject *)self;
}

static PyObject *spsc_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    return queue_new(type, args, kwargs, FA_QUEUE_SPSC, "SPSCQueue: capacity");
}

static PyObject *mpmc_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    return queue_new(type, args, kwargs, FA_QUEUE_MPMC, "MPMCQueue: capacity");
}

static PyObject *locked_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    return queue_new(type, args, kwargs, FA_QUEUE_LOCKED, "LockedQueue: capacity");
}

/* No thread can be inside of a push or a pop here: with the GIL because these do not
 * give it up, without one because the collector has stopped every thread at a safe point. */
static int queue_traverse(struct fa_py_queue *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    if (self->queue == NULL) return 0;
    size_t count = fa_queue_size(self->queue);
    for (size_t n = 0; n < count; n++)
        Py_VISIT((PyObject *)fa_queue_peek(self->queue, n));
    return 0;
}

/* What a destructor pushes meanwhile stays for the next collection, so that this ends. */
static int queue_clear(struct fa_py_queue *self)
{
    void *item = NULL;
    size_t left = self->queue == NULL ? 0 : fa_queue_size(self->queue);
    for (; left > 0 && fa_queue_try_pop(self->queue, &item) == FA_OK; left--)
        Py_DECREF((PyObject *)item);
    return 0;
}

static void queue_dealloc(struct fa_py_queue *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    Py_TRASHCAN_BEGIN(self, queue_dealloc);
    (void)queue_clear(self);
    if (self->queue != NULL) fa_queue_deinit(self->queue);
    fa_free(self->block);
    type->tp_free((PyObject *)self);
    Py_DECREF(type);
    Py_TRASHCAN_END
}

/* --- the two ends --------------------------------------------------------------------- */

/* With the GIL nothing to check. Without: a second thread at the same end of an SPSCQueue
 * is told so. The exchange pairs with the store in leave(), so the role may change hands. */
static bool enter(struct fa_py_queue *self, atomic_bool *inside, const char *who)
{
    if (!FA_GIL_DISABLED || self->queue->kind != FA_QUEUE_SPSC) return true;
    if (!atomic_exchange_explicit(inside, true, memory_order_acquire)) return true;
    PyErr_Format(PyExc_RuntimeError,
        "two threads %s an SPSCQueue at the same time; MPMCQueue is the one for that", who);
    return false;
}

static void leave(struct fa_py_queue *self, atomic_bool *inside)
{
    if (!FA_GIL_DISABLED || self->queue->kind != FA_QUEUE_SPSC) return;
    atomic_store_explicit(inside, false, memory_order_release);
}

PyDoc_STRVAR(try_push_doc,
    "try_push($self, obj, /)\n--\n\n"
    "Add obj at the end. Returns False, and adds nothing, if the queue is full. Never waits.");

static PyObject *queue_try_push(struct fa_py_queue *self, PyObject *item)
{
    if (!enter(self, &self->pushing, "push to")) return NULL;
    Py_INCREF(item); /* before a consumer can see it */
    bool pushed = fa_queue_try_push(self->queue, item) == FA_OK;
    leave(self, &self->pushing);
    if (!pushed) Py_DECREF(item);
    return PyBool_FromLong(pushed);
}

PyDoc_STRVAR(try_pop_doc,
    "try_pop($self, /, default=None)\n--\n\n"
    "Take the oldest object, or return default if there is none. Never waits.");

/* The one optional argument of try_pop; borrowed, NULL with TypeError. */
static PyObject *parse_default(PyObject *const *args, Py_ssize_t count, PyObject *names)
{
    Py_ssize_t named = names == NULL ? 0 : PyTuple_GET_SIZE(names);
    if (count + named == 0) return Py_None;
    if (count + named > 1) {
        return PyErr_Format(
            PyExc_TypeError, "try_pop() takes at most 1 argument (%zd given)", count + named);
    }
    if (named == 1 &&
        PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(names, 0), "default") != 0) {
        return PyErr_Format(PyExc_TypeError, "try_pop() got an unexpected keyword argument %R",
            PyTuple_GET_ITEM(names, 0));
    }
    return args[0];
}

static PyObject *queue_try_pop(
    struct fa_py_queue *self, PyObject *const *args, Py_ssize_t count, PyObject *names)
{
    PyObject *missing = parse_default(args, count, names);
    void *item = NULL;
    if (missing == NULL || !enter(self, &self->popping, "pop from")) return NULL;
    bool popped = fa_queue_try_pop(self->queue, &item) == FA_OK;
    leave(self, &self->popping);
    return popped ? (PyObject *)item : Py_NewRef(missing);
}

static Py_ssize_t queue_len(struct fa_py_queue *self)
{
    return (Py_ssize_t)fa_queue_size(self->queue);
}

static PyObject *get_capacity(struct fa_py_queue *self, void *unused)
{
    (void)unused;
    return PyLong_FromSize_t(fa_queue_capacity(self->queue));
}

/* --- the types ------------------------------------------------------------------------ */

static PyMethodDef queue_methods[] = {
    {"try_push", (PyCFunction)queue_try_push, METH_O, try_push_doc},
    {"try_pop", (PyCFunction)(void (*)(void))queue_try_pop, METH_FASTCALL | METH_KEYWORDS,
        try_pop_doc},
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS, "For type hints: MPMCQueue[int]."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef queue_getset[] = {
    {"capacity", (getter)get_capacity, NULL, "how many objects fit", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PyDoc_STRVAR(spsc_doc,
    "SPSCQueue(capacity=1024)\n--\n\n"
    "Bounded first-in first-out queue for one producer and one consumer: wait-free.\n"
    "The capacity is rounded up to a power of two, at least 2. Which thread pushes may\n"
    "change, but two may not at the same time: RuntimeError on free-threaded Python;\n"
    "with the GIL calls cannot overlap.");
PyDoc_STRVAR(mpmc_doc,
    "MPMCQueue(capacity=1024)\n--\n\n"
    "Bounded first-in first-out queue for any number of threads, without a lock.\n"
    "The capacity is rounded up to a power of two, at least 2.");
PyDoc_STRVAR(locked_doc,
    "LockedQueue(capacity=1024)\n--\n\n"
    "Bounded first-in first-out queue under a mutex: what the others are measured against.\n"
    "The capacity is rounded up to a power of two, at least 2.");

#define QUEUE_SLOTS(doc, make)                                                                   \
    {Py_tp_doc, (void *)(doc)}, {Py_tp_new, (make)}, {Py_tp_traverse, queue_traverse},           \
        {Py_tp_clear, queue_clear}, {Py_tp_dealloc, queue_dealloc},                              \
        {Py_tp_methods, queue_methods}, {Py_tp_getset, queue_getset}, {Py_sq_length, queue_len}, \
    {                                                                                            \
        0, NULL                                                                                  \
    }
#define QUEUE_SPEC(text, its_slots)                                                         \
    {                                                                                       \
        .name = "fasterapi._fasterapi_core." text, .basicsize = sizeof(struct fa_py_queue), \
        .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,        \
        .slots = (its_slots),                                                               \
    }

static PyType_Slot spsc_slots[] = {QUEUE_SLOTS(spsc_doc, spsc_new)};
static PyType_Slot mpmc_slots[] = {QUEUE_SLOTS(mpmc_doc, mpmc_new)};
static PyType_Slot locked_slots[] = {QUEUE_SLOTS(locked_doc, locked_new)};

PyType_Spec fa_py_queue_spsc_spec = QUEUE_SPEC("SPSCQueue", spsc_slots);
PyType_Spec fa_py_queue_mpmc_spec = QUEUE_SPEC("MPMCQueue", mpmc_slots);
PyType_Spec fa_py_queue_locked_spec = QUEUE_SPEC("LockedQueue", locked_slots);
