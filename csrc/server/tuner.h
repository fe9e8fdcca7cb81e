/*
 * tuner.h - how large pools, batches and the spin should be: a function of what
 * happened in the last interval, within bounds. No clock, no memory of its own,
 * no side effects; monitor.h feeds it and carries out what it says.
 *
 * Pools. A pool is too small when it freed objects and had to make others in the
 * same interval; it grows by that many, at most to twice its limit. It is too
 * large when some of what it kept was not touched for FA_TUNER_QUIET intervals;
 * then half of that is freed, interval by interval.
 *
 * Batch. As many tasks as an executor finishes in FA_TUNER_BATCH_NS: cheap tasks
 * go in large batches, and no answer waits long for the ones behind it. Decided
 * only in intervals with work for FA_TUNER_BUSY_NS: single tasks of a quiet time
 * cost more, and say nothing about a busy one.
 *
 * Spin. Doubled while most spins end with work, halved while few do, down to
 * none; tried again now and then while threads are woken often.
 */
#ifndef FA_SERVER_TUNER_H
#define FA_SERVER_TUNER_H

#include <stdbool.h>
#include <stdint.h>

#define FA_TUNER_POOLS    3 /* buffers, tasks, connections */
#define FA_TUNER_QUIET    8
#define FA_TUNER_BATCH_NS UINT64_C(200000)
#define FA_TUNER_BUSY_NS  UINT64_C(25000000)

struct fa_tuner_bounds {
    uint64_t pool_min, pool_max; /* of each pool's limit */
    uint32_t batch_max;
    uint32_t spin_max_us;
};

/* What happened to one pool in the interval. */
struct fa_tuner_pool {
    uint64_t size;    /* kept at its end */
    uint64_t low;     /* fewest kept in it */
    uint64_t misses;  /* had to be made */
    uint64_t dropped; /* were freed for want of room */
};

struct fa_tuner_figures {
    struct fa_tuner_pool pools[FA_TUNER_POOLS];
    uint64_t tasks, run_ns;    /* of all executors */
    uint64_t spins, spin_hits; /* of all threads */
    uint64_t wakeups;          /* of executors that slept */
};

/* The sizes in force, and what the tuner has to remember about them. */
struct fa_tuner_sizes {
    uint64_t limit[FA_TUNER_POOLS]; /* 0: this pool is off and stays so */
    uint32_t quiet[FA_TUNER_POOLS]; /* intervals in a row with something unused */
    uint32_t batch;
    uint32_t spin_us;
    uint32_t no_spin; /* intervals since spinning was given up */
};

/*
 * fa_tuner_decide - the sizes for the next interval, in place. True: one changed.
 */
bool fa_tuner_decide(const struct fa_tuner_bounds *bounds, const struct fa_tuner_figures *figures,
    struct fa_tuner_sizes *sizes);

/*
 * fa_tuner_is_settled - would nothing shrink, were there no load from now on?
 */
bool fa_tuner_is_settled(const struct fa_tuner_bounds *bounds,
    const struct fa_tuner_figures *figures, const struct fa_tuner_sizes *sizes);

#endif
