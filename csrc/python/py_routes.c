#include "python/py_routes.h"

#include "http/http_method.h"
#include "python/py_gate.h"
#include "python/py_plan.h"
#include "route/router.h"

/* A table while it is being made. */
struct build {
    struct fa_router *router;
    struct fa_route *routes;
    struct fa_route_miss miss;
    PyObject *plans; /* list: keeps the plans alive, the table's owner */
    PyObject *watch; /* borrowed: what each plan asks, or NULL */
    size_t count;
};

static fa_span utf8_of(PyObject *text)
{
    Py_ssize_t len = 0;
    const char *ptr = PyUnicode_AsUTF8AndSize(text, &len);
    return (fa_span){ptr, ptr == NULL ? 0 : (size_t)len};
}

/* False: a method the parser does not name, which only FastAPI can match. */
static int method_mask(PyObject *methods, uint32_t *mask)
{
    *mask = 0;
    PyObject *rows = PySequence_Fast(methods, "methods must be a sequence of str");
    if (rows == NULL) return -1;
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(rows); i++) {
        PyObject *name = PySequence_Fast_GET_ITEM(rows, i);
        fa_span text = PyUnicode_Check(name) ? utf8_of(name) : (fa_span){NULL, 0};
        enum fa_http_method method = text.ptr == NULL ? FA_HTTP_OTHER : fa_http_method_parse(text);
        if (method == FA_HTTP_OTHER) {
            if (!PyErr_Occurred())
                PyErr_Format(PyExc_ValueError, "method %R cannot be compiled", name);
            Py_DECREF(rows);
            return -1;
        }
        *mask |= 1u << method;
    }
    Py_DECREF(rows);
    return 0;
}

static int route_error(fa_status status, PyObject *path)
{
    if (status == FA_OK) return 0;
    if (status == FA_ERR_NOMEM) {
        PyErr_NoMemory();
    } else {
        PyErr_Format(PyExc_ValueError, "route %R: %s", path, fa_status_text(status));
    }
    return -1;
}

/* The next of build->routes; the plan lives as long as the table. */
static int append_route(struct build *build, struct fa_py_plan *plan)
{
    uint32_t id = (uint32_t)build->count;
    bool is_form = plan->body.form_from_bytes != NULL;
    if (PyList_Append(build->plans, (PyObject *)plan) < 0) return -1;
    Py_XSETREF(plan->watch, (struct fa_py_watch *)Py_XNewRef(build->watch));
    build->routes[build->count++] = (struct fa_route){
        .id = id,
        .lane = plan->is_async || plan->is_inline ? FA_LANE_LOOP : FA_LANE_WORKER,
        .wants_local = plan->wants_exchange,
        .small_bodies = is_form || (plan->wants_exchange && plan->body.keyword == NULL),
        .plan = plan,
    };
    return 0;
}

int fa_py_routes_add(struct fa_router *router, PyTypeObject *plan_type,
    const struct fa_py_route_entry *entry, uint32_t id)
{
    if (entry->plan == Py_None) {
        fa_span prefix = utf8_of(entry->prefix);
        if (prefix.ptr == NULL) return -1;
        return route_error(fa_router_add_opaque(router, prefix, id), entry->path);
    }
    if (!PyObject_TypeCheck(entry->plan, plan_type)) {
        PyErr_Format(PyExc_TypeError, "route %R: plan must be a Plan or None", entry->path);
        return -1;
    }
    uint32_t mask = 0;
    if (method_mask(entry->methods, &mask) < 0) return -1;
    fa_span pattern = utf8_of(entry->path);
    if (pattern.ptr == NULL) return -1;
    if (fa_py_plan_bind_path((struct fa_py_plan *)entry->plan, pattern) < 0) return -1;
    return route_error(fa_router_add(router, pattern, mask, id), entry->path);
}

static int add_entry(struct fa_py_server *owner, struct build *build, PyObject *entry)
{
    struct fa_py_route_entry e;
    if (!PyTuple_Check(entry)) {
        PyErr_SetString(PyExc_TypeError, "a route entry is (path, methods, plan, static_prefix)");
        return -1;
    }
    if (!PyArg_ParseTuple(entry, "UOOU:route entry", &e.path, &e.methods, &e.plan, &e.prefix))
        return -1;
    if (fa_py_routes_add(build->router, owner->state->plan_type, &e, (uint32_t)build->count) < 0)
        return -1;
    return e.plan == Py_None ? 0 : append_route(build, (struct fa_py_plan *)e.plan);
}

