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
    void *item = NULL, *items[4];
    CHECK_EQ_INT(fa_mpmc_queue_init(&q, 4), FA_OK);
    size_t claimed = atomic_fetch_add(&q.tail, 1);
    CHECK_EQ_INT(fa_mpmc_queue_try_push(&q, item_of(2)), FA_OK);
    CHECK_EQ_INT(fa_mpmc_queue_try_pop(&q, &item), FA_AGAIN);
    CHECK_EQ_INT(fa_mpmc_queue_try_pop_many(&q, items, 4), 0);
    CHECK_EQ_INT(fa_mpmc_queue_size(&q), 2);
    q.slots[claimed].item = item_of(1);
    atomic_store(&q.slots[claimed].sequence, claimed + 1);
    CHECK_EQ_INT(fa_mpmc_queue_try_pop(&q, &item), FA_OK);
    CHECK(item == item_of(1));
    claimed = atomic_fetch_add(&q.tail, 1); /* a batch ends in front of it */
    CHECK_EQ_INT(fa_mpmc_queue_try_pop_many(&q, items, 4), 1);
    CHECK(items[0] == item_of(2));
    q.slots[claimed & q.mask].item = item_of(3);
    atomic_store(&q.slots[claimed & q.mask].sequence, claimed + 1);
    CHECK_EQ_INT(fa_mpmc_queue_try_pop_many(&q, items, 4), 1);
    CHECK(items[0] == item_of(3));
    fa_mpmc_queue_deinit(&q);
}

/* And the other way: a consumer stopped between claim and release keeps its slot, so
 * the ring is full though another item has left. */
TEST(an_unreleased_slot_keeps_the_ring_full)
{
    struct fa_mpmc_queue q;
    void *item = NULL;
    CHECK_EQ_INT(fa_mpmc_queue_init(&q, 2), FA_OK);
    CHECK_EQ_INT(fa_mpmc_queue_try_push(&q, item_of(1)), FA_OK);
    CHECK_EQ_INT(fa_mpmc_queue_try_push(&q, item_of(2)), FA_OK);
    size_t claimed = atomic_fetch_add(&q.head, 1);
    CHECK_EQ_INT(fa_mpmc_queue_try_pop(&q, &item), FA_OK);
    CHECK(item == item_of(2));
    CHECK_EQ_INT(fa_mpmc_queue_try_push(&q, item_of(3)), FA_AGAIN);
    CHECK(q.slots[claimed].item == item_of(1));
    atomic_store(&q.slots[claimed].sequence, claimed + 2);
    CHECK_EQ_INT(fa_mpmc_queue_try_push(&q, item_of(3)), FA_OK);
    CHECK_EQ_INT(fa_mpmc_queue_try_pop(&q, &item), FA_OK);
    CHECK(item == item_of(3));
    fa_mpmc_queue_deinit(&q);
}

TEST(races)
{
    for (size_t threads = 1; threads <= 4; threads *= 2)
        check_race(FA_QUEUE_MPMC, threads, threads, FA_QUEUE_CAPACITY);
}

/* Small rings are full or empty most of the time. */
TEST(races_at_the_ends)
{
    for (size_t threads = 1; threads <= 4; threads *= 2)
        check_race_of(FA_QUEUE_MPMC, threads, threads, 2, 40000);
    check_race_of(FA_QUEUE_MPMC, 1, 4, 16, 40000);
    check_race_of(FA_QUEUE_MPMC, 4, 1, 16, 40000);
}

TEST(positions_wrap_around)
{
    check_wrap_around(FA_QUEUE_MPMC);
}

TEST(pop_many)
{
    check_pop_many(FA_QUEUE_MPMC);
}

int main(void)
{
    RUN(capacity);
    RUN(order);
    RUN(pop_many);
    RUN(positions_wrap_around);
    RUN(an_unpublished_slot_hides_later_items);
    RUN(an_unreleased_slot_keeps_the_ring_full);
    RUN(races_at_the_ends);
    RUN(races);
    return CHECK_END();
}
