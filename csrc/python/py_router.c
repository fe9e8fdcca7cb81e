/*
 * py_router.c - Router: the core's radix tree with Python objects at its ends.
 *
 * It takes routes until it is asked the first time, then it is frozen: from
 * there on any number of threads may ask, and nothing in it changes.
 */
#include "python/py_router.h"

#include <stdatomic.h>
#include <string.h>

#include "http/http_parser.h"
#include "python/py_path_params.h"
#include "route/router.h"

/* A route has one bit of a mask for its method. */
enum { MAX_METHODS = 32 };

struct route {
    PyObject *value;
    struct fa_py_path_params params;
};

struct fa_py_router {
    PyObject_HEAD struct fa_router *router;
    struct route *routes; /* by route id */
    uint32_t count;
    uint32_t room;
    uint32_t method_count;
    PyObject *methods[MAX_METHODS]; /* exact ASCII str; bit n is methods[n] */
    atomic_bool frozen;             /* set with release once the tree is built */
};

/* --- life ----------------------------------------------------------------------------- */

static PyObject *router_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {NULL};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "", names)) return NULL;
    struct fa_py_router *self = (struct fa_py_router *)type->tp_alloc(type, 0);
    if (self == NULL) return NULL;
    if (fa_router_new(&self->router) != FA_OK) {
        Py_DECREF(self);
        return PyErr_NoMemory();
    }
    return (PyObject *)self;
}

static int router_traverse(struct fa_py_router *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    for (uint32_t i = 0; i < self->count; i++) {
        Py_VISIT(self->routes[i].value);
        Py_VISIT(self->routes[i].params.names);
    }
    return 0;
}

static int router_clear(struct fa_py_router *self)
{
    for (uint32_t i = 0; i < self->count; i++) {
        Py_CLEAR(self->routes[i].value);
        Py_CLEAR(self->routes[i].params.names);
    }
    return 0;
}

static void router_dealloc(struct fa_py_router *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    Py_TRASHCAN_BEGIN(self, router_dealloc);
    (void)router_clear(self);
    for (uint32_t i = 0; i < self->method_count; i++)
        Py_DECREF(self->methods[i]);
    PyMem_Free(self->routes);
    fa_router_free(self->router);
    type->tp_free((PyObject *)self);
    Py_DECREF(type);
    Py_TRASHCAN_END
}

/* --- adding --------------------------------------------------------------------------- */

/* The UTF-8 of a str, borrowed from it; false with an exception set. */
static bool utf8_of(PyObject *text, const char *what, fa_span *out)
{
    Py_ssize_t len = 0;
    if (!PyUnicode_Check(text)) {
        PyErr_Format(PyExc_TypeError, "%s must be a str, not %.100s", what, Py_TYPE(text)->tp_name);
        return false;
    }
    out->ptr = PyUnicode_AsUTF8AndSize(text, &len);
    out->len = (size_t)len;
    return out->ptr != NULL;
}

/* A method as it is registered, in capitals as FastAPI does it; a new reference. */
static PyObject *method_of(PyObject *text)
{
    fa_span span;
    if (!utf8_of(text, "add: the method", &span)) return NULL;
    if (!fa_http_parser_is_token(span)) {
        return PyErr_Format(PyExc_ValueError, "add: expected a token as method, not %R", text);
    }
    PyObject *method = PyUnicode_New((Py_ssize_t)span.len, 127);
    if (method == NULL) return NULL;
    char *out = PyUnicode_DATA(method);
    for (size_t i = 0; i < span.len; i++) {
        char c = span.ptr[i];
        out[i] = c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
    }
    return method;
}

/* The bit of a method; a method that is new gets the next one, without being kept yet. */
static uint32_t bit_of(const struct fa_py_router *self, fa_span method)
{
    uint32_t n = 0;
    for (; n < self->method_count; n++) {
        fa_span known = {
            PyUnicode_DATA(self->methods[n]), (size_t)PyUnicode_GET_LENGTH(self->methods[n])};
        if (fa_span_eq(known, method)) break;
    }
    return n;
}

static bool make_room(struct fa_py_router *self)
{
    if (self->count < self->room) return true;
    size_t room = self->room == 0 ? 8 : (size_t)self->room * 2;
    if (room > UINT32_MAX / 2) return false;
    struct route *routes = PyMem_Realloc(self->routes, room * sizeof *routes);
    if (routes == NULL) return false;
    self->routes = routes;
    self->room = (uint32_t)room;
    return true;
}

