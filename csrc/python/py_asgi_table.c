/*
 * py_asgi_table.c - the compiled routes of one app as its ASGI app looks them up.
 *
 * It stands where the app's router stands, so it leaves in the scope what the router
 * leaves there. Whatever it is not certain about it leaves to the router, and the
 * scope then is as it was.
 */
#include "python/py_asgi_table.h"

#include "http/http_method.h"
#include "python/module_state.h"
#include "python/py_asgi_call.h"
#include "python/py_params.h"
#include "python/py_path_params.h"
#include "python/py_routes.h"
#include "route/router.h"

/* Requests with more headers are left to the router. */
enum { MAX_HEADERS = 64 };

struct route {
    struct fa_py_plan *plan;
    PyObject *route, *endpoint;
    PyObject *fastapi; /* NULL, or a dict: what the router adds to scope["fastapi"] */
    struct fa_py_path_params params;
    bool needs_headers;
};

struct fa_py_asgi_table {
    PyObject_HEAD struct fa_module_state *state;
    struct fa_router *router; /* frozen */
    struct route *routes;     /* by route id */
    Py_ssize_t count;
    PyObject *app_router; /* the app's own: what scope["router"] becomes */
    PyObject *root_path;  /* str: the only one that this table knows the answers for */
    struct fa_py_asgi_texts texts;
};

/* --- life --------------------------------------------------------------------------- */

static int table_traverse(struct fa_py_asgi_table *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->app_router);
    Py_VISIT(self->texts.response_base);
    for (Py_ssize_t i = 0; i < self->count; i++) {
        Py_VISIT(self->routes[i].plan);
        Py_VISIT(self->routes[i].route);
        Py_VISIT(self->routes[i].endpoint);
        Py_VISIT(self->routes[i].fastapi);
    }
    return 0;
}

/* A table without routes takes no request. */
static int table_clear(struct fa_py_asgi_table *self)
{
    struct route *routes = self->routes;
    Py_ssize_t count = self->count;
    self->routes = NULL;
    self->count = 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        Py_CLEAR(routes[i].plan);
        Py_CLEAR(routes[i].route);
        Py_CLEAR(routes[i].endpoint);
        Py_CLEAR(routes[i].fastapi);
        Py_CLEAR(routes[i].params.names);
    }
    PyMem_Free(routes);
    Py_CLEAR(self->app_router);
    return 0;
}

static void table_dealloc(struct fa_py_asgi_table *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    (void)table_clear(self);
    fa_py_asgi_call_texts_clear(&self->texts);
    Py_CLEAR(self->root_path);
    fa_router_free(self->router);
    type->tp_free((PyObject *)self);
    Py_DECREF(type);
}

static bool needs_headers(const struct fa_py_plan *plan)
{
    for (int i = 0; i < plan->param_count; i++) {
        enum fa_py_source source = plan->params[i].source;
        if (source != FA_PY_PATH && source != FA_PY_QUERY && source != FA_PY_ALL_QUERY) return true;
    }
    return plan->body.keyword != NULL;
}

/* The next of self->routes; target is (route, endpoint, fastapi). */
static int append_route(
    struct fa_py_asgi_table *self, const struct fa_py_route_entry *entry, PyObject *target)
{
    PyObject *route, *endpoint, *fastapi;
    if (!PyTuple_Check(target)) {
        PyErr_Format(
            PyExc_TypeError, "route %R: its target is (route, endpoint, fastapi)", entry->path);
        return -1;
    }
    if (!PyArg_ParseTuple(target, "OOO:target", &route, &endpoint, &fastapi)) return -1;
    if (fastapi != Py_None && !PyDict_CheckExact(fastapi)) {
        PyErr_Format(PyExc_TypeError, "route %R: fastapi must be a dict or None", entry->path);
        return -1;
    }
    Py_ssize_t len = 0;
    const char *text = PyUnicode_AsUTF8AndSize(entry->path, &len);
    struct route *next = &self->routes[self->count];
    if (text == NULL || !fa_py_path_params_read(&next->params, (fa_span){text, (size_t)len}))
        return -1;
    next->plan = (struct fa_py_plan *)Py_NewRef(entry->plan);
    next->route = Py_NewRef(route);
    next->endpoint = Py_NewRef(endpoint);
    next->fastapi = fastapi == Py_None ? NULL : Py_NewRef(fastapi);
    next->needs_headers = needs_headers(next->plan);
    self->count++;
    return 0;
}

