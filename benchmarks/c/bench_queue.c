/*
 * The queues: push and pop on one thread, and from one thread to another. An
 * operation is one item that goes in and comes out. Where Concurrency Kit is
 * installed (Debian: libck-dev) its rings stand beside ours.
 */
#include "bench.h"

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>

#include "queue/inbox.h"
#include "queue/queue.h"

#if defined(__has_include)
#if __has_include(<ck_ring.h>)
#include <ck_ring.h>
#define WITH_CK 1
#endif
#endif

enum { CAPACITY = 1024, BURST = 64, OPS = 4000000, OPS_THREADS = 1000000, SPINS = 200 };

#define NAMED(kind) fa_##kind##_queue

static void *item_of(uint64_t n)
{
    return (void *)(uintptr_t)n;
}

static void wrong(const char *what)
{
    fprintf(stderr, "bench_queue: %s\n", what);
    exit(1);
}

/* Spin for a moment, then let the other thread run: it may share this core. */
static void wait_a_bit(unsigned *spins)
{
    if (++*spins < SPINS) {
#if defined(__x86_64__)
        __builtin_ia32_pause();
#endif
        return;
    }
    *spins = 0;
    sched_yield();
}

/*
 * The three patterns, for any pair of functions `push(q, item)` and `pop(q, &item)`
 * that say whether they did it. Written out per queue, so that all are inlined.
 */
#define PATTERNS(name, type, push, pop)                               \
    static void name##_pair(void *arg, uint64_t ops)                  \
    {                                                                 \
        type *q = arg;                                                \
        void *item = NULL;                                            \
        for (uint64_t i = 1; i <= ops; i++) {                         \
            bool ok = push(q, item_of(i));                            \
            ok = pop(q, &item) && ok;                                 \
            if (!ok || item != item_of(i)) wrong(#name);              \
        }                                                             \
    }                                                                 \
    static void name##_burst(void *arg, uint64_t ops)                 \
    {                                                                 \
        type *q = arg;                                                \
        void *item = NULL;                                            \
        for (uint64_t i = 0; i < ops; i += BURST) {                   \
            for (uint64_t k = 1; k <= BURST; k++)                     \
                if (!push(q, item_of(i + k))) wrong(#name);           \
            for (uint64_t k = 1; k <= BURST; k++)                     \
                if (!pop(q, &item) || item != item_of(i + k)) wrong(#name); \
        }                                                             \
    }                                                                 \
    static void *name##_consumer(void *arg)                           \
    {                                                                 \
        struct flow *flow = arg;                                      \
        void *item = NULL;                                            \
        unsigned spins = 0;                                           \
        for (uint64_t i = 1; i <= flow->ops; i++) {                   \
            while (!pop((type *)flow->q, &item))                      \
                wait_a_bit(&spins);                                   \
            if (item != item_of(i)) wrong(#name);                     \
        }                                                             \
        return NULL;                                                  \
    }                                                                 \
    static void name##_threads(void *arg, uint64_t ops)               \
    {                                                                 \
        struct flow flow = {arg, ops};                                \
        pthread_t consumer;                                           \
        unsigned spins = 0;                                           \
        if (pthread_create(&consumer, NULL, name##_consumer, &flow) != 0) wrong("no thread"); \
        for (uint64_t i = 1; i <= ops; i++)                           \
            while (!push((type *)arg, item_of(i)))                    \
                wait_a_bit(&spins);                                   \
        pthread_join(consumer, NULL);                                 \
    }

struct flow {
    void *q;
    uint64_t ops;
};

#define IS_OK_PUSH(kind)                                              \
    static inline bool push_##kind(struct NAMED(kind) *q, void *item) \
    {                                                                 \
        return NAMED(kind##_push)(q, item) == FA_OK;                  \
    }

static inline bool spsc_push(struct fa_spsc_queue *q, void *item)
{
    return fa_spsc_queue_try_push(q, item) == FA_OK;
}

static inline bool spsc_pop(struct fa_spsc_queue *q, void **item)
{
    return fa_spsc_queue_try_pop(q, item) == FA_OK;
}

static inline bool mpmc_push(struct fa_mpmc_queue *q, void *item)
{
    return fa_mpmc_queue_try_push(q, item) == FA_OK;
}

static inline bool mpmc_pop(struct fa_mpmc_queue *q, void **item)
{
    return fa_mpmc_queue_try_pop(q, item) == FA_OK;
}

static inline bool locked_push(struct fa_locked_queue *q, void *item)
{
    return fa_locked_queue_try_push(q, item) == FA_OK;
}

static inline bool locked_pop(struct fa_locked_queue *q, void **item)
{
    return fa_locked_queue_try_pop(q, item) == FA_OK;
}

static inline bool any_push(struct fa_queue *q, void *item)
{
    return fa_queue_try_push(q, item) == FA_OK;
}

static inline bool any_pop(struct fa_queue *q, void **item)
{
    return fa_queue_try_pop(q, item) == FA_OK;
}

PATTERNS(spsc, struct fa_spsc_queue, spsc_push, spsc_pop)
PATTERNS(mpmc, struct fa_mpmc_queue, mpmc_push, mpmc_pop)
PATTERNS(locked, struct fa_locked_queue, locked_push, locked_pop)
PATTERNS(any, struct fa_queue, any_push, any_pop)

