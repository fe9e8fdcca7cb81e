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
#include "base/stats.h"
#include "base/status.h"

struct fa_buffer_cache;

struct fa_buffer_pool {
    uint32_t buffer_size;
    fa_counter limit;     /* free buffers kept in the list; 0: every get is a heap allocation */
    pthread_mutex_t lock; /* guards what follows, but for the last two */
    struct fa_buffer *free;
    uint32_t count;
    uint32_t low; /* least count since the last turn */
    uint32_t high_water;
    uint64_t hits; /* of the list itself, and of caches that are gone */
    struct fa_buffer_cache *caches;
    fa_counter misses, dropped; /* many writers, on slow paths only */
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
 * fa_buffer_pool_set_limit - keep at most `limit` free buffers in the list from
 * now on (0: none, also none in caches); frees those that are too many.
 *
 * Threads: any.
 */
void fa_buffer_pool_set_limit(struct fa_buffer_pool *pool, uint32_t limit);

/*
 * fa_buffer_pool_turn - fewest free buffers the list had since the last call:
 * so many were not needed in all that time. Threads: any, one at a time.
 */
uint32_t fa_buffer_pool_turn(struct fa_buffer_pool *pool);

/*
 * fa_buffer_pool_size - free buffers in the list now. Threads: any.
 */
uint32_t fa_buffer_pool_size(struct fa_buffer_pool *pool);

/*
 * fa_buffer_pool_stats - the figures now, those of the caches included.
 *
 * The high-water mark is that of the list; of the caches it knows what they
 * hold at each call. Threads: any.
 */
void fa_buffer_pool_stats(struct fa_buffer_pool *pool, struct fa_pool_stats *out);

#define FA_BUFFER_CACHE_MAX 32

/* owner: one thread; the counters are read by others, the links under the pool's lock. */
struct fa_buffer_cache {
    struct fa_buffer_pool *pool;
    struct fa_buffer_cache *next, **link; /* all caches of the pool */
    fa_counter count;
    fa_counter hits;
    struct fa_buffer *items[FA_BUFFER_CACHE_MAX];
};

/*
 * fa_buffer_cache_init - an empty cache in front of `pool`. It must not move
 * until fa_buffer_cache_deinit: the pool knows it.
 */
void fa_buffer_cache_init(struct fa_buffer_cache *cache, struct fa_buffer_pool *pool);

/*
 * fa_buffer_cache_deinit - give everything to the pool.
 */
void fa_buffer_cache_deinit(struct fa_buffer_cache *cache);

/*
 * fa_buffer_cache_get_slow - fa_buffer_cache_get when the cache is empty.
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
    uint64_t count = fa_stats_read(&cache->count);
    if (FA_UNLIKELY(count == 0)) return fa_buffer_cache_get_slow(cache);
    struct fa_buffer *b = cache->items[--count];
    atomic_store_explicit(&cache->count, count, memory_order_relaxed);
    fa_stats_bump(&cache->hits, 1);
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
    uint64_t count = fa_stats_read(&cache->count);
    if (FA_LIKELY(b->pool == cache->pool && count < FA_BUFFER_CACHE_MAX &&
                  fa_stats_read(&cache->pool->limit) > 0)) {
        cache->items[count] = b;
        atomic_store_explicit(&cache->count, count + 1, memory_order_relaxed);
    } else {
        fa_buffer_cache_spill(cache, b);
    }
}

#endif
