/*
 * py_tuple_pool.c - TuplePool: tuples for reuse, a pool for each length.
 *
 * A tuple in the pool holds None in every place and is unknown to the garbage
 * collector. Whoever still looks at one after its release sees the Nones.
 */
#include "python/py_tuple_pool.h"

#include <string.h>

#include "python/py_address_set.h"
#include "python/py_object_pool.h"
#include "python/py_size.h"

#define DEFAULT_SIZE 512
#define MOST_SIZE    ((size_t)1 << 24)

enum { LONGEST = 20 }; /* longer ones are made anew, as CPython does beyond that length */

struct fa_py_tuple_pool {
    PyObject_HEAD size_t per_length;
    struct fa_py_object_pool *pools[LONGEST + 1]; /* made when the first one comes back */
    struct fa_py_address_set out;                 /* handed out and not given back */
    uint64_t other_misses;                        /* of lengths that have no pool */
};

static PyObject *tuple_pool_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"per_length", NULL};
    PyObject *asked = NULL;
    size_t size = DEFAULT_SIZE;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O:TuplePool", names, &asked)) return NULL;
    if (asked != NULL && !fa_py_size_parse(asked, "TuplePool: per_length", 1, MOST_SIZE, &size))
        return NULL;
    struct fa_py_tuple_pool *self = (struct fa_py_tuple_pool *)type->tp_alloc(type, 0);
    if (self == NULL) return NULL;
    self->per_length = size;
    return (PyObject *)self;
}

static int tuple_pool_traverse(struct fa_py_tuple_pool *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    return 0; /* Nones only */
}

static void tuple_pool_dealloc(struct fa_py_tuple_pool *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    for (int i = 0; i <= LONGEST; i++)
        fa_py_object_pool_free(self->pools[i]);
    fa_py_address_set_deinit(&self->out);
    type->tp_free((PyObject *)self);
    Py_DECREF(type);
}

/* --- out ----------------------------------------------------------------------------- */

/* A tuple of Nones that the collector does not know; NULL without exception: there is none. */
static PyObject *get(struct fa_py_tuple_pool *self, Py_ssize_t count)
{
    struct fa_py_object_pool *pool = NULL;
    Py_BEGIN_CRITICAL_SECTION(self);
    pool = count <= LONGEST ? self->pools[count] : NULL;
    self->other_misses += pool == NULL;
    Py_END_CRITICAL_SECTION();
    return pool == NULL ? NULL : fa_py_object_pool_get(pool);
}

static bool note(struct fa_py_tuple_pool *self, PyObject *tuple)
{
    bool noted;
    Py_BEGIN_CRITICAL_SECTION(self);
    noted = fa_py_address_set_add(&self->out, tuple);
    Py_END_CRITICAL_SECTION();
    return noted;
}

PyDoc_STRVAR(acquire_doc, "acquire($self, /, *items)\n--\n\n"
                          "A tuple of the items: a pooled one that nobody else has, or a new one.");

static PyObject *tuple_pool_acquire(
    struct fa_py_tuple_pool *self, PyObject *const *items, Py_ssize_t count)
{
    if (count == 0) return PyTuple_New(0);
    PyObject *tuple = get(self, count);
    bool pooled = tuple != NULL;
    if (!pooled) tuple = PyTuple_New(count);
    if (tuple == NULL) return NULL;
    for (Py_ssize_t i = 0; i < count; i++) {
        if (pooled) Py_DECREF(Py_None); /* what stands there */
        PyTuple_SET_ITEM(tuple, i, Py_NewRef(items[i]));
    }
    if (pooled) PyObject_GC_Track(tuple);
    if (!note(self, tuple)) {
        Py_DECREF(tuple);
        return PyErr_NoMemory();
    }
    return tuple;
}

PyObject *fa_py_tuple_pool_pair(PyObject *pool, PyObject *first, PyObject *second)
{
    PyObject *items[2] = {first, second};
    return tuple_pool_acquire((struct fa_py_tuple_pool *)pool, items, 2);
}

/* --- in ------------------------------------------------------------------------------ */

/* The pool for tuples of this length; NULL: there is none, or no memory for it. */
static struct fa_py_object_pool *pool_for(struct fa_py_tuple_pool *self, Py_ssize_t count)
{
    struct fa_py_object_pool *pool = NULL;
    if (count > LONGEST) return NULL;
    Py_BEGIN_CRITICAL_SECTION(self);
    if (self->pools[count] == NULL &&
        fa_py_object_pool_new(self->per_length, &self->pools[count]) != FA_OK)
        self->pools[count] = NULL;
    pool = self->pools[count];
    Py_END_CRITICAL_SECTION();
    return pool;
}

/* Empty it, then keep it. The old items go last: their destructors see a whole pool. */
static void put(struct fa_py_tuple_pool *self, PyObject *tuple)
{
    Py_ssize_t count = PyTuple_GET_SIZE(tuple);
    struct fa_py_object_pool *pool = pool_for(self, count);
    if (pool == NULL) return;
    PyObject *old[LONGEST];
    if (PyObject_GC_IsTracked(tuple)) PyObject_GC_UnTrack(tuple);
    fa_compat_forget_hash(tuple);
    for (Py_ssize_t i = 0; i < count; i++) {
        old[i] = PyTuple_GET_ITEM(tuple, i);
        PyTuple_SET_ITEM(tuple, i, Py_NewRef(Py_None));
    }
    if (fa_py_object_pool_put(pool, Py_NewRef(tuple)) == false) Py_DECREF(tuple);
    for (Py_ssize_t i = 0; i < count; i++)
        Py_DECREF(old[i]);
}

