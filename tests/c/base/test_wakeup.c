/* The eventfd sleeper: no wake-up is lost, none is paid for without a sleeper. */
#include "base/wakeup.h"

#include <poll.h>
#include <pthread.h>

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

int main(void)
{
    RUN(only_a_sleeper_costs_a_system_call);
    RUN(nothing_is_lost);
    return CHECK_END();
}
