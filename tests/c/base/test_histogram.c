/* Histograms: every value in its bucket, percentiles between the right bounds. */
#include "base/histogram.h"

#include <pthread.h>

#include "check.h"

TEST(a_bucket_holds_what_lies_below_its_bound)
{
    CHECK_EQ_INT(fa_histogram_bound(0), 1);
    CHECK_EQ_INT(fa_histogram_bound(15), 16);
    for (uint32_t i = 1; i < FA_HISTOGRAM_BUCKETS; i++) {
        uint64_t low = fa_histogram_bound(i - 1), high = fa_histogram_bound(i);
        CHECK(high > low);
        CHECK_EQ_INT(fa_histogram_bucket(low), i);
        CHECK_EQ_INT(fa_histogram_bucket(high - 1), i);
        CHECK(i < 16 || (high - low) * 8 <= low); /* an eighth */
    }
    CHECK_EQ_INT(fa_histogram_bucket(UINT64_MAX), FA_HISTOGRAM_BUCKETS - 1);
}

TEST(quantiles)
{
    static struct fa_histogram h;
    struct fa_histogram_copy copy = {0};
    CHECK_EQ_INT(fa_histogram_quantile(&copy, 500), 0);
    for (uint64_t i = 1; i <= 1000; i++)
        fa_histogram_record(&h, i);
    fa_histogram_add(&h, &copy);
    CHECK_EQ_INT(copy.count, 1000);
    CHECK_EQ_INT(copy.sum, 500500);
    CHECK_EQ_INT(copy.max, 1000);
    const uint32_t wanted[] = {1, 10, 500, 950, 990, 1000};
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        uint64_t found = fa_histogram_quantile(&copy, wanted[i]);
        CHECK(found > wanted[i] && found <= wanted[i] + wanted[i] / 8 + 1);
    }
    fa_histogram_add(&h, &copy); /* twice as many of each: the same percentiles */
    CHECK_EQ_INT(copy.count, 2000);
    CHECK_EQ_INT(copy.max, 1000);
    CHECK_EQ_INT(fa_histogram_quantile(&copy, 500), fa_histogram_bound(fa_histogram_bucket(500)));
}

static void *write_values(void *arg)
{
    for (long i = 0; i < check_ops(200000); i++)
        fa_histogram_record(arg, (uint64_t)i % 100);
    return NULL;
}

/* One writes, another reads all the while: counts only grow, nothing is lost. */
TEST(read_while_written)
{
    static struct fa_histogram h;
    pthread_t writer;
    CHECK_EQ_INT(pthread_create(&writer, NULL, write_values, &h), 0);
    uint64_t before = 0, total = (uint64_t)check_ops(200000);
    bool shrank = false;
    while (before < total) {
        struct fa_histogram_copy copy = {0};
        fa_histogram_add(&h, &copy);
        shrank = shrank || copy.count < before;
        before = copy.count;
    }
    pthread_join(writer, NULL);
    CHECK(!shrank);
    CHECK_EQ_INT(before, total);
}

int main(void)
{
    RUN(a_bucket_holds_what_lies_below_its_bound);
    RUN(quantiles);
    RUN(read_while_written);
    return CHECK_END();
}
