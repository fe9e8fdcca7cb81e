/* The futex event count: no wake-up is lost, with one and with many sleepers. */
#include "base/parker.h"

#include <pthread.h>
#include <sched.h>

#include "check.h"

TEST(a_notify_after_prepare_is_not_slept_through)
{
    struct fa_parker p;
    fa_parker_init(&p);
    uint32_t key = fa_parker_prepare(&p);
    CHECK_EQ_INT(fa_parker_waiters(&p), 1);
    fa_parker_notify_one(&p);
    fa_parker_wait(&p, key, 0); /* returns at once, or this test hangs */
    CHECK_EQ_INT(fa_parker_waiters(&p), 0);
    key = fa_parker_prepare(&p);
    fa_parker_wait(&p, key, 1000); /* nobody comes: the timeout ends it */
    CHECK_EQ_INT(fa_parker_waiters(&p), 0);
    CHECK_EQ_INT(fa_parker_prepare(&p), atomic_load(&p.key));
    fa_parker_cancel(&p);
    CHECK_EQ_INT(fa_parker_waiters(&p), 0);
    fa_parker_notify_all(&p); /* nobody waits */
}

struct shared {
    struct fa_parker parker;
    atomic_long work;
    atomic_long done;
    atomic_bool stop;
};

static bool take(struct shared *s)
{
    long left = atomic_load(&s->work);
    while (left > 0) {
        if (atomic_compare_exchange_weak(&s->work, &left, left - 1)) {
            atomic_fetch_add(&s->done, 1);
            return true;
        }
    }
    return false;
}

static void *worker(void *arg)
{
    struct shared *s = arg;
    while (!atomic_load(&s->stop)) {
        if (take(s)) continue;
        uint32_t key = fa_parker_prepare(&s->parker);
        if (atomic_load(&s->work) > 0 || atomic_load(&s->stop)) {
            fa_parker_cancel(&s->parker);
        } else {
            fa_parker_wait(&s->parker, key, 0);
        }
    }
    return NULL;
}

TEST(many_workers)
{
    struct shared s = {0};
    fa_parker_init(&s.parker);
    pthread_t threads[4];
    long total = check_ops(20000);
    for (int i = 0; i < 4; i++)
        CHECK_EQ_INT(pthread_create(&threads[i], NULL, worker, &s), 0);
    for (long i = 1; i <= total; i++) {
        atomic_fetch_add(&s.work, 1);
        fa_parker_notify_one(&s.parker);
        while (i % 8 == 0 && atomic_load(&s.done) < i)
            sched_yield();
    }
    while (atomic_load(&s.done) < total)
        sched_yield();
    atomic_store(&s.stop, true);
    fa_parker_notify_all(&s.parker);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    CHECK_EQ_INT(atomic_load(&s.done), total);
    CHECK_EQ_INT(fa_parker_waiters(&s.parker), 0);
}

/* Two threads take turns; each sleeps until the other has moved. One wake-up lost
 * and both sleep for ever. */
struct table {
    struct fa_parker parkers[2];
    atomic_long turn;
    long total;
};

struct player {
    struct table *table;
    int side;
};

static void *play(void *arg)
{
    struct player *me = arg;
    struct table *t = me->table;
    for (;;) {
        long turn = atomic_load(&t->turn);
        if (turn >= t->total) break;
        if (turn % 2 == me->side) {
            atomic_store_explicit(&t->turn, turn + 1, memory_order_release);
            fa_parker_notify_one(&t->parkers[1 - me->side]);
            continue;
        }
        uint32_t key = fa_parker_prepare(&t->parkers[me->side]);
        if (atomic_load_explicit(&t->turn, memory_order_acquire) != turn) {
            fa_parker_cancel(&t->parkers[me->side]);
        } else {
            fa_parker_wait(&t->parkers[me->side], key, 0);
        }
    }
    return NULL;
}

TEST(ping_pong)
{
    struct table t = {.total = check_ops(40000)};
    struct player players[2] = {{&t, 0}, {&t, 1}};
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        fa_parker_init(&t.parkers[i]);
    for (int i = 0; i < 2; i++)
        CHECK_EQ_INT(pthread_create(&threads[i], NULL, play, &players[i]), 0);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    CHECK_EQ_INT(atomic_load(&t.turn), t.total);
    for (int i = 0; i < 2; i++)
        CHECK_EQ_INT(fa_parker_waiters(&t.parkers[i]), 0);
}

/*
 * The window itself: the producer publishes with a plain store, just when the
 * sleeper registers and looks for the last time. A store that a processor may keep
 * back while it looks at the number of waiters would be missed by both sides. The
 * sleeper's delay sweeps over the time that its last message takes to the producer
 * and back.
 */
struct window {
    struct fa_parker parker;
    FA_ALIGNED(FA_CACHELINE) atomic_long published;
    FA_ALIGNED(FA_CACHELINE) atomic_long taken;
    long total;
};

static void *aim(void *arg)
{
    struct window *w = arg;
    for (long i = 1; i <= w->total; i++) {
        unsigned spins = 0;
        while (atomic_load_explicit(&w->taken, memory_order_acquire) < i - 1)
            if (++spins % 1000 == 0) sched_yield();
        atomic_store_explicit(&w->published, i, memory_order_release);
        fa_parker_notify_one(&w->parker);
    }
    return NULL;
}

TEST(the_window_is_closed)
{
    static struct window w;
    pthread_t producer;
    w.total = check_ops(60000);
    fa_parker_init(&w.parker);
    CHECK_EQ_INT(pthread_create(&producer, NULL, aim, &w), 0);
    for (long seen = 0; seen < w.total;) {
        uint32_t key = fa_parker_prepare(&w.parker);
        long now = atomic_load_explicit(&w.published, memory_order_acquire);
        if (now == seen) {
            fa_parker_wait(&w.parker, key, 0); /* a lost wake-up hangs here */
            continue;
        }
        fa_parker_cancel(&w.parker);
        seen = now;
        atomic_store_explicit(&w.taken, seen, memory_order_release);
        for (long k = 0; k < seen * 7 % 2048; k++)
            __asm__ volatile("");
    }
    pthread_join(producer, NULL);
    CHECK_EQ_INT(atomic_load(&w.taken), w.total);
    CHECK_EQ_INT(fa_parker_waiters(&w.parker), 0);
}

int main(void)
{
    RUN(a_notify_after_prepare_is_not_slept_through);
    RUN(many_workers);
    RUN(ping_pong);
    RUN(the_window_is_closed);
    return CHECK_END();
}
