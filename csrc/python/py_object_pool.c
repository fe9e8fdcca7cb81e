#include "python/py_object_pool.h"

#include <string.h>

#include "base/alloc.h"

enum { BATCH = FA_PY_OBJECT_POOL_STACK_SIZE / 2 };

/* Held objects that one call looks at: usually, and while one is wanted and none is free. */
enum { FEW_LOOKS = 2, MANY_LOOKS = 32 };

/* --- life ---------------------------------------------------------------------------- */

fa_status fa_py_object_pool_new(size_t limit, struct fa_py_object_pool **out)
{
    void *block = fa_alloc_zero(sizeof(struct fa_py_object_pool) + FA_CACHELINE);
    if (block == NULL) return FA_ERR_NOMEM;
    uintptr_t aligned = ((uintptr_t)block + FA_CACHELINE - 1) & ~(uintptr_t)(FA_CACHELINE - 1);
    struct fa_py_object_pool *pool = (struct fa_py_object_pool *)aligned;
    fa_status status = fa_queue_init(&pool->shared, FA_QUEUE_MPMC, limit);
    if (status != FA_OK) {
        fa_free(block);
        return status;
    }
    for (int i = 0; i < FA_PY_OBJECT_POOL_STACKS; i++)
        atomic_flag_clear_explicit(&pool->stacks[i].busy, memory_order_relaxed);
    pool->block = block;
    pool->limit = limit;
    *out = pool;
    return FA_OK;
}

void fa_py_object_pool_free(struct fa_py_object_pool *pool)
{
    if (pool == NULL) return;
    void *item;
    fa_py_object_pool_clear(pool);
    for (int i = 0; i < FA_PY_OBJECT_POOL_STACKS; i++) {
        struct fa_py_object_stack *stack = &pool->stacks[i];
        while (stack->count > 0)
            Py_DECREF(stack->items[--stack->count]);
    }
    while (fa_queue_try_pop(&pool->shared, &item) == FA_OK)
        Py_DECREF((PyObject *)item);
    fa_queue_deinit(&pool->shared);
    fa_free(pool->block);
}

/* --- the thread's stack -------------------------------------------------------------- */

/* NULL: another thread is in it. Acquire pairs with the release in leave(). */
static struct fa_py_object_stack *enter(struct fa_py_object_pool *pool)
{
    uint64_t id = (uint64_t)PyThread_get_thread_ident();
    size_t at = (size_t)((id * UINT64_C(0x9e3779b97f4a7c15)) >> 61);
    struct fa_py_object_stack *stack = &pool->stacks[at];
    bool taken = atomic_flag_test_and_set_explicit(&stack->busy, memory_order_acquire);
    return taken ? NULL : stack;
}

static void leave(struct fa_py_object_stack *stack)
{
    atomic_flag_clear_explicit(&stack->busy, memory_order_release);
}

FA_STATIC_ASSERT(FA_PY_OBJECT_POOL_STACKS == 8, "three bits of the hash choose the stack");

static PyObject *take(struct fa_py_object_pool *pool)
{
    void *item = NULL;
    struct fa_py_object_stack *stack = enter(pool);
    if (stack == NULL) return fa_queue_try_pop(&pool->shared, &item) == FA_OK ? item : NULL;
    while (stack->count < BATCH && fa_queue_try_pop(&pool->shared, &item) == FA_OK)
        stack->items[stack->count++] = item;
    item = stack->count > 0 ? stack->items[--stack->count] : NULL;
    leave(stack);
    return item;
}

/* There is room: every object has been counted into `size` before. */
static bool give(struct fa_py_object_pool *pool, PyObject *object)
{
    struct fa_py_object_stack *stack = enter(pool);
    if (stack == NULL) return fa_queue_try_push(&pool->shared, object) == FA_OK;
    if (stack->count == FA_PY_OBJECT_POOL_STACK_SIZE) {
        while (stack->count > BATCH &&
               fa_queue_try_push(&pool->shared, stack->items[stack->count - 1]) == FA_OK)
            stack->count--;
    }
    bool room = stack->count < FA_PY_OBJECT_POOL_STACK_SIZE;
    if (room) stack->items[stack->count++] = object;
    leave(stack);
    return room;
}

/* --- in and out ---------------------------------------------------------------------- */

static void note_high_water(struct fa_py_object_pool *pool, size_t size)
{
    size_t before = atomic_load_explicit(&pool->high_water, memory_order_relaxed);
    while (size > before && !atomic_compare_exchange_weak_explicit(&pool->high_water, &before, size,
                                memory_order_relaxed, memory_order_relaxed)) {
    }
}

