/*
 * py_dict_pool.c - DictPool: empty dicts for reuse.
 *
 * A dict is emptied when it comes back if only the caller has it, else when nobody has it
 * any more. That may run destructors, and those may use the pool: the pool is changed
 * before or after that, never around it, and no lock is held meanwhile.
 */
#include "python/py_dict_pool.h"

#include "python/py_address_set.h"
#include "python/py_object_pool.h"
#include "python/py_size.h"

#define DEFAULT_SIZE 2048
#define MOST_SIZE    ((size_t)1 << 24)
#define MOST_OUT     ((size_t)1 << 16) /* remembered as handed out, beside the pool's size */

struct fa_py_dict_pool {
    PyObject_HEAD struct fa_py_object_pool *pool;
    struct fa_py_address_set out; /* handed out and not given back */
};

static PyObject *dict_pool_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"size", NULL};
    PyObject *asked = NULL;
    size_t size = DEFAULT_SIZE;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O:DictPool", names, &asked)) return NULL;
    if (asked != NULL && !fa_py_size_parse(asked, "DictPool: size", 1, MOST_SIZE, &size))
        return NULL;
    struct fa_py_dict_pool *self = (struct fa_py_dict_pool *)type->tp_alloc(type, 0);
    if (self == NULL) return NULL;
    if (fa_py_object_pool_new(size, &self->pool) != FA_OK) {
        Py_DECREF(self);
        return PyErr_NoMemory();
    }
    self->out.most = MOST_OUT + 2 * size;
    return (PyObject *)self;
}

static int dict_pool_traverse(struct fa_py_dict_pool *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    return self->pool == NULL ? 0 : fa_py_object_pool_traverse(self->pool, visit, arg);
}

static int dict_pool_clear(struct fa_py_dict_pool *self)
{
    if (self->pool == NULL) return 0;
    PyObject *dict;
    fa_py_object_pool_clear(self->pool);
    for (size_t left = self->pool->limit;
         left > 0 && (dict = fa_py_object_pool_get(self->pool)) != NULL; left--)
        Py_DECREF(dict);
    return 0;
}

static void dict_pool_dealloc(struct fa_py_dict_pool *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    fa_py_object_pool_free(self->pool);
    fa_py_address_set_deinit(&self->out);
    type->tp_free((PyObject *)self);
    Py_DECREF(type);
}

/* --- in and out ---------------------------------------------------------------------- */

/* Let dicts nobody has any more become free ones, a few in a call. Runs destructors. */
static void settle(struct fa_py_dict_pool *self, bool wanted)
{
    size_t looks;
    Py_BEGIN_CRITICAL_SECTION(self);
    looks = fa_py_object_pool_looks(self->pool, wanted);
    Py_END_CRITICAL_SECTION();
    while (looks-- > 0) {
        PyObject *dict;
        bool ripe;
        Py_BEGIN_CRITICAL_SECTION(self);
        dict = fa_py_object_pool_look(self->pool, &ripe);
        Py_END_CRITICAL_SECTION();
        if (dict == NULL) continue;
        if (ripe) {
            PyDict_Clear(dict);
            fa_py_object_pool_keep(self->pool, dict);
            if (looks > 1) looks = 1; /* there is a free one */
        } else {
            Py_DECREF(dict);
        }
    }
}

PyDoc_STRVAR(acquire_doc, "acquire($self, /)\n--\n\n"
                          "An empty dict: a pooled one that nobody else has, or a new one.");

static PyObject *dict_pool_acquire(struct fa_py_dict_pool *self, PyObject *unused)
{
    (void)unused;
    settle(self, true);
    PyObject *dict = fa_py_object_pool_get(self->pool);
    if (dict != NULL && PyDict_GET_SIZE(dict) > 0) { /* somebody found it, and put something in */
        Py_CLEAR(dict);
    }
    if (dict == NULL) dict = PyDict_New();
    if (dict == NULL) return NULL;
    bool noted;
    Py_BEGIN_CRITICAL_SECTION(self);
    noted = fa_py_address_set_add(&self->out, dict);
    Py_END_CRITICAL_SECTION();
    if (!noted) {
        Py_DECREF(dict);
        return PyErr_NoMemory();
    }
    return dict;
}

/* Is it one that was handed out and not given back? NULL: yes, and now it is given back;
 * else what is wrong. */
static const char *take_back(struct fa_py_dict_pool *self, PyObject *dict)
{
    const char *wrong = NULL;
    Py_BEGIN_CRITICAL_SECTION(self);
    if (fa_py_held_contains(&self->pool->held, dict))
        wrong = "this dict was released before";
    else if (!fa_py_address_set_remove(&self->out, dict))
        wrong = "this dict was not acquired from this pool, or was released before";
    Py_END_CRITICAL_SECTION();
    return wrong;
}

PyDoc_STRVAR(release_doc,
    "release($self, obj, /)\n--\n\n"
    "Give a dict of this pool's back. If only the caller has it, under one name, it is\n"
    "emptied at once; else it stays as it is, and is emptied when nobody has it any more.\n"
    "Only then it is reused. Raises TypeError if it is no dict, ValueError if it was not\n"
    "acquired here or was released before.");

