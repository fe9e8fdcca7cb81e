/*
 * The queues: push and pop on one thread, and from one thread to another. An
 * operation is one item that goes in and comes out. Where Concurrency Kit is
 * installed (Debian: libck-dev) its rings are measured beside ours.
 */
#include "bench.h"

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>

#include "queue/inbox.h"
#include "queue/queue.h"

#ifdef __has_include
#if __has_include(<ck_ring.h>)
#include <ck_ring.h>
#define WITH_CK 1
#endif
#endif

enum {
    CAPACITY = FA_QUEUE_CAPACITY,
    BURST = 64,
    OPS = 64 * 50000,
    OPS_THREADS = 1000000,
    SPINS = 200
};

typedef bool push_fn(void *q, void *item);
typedef bool pop_fn(void *q, void **item);

static void *item_of(uint64_t n)
{
    return (void *)(uintptr_t)n;
}

static void expect(bool ok)
{
    if (ok) return;
    fprintf(stderr, "bench_queue: an item was lost, or came out of order\n");
    exit(1);
}

/* ---- patterns; always inlined, so that push and pop are known where they run ---- */

#define INLINED static inline __attribute__((always_inline))

INLINED void pairs(push_fn *push, pop_fn *pop, void *q, uint64_t ops)
{
    void *item = NULL;
    for (uint64_t i = 1; i <= ops; i++)
        expect(push(q, item_of(i)) && pop(q, &item) && item == item_of(i));
}

INLINED void bursts(push_fn *push, pop_fn *pop, void *q, uint64_t ops)
{
    void *item = NULL;
    for (uint64_t i = 0; i < ops; i += BURST) {
        for (uint64_t k = 1; k <= BURST; k++)
            expect(push(q, item_of(i + k)));
        for (uint64_t k = 1; k <= BURST; k++)
            expect(pop(q, &item) && item == item_of(i + k));
    }
}

/* Spin for a moment, then let the other thread run: it may share this core. */
static void wait_a_bit(unsigned *spins)
{
    if (++*spins < SPINS) {
#ifdef __x86_64__
        __builtin_ia32_pause();
#endif
        return;
    }
    *spins = 0;
    sched_yield();
}

struct flow {
    void *q;
    uint64_t ops;
};

INLINED void consume(pop_fn *pop, struct flow *flow)
{
    void *item = NULL;
    unsigned spins = 0;
    for (uint64_t i = 1; i <= flow->ops; i++) {
        while (!pop(flow->q, &item))
            wait_a_bit(&spins);
        expect(item == item_of(i));
    }
}

INLINED void across(push_fn *push, void *(*consumer)(void *), void *q, uint64_t ops)
{
    struct flow flow = {q, ops};
    pthread_t thread;
    unsigned spins = 0;
    if (pthread_create(&thread, NULL, consumer, &flow) != 0) bench_must(FA_ERR_IO);
    for (uint64_t i = 1; i <= ops; i++)
        while (!push(q, item_of(i)))
            wait_a_bit(&spins);
    pthread_join(thread, NULL);
}

