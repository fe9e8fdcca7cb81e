/* conn_pool.c - closed connections kept for reuse. */
#include "server/conn_pool.h"

#include <string.h>

#include "base/alloc.h"
#include "server/http_conn.h"

void fa_conn_pool_init(struct fa_conn_pool *pool, uint64_t limit)
{
    pool->free = NULL;
    fa_pool_counters_init(&pool->counters, limit);
}

void fa_conn_pool_deinit(struct fa_conn_pool *pool)
{
    fa_conn_pool_set_limit(pool, 0);
}

struct fa_http_conn *fa_conn_pool_get(struct fa_conn_pool *pool)
{
    struct fa_http_conn *c = pool->free;
    if (fa_pool_counters_take(&pool->counters)) {
        pool->free = c->run_next;
        memset(c, 0, sizeof *c);
        return c;
    }
    return fa_alloc_zero(sizeof *c);
}

void fa_conn_pool_put(struct fa_conn_pool *pool, struct fa_http_conn *c)
{
    if (!fa_pool_counters_keep(&pool->counters)) {
        fa_free(c);
        return;
    }
    c->run_next = pool->free;
    pool->free = c;
}

void fa_conn_pool_set_limit(struct fa_conn_pool *pool, uint64_t limit)
{
    atomic_store_explicit(&pool->counters.limit, limit, memory_order_relaxed);
    while (fa_pool_counters_shrink(&pool->counters)) {
        struct fa_http_conn *c = pool->free;
        pool->free = c->run_next;
        fa_free(c);
    }
}
