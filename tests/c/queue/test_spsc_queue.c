/* The single-producer, single-consumer ring. */
#include "queue/spsc_queue.h"

#include "queue/queue_checks.h"

TEST(capacity)
{
    check_capacity(FA_QUEUE_SPSC);
}

TEST(order)
{
    check_order(FA_QUEUE_SPSC, 1);
    check_order(FA_QUEUE_SPSC, 2);
    check_order(FA_QUEUE_SPSC, 8);
}

TEST(one_by_one)
{
    check_race(FA_QUEUE_SPSC, 1, 1, 2);
    check_race(FA_QUEUE_SPSC, 1, 1, 1024);
}

/* Positions only grow, so one day they pass SIZE_MAX. */
TEST(positions_wrap_around)
{
    struct fa_spsc_queue q;
    void *item = NULL;
    CHECK_EQ_INT(fa_spsc_queue_init(&q, 4), FA_OK);
    size_t start = (size_t)0 - 4;
    atomic_store(&q.head, start);
    atomic_store(&q.tail, start);
    q.head_seen = q.tail_seen = start;
    for (size_t lap = 0; lap < 5; lap++) {
        for (size_t i = 1; i <= 3; i++)
            CHECK_EQ_INT(fa_spsc_queue_try_push(&q, item_of(10 * lap + i)), FA_OK);
        CHECK_EQ_INT(fa_spsc_queue_size(&q), 3);
        CHECK_EQ_INT(fa_spsc_queue_try_push(&q, item_of(10 * lap + 4)), FA_OK);
        CHECK_EQ_INT(fa_spsc_queue_try_push(&q, item_of(99)), FA_AGAIN);
        for (size_t i = 1; i <= 4; i++) {
            CHECK_EQ_INT(fa_spsc_queue_try_pop(&q, &item), FA_OK);
            CHECK(item == item_of(10 * lap + i));
        }
        CHECK_EQ_INT(fa_spsc_queue_try_pop(&q, &item), FA_AGAIN);
        CHECK_EQ_INT(fa_spsc_queue_size(&q), 0);
    }
    fa_spsc_queue_deinit(&q);
}

int main(void)
{
    RUN(capacity);
    RUN(order);
    RUN(positions_wrap_around);
    RUN(one_by_one);
    return CHECK_END();
}
