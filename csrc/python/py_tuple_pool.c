/*
 * py_tuple_pool.c - TuplePool: tuples for reuse, a pool for each length.
 *
 * A released tuple waits, unchanged, until nobody has it any more. Then it becomes a free
 * one: None in every place, unknown to the garbage collector.
 */
#include "python/py_tuple_pool.h"

#include <string.h>

#include "python/py_address_set.h"
#include "python/py_object_pool.h"
#include "python/py_size.h"

#define DEFAULT_SIZE 512
#define MOST_SIZE    ((size_t)1 << 24)
#define MOST_OUT     ((size_t)1 << 16) /* remembered as handed out, beside two of each pool's */

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
    self->out.most = MOST_OUT + 2 * size;
    return (PyObject *)self;
}

static int tuple_pool_traverse(struct fa_py_tuple_pool *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    for (int i = 0; i <= LONGEST; i++) { /* the free ones have only Nones */
        int result =
            self->pools[i] == NULL ? 0 : fa_py_held_traverse(&self->pools[i]->held, visit, arg);
        if (result != 0) return result;
    }
    return 0;
}

static int tuple_pool_clear(struct fa_py_tuple_pool *self)
{
    for (int i = 0; i <= LONGEST; i++) {
        if (self->pools[i] != NULL) fa_py_object_pool_clear(self->pools[i]);
    }
    return 0;
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

/* --- from held to free --------------------------------------------------------------- */

/* Nobody else has the tuple: let go of its items, and make it a free one. The items go
 * last: their destructors see a whole pool. Steals `tuple`, which has its place in the pool
 * if it was held. */
static void make_free(struct fa_py_object_pool *pool, PyObject *tuple, bool was_held)
{
    Py_ssize_t count = PyTuple_GET_SIZE(tuple);
    PyObject *old[LONGEST];
    if (PyObject_GC_IsTracked(tuple)) PyObject_GC_UnTrack(tuple);
    fa_compat_forget_hash(tuple);
    for (Py_ssize_t i = 0; i < count; i++) {
        old[i] = PyTuple_GET_ITEM(tuple, i);
        PyTuple_SET_ITEM(tuple, i, Py_NewRef(Py_None));
    }
    if (was_held)
        fa_py_object_pool_keep(pool, tuple);
    else if (!fa_py_object_pool_put(pool, tuple))
        Py_DECREF(tuple);
    for (Py_ssize_t i = 0; i < count; i++)
        Py_DECREF(old[i]);
}

/* Let tuples nobody has any more become free ones, a few in a call. Runs destructors. */
static void settle(struct fa_py_tuple_pool *self, struct fa_py_object_pool *pool, bool wanted)
{
    size_t looks;
    (void)self; /* only a free-threaded build locks */
    Py_BEGIN_CRITICAL_SECTION(self);
    looks = fa_py_object_pool_looks(pool, wanted);
    Py_END_CRITICAL_SECTION();
    while (looks-- > 0) {
        PyObject *tuple;
        bool ripe;
        Py_BEGIN_CRITICAL_SECTION(self);
        tuple = fa_py_object_pool_look(pool, &ripe);
        Py_END_CRITICAL_SECTION();
        if (tuple == NULL) continue;
        if (ripe) {
            make_free(pool, tuple, true);
            if (looks > 1) looks = 1; /* there is a free one */
        } else {
            Py_DECREF(tuple);
        }
    }
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
    if (pool == NULL) return NULL;
    settle(self, pool, true);
    return fa_py_object_pool_get(pool);
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

/* Is it one that was handed out and not given back? NULL: yes, and now it is given back;
 * else what is wrong. */
static const char *take_back(struct fa_py_tuple_pool *self, PyObject *tuple)
{
    const char *wrong = NULL;
    Py_ssize_t count = PyTuple_GET_SIZE(tuple);
    Py_BEGIN_CRITICAL_SECTION(self);
    const struct fa_py_object_pool *pool = count <= LONGEST ? self->pools[count] : NULL;
    if (pool != NULL && fa_py_held_contains(&pool->held, tuple))
        wrong = "this tuple was released before";
    else if (!fa_py_address_set_remove(&self->out, tuple))
        wrong = "this tuple was not acquired from this pool, or was released before";
    Py_END_CRITICAL_SECTION();
    return wrong;
}

PyDoc_STRVAR(release_doc,
    "release($self, obj, /)\n--\n\n"
    "Give a tuple of this pool's back. It stays as it is while anybody has it. A later call\n"
    "that finds that nobody has lets its items go and reuses it. Raises TypeError if it is no\n"
    "tuple, ValueError if it was not acquired here or was released before.");

static PyObject *tuple_pool_release(struct fa_py_tuple_pool *self, PyObject *tuple)
{
    if (!PyTuple_CheckExact(tuple)) {
        return PyErr_Format(PyExc_TypeError, "TuplePool.release() takes a tuple, not %.100s",
            Py_TYPE(tuple)->tp_name);
    }
    if (PyTuple_GET_SIZE(tuple) == 0) Py_RETURN_NONE; /* there is only one */
    const char *wrong = take_back(self, tuple);
    if (wrong != NULL) {
        PyErr_SetString(PyExc_ValueError, wrong);
        return NULL;
    }
    struct fa_py_object_pool *pool = pool_for(self, PyTuple_GET_SIZE(tuple));
    if (pool == NULL) Py_RETURN_NONE;
    settle(self, pool, false);
    Py_BEGIN_CRITICAL_SECTION(self);
    (void)fa_py_object_pool_hold(pool, tuple); /* false: full, the caller has the last one */
    Py_END_CRITICAL_SECTION();
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
        if (take_back(self, tuple) != NULL) continue;
        struct fa_py_object_pool *pool = pool_for(self, PyTuple_GET_SIZE(tuple));
        PyList_SET_ITEM(list, i, Py_NewRef(Py_None)); /* the tuple is ours now */
        if (pool != NULL)
            make_free(pool, tuple, false);
        else
            Py_DECREF(tuple);
        given++;
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
    "in the pool now (those that wait included), and the sum of the most there were of each "
    "length.");

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

PyDoc_STRVAR(sizeof_doc, "__sizeof__($self, /)\n--\n\n"
                         "Bytes of the pool itself, without the tuples in it.");

static PyObject *tuple_pool_sizeof(struct fa_py_tuple_pool *self, PyObject *unused)
{
    (void)unused;
    size_t size = sizeof *self;
    Py_BEGIN_CRITICAL_SECTION(self);
    size += fa_py_address_set_bytes(&self->out);
    for (int i = 0; i <= LONGEST; i++)
        size += self->pools[i] == NULL ? 0 : fa_py_object_pool_bytes(self->pools[i]);
    Py_END_CRITICAL_SECTION();
    return PyLong_FromSize_t(size);
}

static PyMethodDef tuple_pool_methods[] = {
    {"acquire", (PyCFunction)(void (*)(void))tuple_pool_acquire, METH_FASTCALL, acquire_doc},
    {"release", (PyCFunction)tuple_pool_release, METH_O, release_doc},
    {"recycle", (PyCFunction)tuple_pool_recycle, METH_O, recycle_doc},
    {"stats", (PyCFunction)tuple_pool_stats, METH_NOARGS, stats_doc},
    {"__sizeof__", (PyCFunction)tuple_pool_sizeof, METH_NOARGS, sizeof_doc},
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
    {Py_tp_clear, tuple_pool_clear},
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