static int add_entry(struct fa_py_asgi_table *self, PyObject *row)
{
    struct fa_py_route_entry entry;
    PyObject *target;
    if (!PyTuple_Check(row)) {
        PyErr_SetString(
            PyExc_TypeError, "an entry is (path, methods, plan, static_prefix, target)");
        return -1;
    }
    if (!PyArg_ParseTuple(
            row, "UOOUO:entry", &entry.path, &entry.methods, &entry.plan, &entry.prefix, &target)) {
        return -1;
    }
    if (fa_py_routes_add(self->router, self->state->plan_type, &entry, (uint32_t)self->count) < 0)
        return -1;
    return entry.plan == Py_None ? 0 : append_route(self, &entry, target);
}

static int add_entries(struct fa_py_asgi_table *self, PyObject *entries)
{
    PyObject *rows = PySequence_Fast(entries, "AsgiTable() takes a sequence of entries");
    if (rows == NULL) return -1;
    Py_ssize_t total = PySequence_Fast_GET_SIZE(rows);
    self->routes = PyMem_Calloc((size_t)total + 1, sizeof *self->routes);
    int failed = self->routes == NULL || fa_router_new(&self->router) != FA_OK ? -1 : 0;
    if (failed < 0) PyErr_NoMemory();
    for (Py_ssize_t i = 0; failed == 0 && i < total; i++)
        failed = add_entry(self, PySequence_Fast_GET_ITEM(rows, i));
    Py_DECREF(rows);
    if (failed == 0 && fa_router_freeze(self->router) != FA_OK) {
        PyErr_NoMemory();
        failed = -1;
    }
    return failed;
}

static PyObject *table_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"entries", "router", "response_base", "root_path", NULL};
    PyObject *entries, *router, *response_base, *root_path;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OOO!U:AsgiTable", names, &entries, &router,
            &PyType_Type, &response_base, &root_path)) {
        return NULL;
    }
    struct fa_py_asgi_table *self = (struct fa_py_asgi_table *)type->tp_alloc(type, 0);
    if (self == NULL) return NULL;
    self->state = fa_module_state_of(type);
    self->app_router = Py_NewRef(router);
    self->root_path = Py_NewRef(root_path);
    if (fa_py_asgi_call_texts_init(&self->texts, response_base) < 0 ||
        add_entries(self, entries) < 0) {
        Py_DECREF(self);
        return NULL;
    }
    return (PyObject *)self;
}

/* --- the request's parts --------------------------------------------------------------- */

/* What is read of a scope; strong references, because validators run meanwhile. */
struct parts {
    PyObject *path, *query, *headers;
    PyObject *held[2 * MAX_HEADERS];
    int held_count;
    struct fa_http_header header_spans[MAX_HEADERS];
};

static void parts_drop(struct parts *parts)
{
    Py_XDECREF(parts->path);
    Py_XDECREF(parts->query);
    Py_XDECREF(parts->headers);
    for (int i = 0; i < parts->held_count; i++)
        Py_DECREF(parts->held[i]);
}

static fa_span bytes_span(PyObject *bytes)
{
    return (fa_span){PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes)};
}

static bool has_capitals(fa_span name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] >= 'A' && name.ptr[i] <= 'Z') return true;
    }
    return false;
}

/* One [name, value]. Starlette looks for lower-case names only, and servers must send those. */
static bool add_header(struct parts *parts, PyObject *pair)
{
    bool is_tuple = PyTuple_CheckExact(pair);
    if ((!is_tuple && !PyList_CheckExact(pair)) || Py_SIZE(pair) != 2) return false;
    PyObject *name = is_tuple ? PyTuple_GET_ITEM(pair, 0) : PyList_GET_ITEM(pair, 0);
    PyObject *value = is_tuple ? PyTuple_GET_ITEM(pair, 1) : PyList_GET_ITEM(pair, 1);
    if (!PyBytes_CheckExact(name) || !PyBytes_CheckExact(value)) return false;
    if (has_capitals(bytes_span(name))) return false;
    int at = parts->held_count / 2;
    parts->held[parts->held_count++] = Py_NewRef(name);
    parts->held[parts->held_count++] = Py_NewRef(value);
    parts->header_spans[at] =
        (struct fa_http_header){.name = bytes_span(name), .value = bytes_span(value)};
    return true;
}

static bool read_headers(struct parts *parts)
{
    PyObject *headers = parts->headers;
    bool certain = false;
    if (headers == NULL || (!PyList_CheckExact(headers) && !PyTuple_CheckExact(headers)))
        return false;
    Py_BEGIN_CRITICAL_SECTION(headers);
    Py_ssize_t count = PySequence_Fast_GET_SIZE(headers);
    certain = count <= MAX_HEADERS;
    for (Py_ssize_t i = 0; certain && i < count; i++)
        certain = add_header(parts, PySequence_Fast_GET_ITEM(headers, i));
    Py_END_CRITICAL_SECTION();
    return certain;
}

