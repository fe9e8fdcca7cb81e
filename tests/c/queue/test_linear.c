/*
 * Recorded histories of the queues are linearizable; and the checker can say no.
 *
 * The queues are compiled here with atomics that now and then give the processor
 * away first, so that threads stop in the middle of an operation as often as not.
 */
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>

static _Thread_local uint64_t dice = 1;

static inline void jolt(void)
{
    dice ^= dice << 13, dice ^= dice >> 7, dice ^= dice << 17;
    if (dice % 8 == 0) sched_yield();
}

#undef atomic_load_explicit
#undef atomic_store_explicit
#undef atomic_compare_exchange_weak_explicit
#if defined(__clang__)
#define PLAIN_LOAD(from, order)       __c11_atomic_load(from, order)
#define PLAIN_STORE(to, value, order) __c11_atomic_store(to, value, order)
#define PLAIN_EXCHANGE(at, old, new, good, bad) \
    __c11_atomic_compare_exchange_weak(at, old, new, good, bad)
#else
#define PLAIN_LOAD(from, order)       __atomic_load_n(from, order)
#define PLAIN_STORE(to, value, order) __atomic_store_n(to, value, order)
#define PLAIN_EXCHANGE(at, old, new, good, bad) \
    __atomic_compare_exchange_n(at, old, new, true, good, bad)
#endif
#define atomic_load_explicit(from, order)       (jolt(), PLAIN_LOAD(from, order))
#define atomic_store_explicit(to, value, order) (jolt(), PLAIN_STORE(to, value, order))
#define atomic_compare_exchange_weak_explicit(at, old, new, good, bad) \
    (jolt(), PLAIN_EXCHANGE(at, old, new, good, bad))

#include "check.h"
#include "queue/linear.h"
#include "queue/queue.h"

#include <pthread.h>

/* ---- the checker, on histories written down by hand ---- */

static struct linear memory;

#define PUSH(v, b, e)                                                       \
    {                                                                       \
        .kind = LINEAR_PUSH, .done = true, .value = v, .begin = b, .end = e \
    }
#define FULL(v, b, e)                                                        \
    {                                                                        \
        .kind = LINEAR_PUSH, .done = false, .value = v, .begin = b, .end = e \
    }
#define POP(v, b, e)                                                       \
    {                                                                      \
        .kind = LINEAR_POP, .done = true, .value = v, .begin = b, .end = e \
    }
#define EMPTY(b, e)                                                         \
    {                                                                       \
        .kind = LINEAR_POP, .done = false, .value = 0, .begin = b, .end = e \
    }

#define SAYS(answer, capacity, rule, ...)                                                          \
    do {                                                                                           \
        const struct linear_op ops[] = {__VA_ARGS__};                                              \
        CHECK(linear_check(&memory, ops, sizeof ops / sizeof ops[0], capacity, rule) == (answer)); \
    } while (0)

TEST(one_after_another)
{
    SAYS(true, 2, LINEAR_STRICT, EMPTY(1, 2), PUSH(7, 3, 4), PUSH(8, 5, 6), FULL(9, 7, 8),
        POP(7, 9, 10), POP(8, 11, 12), EMPTY(13, 14));
    SAYS(false, 2, LINEAR_WEAK, PUSH(7, 1, 2), PUSH(8, 3, 4), POP(8, 5, 6));  /* order */
    SAYS(false, 2, LINEAR_WEAK, PUSH(7, 1, 2), POP(7, 3, 4), POP(7, 5, 6));   /* twice */
    SAYS(false, 2, LINEAR_WEAK, PUSH(7, 1, 2), EMPTY(3, 4));                  /* lost */
    SAYS(false, 2, LINEAR_WEAK, POP(7, 1, 2), PUSH(7, 3, 4));                 /* before it came */
    SAYS(false, 2, LINEAR_WEAK, POP(7, 1, 2));                                /* never came */
    SAYS(false, 2, LINEAR_WEAK, PUSH(7, 1, 2), FULL(8, 3, 4));                /* there was room */
    SAYS(false, 2, LINEAR_WEAK, PUSH(7, 1, 2), PUSH(8, 3, 4), PUSH(9, 5, 6)); /* no room */
}

