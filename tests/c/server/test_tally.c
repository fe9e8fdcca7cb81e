/* What executor threads count. */
#include "check.h"

#include <pthread.h>

#include "server/tally.h"

TEST(size_classes)
{
    const uint64_t sizes[] = {1, 2, 3, 4, 5, 8, 9, 4096, 4097, UINT64_MAX};
    const uint32_t classes[] = {0, 1, 2, 2, 3, 3, 4, 12, 12, 12};
    for (int i = 0; i < 10; i++) {
        CHECK_EQ_INT(fa_tally_size_class(sizes[i]), classes[i]);
    }
}

TEST(sums_add_up_and_marks_are_the_largest)
{
    static struct fa_tally a, b;
    fa_tally_batch(&a, 3);
    fa_tally_run(&a, 3, 100);
    fa_tally_waits(&a, 3, 90, 50);
    fa_tally_attached(&a, 10);
    fa_tally_attached(&a, 5);
    fa_tally_batch(&b, 1);
    fa_tally_run(&b, 1, 7);
    fa_tally_waits(&b, 1, 60, 60);
    struct fa_tally_sum sum = {0};
    fa_tally_add(&a, &sum);
    fa_tally_add(&b, &sum);
    CHECK_EQ_INT(sum.tasks, 4);
    CHECK_EQ_INT(sum.run_ns, 107);
    CHECK_EQ_INT(sum.batches, 2);
    CHECK_EQ_INT(sum.batch_max, 3);
    CHECK_EQ_INT(sum.sizes[0], 1);
    CHECK_EQ_INT(sum.sizes[2], 1);
    CHECK_EQ_INT(sum.waits, 4);
    CHECK_EQ_INT(sum.wait_ns, 150);
    CHECK_EQ_INT(sum.wait_max_ns, 60);
    CHECK_EQ_INT(sum.attaches, 2);
    CHECK_EQ_INT(sum.attach_ns, 15);
    CHECK_EQ_INT(sum.attach_max_ns, 10);
}

static void *work(void *arg)
{
    for (long i = 0; i < check_ops(50000); i++) {
        fa_tally_batch(arg, 2);
        fa_tally_run(arg, 2, 5);
    }
    return NULL;
}

/* Four threads with a tally each, read all the while: nothing is lost, nothing shrinks. */
TEST(read_while_counted)
{
    static struct fa_tally tallies[4];
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) {
        CHECK_EQ_INT(pthread_create(&threads[i], NULL, work, &tallies[i]), 0);
    }
    uint64_t before = 0, total = 4 * 2 * (uint64_t)check_ops(50000);
    bool shrank = false;
    while (before < total) {
        struct fa_tally_sum sum = {0};
        for (int i = 0; i < 4; i++) {
            fa_tally_add(&tallies[i], &sum);
        }
        shrank = shrank || sum.tasks < before;
        before = sum.tasks;
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    CHECK(!shrank);
    CHECK_EQ_INT(before, total);
}

int main(void)
{
    RUN(size_classes);
    RUN(sums_add_up_and_marks_are_the_largest);
    RUN(read_while_counted);
    return CHECK_END();
}
