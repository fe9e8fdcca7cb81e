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
    check_race_of(FA_QUEUE_SPSC, 1, 1, 2, 40000);
    check_race(FA_QUEUE_SPSC, 1, 1, FA_QUEUE_CAPACITY);
}

TEST(positions_wrap_around)
{
    check_wrap_around(FA_QUEUE_SPSC);
}

TEST(pop_many)
{
    check_pop_many(FA_QUEUE_SPSC);
}

int main(void)
{
    RUN(capacity);
    RUN(order);
    RUN(pop_many);
    RUN(positions_wrap_around);
    RUN(one_by_one);
    return CHECK_END();
}
