/* The books of a pool: hits, misses, what is kept, and what nobody needed. */
#include "base/pool_counters.h"

#include <pthread.h>

#include "check.h"

static struct fa_pool_stats read_of(const struct fa_pool_counters *c)
{
    struct fa_pool_stats stats;
    fa_pool_counters_read(c, &stats);
    return stats;
}

TEST(hits_misses_and_drops)
{
    struct fa_pool_counters c;
    fa_pool_counters_init(&c, 2);
    CHECK(!fa_pool_counters_take(&c));
    CHECK(fa_pool_counters_keep(&c) && fa_pool_counters_keep(&c));
    CHECK(!fa_pool_counters_keep(&c));
    CHECK(fa_pool_counters_take(&c));
    struct fa_pool_stats stats = read_of(&c);
    CHECK_EQ_INT(stats.hits, 1);
    CHECK_EQ_INT(stats.misses, 1);
    CHECK_EQ_INT(stats.dropped, 1);
    CHECK_EQ_INT(stats.size, 1);
    CHECK_EQ_INT(stats.high_water, 2);
    CHECK_EQ_INT(stats.limit, 2);
}

TEST(a_pool_that_is_off_keeps_nothing)
{
    struct fa_pool_counters c;
    fa_pool_counters_init(&c, 0);
    CHECK(!fa_pool_counters_take(&c));
    CHECK(!fa_pool_counters_keep(&c));
    CHECK(!fa_pool_counters_shrink(&c));
    CHECK_EQ_INT(read_of(&c).high_water, 0);
}

TEST(a_lower_limit_frees)
{
    struct fa_pool_counters c;
    fa_pool_counters_init(&c, 10);
    for (int i = 0; i < 10; i++)
        CHECK(fa_pool_counters_keep(&c));
    atomic_store(&c.limit, 4);
    int freed = 0;
    while (fa_pool_counters_shrink(&c))
        freed++;
    CHECK_EQ_INT(freed, 6);
    CHECK_EQ_INT(read_of(&c).size, 4);
    CHECK_EQ_INT(read_of(&c).high_water, 10);
}

TEST(a_turn_tells_what_was_not_needed)
{
    struct fa_pool_counters c;
    fa_pool_counters_init(&c, 10);
    for (int i = 0; i < 8; i++)
        CHECK(fa_pool_counters_keep(&c));
    CHECK_EQ_INT(fa_pool_counters_turn(&c), 0); /* it was empty at the beginning */
    CHECK_EQ_INT(fa_pool_counters_turn(&c), 8);
    CHECK(fa_pool_counters_take(&c) && fa_pool_counters_take(&c) && fa_pool_counters_take(&c));
    CHECK(fa_pool_counters_keep(&c));
    CHECK_EQ_INT(fa_pool_counters_turn(&c), 5);
    CHECK_EQ_INT(fa_pool_counters_turn(&c), 6);
}

static void *get_and_put(void *arg)
{
    struct fa_pool_counters *c = arg;
    for (long i = 0; i < check_ops(100000); i++) {
        (void)fa_pool_counters_take(c);
        (void)fa_pool_counters_keep(c);
    }
    return NULL;
}

TEST(read_while_used)
{
    static struct fa_pool_counters c;
    pthread_t owner;
    uint64_t total = (uint64_t)check_ops(100000);
    fa_pool_counters_init(&c, 5);
    CHECK_EQ_INT(pthread_create(&owner, NULL, get_and_put, &c), 0);
    bool odd = false;
    struct fa_pool_stats stats;
    do {
        stats = read_of(&c);
        odd = odd || stats.size > 5 || stats.hits > total;
    } while (stats.hits + stats.misses < total);
    pthread_join(owner, NULL);
    CHECK(!odd);
    CHECK_EQ_INT(read_of(&c).misses, 1);
    CHECK_EQ_INT(read_of(&c).hits, total - 1);
}

int main(void)
{
    RUN(hits_misses_and_drops);
    RUN(a_pool_that_is_off_keeps_nothing);
    RUN(a_lower_limit_frees);
    RUN(a_turn_tells_what_was_not_needed);
    RUN(read_while_used);
    return CHECK_END();
}