static PyObject *dict_pool_release(struct fa_py_dict_pool *self, PyObject *dict)
{
    if (!PyDict_CheckExact(dict)) {
        return PyErr_Format(
            PyExc_TypeError, "DictPool.release() takes a dict, not %.100s", Py_TYPE(dict)->tp_name);
    }
    const char *wrong = take_back(self, dict);
    if (wrong != NULL) {
        PyErr_SetString(PyExc_ValueError, wrong);
        return NULL;
    }
    settle(self, false);
    if (fa_compat_is_callers_only(dict)) PyDict_Clear(dict);
    Py_BEGIN_CRITICAL_SECTION(self);
    (void)fa_py_object_pool_hold(self->pool, dict); /* false: full, the caller has the last one */
    Py_END_CRITICAL_SECTION();
    Py_RETURN_NONE;
}

/* Nobody else has it. Runs destructors of what was in it. */
static bool empty_and_put(struct fa_py_dict_pool *self, PyObject *dict)
{
    PyDict_Clear(dict);
    if (PyDict_GET_SIZE(dict) > 0 || !fa_py_object_pool_put(self->pool, dict)) return false;
    Py_INCREF(dict);
    return true;
}

PyDoc_STRVAR(recycle_doc,
    "recycle($self, holder, /)\n--\n\n"
    "Take the last object out of the list `holder`, and give it back if that was the only\n"
    "reference to it. Returns whether it was: a dict that somebody else has is left alone.");

static PyObject *dict_pool_recycle(struct fa_py_dict_pool *self, PyObject *holder)
{
    if (!PyList_CheckExact(holder) || PyList_GET_SIZE(holder) == 0) {
        PyErr_SetString(PyExc_TypeError, "recycle() takes a list with one object in it");
        return NULL;
    }
    Py_ssize_t last = PyList_GET_SIZE(holder) - 1;
    PyObject *dict = Py_NewRef(PyList_GET_ITEM(holder, last));
    if (PyList_SetSlice(holder, last, last + 1, NULL) < 0) {
        Py_DECREF(dict);
        return NULL;
    }
    bool ours = PyDict_CheckExact(dict) && take_back(self, dict) == NULL;
    bool kept = ours && fa_compat_is_unique(dict) && empty_and_put(self, dict);
    Py_DECREF(dict);
    return PyBool_FromLong(kept);
}

PyDoc_STRVAR(stats_doc,
    "stats($self, /)\n--\n\n"
    "{'hits', 'misses', 'size', 'high_water'}: acquired from the pool, acquired anew, dicts\n"
    "in the pool now (those that wait included), and the most there were.");

static PyObject *dict_pool_stats(struct fa_py_dict_pool *self, PyObject *unused)
{
    (void)unused;
    return fa_py_object_pool_stats(self->pool);
}

PyDoc_STRVAR(sizeof_doc, "__sizeof__($self, /)\n--\n\n"
                         "Bytes of the pool itself, without the dicts in it.");

static PyObject *dict_pool_sizeof(struct fa_py_dict_pool *self, PyObject *unused)
{
    (void)unused;
    size_t size = sizeof *self;
    Py_BEGIN_CRITICAL_SECTION(self);
    size += fa_py_object_pool_bytes(self->pool) + fa_py_address_set_bytes(&self->out);
    Py_END_CRITICAL_SECTION();
    return PyLong_FromSize_t(size);
}

static PyMethodDef dict_pool_methods[] = {
    {"acquire", (PyCFunction)dict_pool_acquire, METH_NOARGS, acquire_doc},
    {"release", (PyCFunction)dict_pool_release, METH_O, release_doc},
    {"recycle", (PyCFunction)dict_pool_recycle, METH_O, recycle_doc},
    {"stats", (PyCFunction)dict_pool_stats, METH_NOARGS, stats_doc},
    {"__sizeof__", (PyCFunction)dict_pool_sizeof, METH_NOARGS, sizeof_doc},
    {NULL, NULL, 0, NULL},
};

PyDoc_STRVAR(dict_pool_doc,
    "DictPool(size=2048)\n--\n\n"
    "Keeps up to `size` empty dicts for reuse. Any thread may acquire and release. On a\n"
    "free-threaded Python before 3.14 every acquire is a miss, because there a thread cannot\n"
    "tell whether it has an object's only reference.");

static PyType_Slot dict_pool_slots[] = {
    {Py_tp_doc, (void *)dict_pool_doc},
    {Py_tp_new, dict_pool_new},
    {Py_tp_traverse, dict_pool_traverse},
    {Py_tp_clear, dict_pool_clear},
    {Py_tp_dealloc, dict_pool_dealloc},
    {Py_tp_methods, dict_pool_methods},
    {0, NULL},
};

PyType_Spec fa_py_dict_pool_spec = {
    .name = "fasterapi._fasterapi_core.DictPool",
    .basicsize = sizeof(struct fa_py_dict_pool),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = dict_pool_slots,
};
