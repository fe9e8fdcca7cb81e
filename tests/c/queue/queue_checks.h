/*
 * queue_checks.h - what every queue must do, over struct fa_queue.
 *
 * Items are numbers: producer * PER_PRODUCER + i, never 0.
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

enum { MAX_THREADS = 4 };

struct race {
    struct fa_queue q;
    size_t per_producer;
    size_t total;
    atomic_size_t popped;
    atomic_uchar *seen; /* how often each item came out */
    atomic_bool out_of_order;
};

struct race_thread {
    struct race *race;
    size_t index;
    pthread_t thread;
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

static inline void *race_consume(void *arg)
{
    struct race_thread *t = arg;
    struct race *r = t->race;
    size_t last[MAX_THREADS] = {0};
    while (atomic_load(&r->popped) < r->total) {
        void *item;
        if (fa_queue_try_pop(&r->q, &item) != FA_OK) {
            if (fa_queue_size(&r->q) > fa_queue_capacity(&r->q))
                atomic_store(&r->out_of_order, true);
            sched_yield();
            continue;
        }
        atomic_fetch_add(&r->popped, 1);
        size_t n = (size_t)(uintptr_t)item - 1, producer = n / r->per_producer;
        if (n >= r->total) {
            atomic_store(&r->out_of_order, true);
            continue;
        }
        /* One consumer sees each producer's items in the order they were pushed. */
        if (last[producer] > n) atomic_store(&r->out_of_order, true);
        last[producer] = n;
        atomic_fetch_add(&r->seen[n], 1);
    }
    return NULL;
}

/* Nothing lost, nothing twice, per-producer order. */
static inline void check_race(
    enum fa_queue_kind kind, size_t producers, size_t consumers, size_t capacity)
{
    struct race r = {.per_producer = (size_t)check_ops(40000) / producers};
    struct race_thread threads[2 * MAX_THREADS];
    r.total = r.per_producer * producers;
    r.seen = calloc(r.total, sizeof *r.seen);
    CHECK(r.seen != NULL);
    CHECK_EQ_INT(fa_queue_init(&r.q, kind, capacity), FA_OK);
    for (size_t i = 0; i < producers + consumers; i++) {
        threads[i] = (struct race_thread){.race = &r, .index = i};
        void *(*main_of)(void *) = i < producers ? race_produce : race_consume;
        CHECK_EQ_INT(pthread_create(&threads[i].thread, NULL, main_of, &threads[i]), 0);
    }
    for (size_t i = 0; i < producers + consumers; i++)
        pthread_join(threads[i].thread, NULL);
    size_t wrong = 0;
    for (size_t i = 0; i < r.total; i++)
        wrong += atomic_load(&r.seen[i]) != 1;
    CHECK_EQ_INT(wrong, 0);
    CHECK(!atomic_load(&r.out_of_order));
    CHECK_EQ_INT(fa_queue_size(&r.q), 0);
    fa_queue_deinit(&r.q);
    free(r.seen);
}

#endif
