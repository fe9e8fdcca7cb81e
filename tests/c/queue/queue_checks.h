/*
 * queue_checks.h - what every queue must do, over struct fa_queue.
 *
 * Items are numbers; in a race those of producer p are p * per_producer + 1 and on.
 */
#ifndef FA_TESTS_QUEUE_CHECKS_H
#define FA_TESTS_QUEUE_CHECKS_H

#include <pthread.h>
#include <sched.h>

#include "base/alloc.h"
#include "check.h"
#include "queue/queue.h"

static inline void *item_of(size_t n)
{
    return (void *)(uintptr_t)n;
}

static inline void check_capacity(enum fa_queue_kind kind)
{
    static const size_t asked[] = {1, 2, 3, 4, 5, 1000, 1024, 10000};
    static const size_t given[] = {2, 2, 4, 4, 8, 1024, 1024, 16384};
    struct fa_queue q;
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
        CHECK_EQ_INT(fa_queue_init(&q, kind, asked[i]), FA_OK);
        CHECK_EQ_INT(fa_queue_capacity(&q), given[i]);
        fa_queue_deinit(&q);
    }
    CHECK_EQ_INT(fa_queue_init(&q, kind, 0), FA_ERR_INVALID);
    CHECK_EQ_INT(fa_queue_init(&q, kind, (size_t)1 << 33), FA_ERR_INVALID);
    CHECK_EQ_INT(fa_queue_init(&q, kind, SIZE_MAX), FA_ERR_INVALID);
    fa_alloc_fail_at(1);
    CHECK_EQ_INT(fa_queue_init(&q, kind, 8), FA_ERR_NOMEM);
    CHECK_EQ_INT(fa_alloc_live(), 0);
}

/* Fill, refuse, empty, refuse, many laps: at the smallest capacity too, where
 * Vyukov's ring with one slot would overwrite. */
static inline void check_order(enum fa_queue_kind kind, size_t capacity)
{
    struct fa_queue q;
    void *item = item_of(77);
    CHECK_EQ_INT(fa_queue_init(&q, kind, capacity), FA_OK);
    size_t room = fa_queue_capacity(&q), next_in = 1, next_out = 1;
    for (int lap = 0; lap < 50; lap++) {
        for (size_t i = 0; i < room; i++) {
            CHECK_EQ_INT(fa_queue_size(&q), i);
            CHECK_EQ_INT(fa_queue_try_push(&q, item_of(next_in++)), FA_OK);
        }
        CHECK_EQ_INT(fa_queue_try_push(&q, item_of(999999)), FA_AGAIN);
        CHECK_EQ_INT(fa_queue_size(&q), room);
        size_t taken = lap % 2 == 0 ? room : room - 1; /* leave one: the ring turns */
        for (size_t i = 0; i < taken; i++) {
            CHECK_EQ_INT(fa_queue_try_pop(&q, &item), FA_OK);
            CHECK(item == item_of(next_out++));
        }
        while (fa_queue_size(&q) > 0) {
            CHECK_EQ_INT(fa_queue_try_pop(&q, &item), FA_OK);
            CHECK(item == item_of(next_out++));
        }
        CHECK_EQ_INT(fa_queue_try_pop(&q, &item), FA_AGAIN);
    }
    fa_queue_deinit(&q);
    CHECK_EQ_INT(fa_alloc_live(), 0);
}

/* Positions only grow, so one day they pass SIZE_MAX; on the way they pass the ends
 * of narrower types, where arithmetic that truncates would show. */
static inline void set_position(struct fa_queue *q, size_t at)
{
    switch (q->kind) {
    case FA_QUEUE_SPSC:
        atomic_store(&q->as.spsc.head, at);
        atomic_store(&q->as.spsc.tail, at);
        q->as.spsc.full_at = at + q->as.spsc.mask + 1;
        break;
    case FA_QUEUE_MPMC:
        atomic_store(&q->as.mpmc.head, at);
        atomic_store(&q->as.mpmc.tail, at);
        for (size_t i = 0; i <= q->as.mpmc.mask; i++, at++)
            atomic_store(&q->as.mpmc.slots[at & q->as.mpmc.mask].sequence, at);
        break;
    case FA_QUEUE_LOCKED: q->as.locked.head = q->as.locked.tail = at; break;
    }
}

static inline void check_wrap_around(enum fa_queue_kind kind)
{
    static const size_t ends[] = {0, SIZE_MAX / 2 + 1, (size_t)UINT32_MAX + 1, (size_t)1 << 31};
    struct fa_queue q;
    void *item = NULL, *items[4];
    for (size_t end = 0; end < 4 * (sizeof ends / sizeof ends[0]); end++) {
        CHECK_EQ_INT(fa_queue_init(&q, kind, 4), FA_OK);
        set_position(&q, ends[end / 4] - 4 - end % 4); /* and not only whole laps before it */
        for (size_t lap = 0; lap < 5; lap++) {
            CHECK_EQ_INT(fa_queue_try_pop(&q, &item), FA_AGAIN);
            for (size_t i = 0; i < 4; i++) {
                CHECK_EQ_INT(fa_queue_size(&q), i);
                CHECK_EQ_INT(fa_queue_try_push(&q, item_of(10 * lap + i)), FA_OK);
            }
            CHECK_EQ_INT(fa_queue_try_push(&q, item_of(99)), FA_AGAIN);
            CHECK_EQ_INT(fa_queue_try_pop(&q, &item), FA_OK);
            CHECK(item == item_of(10 * lap));
            CHECK_EQ_INT(fa_queue_try_pop_many(&q, items, 4), 3);
            for (size_t i = 0; i < 3; i++)
                CHECK(items[i] == item_of(10 * lap + i + 1));
            CHECK_EQ_INT(fa_queue_size(&q), 0);
        }
        CHECK_EQ_INT(fa_queue_try_pop_many(&q, items, 4), 0);
        fa_queue_deinit(&q);
    }
}

