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

int main(void)
{
    RUN(many_threads);
    RUN(every_row_is_its_own);
    return CHECK_END();
}