/* One path that something may answer: a pattern if that is exact, else how it starts. */
static int add_known(struct build *build, PyObject *item)
{
    PyObject *path, *prefix;
    int exact;
    if (!PyTuple_Check(item)) {
        PyErr_SetString(PyExc_TypeError, "a known path is (path, static_prefix, exact)");
        return -1;
    }
    if (!PyArg_ParseTuple(item, "UUp:known path", &path, &prefix, &exact)) return -1;
    fa_span text = utf8_of(exact ? path : prefix);
    if (text.ptr == NULL) return -1;
    return route_error(exact ? fa_router_add(build->miss.known, text, 1, 0)
                             : fa_router_add_opaque(build->miss.known, text, 0),
        path);
}

static int add_miss(struct fa_py_server *owner, struct build *build, PyObject *miss)
{
    PyObject *known, *plan;
    int slashes;
    if (!PyTuple_Check(miss)) {
        PyErr_SetString(PyExc_TypeError, "miss is None or (known, plan, slashes)");
        return -1;
    }
    if (!PyArg_ParseTuple(miss, "OO!p:miss", &known, owner->state->plan_type, &plan, &slashes))
        return -1;
    if (fa_router_new(&build->miss.known) != FA_OK) {
        PyErr_NoMemory();
        return -1;
    }
    PyObject *rows = PySequence_Fast(known, "known paths must be a sequence");
    int failed = rows == NULL ? -1 : 0;
    for (Py_ssize_t i = 0; failed == 0 && i < PySequence_Fast_GET_SIZE(rows); i++)
        failed = add_known(build, PySequence_Fast_GET_ITEM(rows, i));
    Py_XDECREF(rows);
    if (failed < 0) return -1;
    if (fa_router_freeze(build->miss.known) != FA_OK) {
        PyErr_NoMemory();
        return -1;
    }
    build->miss.route = (uint32_t)build->count;
    build->miss.slashes = slashes != 0;
    return append_route(build, (struct fa_py_plan *)plan);
}

/* NULL with an exception: not a Gate. */
static const struct fa_gate *add_gate(
    struct fa_py_server *owner, struct build *build, PyObject *gate)
{
    if (!PyObject_TypeCheck(gate, owner->state->gate_type)) {
        PyErr_Format(PyExc_TypeError, "gate must be a Gate or None, not %R", gate);
        return NULL;
    }
    return PyList_Append(build->plans, gate) < 0 ? NULL : &((struct fa_py_gate *)gate)->gate;
}

static int build_table(
    struct fa_py_server *owner, struct build *build, PyObject *rows, PyObject *miss, PyObject *gate)
{
    Py_ssize_t total = PySequence_Fast_GET_SIZE(rows);
    build->plans = PyList_New(0);
    build->routes = PyMem_Calloc((size_t)total + 1, /* and what answers a miss */
        sizeof *build->routes);
    if (build->plans == NULL) return -1;
    if (build->routes == NULL || fa_router_new(&build->router) != FA_OK) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t i = 0; i < total; i++) {
        if (add_entry(owner, build, PySequence_Fast_GET_ITEM(rows, i)) < 0) return -1;
    }
    if (miss != Py_None && add_miss(owner, build, miss) < 0) return -1;
    const struct fa_gate *core_gate = NULL;
    if (gate != Py_None && (core_gate = add_gate(owner, build, gate)) == NULL) return -1;
    if (fa_router_freeze(build->router) != FA_OK ||
        fa_server_set_routes(owner->server, build->router, build->routes, build->count,
            build->miss.known == NULL ? NULL : &build->miss, core_gate, build->plans) != FA_OK) {
        PyErr_NoMemory();
        return -1;
    }
    build->router = NULL; /* the server's now, and so are the others */
    build->miss.known = NULL;
    build->plans = NULL;
    return 0;
}

int fa_py_routes_install(
    struct fa_py_server *owner, PyObject *entries, PyObject *miss, PyObject *gate, PyObject *watch)
{
    if (watch != Py_None && !PyObject_TypeCheck(watch, owner->state->watch_type)) {
        PyErr_Format(PyExc_TypeError, "watch must be a RouteWatch or None, not %R", watch);
        return -1;
    }
    PyObject *rows = PySequence_Fast(entries, "set_routes() takes a sequence of entries");
    if (rows == NULL) return -1;
    struct build build = {.watch = watch == Py_None ? NULL : watch};
    int failed = build_table(owner, &build, rows, miss, gate);
    fa_router_free(build.router);
    fa_router_free(build.miss.known);
    Py_XDECREF(build.plans);
    PyMem_Free(build.routes);
    Py_DECREF(rows);
    return failed;
}
