/* The mutex and condition variable baseline. */
#include "queue/locked_queue.h"

#include "queue/queue_checks.h"

TEST(capacity)
{
    check_capacity(FA_QUEUE_LOCKED);
}

TEST(order)
{
    check_order(FA_QUEUE_LOCKED, 1);
    check_order(FA_QUEUE_LOCKED, 8);
}

TEST(races)
{
    check_race_of(FA_QUEUE_LOCKED, 1, 1, 2, 40000);
    check_race_of(FA_QUEUE_LOCKED, 2, 2, 2, 40000);
    check_race(FA_QUEUE_LOCKED, 4, 4, FA_QUEUE_CAPACITY);
}

TEST(positions_wrap_around)
{
    check_wrap_around(FA_QUEUE_LOCKED);
}

TEST(pop_many)
{
    check_pop_many(FA_QUEUE_LOCKED);
}

static void *pop_one(void *arg)
{
    return fa_locked_queue_pop(arg);
}

TEST(a_waiting_pop_gets_the_next_item)
{
    struct fa_locked_queue q;
    pthread_t thread;
    void *got = NULL;
    CHECK_EQ_INT(fa_locked_queue_init(&q, 4), FA_OK);
    CHECK_EQ_INT(pthread_create(&thread, NULL, pop_one, &q), 0);
    CHECK_EQ_INT(fa_locked_queue_try_push(&q, item_of(5)), FA_OK);
    pthread_join(thread, &got);
    CHECK(got == item_of(5));
    fa_locked_queue_deinit(&q);
}

int main(void)
{
    RUN(capacity);
    RUN(order);
    RUN(pop_many);
    RUN(positions_wrap_around);
    RUN(races);
    RUN(a_waiting_pop_gets_the_next_item);
    return CHECK_END();
}
