/* py_routes.h - from Python's route entries to a frozen router and its plans. */
#ifndef FA_PYTHON_PY_ROUTES_H
#define FA_PYTHON_PY_ROUTES_H

#include "python/py_server.h"
#include "route/router.h"

/* One route as fasterapi.plan gives it; everything is borrowed. */
struct fa_py_route_entry {
    PyObject *path;    /* str */
    PyObject *methods; /* sequence of str */
    PyObject *plan;    /* a Plan, or None: opaque */
    PyObject *prefix;  /* str: how an opaque one starts */
};

/*
 * fa_py_routes_add - register an entry with a router; a Plan gets its parameters' places
 * in the path, so it belongs to one entry.
 *
 * GIL:       attached thread state required.
 * Calls out: no.
 * Errors:    -1 with TypeError or ValueError (what is wrong with it), MemoryError.
 */
int fa_py_routes_add(struct fa_router *router, PyTypeObject *plan_type,
    const struct fa_py_route_entry *entry, uint32_t id);

/*
 * fa_py_routes_install - build and install a route table.
 *
 * `miss` is None or (known, plan, slashes): see fa_route_miss. `gate` is None or a
 * Gate. `watch` is None or a RouteWatch: its plans hand over when that is not current.
 *
 * Refs:      borrows all of them; plans, gate and watch are kept until the last request routed
 *            by this table is answered.
 * GIL:       attached thread state required.
 * Calls out: no.
 * Errors:    -1 with TypeError or ValueError (which entry is wrong and why), MemoryError.
 */
int fa_py_routes_install(
    struct fa_py_server *owner, PyObject *entries, PyObject *miss, PyObject *gate, PyObject *watch);

#endif
