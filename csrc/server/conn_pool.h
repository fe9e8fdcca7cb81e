/*
 * conn_pool.h - closed connections kept for reuse.
 *
 * owner: reactor thread; any thread may read the counters.
 */
#ifndef FA_SERVER_CONN_POOL_H
#define FA_SERVER_CONN_POOL_H

#include <stdint.h>

#include "base/base.h"
#include "base/pool_counters.h"

struct fa_http_conn;

struct fa_conn_pool {
    struct fa_http_conn *free; /* linked through run_next */
    struct fa_pool_counters counters;
};

/*
 * fa_conn_pool_init - an empty pool that keeps up to `limit` connections.
 */
void fa_conn_pool_init(struct fa_conn_pool *pool, uint64_t limit);

/*
 * fa_conn_pool_deinit - free what is kept.
 */
void fa_conn_pool_deinit(struct fa_conn_pool *pool);

/*
 * fa_conn_pool_get - a connection with every byte zero.
 *
 * Errors: NULL when out of memory.
 */
FA_NODISCARD struct fa_http_conn *fa_conn_pool_get(struct fa_conn_pool *pool);

/*
 * fa_conn_pool_put - take one back: it has no socket, buffer or task any more.
 */
void fa_conn_pool_put(struct fa_conn_pool *pool, struct fa_http_conn *c);

/*
 * fa_conn_pool_set_limit - keep at most `limit` from now on; frees the rest.
 */
void fa_conn_pool_set_limit(struct fa_conn_pool *pool, uint64_t limit);

#endif
