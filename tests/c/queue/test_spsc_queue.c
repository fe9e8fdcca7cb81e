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

int main(void)
{
    RUN(capacity);
    RUN(order);
    RUN(one_by_one);
    return CHECK_END();
}
