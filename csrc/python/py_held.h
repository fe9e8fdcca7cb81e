/*
 * py_held.h - objects given back while somebody still has them: they wait here,
 * unchanged, until the pool's reference is the only one.
 *
 * That is the usual case: whoever releases an object has a name for it. A set of
 * addresses answers whether an object waits here; it is exact, because what waits is
 * kept alive. An array says whose turn it is to be looked at, round after round. What
 * others still have after many looks is let go of: a reference of the pool's hides an
 * object that is part of a cycle from the garbage collector.
 */
#ifndef FA_PYTHON_PY_HELD_H
#define FA_PYTHON_PY_HELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"
#include "python/compat.h"
#include "python/py_address_set.h"

enum { FA_PY_HELD_PATIENCE = 64 }; /* looks at an object before it is let go of */

struct fa_py_held_item {
    PyObject *object; /* a reference of our own */
    uint32_t looks;
};

/* owner: the object it lies in, under that object's critical section. Zeroed: empty. */
struct fa_py_held {
    struct fa_py_held_item *items;
    struct fa_py_address_set addresses;
    size_t count, room;
    size_t next; /* whose turn it is */
};

/*
 * fa_py_held_contains - does this very object wait here?
 *
 * GIL: attached thread state required. Calls out: no.
 */
bool fa_py_held_contains(const struct fa_py_held *held, const PyObject *object);

/*
 * fa_py_held_add - let `object`, which is not here yet, wait.
 *
 * Refs:   takes a reference of its own.
 * GIL:    attached thread state required. Calls out: no.
 * Errors: false when out of memory, no exception set, nothing changed.
 */
FA_NODISCARD bool fa_py_held_add(struct fa_py_held *held, PyObject *object);

/*
 * fa_py_held_look - look at the one whose turn it is, and take it out if its wait is over.
 *
 * Refs: returns the reference that was held here. *ripe says whether it is the only one;
 *       if not, others have had the object for too long. NULL: it waits on, or nothing is
 *       here.
 * GIL:  attached thread state required. Calls out: no.
 */
PyObject *fa_py_held_look(struct fa_py_held *held, bool *ripe);

/*
 * fa_py_held_clear - let go of all; the struct is empty and usable afterwards.
 *
 * GIL:       attached thread state required.
 * Calls out: yes, with nothing left in `held`.
 */
void fa_py_held_clear(struct fa_py_held *held);

/*
 * fa_py_held_traverse - its part of the owner's tp_traverse.
 */
int fa_py_held_traverse(const struct fa_py_held *held, visitproc visit, void *arg);

#endif