/* FA_ERR_CLOSED: frozen. FA_ERR_FULL: a method too many. On FA_OK takes what it is given. */
static fa_status add_route(
    struct fa_py_router *self, PyObject *method, fa_span pattern, const struct route *route)
{
    if (atomic_load_explicit(&self->frozen, memory_order_relaxed)) return FA_ERR_CLOSED;
    fa_span name = {PyUnicode_DATA(method), (size_t)PyUnicode_GET_LENGTH(method)};
    uint32_t bit = bit_of(self, name);
    if (bit == MAX_METHODS) return FA_ERR_FULL;
    if (!make_room(self)) return FA_ERR_NOMEM;
    fa_status status = fa_router_add(self->router, pattern, (uint32_t)1 << bit, self->count);
    if (status != FA_OK) return status;
    if (bit == self->method_count) self->methods[self->method_count++] = Py_NewRef(method);
    self->routes[self->count++] = *route;
    return FA_OK;
}

static PyObject *add_refused(fa_status status, PyObject *pattern)
{
    switch (status) {
    case FA_ERR_NOMEM: return PyErr_NoMemory();
    case FA_ERR_CLOSED:
        PyErr_SetString(PyExc_RuntimeError, "add: the router is frozen, it has been asked already");
        return NULL;
    case FA_ERR_FULL:
        return PyErr_Format(PyExc_ValueError, "add: more than %d different methods", MAX_METHODS);
    case FA_ERR_INVALID:
        return PyErr_Format(PyExc_ValueError, "add: %R uses a parameter's name twice", pattern);
    default:
        return PyErr_Format(PyExc_ValueError,
            "add: %R is not understood; expected a leading slash, parameters that fill a whole "
            "segment, of the kinds str, int, float or, at the end, path, and at most %d of them",
            pattern, FA_ROUTER_MAX_PARAMS);
    }
}

PyDoc_STRVAR(add_doc,
    "add($self, method, pattern, value, /)\n--\n\n"
    "Register value for a method and a path in FastAPI's syntax: '/items/{id:int}', with str\n"
    "(the default), int, float and, at the end, path. Where several match, the first one counts.");

static PyObject *add(struct fa_py_router *self, PyObject *const *args, Py_ssize_t count)
{
    fa_span pattern;
    struct route route = {NULL};
    fa_status status;
    if (count != 3) {
        return PyErr_Format(PyExc_TypeError,
            "add() takes a method, a pattern and a value (%zd arguments given)", count);
    }
    if (!utf8_of(args[1], "add: the pattern", &pattern)) return NULL;
    PyObject *method = method_of(args[0]);
    if (method == NULL) return NULL;
    if (!fa_py_path_params_read(&route.params, pattern)) {
        Py_DECREF(method);
        return NULL;
    }
    route.value = Py_NewRef(args[2]);
    Py_BEGIN_CRITICAL_SECTION(self);
    status = add_route(self, method, pattern, &route);
    Py_END_CRITICAL_SECTION();
    Py_DECREF(method);
    if (status == FA_OK) Py_RETURN_NONE;
    Py_DECREF(route.value);
    Py_DECREF(route.params.names);
    return add_refused(status, args[1]);
}

/* --- asking --------------------------------------------------------------------------- */

static bool ensure_frozen(struct fa_py_router *self)
{
    fa_status status = FA_OK;
    if (FA_LIKELY(atomic_load_explicit(&self->frozen, memory_order_acquire))) return true;
    Py_BEGIN_CRITICAL_SECTION(self);
    if (!atomic_load_explicit(&self->frozen, memory_order_relaxed)) {
        status = fa_router_freeze(self->router);
        if (status == FA_OK) atomic_store_explicit(&self->frozen, true, memory_order_release);
    }
    Py_END_CRITICAL_SECTION();
    if (status != FA_OK) PyErr_NoMemory();
    return status == FA_OK;
}

PyDoc_STRVAR(freeze_doc,
    "freeze($self, /)\n--\n\nBuild the tree now; the first question does it otherwise. After it,\n"
    "add() is a RuntimeError.");

static PyObject *freeze(struct fa_py_router *self, PyObject *unused)
{
    (void)unused;
    if (!ensure_frozen(self)) return NULL;
    Py_RETURN_NONE;
}

static PyObject *params_of(const struct route *route, const struct fa_route_match *match)
{
    PyObject *params = PyDict_New();
    if (params != NULL && !fa_py_path_params_put(&route->params, match, params)) Py_CLEAR(params);
    return params;
}

