/* The futex event count: no wake-up is lost, with one and with many sleepers. */
#include "base/parker.h"

#include <pthread.h>

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

int main(void)
{
    RUN(a_notify_after_prepare_is_not_slept_through);
    RUN(many_workers);
    return CHECK_END();
}
