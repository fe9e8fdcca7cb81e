/* Counters: each row of the table counts on its own, from any thread. */
#include "base/stats.h"

#include <pthread.h>

#include "check.h"

static void *bump(void *arg)
{
    for (int i = 0; i < 1000; i++)
        FA_STATS_ADD((struct fa_stats *)arg, requests, 2);
    return NULL;
}

TEST(many_threads)
{
    static struct fa_stats stats;
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        CHECK_EQ_INT(pthread_create(&threads[i], NULL, bump, &stats), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    CHECK_EQ_INT(atomic_load(&stats.requests), 8000);
    CHECK_EQ_INT(atomic_load(&stats.responses), 0);
}

TEST(every_row_is_its_own)
{
    static struct fa_stats stats;
    uint64_t n = 0;
#define ROW(name) FA_STATS_ADD(&stats, name, ++n);
    FA_STATS_MAP(ROW)
#undef ROW
    uint64_t expected = 0;
#define ROW(name) CHECK_EQ_INT(atomic_load(&stats.name), ++expected);
    FA_STATS_MAP(ROW)
#undef ROW
}

static void *bump_alone(void *arg)
{
    struct fa_stats *stats = arg;
    for (int i = 1; i <= 100000; i++) {
        fa_stats_bump(&stats->bytes_in, 3);
        fa_stats_raise(&stats->bytes_out, (uint64_t)(i % 1000));
    }
    return NULL;
}

/* A counter with one writer: exact at the end, never backwards on the way. */
TEST(one_writer)
{
    static struct fa_stats stats;
    pthread_t writer;
    CHECK_EQ_INT(pthread_create(&writer, NULL, bump_alone, &stats), 0);
    uint64_t before = 0;
    bool shrank = false;
    while (before < 300000) {
        uint64_t now = fa_stats_read(&stats.bytes_in);
        shrank = shrank || now < before;
        before = now;
    }
    pthread_join(writer, NULL);
    CHECK(!shrank);
    CHECK_EQ_INT(before, 300000);
    CHECK_EQ_INT(fa_stats_read(&stats.bytes_out), 999);
}

int main(void)
{
    RUN(one_writer);
    RUN(many_threads);
    RUN(every_row_is_its_own);
    return CHECK_END();
}
