/*
 * pool_counters.h - the books of a pool: how many objects it keeps, may keep,
 * has reused and has not.
 *
 * One thread gets and puts (or a lock keeps several apart); any may read. The
 * pool itself is only its free list beside this.
 */
#ifndef FA_BASE_POOL_COUNTERS_H
#define FA_BASE_POOL_COUNTERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/base.h"
#include "base/stats.h"

struct fa_pool_counters {
    fa_counter hits, misses, dropped, size, high_water, limit;
    uint64_t low; /* owner's: fewest kept since the last turn */
};

/*
 * fa_pool_counters_init - an empty pool that keeps up to `limit` objects.
 */
static inline void fa_pool_counters_init(struct fa_pool_counters *c, uint64_t limit)
{
    *c = (struct fa_pool_counters){.limit = limit};
}

/*
 * fa_pool_counters_take - a get. True: one of the kept objects goes out (a hit);
 * false: none is kept, make one (a miss).
 *
 * Threads: the owner.
 */
static inline bool fa_pool_counters_take(struct fa_pool_counters *c)
{
    uint64_t size = fa_stats_read(&c->size);
    if (FA_UNLIKELY(size == 0)) {
        fa_stats_bump(&c->misses, 1);
        return false;
    }
    atomic_store_explicit(&c->size, --size, memory_order_relaxed);
    fa_stats_bump(&c->hits, 1);
    if (size < c->low) c->low = size;
    return true;
}

/*
 * fa_pool_counters_keep - a put. True: keep the object; false: the pool is full,
 * free it.
 *
 * Threads: the owner.
 */
static inline bool fa_pool_counters_keep(struct fa_pool_counters *c)
{
    uint64_t size = fa_stats_read(&c->size);
    if (FA_UNLIKELY(size >= fa_stats_read(&c->limit))) {
        fa_stats_bump(&c->dropped, 1);
        return false;
    }
    atomic_store_explicit(&c->size, ++size, memory_order_relaxed);
    fa_stats_raise(&c->high_water, size);
    return true;
}

/*
 * fa_pool_counters_shrink - after a lower limit was set: true once for each kept
 * object that is too many. The caller frees it.
 *
 * Threads: the owner.
 */
static inline bool fa_pool_counters_shrink(struct fa_pool_counters *c)
{
    uint64_t size = fa_stats_read(&c->size);
    if (size <= fa_stats_read(&c->limit)) return false;
    atomic_store_explicit(&c->size, --size, memory_order_relaxed);
    if (size < c->low) c->low = size;
    return true;
}

/*
 * fa_pool_counters_turn - fewest objects kept since the last call: so many were
 * not needed in all that time.
 *
 * Threads: the owner.
 */
static inline uint64_t fa_pool_counters_turn(struct fa_pool_counters *c)
{
    uint64_t low = c->low;
    c->low = fa_stats_read(&c->size);
    return low;
}

/*
 * fa_pool_counters_read - the figures now. Threads: any.
 */
static inline void fa_pool_counters_read(
    const struct fa_pool_counters *c, struct fa_pool_stats *out)
{
    out->hits = fa_stats_read(&c->hits);
    out->misses = fa_stats_read(&c->misses);
    out->dropped = fa_stats_read(&c->dropped);
    out->size = fa_stats_read(&c->size);
    out->high_water = fa_stats_read(&c->high_water);
    out->limit = fa_stats_read(&c->limit);
}

#endif