/* As many as there are and as are asked for, in order, at each turn of the ring. */
static inline void check_pop_many(enum fa_queue_kind kind)
{
    struct fa_queue q;
    void *items[9];
    size_t next_in = 1, next_out = 1;
    CHECK_EQ_INT(fa_queue_init(&q, kind, 8), FA_OK);
    for (size_t lap = 0; lap < 64; lap++) {
        size_t in = lap % 8 + 1, max = lap / 8 + 1;
        for (size_t i = 0; i < in; i++)
            CHECK_EQ_INT(fa_queue_try_push(&q, item_of(next_in++)), FA_OK);
        CHECK_EQ_INT(fa_queue_try_pop_many(&q, items, 0), 0);
        for (size_t left = in; left > 0;) {
            size_t got = fa_queue_try_pop_many(&q, items, max);
            CHECK_EQ_INT(got, fa_min_size(left, max));
            if (got == 0) break;
            for (size_t i = 0; i < got; i++)
                CHECK(items[i] == item_of(next_out++));
            left -= got;
            CHECK_EQ_INT(fa_queue_size(&q), left);
        }
        CHECK_EQ_INT(fa_queue_try_pop_many(&q, items, 9), 0);
    }
    fa_queue_deinit(&q);
}

enum { MAX_THREADS = 4, RACE_BATCH = 7, RACE_BITS = 8 * sizeof(unsigned long) };

/* The notes are relaxed: they must not order what the queue itself fails to order. */
struct race {
    struct fa_queue q;
    size_t per_producer;
    size_t total;
    atomic_size_t popped;
    atomic_ulong *seen; /* a bit for each item that came out */
    atomic_size_t wrong;
};

struct race_thread {
    struct race *race;
    size_t index;
    pthread_t thread;
    size_t last[MAX_THREADS]; /* consumer: the last item of each producer */
};

static inline void *race_produce(void *arg)
{
    struct race_thread *t = arg;
    struct race *r = t->race;
    for (size_t i = 0; i < r->per_producer; i++) {
        void *item = item_of(t->index * r->per_producer + i + 1);
        while (fa_queue_try_push(&r->q, item) != FA_OK)
            sched_yield();
    }
    return NULL;
}

/* A number nobody pushed, one that came before, or one out of its producer's order? */
static inline bool race_note(struct race_thread *t, void *item)
{
    struct race *r = t->race;
    size_t n = (size_t)(uintptr_t)item - 1, producer = n / r->per_producer;
    if (n >= r->total) return false;
    unsigned long bit = 1ul << n % RACE_BITS;
    bool twice =
        (atomic_fetch_or_explicit(&r->seen[n / RACE_BITS], bit, memory_order_relaxed) & bit) != 0;
    bool late = t->last[producer] > n;
    t->last[producer] = n;
    return !twice && !late;
}

static inline void *race_consume(void *arg)
{
    struct race_thread *t = arg;
    struct race *r = t->race;
    void *items[RACE_BATCH];
    size_t wrong = 0;
    for (size_t turn = 0; atomic_load_explicit(&r->popped, memory_order_relaxed) < r->total;
         turn++) {
        size_t got = turn % 3 == 0 ? fa_queue_try_pop_many(&r->q, items, RACE_BATCH)
                                   : fa_queue_try_pop(&r->q, items) == FA_OK;
        if (got == 0) {
            wrong += fa_queue_size(&r->q) > fa_queue_capacity(&r->q);
            sched_yield();
            continue;
        }
        atomic_fetch_add_explicit(&r->popped, got, memory_order_relaxed);
        for (size_t i = 0; i < got; i++)
            wrong += !race_note(t, items[i]);
    }
    atomic_fetch_add_explicit(&r->wrong, wrong, memory_order_relaxed);
    return NULL;
}

/* Nothing lost, nothing twice, per-producer order. */
static inline void check_race_of(
    enum fa_queue_kind kind, size_t producers, size_t consumers, size_t capacity, size_t ops)
{
    struct race r = {.per_producer = ops / producers};
    struct race_thread threads[2 * MAX_THREADS];
    r.total = r.per_producer * producers;
    r.seen = calloc(r.total / RACE_BITS + 1, sizeof *r.seen);
    CHECK(r.seen != NULL);
    CHECK_EQ_INT(fa_queue_init(&r.q, kind, capacity), FA_OK);
    for (size_t i = 0; i < producers + consumers; i++) {
        threads[i] = (struct race_thread){.race = &r, .index = i};
        void *(*main_of)(void *) = i < producers ? race_produce : race_consume;
        CHECK_EQ_INT(pthread_create(&threads[i].thread, NULL, main_of, &threads[i]), 0);
    }
    for (size_t i = 0; i < producers + consumers; i++)
        pthread_join(threads[i].thread, NULL);
    size_t lost = r.total;
    for (size_t i = 0; i <= r.total / RACE_BITS; i++)
        lost -= (size_t)__builtin_popcountl(atomic_load(&r.seen[i]));
    CHECK_EQ_INT(lost, 0);
    CHECK_EQ_INT(atomic_load(&r.wrong), 0);
    CHECK_EQ_INT(atomic_load(&r.popped), r.total);
    CHECK_EQ_INT(fa_queue_size(&r.q), 0);
    fa_queue_deinit(&r.q);
    free(r.seen);
}

/* The profile that counts: FA_TEST_OPS operations, a million if it is not set. */
static inline void check_race(
    enum fa_queue_kind kind, size_t producers, size_t consumers, size_t capacity)
{
    check_race_of(kind, producers, consumers, capacity, (size_t)check_ops(1000000));
}

#endif
