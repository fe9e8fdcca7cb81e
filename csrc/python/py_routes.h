/* py_routes.h - from Python's route entries to a frozen router and its plans. */
#ifndef FA_PYTHON_PY_ROUTES_H
#define FA_PYTHON_PY_ROUTES_H

#include "python/py_server.h"

/*
 * fa_py_routes_install - build and install a route table.
 *
 * `miss` is None or (known, plan, slashes): see fa_route_miss. `gate` is None or a
 * Gate.
 *
 * Refs:      borrows all three; plans and gate are kept until the last request routed
 *            by this table is answered.
 * GIL:       attached thread state required.
 * Calls out: no.
 * Errors:    -1 with TypeError or ValueError (which entry is wrong and why), MemoryError.
 */
int fa_py_routes_install(
    struct fa_py_server *owner, PyObject *entries, PyObject *miss, PyObject *gate);

#endif