static bool utf8_of(PyObject *text, fa_span *out)
{
    Py_ssize_t len = 0;
    if (text == NULL || !PyUnicode_Check(text)) return false;
    out->ptr = PyUnicode_AsUTF8AndSize(text, &len);
    out->len = (size_t)len;
    return out->ptr != NULL; /* a lone surrogate has no UTF-8 */
}

/* starlette._utils.get_route_path */
static fa_span route_path(fa_span path, fa_span root)
{
    if (root.len == 0 || path.len < root.len || memcmp(path.ptr, root.ptr, root.len) != 0)
        return path;
    if (path.len > root.len && path.ptr[root.len] != '/') return path;
    return (fa_span){path.ptr + root.len, path.len - root.len};
}

/* Is it an HTTP request below our root path that nobody traces? */
static bool is_ours(const struct fa_py_asgi_table *self, PyObject *scope, uint32_t *method_bit)
{
    const struct fa_module_state *state = self->state;
    PyObject *type = fa_compat_dict_get(scope, state->names.type);
    bool ours = type != NULL && PyUnicode_Check(type) &&
                PyUnicode_CompareWithASCIIString(type, "http") == 0;
    Py_XDECREF(type);
    if (!ours || PyDict_Contains(scope, state->telemetry_key) != 0) return false;
    PyObject *root = fa_compat_dict_get(scope, state->names.root_path);
    ours = root == NULL ? PyUnicode_GET_LENGTH(self->root_path) == 0
                        : PyUnicode_Check(root) && PyUnicode_Compare(root, self->root_path) == 0;
    Py_XDECREF(root);
    if (!ours) return false;
    PyObject *name = fa_compat_dict_get(scope, state->names.method);
    fa_span text;
    enum fa_http_method method = utf8_of(name, &text) ? fa_http_method_parse(text) : FA_HTTP_OTHER;
    Py_XDECREF(name);
    *method_bit = (uint32_t)1 << method;
    return method != FA_HTTP_OTHER;
}

/* The route of a request, with all that its plan reads; NULL: not certain. */
static const struct route *find(const struct fa_py_asgi_table *self, PyObject *scope,
    struct parts *parts, struct fa_py_input *input, struct fa_route_match *match)
{
    const struct fa_module_state *state = self->state;
    uint32_t method_bit;
    fa_span path, root;
    if (!is_ours(self, scope, &method_bit)) return NULL;
    parts->path = fa_compat_dict_get(scope, state->names.path);
    if (!utf8_of(parts->path, &path) || !utf8_of(self->root_path, &root)) return NULL;
    if (fa_router_match(self->router, method_bit, route_path(path, root), match) != FA_ROUTE_HIT)
        return NULL;
    if (match->route >= (size_t)self->count) return NULL; /* cleared by the collector */
    const struct route *route = &self->routes[match->route];
    *input =
        (struct fa_py_input){.path_params = match->params, .path_param_count = match->param_count};
    if (route->plan->has_query) {
        parts->query = fa_compat_dict_get(scope, state->names.query_string);
        if (parts->query == NULL || !PyBytes_CheckExact(parts->query)) return NULL;
        input->query = bytes_span(parts->query);
    }
    if (route->needs_headers) {
        parts->headers = fa_compat_dict_get(scope, state->names.headers);
        if (!read_headers(parts)) return NULL;
        input->headers = parts->header_spans;
        input->header_count = (uint32_t)(parts->held_count / 2);
    }
    return route;
}

/* --- the scope --------------------------------------------------------------------------- */

/* A new dict: those of the app that this one is mounted in, and our own. */
static PyObject *path_params_of(const struct fa_py_asgi_table *self, PyObject *scope,
    const struct route *route, const struct fa_route_match *match)
{
    PyObject *before = fa_compat_dict_get(scope, self->state->names.path_params);
    if (before == NULL && PyErr_Occurred()) return NULL;
    if (before != NULL && !PyDict_CheckExact(before)) {
        Py_DECREF(before);
        return NULL;
    }
    PyObject *params = before == NULL ? PyDict_New() : PyDict_Copy(before);
    Py_XDECREF(before);
    if (params != NULL && !fa_py_path_params_put(&route->params, match, params)) Py_CLEAR(params);
    return params;
}

