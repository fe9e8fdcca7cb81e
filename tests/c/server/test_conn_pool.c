/* Closed connections kept for reuse. */
#include "check.h"

#include "base/alloc.h"
#include "server/conn_pool.h"
#include "server/http_conn.h"

TEST(recycles_up_to_its_limit)
{
    struct fa_conn_pool pool;
    fa_conn_pool_init(&pool, 2);
    struct fa_http_conn *c[3];
    for (int i = 0; i < 3; i++) {
        c[i] = fa_conn_pool_get(&pool);
        CHECK(c[i] != NULL && c[i]->fd == 0 && c[i]->first == NULL);
        c[i]->fd = 7;
        c[i]->unanswered = 3;
    }
    for (int i = 0; i < 3; i++) {
        fa_conn_pool_put(&pool, c[i]);
    }
    CHECK_EQ_INT(fa_alloc_live(), 2);
    struct fa_http_conn *again = fa_conn_pool_get(&pool);
    CHECK(again == c[1]); /* the warmest first */
    CHECK_EQ_INT(again->fd, 0);
    CHECK_EQ_INT(again->unanswered, 0);
    struct fa_pool_stats stats;
    fa_pool_counters_read(&pool.counters, &stats);
    CHECK_EQ_INT(stats.hits, 1);
    CHECK_EQ_INT(stats.misses, 3);
    CHECK_EQ_INT(stats.dropped, 1);
    fa_conn_pool_put(&pool, again);
    fa_conn_pool_deinit(&pool);
    CHECK_EQ_INT(fa_alloc_live(), 0);
}

TEST(a_lower_limit_frees_memory)
{
    struct fa_conn_pool pool;
    fa_conn_pool_init(&pool, 8);
    struct fa_http_conn *c[8];
    for (int i = 0; i < 8; i++) {
        c[i] = fa_conn_pool_get(&pool);
    }
    for (int i = 0; i < 8; i++) {
        fa_conn_pool_put(&pool, c[i]);
    }
    CHECK_EQ_INT(fa_alloc_live(), 8);
    fa_conn_pool_set_limit(&pool, 3);
    CHECK_EQ_INT(fa_alloc_live(), 3);
    fa_conn_pool_set_limit(&pool, 6);
    CHECK_EQ_INT(fa_alloc_live(), 3);
    fa_conn_pool_deinit(&pool);
    CHECK_EQ_INT(fa_alloc_live(), 0);
}

TEST(no_memory_and_no_pool)
{
    struct fa_conn_pool pool;
    fa_conn_pool_init(&pool, 0);
    fa_alloc_fail_at(1);
    CHECK(fa_conn_pool_get(&pool) == NULL);
    fa_alloc_fail_at(0);
    fa_conn_pool_put(&pool, fa_conn_pool_get(&pool));
    CHECK_EQ_INT(fa_alloc_live(), 0);
    fa_conn_pool_deinit(&pool);
}

int main(void)
{
    RUN(recycles_up_to_its_limit);
    RUN(a_lower_limit_frees_memory);
    RUN(no_memory_and_no_pool);
    return CHECK_END();
}