TEST(at_the_same_time)
{
    SAYS(true, 2, LINEAR_STRICT, PUSH(7, 1, 4), PUSH(8, 2, 3), POP(8, 5, 6), POP(7, 7, 8));
    SAYS(true, 2, LINEAR_STRICT, PUSH(7, 1, 4), EMPTY(2, 3), POP(7, 5, 6));
    SAYS(true, 2, LINEAR_STRICT, PUSH(7, 1, 6), POP(7, 2, 3), EMPTY(4, 5));
    SAYS(false, 2, LINEAR_WEAK, PUSH(7, 1, 6), POP(7, 2, 3), FULL(8, 4, 5));
    /* 8 came after 7, so it may not leave before: whatever lies in between. */
    SAYS(false, 4, LINEAR_WEAK, PUSH(7, 1, 2), PUSH(8, 3, 9), PUSH(6, 4, 10), POP(8, 5, 6),
        POP(7, 7, 8));
}

/* What mpmc_queue.h says about "empty" and "full", and not a step more. */
TEST(weak_answers)
{
    /* The push of 7, the oldest, is under way; that of 8 is over. */
#define UNDER_WAY PUSH(7, 1, 10), PUSH(8, 2, 3), EMPTY(4, 5), POP(7, 11, 12), POP(8, 13, 14)
    SAYS(false, 2, LINEAR_STRICT, UNDER_WAY);
    SAYS(true, 2, LINEAR_WEAK, UNDER_WAY);
    SAYS(false, 2, LINEAR_WEAK, PUSH(7, 1, 4), PUSH(8, 2, 3), EMPTY(5, 6), POP(7, 7, 8));
    SAYS(false, 2, LINEAR_WEAK, PUSH(7, 1, 2), PUSH(8, 3, 10), EMPTY(4, 5), POP(7, 6, 7));
    /* The pop of 7 is under way, that of 8 is over: no slot for 9, though 1 is inside. */
#define KEPT PUSH(7, 1, 2), PUSH(8, 3, 4), POP(7, 5, 12), POP(8, 6, 7), FULL(9, 8, 9)
    SAYS(false, 2, LINEAR_STRICT, KEPT);
    SAYS(true, 2, LINEAR_WEAK, KEPT);
    SAYS(false, 2, LINEAR_WEAK, KEPT, FULL(9, 13, 14));
    SAYS(false, 4, LINEAR_WEAK, KEPT);
}

/* ---- recorded histories ---- */

enum { MOST_THREADS = 4, LOG = 12, MANY = 3 };

typedef bool try_push_fn(struct fa_queue *q, uint64_t value);
typedef size_t try_pop_fn(struct fa_queue *q, void **items, size_t max);

struct recorder;

struct actor {
    struct recorder *r;
    size_t index;
    pthread_t thread;
    struct linear_op log[LOG];
    size_t count;
};

struct recorder {
    struct fa_queue q;
    enum fa_queue_kind kind;
    size_t capacity, threads;
    try_push_fn *push;
    try_pop_fn *pop;
    atomic_uint_fast64_t clock; /* stamps: the order of them is the order that is checked */
    atomic_size_t round, ready;
    bool over;
    struct actor actors[MOST_THREADS];
    struct linear_op ops[LINEAR_OPS];
    size_t count;
    size_t overlaps; /* operations that began before the one before them had ended */
};

static bool queue_push(struct fa_queue *q, uint64_t value)
{
    return fa_queue_try_push(q, (void *)(uintptr_t)value) == FA_OK;
}

static size_t queue_pop(struct fa_queue *q, void **items, size_t max)
{
    if (max > 1) return fa_queue_try_pop_many(q, items, max);
    return fa_queue_try_pop(q, items) == FA_OK;
}

static void record_push(struct actor *a, uint64_t value)
{
    struct linear_op op = {.kind = LINEAR_PUSH, .value = value};
    op.begin = atomic_fetch_add(&a->r->clock, 1);
    op.done = a->r->push(&a->r->q, value);
    op.end = atomic_fetch_add(&a->r->clock, 1);
    a->log[a->count++] = op;
}

