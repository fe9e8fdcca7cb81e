/* Vyukov's many-producer, many-consumer ring. */
#include "queue/mpmc_queue.h"

#include "queue/queue_checks.h"

TEST(capacity)
{
    check_capacity(FA_QUEUE_MPMC);
}

TEST(order)
{
    check_order(FA_QUEUE_MPMC, 1);
    check_order(FA_QUEUE_MPMC, 2);
    check_order(FA_QUEUE_MPMC, 8);
}

/* A producer stopped between claim and publication hides what comes after it, and
 * nothing is popped twice or lost when it goes on. */
TEST(an_unpublished_slot_hides_later_items)
{
    struct fa_mpmc_queue q;
    void *item = NULL;
    CHECK_EQ_INT(fa_mpmc_queue_init(&q, 4), FA_OK);
    size_t claimed = atomic_fetch_add(&q.tail, 1);
    CHECK_EQ_INT(fa_mpmc_queue_try_push(&q, item_of(2)), FA_OK);
    CHECK_EQ_INT(fa_mpmc_queue_try_pop(&q, &item), FA_AGAIN);
    CHECK_EQ_INT(fa_mpmc_queue_size(&q), 2);
    q.slots[claimed].item = item_of(1);
    atomic_store(&q.slots[claimed].sequence, claimed + 1);
    CHECK_EQ_INT(fa_mpmc_queue_try_pop(&q, &item), FA_OK);
    CHECK(item == item_of(1));
    CHECK_EQ_INT(fa_mpmc_queue_try_pop(&q, &item), FA_OK);
    CHECK(item == item_of(2));
    fa_mpmc_queue_deinit(&q);
}

TEST(races)
{
    for (size_t threads = 1; threads <= 4; threads *= 2) {
        check_race(FA_QUEUE_MPMC, threads, threads, 2);
        check_race(FA_QUEUE_MPMC, threads, threads, 1024);
    }
    check_race(FA_QUEUE_MPMC, 1, 4, 16);
    check_race(FA_QUEUE_MPMC, 4, 1, 16);
}

/* Positions only grow, so one day they pass SIZE_MAX. */
TEST(positions_wrap_around)
{
    struct fa_mpmc_queue q;
    void *item = NULL;
    CHECK_EQ_INT(fa_mpmc_queue_init(&q, 4), FA_OK);
    size_t start = (size_t)0 - 4;
    atomic_store(&q.head, start);
    atomic_store(&q.tail, start);
    for (size_t i = 0; i < 4; i++)
        atomic_store(&q.slots[i].sequence, start + i);
    for (size_t lap = 0; lap < 5; lap++) {
        for (size_t i = 1; i <= 3; i++)
            CHECK_EQ_INT(fa_mpmc_queue_try_push(&q, item_of(10 * lap + i)), FA_OK);
        CHECK_EQ_INT(fa_mpmc_queue_size(&q), 3);
        CHECK_EQ_INT(fa_mpmc_queue_try_push(&q, item_of(10 * lap + 4)), FA_OK);
        CHECK_EQ_INT(fa_mpmc_queue_try_push(&q, item_of(99)), FA_AGAIN);
        for (size_t i = 1; i <= 4; i++) {
            CHECK_EQ_INT(fa_mpmc_queue_try_pop(&q, &item), FA_OK);
            CHECK(item == item_of(10 * lap + i));
        }
        CHECK_EQ_INT(fa_mpmc_queue_try_pop(&q, &item), FA_AGAIN);
        CHECK_EQ_INT(fa_mpmc_queue_size(&q), 0);
    }
    fa_mpmc_queue_deinit(&q);
}

int main(void)
{
    RUN(capacity);
    RUN(order);
    RUN(positions_wrap_around);
    RUN(an_unpublished_slot_hides_later_items);
    RUN(races);
    return CHECK_END();
}