/* scope["fastapi"] belongs to the request, and to the apps around this one. */
static bool add_fastapi(const struct fa_py_asgi_table *self, PyObject *scope, PyObject *fastapi)
{
    PyObject *name = self->state->names.fastapi;
    PyObject *before = fa_compat_dict_get(scope, name);
    bool done = false;
    if (before == NULL && !PyErr_Occurred()) {
        PyObject *fresh = PyDict_Copy(fastapi);
        done = fresh != NULL && PyDict_SetItem(scope, name, fresh) == 0;
        Py_XDECREF(fresh);
    } else if (before != NULL && PyDict_CheckExact(before)) {
        /* Limits of a form are merged with those that are there, which the router does. */
        PyObject *limits = self->state->names.form_limits;
        bool merge = PyDict_Contains(fastapi, limits) != 0 && PyDict_Contains(before, limits) != 0;
        done = !merge && PyDict_Update(before, fastapi) == 0;
    }
    Py_XDECREF(before);
    return done;
}

/* What APIRouter.app and APIRoute.matches leave in the scope. */
static bool update_scope(const struct fa_py_asgi_table *self, PyObject *scope,
    const struct route *route, PyObject *path_params)
{
    const struct fa_module_state *state = self->state;
    if (PyDict_SetDefault(scope, state->names.router, self->app_router) == NULL) return false;
    if (route->fastapi != NULL && !add_fastapi(self, scope, route->fastapi)) return false;
    return PyDict_SetItem(scope, state->names.endpoint, route->endpoint) == 0 &&
           PyDict_SetItem(scope, state->names.path_params, path_params) == 0 &&
           PyDict_SetItem(scope, state->names.route, route->route) == 0;
}

/* --- asking ---------------------------------------------------------------------------- */

static PyObject *start_call(struct fa_py_asgi_table *self, PyObject *scope,
    const struct route *route, const struct fa_py_input *input, const struct fa_route_match *match)
{
    struct fa_py_asgi_call *call = fa_py_asgi_call_new(
        self->state->asgi_call_type, (PyObject *)self, &self->texts, route->plan);
    PyObject *path_params = call == NULL ? NULL : path_params_of(self, scope, route, match);
    bool certain = path_params != NULL &&
                   (route->plan->arg_count == 0 || fa_py_params_begin(route->plan, input,
                                                       call->slots + FA_PY_ASGI_CALL_ARGS)) &&
                   update_scope(self, scope, route, path_params);
    Py_XDECREF(path_params);
    if (!certain) {
        Py_XDECREF(call);
        return NULL;
    }
    call->ready = !call->wants_body;
    return (PyObject *)call;
}

PyDoc_STRVAR(begin_doc,
    "begin($self, scope, /)\n--\n\n"
    "An AsgiCall if a plan certainly takes this request (of which the body may be missing), and\n"
    "the scope is as the app's router leaves it. Else None, and the app's router has to take it:\n"
    "nothing of the user's but validators has run.");

static PyObject *begin(struct fa_py_asgi_table *self, PyObject *scope)
{
    struct fa_py_input input;
    struct fa_route_match match;
    PyObject *call = NULL;
    if (!PyDict_CheckExact(scope)) Py_RETURN_NONE;
    struct parts parts;
    parts.path = parts.query = parts.headers = NULL;
    parts.held_count = 0;
    const struct route *route = find(self, scope, &parts, &input, &match);
    if (route != NULL) call = start_call(self, scope, route, &input, &match);
    parts_drop(&parts);
    if (call != NULL) return call;
    PyErr_Clear(); /* the router raises its own */
    Py_RETURN_NONE;
}

static Py_ssize_t table_len(struct fa_py_asgi_table *self)
{
    return self->count;
}

/* --- the type ---------------------------------------------------------------------------- */

static PyMethodDef table_methods[] = {
    {"begin", (PyCFunction)begin, METH_O, begin_doc},
    {NULL, NULL, 0, NULL},
};

PyDoc_STRVAR(table_doc,
    "AsgiTable(entries, router, response_base, root_path)\n--\n\n"
    "Compiled routes for requests that come as ASGI scopes. entries: (path, methods, plan or\n"
    "None, static_prefix, target) in FastAPI's order; target is None or (route, endpoint,\n"
    "fastapi): what scope[...] becomes. Read-only and usable from any thread. Raises TypeError\n"
    "or ValueError for a malformed entry.");

static PyType_Slot table_slots[] = {
    {Py_tp_doc, (void *)table_doc},
    {Py_tp_new, table_new},
    {Py_tp_methods, table_methods},
    {Py_tp_traverse, table_traverse},
    {Py_tp_clear, table_clear},
    {Py_tp_dealloc, table_dealloc},
    {Py_sq_length, table_len},
    {0, NULL},
};

PyType_Spec fa_py_asgi_table_spec = {
    .name = "fasterapi._fasterapi_core.AsgiTable",
    .basicsize = sizeof(struct fa_py_asgi_table),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = table_slots,
};
