/*
 * stats.h - counters that one thread or many bump and any thread may read.
 *
 * A counter with one writer is bumped by a load and a store: that costs what a
 * plain variable costs. Where several threads write, FA_STATS_ADD is needed.
 * Readers sum and may be a moment late; no counter ever runs backwards.
 */
#ifndef FA_BASE_STATS_H
#define FA_BASE_STATS_H

#include <stdatomic.h>
#include <stdint.h>

typedef atomic_uint_least64_t fa_counter;

#define FA_STATS_MAP(X)       \
    X(requests)               \
    X(responses)              \
    X(connections_accepted)   \
    X(connections_closed)     \
    X(bytes_in)               \
    X(bytes_out)              \
    X(sends)                  \
    X(bytes_copied)           \
    X(bodies_in_place)        \
    X(parse_errors)           \
    X(invalid_requests)       \
    X(lines_too_long)         \
    X(headers_too_large)      \
    X(bodies_too_large)       \
    X(timeouts)               \
    X(slow_heads)             \
    X(slow_bodies)            \
    X(slow_readers)           \
    X(queue_full)             \
    X(over_limit)             \
    X(bodies_refused)         \
    X(pressure_ended)         \
    X(handovers)              \
    X(wakeups)                \
    X(batches)                \
    X(worker_threads_started) \
    X(access_log_dropped)     \
    X(reports_lost)

struct fa_stats {
#define FA_STATS_FIELD(name) fa_counter name;
    FA_STATS_MAP(FA_STATS_FIELD)
#undef FA_STATS_FIELD
};

/* What every pool tells about itself. */
struct fa_pool_stats {
    uint64_t hits;       /* gets served by something kept */
    uint64_t misses;     /* gets that made something new */
    uint64_t dropped;    /* puts that found no room and freed */
    uint64_t size;       /* kept for reuse now */
    uint64_t high_water; /* most that were kept at a time */
    uint64_t limit;      /* most it keeps; 0: the pool is off */
};

/* Threads: any. Memory: relaxed; each counter is right on its own. */
#define FA_STATS_ADD(stats, name, n) \
    ((void)atomic_fetch_add_explicit(&(stats)->name, (uint_least64_t)(n), memory_order_relaxed))

/*
 * fa_stats_read - the value now. Threads: any. Memory: relaxed.
 */
static inline uint64_t fa_stats_read(const fa_counter *c)
{
    return atomic_load_explicit(c, memory_order_relaxed);
}

/*
 * fa_stats_bump - add to a counter with one writer, without a read-modify-write.
 *
 * Threads: the counter's one writer, or writers that a lock keeps apart.
 */
static inline void fa_stats_bump(fa_counter *c, uint64_t n)
{
    atomic_store_explicit(c, fa_stats_read(c) + n, memory_order_relaxed);
}

/*
 * fa_stats_raise - a high-water mark with one writer: at least n from now on.
 */
static inline void fa_stats_raise(fa_counter *c, uint64_t n)
{
    if (n > fa_stats_read(c)) atomic_store_explicit(c, n, memory_order_relaxed);
}

#endif
