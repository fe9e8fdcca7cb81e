/* stats.h - counters any thread may bump and any thread may read. */
#ifndef FA_BASE_STATS_H
#define FA_BASE_STATS_H

#include <stdatomic.h>
#include <stdint.h>

#define FA_STATS_MAP(X)       \
    X(requests)               \
    X(responses)              \
    X(connections_accepted)   \
    X(connections_closed)     \
    X(bytes_in)               \
    X(bytes_out)              \
    X(parse_errors)           \
    X(timeouts)               \
    X(queue_full)             \
    X(pool_hits)              \
    X(pool_misses)            \
    X(handovers)              \
    X(wakeups)                \
    X(batches)                \
    X(worker_threads_started) \
    X(access_log_dropped)

struct fa_stats {
#define FA_STATS_FIELD(name) atomic_uint_least64_t name;
    FA_STATS_MAP(FA_STATS_FIELD)
#undef FA_STATS_FIELD
};

/* Threads: any. Memory: relaxed; each counter is right on its own. */
#define FA_STATS_ADD(stats, name, n) \
    ((void)atomic_fetch_add_explicit(&(stats)->name, (uint_least64_t)(n), memory_order_relaxed))

#endif