PyObject *fa_py_object_pool_get(struct fa_py_object_pool *pool)
{
    PyObject *object;
    while ((object = take(pool)) != NULL) {
        (void)atomic_fetch_sub_explicit(&pool->size, 1, memory_order_relaxed);
        if (fa_compat_is_unique(object)) {
            (void)atomic_fetch_add_explicit(&pool->hits, 1, memory_order_relaxed);
            return object;
        }
        Py_DECREF(object); /* whoever kept it keeps it */
    }
    (void)atomic_fetch_add_explicit(&pool->misses, 1, memory_order_relaxed);
    return NULL;
}

/* A place for one more; false: the pool is full. */
static bool reserve(struct fa_py_object_pool *pool)
{
    size_t size = atomic_fetch_add_explicit(&pool->size, 1, memory_order_relaxed) + 1;
    if (size > pool->limit) {
        (void)atomic_fetch_sub_explicit(&pool->size, 1, memory_order_relaxed);
        return false;
    }
    note_high_water(pool, size);
    return true;
}

static void unreserve(struct fa_py_object_pool *pool, size_t places)
{
    (void)atomic_fetch_sub_explicit(&pool->size, places, memory_order_relaxed);
}

bool fa_py_object_pool_put(struct fa_py_object_pool *pool, PyObject *object)
{
    if (!FA_HAVE_UNIQUE || !reserve(pool)) return false;
    bool room = give(pool, object);
    if (!room) unreserve(pool, 1);
    return room;
}

/* --- held ---------------------------------------------------------------------------- */

bool fa_py_object_pool_hold(struct fa_py_object_pool *pool, PyObject *object)
{
    if (!FA_HAVE_UNIQUE || !reserve(pool)) return false;
    bool added = fa_py_held_add(&pool->held, object);
    if (!added) unreserve(pool, 1);
    return added;
}

size_t fa_py_object_pool_looks(const struct fa_py_object_pool *pool, bool wanted)
{
    size_t held = pool->held.count;
    if (held == 0) return 0;
    bool none_free = atomic_load_explicit(&pool->size, memory_order_relaxed) <= held;
    size_t most = wanted && none_free ? MANY_LOOKS : FEW_LOOKS;
    return held < most ? held : most;
}

PyObject *fa_py_object_pool_look(struct fa_py_object_pool *pool, bool *ripe)
{
    PyObject *object = fa_py_held_look(&pool->held, ripe);
    if (object != NULL && !*ripe) unreserve(pool, 1);
    return object;
}

void fa_py_object_pool_keep(struct fa_py_object_pool *pool, PyObject *object)
{
    if (give(pool, object)) return;
    unreserve(pool, 1);
    Py_DECREF(object);
}

void fa_py_object_pool_clear(struct fa_py_object_pool *pool)
{
    unreserve(pool, pool->held.count);
    fa_py_held_clear(&pool->held);
}

/* --- what it is ---------------------------------------------------------------------- */

size_t fa_py_object_pool_bytes(const struct fa_py_object_pool *pool)
{
    return sizeof *pool + pool->held.room * sizeof *pool->held.items +
           fa_py_address_set_bytes(&pool->held.addresses) +
           fa_queue_capacity(&pool->shared) * sizeof(struct fa_mpmc_slot);
}

/* No thread is inside of get or put: with the GIL they do not give it up while they move
 * objects, without one the collector has stopped all threads. */
int fa_py_object_pool_traverse(struct fa_py_object_pool *pool, visitproc visit, void *arg)
{
    for (int i = 0; i < FA_PY_OBJECT_POOL_STACKS; i++) {
        for (uint32_t k = 0; k < pool->stacks[i].count; k++)
            Py_VISIT(pool->stacks[i].items[k]);
    }
    size_t count = fa_queue_size(&pool->shared);
    for (size_t n = 0; n < count; n++)
        Py_VISIT((PyObject *)fa_queue_peek(&pool->shared, n));
    return fa_py_held_traverse(&pool->held, visit, arg);
}

PyObject *fa_py_object_pool_stats(const struct fa_py_object_pool *pool)
{
    return Py_BuildValue("{sKsKsnsn}", "hits",
        (unsigned long long)atomic_load_explicit(&pool->hits, memory_order_relaxed), "misses",
        (unsigned long long)atomic_load_explicit(&pool->misses, memory_order_relaxed), "size",
        (Py_ssize_t)atomic_load_explicit(&pool->size, memory_order_relaxed), "high_water",
        (Py_ssize_t)atomic_load_explicit(&pool->high_water, memory_order_relaxed));
}
