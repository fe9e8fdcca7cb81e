/*
 * tally.h - what one executor thread counts about its work.
 *
 * One tally per worker thread and one for the event-loop thread, each on cache
 * lines of its own, with one writer and no locked instruction; fa_tally_add sums
 * them. Time stamps are taken per batch, not per task: a stamp costs 20 to 35 ns.
 *
 * owner: its executor thread; any thread may read.
 */
#ifndef FA_SERVER_TALLY_H
#define FA_SERVER_TALLY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/base.h"
#include "base/stats.h"

#define FA_TALLY_SIZES 13 /* batches of 1, 2, up to 4, up to 8, ... 4096 and more */

/* X(name): sums, then marks of the largest. */
#define FA_TALLY_SUMS(X)                                                      \
    X(tasks)     /* items run */                                              \
    X(run_ns)    /* time for them: handlers, conversions, answers */          \
    X(batches)   /* rounds in which at least one was run */                   \
    X(waits)     /* items whose time in the queue was looked at */            \
    X(wait_ns)   /* their time from the reactor's round to the executor's */  \
    X(attaches)  /* times the thread attached to the interpreter (the GIL) */ \
    X(attach_ns) /* time that took */                                         \
    X(spins)     /* times it looked for work before it slept */               \
    X(spin_hits) /* and found some */
#define FA_TALLY_MARKS(X) \
    X(batch_max)          \
    X(wait_max_ns)        \
    X(attach_max_ns)

struct fa_tally {
#define FA_TALLY_FIELD(name) fa_counter name;
    FA_TALLY_SUMS(FA_TALLY_FIELD)
    FA_TALLY_MARKS(FA_TALLY_FIELD)
#undef FA_TALLY_FIELD
    fa_counter sizes[FA_TALLY_SIZES];
};

/* The same as plain numbers. */
struct fa_tally_sum {
#define FA_TALLY_FIELD(name) uint64_t name;
    FA_TALLY_SUMS(FA_TALLY_FIELD)
    FA_TALLY_MARKS(FA_TALLY_FIELD)
#undef FA_TALLY_FIELD
    uint64_t sizes[FA_TALLY_SIZES];
};

/*
 * fa_tally_size_class - the place in `sizes` of a batch of n > 0.
 */
static inline uint32_t fa_tally_size_class(uint64_t n)
{
    uint32_t log2 = n < 2 ? 0 : 64u - (uint32_t)__builtin_clzll(n - 1);
    return log2 < FA_TALLY_SIZES ? log2 : FA_TALLY_SIZES - 1;
}

/*
 * fa_tally_batch - a round with n > 0 items is over. Threads: the owner.
 */
static inline void fa_tally_batch(struct fa_tally *t, uint64_t n)
{
    fa_stats_bump(&t->batches, 1);
    fa_stats_bump(&t->sizes[fa_tally_size_class(n)], 1);
    fa_stats_raise(&t->batch_max, n);
}

/*
 * fa_tally_run - n items took ns. Threads: the owner.
 */
static inline void fa_tally_run(struct fa_tally *t, uint64_t n, uint64_t ns)
{
    fa_stats_bump(&t->tasks, n);
    fa_stats_bump(&t->run_ns, ns);
}

/*
 * fa_tally_waits - n items waited ns in the queue together, one of them max_ns.
 *
 * Threads: the owner.
 */
static inline void fa_tally_waits(struct fa_tally *t, uint64_t n, uint64_t ns, uint64_t max_ns)
{
    fa_stats_bump(&t->waits, n);
    fa_stats_bump(&t->wait_ns, ns);
    fa_stats_raise(&t->wait_max_ns, max_ns);
}

/*
 * fa_tally_attached - attaching took ns. Threads: the owner.
 */
static inline void fa_tally_attached(struct fa_tally *t, uint64_t ns)
{
    fa_stats_bump(&t->attaches, 1);
    fa_stats_bump(&t->attach_ns, ns);
    fa_stats_raise(&t->attach_max_ns, ns);
}

/*
 * fa_tally_spun - looked for work instead of sleeping; `hit`: and found some.
 *
 * Threads: the owner.
 */
static inline void fa_tally_spun(struct fa_tally *t, bool hit)
{
    fa_stats_bump(&t->spins, 1);
    fa_stats_bump(&t->spin_hits, hit);
}

/*
 * fa_tally_add - add a tally to a sum (zero it to start); marks: the larger one.
 *
 * Threads: any.
 */
void fa_tally_add(const struct fa_tally *t, struct fa_tally_sum *sum);

#endif