/* A new tuple (value, params); a router that the collector has cleared has no routes. */
static PyObject *answer(const struct fa_py_router *self, const struct fa_route_match *match)
{
    const struct route *route = &self->routes[match->route];
    if (route->value == NULL || route->params.names == NULL) Py_RETURN_NONE;
    PyObject *params = params_of(route, match);
    if (params == NULL) return NULL;
    PyObject *pair = PyTuple_Pack(2, route->value, params);
    Py_DECREF(params);
    return pair;
}

PyDoc_STRVAR(match_doc,
    "match($self, method, path, /)\n--\n\n"
    "(value, params) of the first route that takes this method and percent-decoded path, None\n"
    "if there is none; methods() tells a 405 from a 404. Parameters are converted: int and\n"
    "float to numbers. A path that ends in a line feed matches nothing.");

static PyObject *match(struct fa_py_router *self, PyObject *const *args, Py_ssize_t count)
{
    fa_span method, path;
    struct fa_route_match found;
    if (count != 2) {
        return PyErr_Format(
            PyExc_TypeError, "match() takes a method and a path (%zd arguments given)", count);
    }
    if (!utf8_of(args[0], "match: the method", &method)) return NULL;
    if (!utf8_of(args[1], "match: the path", &path)) return NULL;
    if (!ensure_frozen(self)) return NULL;
    uint32_t bit = bit_of(self, method);
    if (bit == self->method_count) Py_RETURN_NONE;
    if (fa_router_match(self->router, (uint32_t)1 << bit, path, &found) != FA_ROUTE_HIT)
        Py_RETURN_NONE;
    return answer(self, &found);
}

PyDoc_STRVAR(methods_doc,
    "methods($self, path, /)\n--\n\n"
    "The methods that have a route for the path, in the order of their first registration:\n"
    "what an Allow header lists. Empty for a 404.");

static PyObject *methods(struct fa_py_router *self, PyObject *text)
{
    fa_span path;
    struct fa_route_match found;
    if (!utf8_of(text, "methods: the path", &path) || !ensure_frozen(self)) return NULL;
    PyObject *list = PyList_New(0);
    for (uint32_t n = 0; list != NULL && n < self->method_count; n++) {
        if (fa_router_match(self->router, (uint32_t)1 << n, path, &found) == FA_ROUTE_HIT &&
            PyList_Append(list, self->methods[n]) < 0) {
            Py_CLEAR(list);
        }
    }
    return list;
}

static Py_ssize_t router_len(struct fa_py_router *self)
{
    Py_ssize_t count;
    Py_BEGIN_CRITICAL_SECTION(self);
    count = (Py_ssize_t)self->count;
    Py_END_CRITICAL_SECTION();
    return count;
}

static PyObject *get_frozen(struct fa_py_router *self, void *unused)
{
    (void)unused;
    return PyBool_FromLong(atomic_load_explicit(&self->frozen, memory_order_acquire));
}

/* --- the type ------------------------------------------------------------------------- */

static PyMethodDef router_methods[] = {
    {"add", (PyCFunction)(void (*)(void))add, METH_FASTCALL, add_doc},
    {"freeze", (PyCFunction)freeze, METH_NOARGS, freeze_doc},
    {"match", (PyCFunction)(void (*)(void))match, METH_FASTCALL, match_doc},
    {"methods", (PyCFunction)methods, METH_O, methods_doc},
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS, "For type hints: Router[str]."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef router_getset[] = {
    {"frozen", (getter)get_frozen, NULL, "no more routes can be added", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PyDoc_STRVAR(router_doc,
    "Router()\n--\n\n"
    "From method and path to a value, with the answers of FastAPI's linear search at the cost\n"
    "of a radix tree. It takes routes until it is asked the first time; after that any number\n"
    "of threads may ask.");

static PyType_Slot router_slots[] = {
    {Py_tp_doc, (void *)router_doc},
    {Py_tp_new, router_new},
    {Py_tp_traverse, router_traverse},
    {Py_tp_clear, router_clear},
    {Py_tp_dealloc, router_dealloc},
    {Py_tp_methods, router_methods},
    {Py_tp_getset, router_getset},
    {Py_sq_length, router_len},
    {0, NULL},
};

PyType_Spec fa_py_router_spec = {
    .name = "fasterapi._fasterapi_core.Router",
    .basicsize = sizeof(struct fa_py_router),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = router_slots,
};