/* A batch is that many pops at the same time; an empty one is one that found nothing. */
static size_t record_pop(struct actor *a, size_t max)
{
    void *items[MANY];
    struct linear_op op = {.kind = LINEAR_POP};
    op.begin = atomic_fetch_add(&a->r->clock, 1);
    size_t got = a->r->pop(&a->r->q, items, max);
    op.end = atomic_fetch_add(&a->r->clock, 1);
    op.done = got > 0;
    for (size_t i = 0; i < got || i == 0; i++) {
        op.value = got > 0 ? (uint64_t)(uintptr_t)items[i] : 0;
        a->log[a->count++] = op;
    }
    return got;
}

/* One thread's part: for the SPSC queue either end, else a mixture. */
static void act(struct actor *a, size_t most)
{
    uint64_t value = (a->index + 1) * 100;
    bool one_end = a->r->kind == FA_QUEUE_SPSC;
    while (a->count + MANY <= most) {
        if (one_end ? a->index == 0 : dice % 2 == 0) {
            record_push(a, value++);
        } else {
            (void)record_pop(a, dice % 3 == 0 ? MANY : 1);
        }
        dice = dice * 6364136223846793005u + 1442695040888963407u;
        dice ^= dice >> 33;
        if (dice == 0) dice = 1;
    }
}

static void *actor_main(void *arg)
{
    struct actor *a = arg;
    struct recorder *r = a->r;
    dice = a->index * 7919 + 17;
    for (size_t round = 1;; round++) {
        while (atomic_load(&r->round) != round)
            sched_yield();
        if (r->over) return NULL;
        act(a, fa_min_size((LINEAR_OPS - LINEAR_CAPACITY - 2) / r->threads, LOG));
        atomic_fetch_add(&r->ready, 1);
    }
}

static int by_begin(const void *a, const void *b)
{
    uint64_t x = ((const struct linear_op *)a)->begin, y = ((const struct linear_op *)b)->begin;
    return (x > y) - (x < y);
}

/* One history, and what was left inside: popped at the end, by one thread alone. */
static void record(struct recorder *r, size_t round)
{
    atomic_store(&r->clock, 1);
    atomic_store(&r->ready, 0);
    for (size_t i = 0; i < r->threads; i++)
        r->actors[i].count = 0;
    CHECK_EQ_INT(fa_queue_init(&r->q, r->kind, r->capacity), FA_OK);
    atomic_store(&r->round, round);
    while (atomic_load(&r->ready) < r->threads)
        sched_yield();
    struct actor rest = {.r = r};
    while (rest.count <= r->capacity && record_pop(&rest, 1) > 0) {
    }
    fa_queue_deinit(&r->q);
    r->count = 0;
    for (size_t i = 0; i <= r->threads; i++) {
        struct actor *a = i < r->threads ? &r->actors[i] : &rest;
        memcpy(&r->ops[r->count], a->log, a->count * sizeof a->log[0]);
        r->count += a->count;
    }
    qsort(r->ops, r->count, sizeof r->ops[0], by_begin);
    for (size_t i = 1; i < r->count; i++)
        r->overlaps += r->ops[i].begin < r->ops[i - 1].end;
}

static void print_history(const struct recorder *r)
{
    for (size_t i = 0; i < r->count; i++) {
        const struct linear_op *op = &r->ops[i];
        fprintf(stderr, "  %3llu-%3llu %s %s %llu\n", (unsigned long long)op->begin,
            (unsigned long long)op->end, op->kind == LINEAR_PUSH ? "push" : "pop",
            op->done ? "" : (op->kind == LINEAR_PUSH ? "full" : "empty"),
            (unsigned long long)op->value);
    }
}

/* Record histories until one is wrong; returns how many were right, at most `most`. */
static size_t record_until_wrong(struct recorder *r, size_t most, enum linear_rule rule)
{
    size_t right = 0;
    for (size_t i = 0; i < r->threads; i++) {
        r->actors[i] = (struct actor){.r = r, .index = i};
        CHECK_EQ_INT(pthread_create(&r->actors[i].thread, NULL, actor_main, &r->actors[i]), 0);
    }
    for (; right < most; right++) {
        record(r, right + 1);
        if (!linear_check(&memory, r->ops, r->count, r->capacity, rule)) break;
    }
    r->over = true;
    atomic_store(&r->round, right == most ? right + 1 : right + 2);
    for (size_t i = 0; i < r->threads; i++)
        pthread_join(r->actors[i].thread, NULL);
    return right;
}

