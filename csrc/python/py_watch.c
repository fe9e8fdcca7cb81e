#include "python/py_watch.h"

#include "python/module_state.h"

bool fa_py_watch_same(const struct fa_py_watch_list *one, PyObject *name)
{
    PyObject *list = fa_compat_dict_get(one->attributes, name);
    if (list == NULL) PyErr_Clear();
    bool same = list == one->list;
    Py_XDECREF(list);
    if (!same) return false;
    Py_BEGIN_CRITICAL_SECTION(one->list);
    Py_ssize_t count = PyTuple_GET_SIZE(one->seen);
    /* One that is gone from the list is still in `seen`: no other object has its address. */
    same =
        PyList_GET_SIZE(one->list) == count &&
        (count == 0 || memcmp(((PyListObject *)one->list)->ob_item, &PyTuple_GET_ITEM(one->seen, 0),
                           (size_t)count * sizeof(PyObject *)) == 0);
    Py_END_CRITICAL_SECTION();
    return same;
}

/* --- the type ---------------------------------------------------------------------------- */

PyDoc_STRVAR(watch_doc,
    "RouteWatch(*routers)\n--\n\n"
    "Tells whether routers have the routes that they had: each is (vars(router), list, routes),\n"
    "with the list under \"routes\" and a tuple of what it held. Raises TypeError for others.");

static int read_list(struct fa_py_watch_list *one, PyObject *row)
{
    PyObject *attributes, *list, *seen;
    if (!PyTuple_Check(row)) {
        PyErr_SetString(PyExc_TypeError, "a router is (vars(router), list, routes)");
        return -1;
    }
    if (!PyArg_ParseTuple(row, "O!O!O!:router", &PyDict_Type, &attributes, &PyList_Type, &list,
            &PyTuple_Type, &seen)) {
        return -1;
    }
    one->attributes = Py_NewRef(attributes);
    one->list = Py_NewRef(list);
    one->seen = Py_NewRef(seen);
    return 0;
}

static PyObject *watch_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    if (kwargs != NULL && PyDict_GET_SIZE(kwargs) > 0) {
        PyErr_SetString(PyExc_TypeError, "RouteWatch() takes no keyword arguments");
        return NULL;
    }
    Py_ssize_t count = PyTuple_GET_SIZE(args);
    struct fa_py_watch *self = (struct fa_py_watch *)type->tp_alloc(type, count);
    if (self == NULL) return NULL;
    self->name = Py_NewRef(fa_module_state_of(type)->names.routes);
    for (Py_ssize_t i = 0; i < count; i++) {
        if (read_list(&self->lists[i], PyTuple_GET_ITEM(args, i)) < 0) {
            Py_DECREF(self);
            return NULL;
        }
    }
    return (PyObject *)self;
}

PyDoc_STRVAR(touch_doc, "touch($self, /)\n--\n\nFrom now on the routes count as changed.");

static PyObject *touch(struct fa_py_watch *self, PyObject *unused)
{
    (void)unused;
    atomic_store_explicit(&self->touched, true, memory_order_relaxed);
    Py_RETURN_NONE;
}

PyDoc_STRVAR(is_current_doc, "is_current($self, /)\n--\n\nWhether no route has changed.");

static PyObject *is_current(struct fa_py_watch *self, PyObject *unused)
{
    (void)unused;
    return PyBool_FromLong(fa_py_watch_is_current(self));
}

static int watch_traverse(struct fa_py_watch *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    for (Py_ssize_t i = 0; i < Py_SIZE(self); i++) {
        Py_VISIT(self->lists[i].attributes);
        Py_VISIT(self->lists[i].list);
        Py_VISIT(self->lists[i].seen);
    }
    return 0;
}

/* The lists stay: whoever still asks finds them, and the objects they are in let go of this one. */
static void watch_dealloc(struct fa_py_watch *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    for (Py_ssize_t i = 0; i < Py_SIZE(self); i++) {
        Py_CLEAR(self->lists[i].attributes);
        Py_CLEAR(self->lists[i].list);
        Py_CLEAR(self->lists[i].seen);
    }
    Py_CLEAR(self->name);
    type->tp_free((PyObject *)self);
    Py_DECREF(type);
}

static PyMethodDef watch_methods[] = {
    {"touch", (PyCFunction)touch, METH_NOARGS, touch_doc},
    {"is_current", (PyCFunction)is_current, METH_NOARGS, is_current_doc},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot watch_slots[] = {
    {Py_tp_doc, (void *)watch_doc},
    {Py_tp_new, watch_new},
    {Py_tp_traverse, watch_traverse},
    {Py_tp_dealloc, watch_dealloc},
    {Py_tp_methods, watch_methods},
    {0, NULL},
};

PyType_Spec fa_py_watch_spec = {
    .name = "fasterapi._fasterapi_core.RouteWatch",
    .basicsize = sizeof(struct fa_py_watch),
    .itemsize = sizeof(struct fa_py_watch_list),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = watch_slots,
};
