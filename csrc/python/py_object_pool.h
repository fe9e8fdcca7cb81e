/*
 * py_object_pool.h - free Python objects of one kind: stacks of the threads in
 * front of a shared lock-free queue. Knows references, not what the objects are.
 *
 * A thread finds its stack by its id and has it by a try-lock that nobody ever
 * waits for; when another thread is in it, the shared queue is used directly.
 *
 * What nobody else has is emptied by its owner and put in, ready to go out again.
 * What others still have waits, held and unchanged, until they let go of it. What
 * fa_py_object_pool_get returns, nobody else has.
 */
#ifndef FA_PYTHON_PY_OBJECT_POOL_H
#define FA_PYTHON_PY_OBJECT_POOL_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"
#include "base/status.h"
#include "python/compat.h"
#include "python/py_held.h"
#include "queue/queue.h"

enum { FA_PY_OBJECT_POOL_STACKS = 8, FA_PY_OBJECT_POOL_STACK_SIZE = 32 };

/* What one thread, or a few, have at hand. owner: who holds `busy`. */
struct fa_py_object_stack {
    FA_ALIGNED(FA_CACHELINE) atomic_flag busy;
    uint32_t count;
    PyObject *items[FA_PY_OBJECT_POOL_STACK_SIZE];
};

struct fa_py_object_pool {
    void *block; /* what the struct was allocated in */
    size_t limit;
    atomic_size_t size; /* objects in the stacks, the queue and `held` */
    atomic_size_t high_water;
    atomic_uint_least64_t hits, misses;
    struct fa_py_held held; /* under the critical section of the pool's owner */
    struct fa_queue shared;
    struct fa_py_object_stack stacks[FA_PY_OBJECT_POOL_STACKS];
};

/*
 * fa_py_object_pool_new - an empty pool for at most `limit` (at least 1) objects.
 *
 * Ownership: the caller's, until fa_py_object_pool_free. Errors: FA_ERR_NOMEM,
 *            FA_ERR_INVALID.
 */
FA_NODISCARD fa_status fa_py_object_pool_new(size_t limit, struct fa_py_object_pool **out);

/*
 * fa_py_object_pool_free - drop all objects, then the pool; NULL is allowed.
 *
 * GIL:       attached thread state required. No other thread uses the pool.
 * Calls out: yes, if the objects' deallocation does.
 */
void fa_py_object_pool_free(struct fa_py_object_pool *pool);

/*
 * fa_py_object_pool_get - a pooled object that nobody else has; NULL if there is none.
 *
 * Refs:      new reference. Counts a hit or a miss.
 * GIL:       attached thread state required; any thread.
 * Calls out: yes, when an object that somebody kept is let go.
 * Errors:    none; no exception is set.
 */
PyObject *fa_py_object_pool_get(struct fa_py_object_pool *pool);

/*
 * fa_py_object_pool_put - keep an object that was emptied.
 *
 * Refs:      steals `object` when it returns true; false: the pool is full, or
 *            objects are not reused on this build.
 * GIL:       attached thread state required; any thread.
 * Calls out: no.
 */
FA_NODISCARD bool fa_py_object_pool_put(struct fa_py_object_pool *pool, PyObject *object);

/*
 * fa_py_object_pool_hold - let an object wait that others may have.
 *
 * Refs:      takes a reference of its own when it returns true; false: the pool is full,
 *            out of memory, or objects are not reused on this build.
 * GIL:       attached thread state required, in the owner's critical section.
 * Calls out: no.
 */
bool fa_py_object_pool_hold(struct fa_py_object_pool *pool, PyObject *object);

/*
 * fa_py_object_pool_looks - how many held objects a call should look at: none if none is
 * held, a few usually, more if an object is `wanted` and none is free.
 *
 * GIL: attached thread state required, in the owner's critical section.
 */
size_t fa_py_object_pool_looks(const struct fa_py_object_pool *pool, bool wanted);

/*
 * fa_py_object_pool_look - look at one held object.
 *
 * Refs:      a reference, or NULL: this one waits on. With *ripe nobody else has it: empty
 *            it and hand it to fa_py_object_pool_keep. Else the pool has given it up: drop it.
 * GIL:       attached thread state required, in the owner's critical section.
 * Calls out: no.
 */
PyObject *fa_py_object_pool_look(struct fa_py_object_pool *pool, bool *ripe);

/*
 * fa_py_object_pool_keep - as put, for one that was held here and so has its place.
 *
 * Refs:      steals `object`. GIL: attached thread state required; any thread.
 * Calls out: no.
 */
void fa_py_object_pool_keep(struct fa_py_object_pool *pool, PyObject *object);

/*
 * fa_py_object_pool_clear - let go of what is held: its part of the owner's tp_clear.
 *
 * GIL:       attached thread state required.
 * Calls out: yes, with nothing held any more.
 */
void fa_py_object_pool_clear(struct fa_py_object_pool *pool);

/*
 * fa_py_object_pool_bytes - memory of the pool itself.
 *
 * GIL: attached thread state required, in the owner's critical section.
 */
size_t fa_py_object_pool_bytes(const struct fa_py_object_pool *pool);

/*
 * fa_py_object_pool_traverse - the pool's part of its owner's tp_traverse.
 */
int fa_py_object_pool_traverse(struct fa_py_object_pool *pool, visitproc visit, void *arg);

/*
 * fa_py_object_pool_stats - {"hits", "misses", "size", "high_water"}.
 *
 * Refs: new reference. GIL: attached thread state required.
 * Errors: NULL with MemoryError set.
 */
PyObject *fa_py_object_pool_stats(const struct fa_py_object_pool *pool);

#endif
