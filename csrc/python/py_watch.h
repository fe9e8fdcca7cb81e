/* py_watch.h - the RouteWatch type: are an app's routes those that its plans were made for?
 *
 * FastAPI reads the routes for each request, so a change counts for the next one. A plan asks
 * its watch before anything of the user's runs, and hands over if the answer is no.
 */
#ifndef FA_PYTHON_PY_WATCH_H
#define FA_PYTHON_PY_WATCH_H

#include <stdatomic.h>
#include <string.h>

#include "base/base.h"
#include "python/compat.h"

/* The routes of one router, as they were. Strong references. */
struct fa_py_watch_list {
    PyObject *attributes; /* dict: the router's own */
    PyObject *list;       /* what it had under "routes" */
    PyObject *seen;       /* tuple: what that list held */
};

struct fa_py_watch {
    PyObject_VAR_HEAD PyObject *name; /* "routes" */
    atomic_bool touched;
    struct fa_py_watch_list lists[];
};

extern PyType_Spec fa_py_watch_spec;

/*
 * fa_py_watch_same - is the router's list the same one, with the same routes in it?
 *
 * GIL:       attached thread state required.
 * Calls out: no.
 * Errors:    none; false in doubt.
 */
bool fa_py_watch_same(const struct fa_py_watch_list *one, PyObject *name);

/*
 * fa_py_watch_is_current - has nothing been touched, and is every list the same?
 *
 * `watch` NULL: nobody watches, so yes. Some 15 ns, and the time to compare the pointers.
 *
 * GIL, Calls out, Errors: as above.
 * Memory: relaxed. Whoever changes routes does so before the answer that tells of it, and that
 *         answer is sent before the next request is read.
 */
static inline bool fa_py_watch_is_current(const struct fa_py_watch *watch)
{
    if (watch == NULL) return true;
    if (atomic_load_explicit(&watch->touched, memory_order_relaxed)) return false;
    for (Py_ssize_t i = 0; i < Py_SIZE(watch); i++) {
        if (FA_UNLIKELY(!fa_py_watch_same(&watch->lists[i], watch->name))) return false;
    }
    return true;
}

#endif