/* The patterns over one pair of push and pop. */
#define PATTERNS(name)                                \
    static void name##_pairs(void *q, uint64_t ops)   \
    {                                                 \
        pairs(name##_push, name##_pop, q, ops);       \
    }                                                 \
    static void name##_bursts(void *q, uint64_t ops)  \
    {                                                 \
        bursts(name##_push, name##_pop, q, ops);      \
    }                                                 \
    static void *name##_consumer(void *flow)          \
    {                                                 \
        consume(name##_pop, flow);                    \
        return NULL;                                  \
    }                                                 \
    static void name##_across(void *q, uint64_t ops)  \
    {                                                 \
        across(name##_push, name##_consumer, q, ops); \
    }

/* ---- ours ---- */

#define OURS(name, noun)                                \
    static inline bool name##_push(void *q, void *item) \
    {                                                   \
        return noun##_try_push(q, item) == FA_OK;       \
    }                                                   \
    static inline bool name##_pop(void *q, void **item) \
    {                                                   \
        return noun##_try_pop(q, item) == FA_OK;        \
    }                                                   \
    PATTERNS(name)

/* As the event loop drains: what has come is taken at once. */
#define BATCHES(name, noun)                                                               \
    static void name##_batches(void *q, uint64_t ops)                                     \
    {                                                                                     \
        void *items[BURST];                                                               \
        for (uint64_t i = 0; i < ops; i += BURST) {                                       \
            for (uint64_t k = 1; k <= BURST; k++)                                         \
                expect(name##_push(q, item_of(i + k)));                                   \
            expect(noun##_try_pop_many(q, items, BURST) == BURST);                        \
            expect(items[0] == item_of(i + 1) && items[BURST - 1] == item_of(i + BURST)); \
        }                                                                                 \
    }

OURS(spsc, fa_spsc_queue)
OURS(mpmc, fa_mpmc_queue)
OURS(locked, fa_locked_queue)
OURS(any, fa_queue)
BATCHES(spsc, fa_spsc_queue)
BATCHES(mpmc, fa_mpmc_queue)
BATCHES(locked, fa_locked_queue)

static struct fa_spsc_queue spsc;
static struct fa_mpmc_queue mpmc;
static struct fa_locked_queue locked;
static struct fa_queue any_spsc, any_mpmc, any_locked;

static void inbox_bursts(void *arg, uint64_t ops)
{
    struct fa_inbox *inbox = arg;
    struct fa_inbox_node nodes[BURST];
    for (uint64_t i = 0; i < ops; i += BURST) {
        for (size_t k = 0; k < BURST; k++)
            fa_inbox_push(inbox, &nodes[k]);
        struct fa_inbox_node *node = fa_inbox_take(inbox);
        for (size_t k = 0; k < BURST; k++, node = node->next)
            expect(node == &nodes[k]);
    }
}

static struct fa_inbox inbox;

/* ---- Concurrency Kit ---- */

#ifdef WITH_CK
struct ck {
    ck_ring_t ring;
    ck_ring_buffer_t slots[CAPACITY];
};

static FA_ALIGNED(FA_CACHELINE) struct ck ck_one, ck_many;

#define CK(name, kind)                                                   \
    static inline bool name##_push(void *arg, void *item)                \
    {                                                                    \
        struct ck *q = arg;                                              \
        return ck_ring_enqueue_##kind(&q->ring, q->slots, item);         \
    }                                                                    \
    static inline bool name##_pop(void *arg, void **item)                \
    {                                                                    \
        struct ck *q = arg;                                              \
        return ck_ring_dequeue_##kind(&q->ring, q->slots, (void *)item); \
    }                                                                    \
    PATTERNS(name)

CK(ck_spsc, spsc)
CK(ck_mpmc, mpmc)
#endif

/* What is compared stands side by side, so that the same moment of the machine hits both. */
#define CASE(text, fn, q, n)                           \
    {                                                  \
        .name = text, .run = fn, .arg = &(q), .ops = n \
    }
#ifdef WITH_CK
#define CK_CASE(text, fn, q, n) CASE("ck " text, fn, q, n),
#else
#define CK_CASE(text, fn, q, n)
#endif

/* clang-format off */
static struct bench_case cases[] = {
    CASE("spsc, push and pop in turn", spsc_pairs, spsc, OPS),
    CK_CASE("spsc, push and pop in turn", ck_spsc_pairs, ck_one, OPS)
    CASE("mpmc, push and pop in turn", mpmc_pairs, mpmc, OPS),
    CK_CASE("mpmc, push and pop in turn", ck_mpmc_pairs, ck_many, OPS)
    CASE("locked, push and pop in turn", locked_pairs, locked, OPS),
    CASE("spsc by the switch, in turn", any_pairs, any_spsc, OPS),
    CASE("spsc, bursts of 64", spsc_bursts, spsc, OPS),
    CK_CASE("spsc, bursts of 64", ck_spsc_bursts, ck_one, OPS)
    CASE("mpmc, bursts of 64", mpmc_bursts, mpmc, OPS),
    CK_CASE("mpmc, bursts of 64", ck_mpmc_bursts, ck_many, OPS)
    CASE("locked, bursts of 64", locked_bursts, locked, OPS),
    CASE("spsc, a burst popped at once", spsc_batches, spsc, OPS),
    CASE("mpmc, a burst popped at once", mpmc_batches, mpmc, OPS),
    CASE("locked, a burst popped at once", locked_batches, locked, OPS),
    CASE("inbox, a burst taken at once", inbox_bursts, inbox, OPS),
    CASE("spsc by the switch, bursts of 64", any_bursts, any_spsc, OPS),
    CASE("mpmc by the switch, bursts of 64", any_bursts, any_mpmc, OPS),
    CASE("locked by the switch, bursts of 64", any_bursts, any_locked, OPS),
    CASE("spsc, thread to thread", spsc_across, spsc, OPS_THREADS),
    CK_CASE("spsc, thread to thread", ck_spsc_across, ck_one, OPS_THREADS)
    CASE("mpmc, thread to thread", mpmc_across, mpmc, OPS_THREADS),
    CK_CASE("mpmc, thread to thread", ck_mpmc_across, ck_many, OPS_THREADS)
    CASE("locked, thread to thread", locked_across, locked, OPS_THREADS),
    CASE("spsc by the switch, thread to thread", any_across, any_spsc, OPS_THREADS),
};
/* clang-format on */

/* Each of ck's cases has the name of ours behind "ck ". */
static void print_ratios(size_t n)
{
#ifndef WITH_CK
    printf("Concurrency Kit is not installed (Debian: libck-dev), so it is not compared\n");
#endif
    for (size_t i = 0; i < n; i++) {
        if (strncmp(cases[i].name, "ck ", 3) != 0) continue;
        for (size_t k = 0; k < n; k++) {
            if (strcmp(cases[k].name, cases[i].name + 3) != 0) continue;
            double ratio = bench_ratio(&cases[k], &cases[i]);
            printf("%-40s %8.2f of ck's time\n", cases[k].name, ratio);
        }
    }
}

int main(void)
{
    size_t n = sizeof cases / sizeof cases[0];
    bench_must(fa_spsc_queue_init(&spsc, CAPACITY));
    bench_must(fa_mpmc_queue_init(&mpmc, CAPACITY));
    bench_must(fa_locked_queue_init(&locked, CAPACITY));
    bench_must(fa_queue_init(&any_spsc, FA_QUEUE_SPSC, CAPACITY));
    bench_must(fa_queue_init(&any_mpmc, FA_QUEUE_MPMC, CAPACITY));
    bench_must(fa_queue_init(&any_locked, FA_QUEUE_LOCKED, CAPACITY));
    fa_inbox_init(&inbox);
#ifdef WITH_CK
    ck_ring_init(&ck_one.ring, CAPACITY);
    ck_ring_init(&ck_many.ring, CAPACITY);
#endif
    bench_all(cases, n);
    print_ratios(n);
    fa_queue_deinit(&any_locked);
    fa_queue_deinit(&any_mpmc);
    fa_queue_deinit(&any_spsc);
    fa_locked_queue_deinit(&locked);
    fa_mpmc_queue_deinit(&mpmc);
    fa_spsc_queue_deinit(&spsc);
    return 0;
}