static void check_histories(
    enum fa_queue_kind kind, size_t threads, size_t capacity, enum linear_rule rule)
{
    struct recorder r = {.kind = kind,
        .capacity = capacity,
        .threads = threads,
        .push = queue_push,
        .pop = queue_pop};
    size_t most = (size_t)check_ops(60000) / 60;
    size_t right = record_until_wrong(&r, most, rule);
    CHECK_EQ_INT(right, most);
    if (right < most) print_history(&r);
    CHECK(r.overlaps > 0); /* or nothing was shown */
}

TEST(spsc_is_strict)
{
    check_histories(FA_QUEUE_SPSC, 2, 2, LINEAR_STRICT);
    check_histories(FA_QUEUE_SPSC, 2, 4, LINEAR_STRICT);
}

TEST(mpmc_is_weak)
{
    for (size_t threads = 2; threads <= 4; threads++) {
        check_histories(FA_QUEUE_MPMC, threads, 2, LINEAR_WEAK);
        check_histories(FA_QUEUE_MPMC, threads, 4, LINEAR_WEAK);
    }
}

TEST(locked_is_strict)
{
    for (size_t threads = 2; threads <= 4; threads++)
        check_histories(FA_QUEUE_LOCKED, threads, 2, LINEAR_STRICT);
}

/* ---- queues that are wrong, and must be found ---- */

/* The SPSC ring once more, slots by atomics too, so that what is wrong with it is not a
 * data race: TSan would end the program before the checker sees the history. */
static bool push_plainly(struct fa_queue *any, uint64_t value, bool too_early)
{
    struct fa_spsc_queue *q = &any->as.spsc;
    size_t tail = atomic_load_explicit(&q->tail, memory_order_relaxed);
    if (tail - atomic_load_explicit(&q->head, memory_order_acquire) > q->mask) return false;
    if (too_early) atomic_store_explicit(&q->tail, tail + 1, memory_order_release);
    jolt();
    __atomic_store_n(&q->slots[tail & q->mask], (void *)(uintptr_t)value, __ATOMIC_RELAXED);
    if (!too_early) atomic_store_explicit(&q->tail, tail + 1, memory_order_release);
    return true;
}

static bool push_right(struct fa_queue *any, uint64_t value)
{
    return push_plainly(any, value, false);
}

static bool push_before_it_is_written(struct fa_queue *any, uint64_t value)
{
    return push_plainly(any, value, true);
}

static size_t pop_plainly(struct fa_queue *any, void **items, size_t max)
{
    struct fa_spsc_queue *q = &any->as.spsc;
    size_t head = atomic_load_explicit(&q->head, memory_order_relaxed);
    (void)max;
    if (head == atomic_load_explicit(&q->tail, memory_order_acquire)) return 0;
    jolt();
    *items = __atomic_load_n(&q->slots[head & q->mask], __ATOMIC_RELAXED);
    atomic_store_explicit(&q->head, head + 1, memory_order_release);
    return 1;
}

static void check_found(enum fa_queue_kind kind, size_t threads, try_push_fn *push, try_pop_fn *pop,
    enum linear_rule rule)
{
    struct recorder r = {.kind = kind, .capacity = 2, .threads = threads, .push = push, .pop = pop};
    size_t most = 100000;
    CHECK(record_until_wrong(&r, most, rule) < most);
}

TEST(wrong_queues_are_found)
{
    check_found(FA_QUEUE_SPSC, 2, push_before_it_is_written, pop_plainly, LINEAR_WEAK);
    /* Two consumers where there may be one: they take an item twice. */
    check_found(FA_QUEUE_SPSC, 3, push_right, pop_plainly, LINEAR_WEAK);
}

/* The weak rule is needed: threads that stop half-way make the MPMC queue break the
 * strict one. */
TEST(weak_answers_happen)
{
    check_found(FA_QUEUE_MPMC, 4, queue_push, queue_pop, LINEAR_STRICT);
}

int main(void)
{
    RUN(one_after_another);
    RUN(at_the_same_time);
    RUN(weak_answers);
    RUN(spsc_is_strict);
    RUN(mpmc_is_weak);
    RUN(locked_is_strict);
    RUN(wrong_queues_are_found);
    RUN(weak_answers_happen);
    return CHECK_END();
}
