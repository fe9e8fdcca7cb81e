/* The eventfd sleeper: no wake-up is lost, none is paid for without a sleeper. */
#include "base/wakeup.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>

#include "check.h"

static bool readable(const struct fa_wakeup *w)
{
    struct pollfd p = {.fd = w->fd, .events = POLLIN};
    return poll(&p, 1, 0) == 1;
}

TEST(only_a_sleeper_costs_a_system_call)
{
    struct fa_wakeup w;
    CHECK_EQ_INT(fa_wakeup_init(&w), FA_OK);
    CHECK(!fa_wakeup_notify(&w));
    CHECK(!readable(&w));
    fa_wakeup_prepare(&w);
    CHECK(fa_wakeup_notify(&w));
    CHECK(!fa_wakeup_notify(&w)); /* the first one has woken it */
    CHECK(readable(&w));
    fa_wakeup_clear(&w);
    CHECK(!readable(&w));
    fa_wakeup_prepare(&w);
    fa_wakeup_cancel(&w);
    CHECK(!fa_wakeup_notify(&w));
    fa_wakeup_deinit(&w);
}

struct pair {
    struct fa_wakeup wakeup;
    atomic_long published; /* the "queue" */
    atomic_long taken;
    long total;
};

static void *produce(void *arg)
{
    struct pair *p = arg;
    for (long i = 1; i <= p->total; i++) {
        atomic_store_explicit(&p->published, i, memory_order_seq_cst);
        fa_wakeup_notify(&p->wakeup);
        while (i % 16 == 0 && atomic_load(&p->taken) < i)
            sched_yield(); /* let it fall asleep */
    }
    return NULL;
}

TEST(nothing_is_lost)
{
    struct pair p = {.total = check_ops(20000)};
    pthread_t producer;
    CHECK_EQ_INT(fa_wakeup_init(&p.wakeup), FA_OK);
    CHECK_EQ_INT(pthread_create(&producer, NULL, produce, &p), 0);
    long seen = 0;
    while (seen < p.total) {
        long now = atomic_load_explicit(&p.published, memory_order_seq_cst);
        if (now != seen) {
            seen = now;
            atomic_store(&p.taken, seen);
            continue;
        }
        fa_wakeup_prepare(&p.wakeup);
        if (atomic_load_explicit(&p.published, memory_order_seq_cst) != seen) {
            fa_wakeup_cancel(&p.wakeup);
            continue;
        }
        struct pollfd fd = {.fd = p.wakeup.fd, .events = POLLIN};
        CHECK_EQ_INT(poll(&fd, 1, -1), 1); /* a lost wake-up hangs here */
        fa_wakeup_clear(&p.wakeup);
    }
    pthread_join(producer, NULL);
    CHECK_EQ_INT(seen, p.total);
    fa_wakeup_deinit(&p.wakeup);
}

/*
 * The window itself: the producer publishes with a plain store, just when the
 * sleeper announces and looks for the last time. A store that a processor may keep
 * back while it looks at `sleeping` would be missed by both sides. The sleeper's
 * delay sweeps over the time that its last message takes to the producer and back.
 */
struct window {
    struct fa_wakeup wakeup;
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
        fa_wakeup_notify(&w->wakeup);
    }
    return NULL;
}

TEST(the_window_is_closed)
{
    static struct window w;
    pthread_t producer;
    w.total = check_ops(60000);
    CHECK_EQ_INT(fa_wakeup_init(&w.wakeup), FA_OK);
    CHECK_EQ_INT(pthread_create(&producer, NULL, aim, &w), 0);
    for (long seen = 0; seen < w.total;) {
        fa_wakeup_prepare(&w.wakeup);
        long now = atomic_load_explicit(&w.published, memory_order_acquire);
        if (now != seen) {
            fa_wakeup_cancel(&w.wakeup);
            seen = now;
            atomic_store_explicit(&w.taken, seen, memory_order_release);
            for (long k = 0; k < seen * 7 % 2048; k++)
                __asm__ volatile("");
            continue;
        }
        struct pollfd fd = {.fd = w.wakeup.fd, .events = POLLIN};
        CHECK_EQ_INT(poll(&fd, 1, -1), 1); /* a lost wake-up hangs here */
        fa_wakeup_clear(&w.wakeup);
    }
    pthread_join(producer, NULL);
    CHECK_EQ_INT(atomic_load(&w.taken), w.total);
    fa_wakeup_deinit(&w.wakeup);
}

/* Many wakers, work published with no more than a release: what orders it before
 * the look at `sleeping` is fa_wakeup_notify alone. */
enum { WAKERS = 4 };

struct crowd {
    struct fa_wakeup wakeup;
    atomic_long work;
    atomic_long taken;
    long each;
};

static void *bring(void *arg)
{
    struct crowd *c = arg;
    for (long i = 1; i <= c->each; i++) {
        atomic_fetch_add_explicit(&c->work, 1, memory_order_release);
        fa_wakeup_notify(&c->wakeup);
        long mine = atomic_load_explicit(&c->work, memory_order_relaxed);
        while (i % 8 == 0 && atomic_load(&c->taken) < mine)
            sched_yield(); /* let it fall asleep */
    }
    return NULL;
}

TEST(many_wakers)
{
    struct crowd c = {.each = check_ops(20000) / WAKERS};
    pthread_t threads[WAKERS];
    CHECK_EQ_INT(fa_wakeup_init(&c.wakeup), FA_OK);
    for (int i = 0; i < WAKERS; i++)
        CHECK_EQ_INT(pthread_create(&threads[i], NULL, bring, &c), 0);
    long seen = 0;
    while (seen < c.each * WAKERS) {
        fa_wakeup_prepare(&c.wakeup);
        long now = atomic_load_explicit(&c.work, memory_order_seq_cst);
        if (now != seen) {
            fa_wakeup_cancel(&c.wakeup);
            seen = now;
            atomic_store(&c.taken, seen);
            continue;
        }
        struct pollfd fd = {.fd = c.wakeup.fd, .events = POLLIN};
        CHECK_EQ_INT(poll(&fd, 1, -1), 1); /* a lost wake-up hangs here */
        fa_wakeup_clear(&c.wakeup);
    }
    for (int i = 0; i < WAKERS; i++)
        pthread_join(threads[i], NULL);
    CHECK_EQ_INT(seen, c.each * WAKERS);
    fa_wakeup_deinit(&c.wakeup);
}

int main(void)
{
    RUN(only_a_sleeper_costs_a_system_call);
    RUN(nothing_is_lost);
    RUN(many_wakers);
    RUN(the_window_is_closed);
    return CHECK_END();
}