static bool take_back(struct fa_py_tuple_pool *self, PyObject *tuple)
{
    bool known;
    Py_BEGIN_CRITICAL_SECTION(self);
    known = fa_py_address_set_remove(&self->out, tuple);
    Py_END_CRITICAL_SECTION();
    return known;
}

PyDoc_STRVAR(release_doc,
    "release($self, obj, /)\n--\n\n"
    "Give a tuple of this pool's back. Its items are let go at once (None takes their\n"
    "places); it is reused only if nobody else has it by then. Raises TypeError if it is no\n"
    "tuple, ValueError if it was not acquired here or was released before.");

static PyObject *tuple_pool_release(struct fa_py_tuple_pool *self, PyObject *tuple)
{
    if (!PyTuple_CheckExact(tuple)) {
        return PyErr_Format(PyExc_TypeError, "TuplePool.release() takes a tuple, not %.100s",
            Py_TYPE(tuple)->tp_name);
    }
    if (PyTuple_GET_SIZE(tuple) == 0) Py_RETURN_NONE; /* there is only one */
    if (!take_back(self, tuple)) {
        PyErr_SetString(
            PyExc_ValueError, "this tuple was not acquired from this pool, or was released before");
        return NULL;
    }
    put(self, tuple);
    Py_RETURN_NONE;
}

PyDoc_STRVAR(recycle_doc,
    "recycle($self, holder, /)\n--\n\n"
    "Take the last object out of the list `holder`: a list of tuples. If nobody else has that\n"
    "list, each of its tuples that nobody else has is given back. Returns how many were.");

static Py_ssize_t recycle_all(struct fa_py_tuple_pool *self, PyObject *list)
{
    Py_ssize_t given = 0;
    for (Py_ssize_t i = PyList_GET_SIZE(list); i-- > 0;) {
        PyObject *tuple = PyList_GET_ITEM(list, i);
        if (!PyTuple_CheckExact(tuple) || !fa_compat_is_unique(tuple)) continue;
        Py_INCREF(tuple);
        if (take_back(self, tuple)) {
            put(self, tuple);
            given++;
        }
        Py_DECREF(tuple);
    }
    return given;
}

static PyObject *tuple_pool_recycle(struct fa_py_tuple_pool *self, PyObject *holder)
{
    if (!PyList_CheckExact(holder) || PyList_GET_SIZE(holder) == 0) {
        PyErr_SetString(PyExc_TypeError, "recycle() takes a list with a list of tuples in it");
        return NULL;
    }
    Py_ssize_t last = PyList_GET_SIZE(holder) - 1, given = 0;
    PyObject *list = Py_NewRef(PyList_GET_ITEM(holder, last));
    if (PyList_SetSlice(holder, last, last + 1, NULL) < 0) {
        Py_DECREF(list);
        return NULL;
    }
    if (PyList_CheckExact(list) && fa_compat_is_unique(list)) given = recycle_all(self, list);
    Py_DECREF(list);
    return PyLong_FromSsize_t(given);
}

PyDoc_STRVAR(stats_doc,
    "stats($self, /)\n--\n\n"
    "{'hits', 'misses', 'size', 'high_water'}: acquired from the pool, acquired anew, tuples\n"
    "in the pool now, and the sum of the most there were of each length.");

static PyObject *tuple_pool_stats(struct fa_py_tuple_pool *self, PyObject *unused)
{
    (void)unused;
    unsigned long long hits = 0, misses = self->other_misses;
    size_t size = 0, high_water = 0;
    for (int i = 0; i <= LONGEST; i++) {
        const struct fa_py_object_pool *pool = self->pools[i];
        if (pool == NULL) continue;
        hits += atomic_load_explicit(&pool->hits, memory_order_relaxed);
        misses += atomic_load_explicit(&pool->misses, memory_order_relaxed);
        size += atomic_load_explicit(&pool->size, memory_order_relaxed);
        high_water += atomic_load_explicit(&pool->high_water, memory_order_relaxed);
    }
    return Py_BuildValue("{sKsKsnsn}", "hits", hits, "misses", misses, "size", (Py_ssize_t)size,
        "high_water", (Py_ssize_t)high_water);
}

static PyMethodDef tuple_pool_methods[] = {
    {"acquire", (PyCFunction)(void (*)(void))tuple_pool_acquire, METH_FASTCALL, acquire_doc},
    {"release", (PyCFunction)tuple_pool_release, METH_O, release_doc},
    {"recycle", (PyCFunction)tuple_pool_recycle, METH_O, recycle_doc},
    {"stats", (PyCFunction)tuple_pool_stats, METH_NOARGS, stats_doc},
    {NULL, NULL, 0, NULL},
};

PyDoc_STRVAR(tuple_pool_doc,
    "TuplePool(per_length=512)\n--\n\n"
    "Keeps up to `per_length` tuples of each length from 1 to 20 for reuse. Any thread may\n"
    "acquire and release. On a free-threaded Python before 3.14 every acquire is a miss.");

static PyType_Slot tuple_pool_slots[] = {
    {Py_tp_doc, (void *)tuple_pool_doc},
    {Py_tp_new, tuple_pool_new},
    {Py_tp_traverse, tuple_pool_traverse},
    {Py_tp_dealloc, tuple_pool_dealloc},
    {Py_tp_methods, tuple_pool_methods},
    {0, NULL},
};

PyType_Spec fa_py_tuple_pool_spec = {
    .name = "fasterapi._fasterapi_core.TuplePool",
    .basicsize = sizeof(struct fa_py_tuple_pool),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = tuple_pool_slots,
};
