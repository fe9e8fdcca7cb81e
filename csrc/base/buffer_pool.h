/*
 * buffer_pool.h - buffers of one size, kept for reuse: a shared list under a
 * lock, and in front of it a cache per thread that needs neither lock nor
 * atomics beyond the buffer's own count.
 */
#ifndef FA_BASE_BUFFER_POOL_H
#define FA_BASE_BUFFER_POOL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"
#include "base/buffer.h"
#include "base/status.h"

struct fa_buffer_pool {
    uint32_t buffer_size;
    uint32_t max;         /* free buffers kept; 0: none, every get is a heap allocation */
    pthread_mutex_t lock; /* guards free and count */
    struct fa_buffer *free;
    uint32_t count;
    uint32_t high_water;
    atomic_uint_least64_t hits;
    atomic_uint_least64_t misses;
};

struct fa_buffer_pool_stats {
    uint64_t hits;       /* gets served by the pool or a cache; a cache tells its own late */
    uint64_t misses;     /* gets that allocated */
    uint64_t size;       /* free buffers in the shared list */
    uint64_t high_water; /* most free buffers there were */
};

/*
 * fa_buffer_pool_init - an empty pool. `enabled` false: nothing is ever kept.
 *
 * Errors: FA_ERR_IO if the lock cannot be made.
 */
FA_NODISCARD fa_status fa_buffer_pool_init(
    struct fa_buffer_pool *pool, size_t buffer_size, size_t max_count, bool enabled);

/*
 * fa_buffer_pool_deinit - free the free buffers. Those handed out must be back.
 */
void fa_buffer_pool_deinit(struct fa_buffer_pool *pool);

/*
 * fa_buffer_pool_get - a buffer of the pool's size with one reference, len 0.
 *
 * Threads: any. Errors: NULL when out of memory.
 */
FA_NODISCARD struct fa_buffer *fa_buffer_pool_get(struct fa_buffer_pool *pool);

/*
 * fa_buffer_pool_put - take back a buffer whose last reference is gone.
 *
 * Threads: any. Callers use fa_buffer_release, which ends here.
 */
void fa_buffer_pool_put(struct fa_buffer_pool *pool, struct fa_buffer *b);

/*
 * fa_buffer_pool_stats - a snapshot. Threads: any.
 */
void fa_buffer_pool_stats(struct fa_buffer_pool *pool, struct fa_buffer_pool_stats *out);

#define FA_BUFFER_CACHE_MAX    32
#define FA_BUFFER_CACHE_REPORT 256 /* hits after which the pool's counter learns of them */

/* owner: one thread. */
struct fa_buffer_cache {
    struct fa_buffer_pool *pool;
    uint32_t count;
    uint64_t hits; /* not yet added to the pool's counter */
    struct fa_buffer *items[FA_BUFFER_CACHE_MAX];
};

/*
 * fa_buffer_cache_init - an empty cache in front of `pool`.
 */
void fa_buffer_cache_init(struct fa_buffer_cache *cache, struct fa_buffer_pool *pool);

/*
 * fa_buffer_cache_deinit - give everything to the pool.
 */
void fa_buffer_cache_deinit(struct fa_buffer_cache *cache);

/*
 * fa_buffer_cache_get_slow - fa_buffer_cache_get when the cache is empty, or when
 * its hits are to be added to the pool's.
 */
FA_NODISCARD struct fa_buffer *fa_buffer_cache_get_slow(struct fa_buffer_cache *cache);

/*
 * fa_buffer_cache_spill - the slow half of fa_buffer_cache_release: `b` has no
 * reference left and the cache has no room for it.
 */
void fa_buffer_cache_spill(struct fa_buffer_cache *cache, struct fa_buffer *b);

/*
 * fa_buffer_cache_get - as fa_buffer_pool_get, from this thread's own stack first.
 *
 * Threads: the cache's owner.
 */
FA_NODISCARD static inline struct fa_buffer *fa_buffer_cache_get(struct fa_buffer_cache *cache)
{
    if (FA_UNLIKELY(cache->count == 0 || cache->hits >= FA_BUFFER_CACHE_REPORT))
        return fa_buffer_cache_get_slow(cache);
    struct fa_buffer *b = cache->items[--cache->count];
    cache->hits++;
    atomic_store_explicit(&b->refs, 1, memory_order_relaxed);
    b->len = 0;
    b->next = NULL;
    return b;
}

/*
 * fa_buffer_cache_release - drop one reference; the last one keeps the buffer
 * in this thread's cache if it is one of the pool's.
 *
 * Threads: the cache's owner. Memory: as fa_buffer_release.
 */
static inline void fa_buffer_cache_release(struct fa_buffer_cache *cache, struct fa_buffer *b)
{
    /* A sole owner needs no read-modify-write: nobody else can add a reference. */
    if (atomic_load_explicit(&b->refs, memory_order_acquire) == 1) {
        atomic_store_explicit(&b->refs, 0, memory_order_relaxed);
    } else {
        unsigned held = atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel);
        FA_ASSERT(held > 0); /* 0: released once too often */
        if (held != 1) return;
    }
    if (FA_LIKELY(
            b->pool == cache->pool && cache->count < FA_BUFFER_CACHE_MAX && cache->pool->max > 0)) {
        cache->items[cache->count++] = b;
    } else {
        fa_buffer_cache_spill(cache, b);
    }
}

#endif
