/* route_table.c - the compiled routes of a server as one immutable table. */
#include "server/route_table.h"

#include <string.h>

#include "base/alloc.h"

fa_status fa_route_table_new(struct fa_router *router, const struct fa_route *routes, size_t count,
    void *owner, struct fa_route_table **out)
{
    if (count > UINT32_MAX || (router == NULL && count > 0)) {
        return FA_ERR_INVALID;
    }
    for (size_t i = 0; i < count; i++) {
        bool runnable = routes[i].lane != FA_LANE_INLINE || routes[i].inline_run != NULL;
        if (routes[i].id != i || !runnable) {
            return FA_ERR_INVALID;
        }
    }
    struct fa_route_table *table = fa_alloc(sizeof *table + count * sizeof routes[0]);
    if (table == NULL) {
        return FA_ERR_NOMEM;
    }
    table->refs = 1;
    table->count = (uint32_t)count;
    table->router = router;
    table->owner = owner;
    if (count > 0) {
        memcpy(table->routes, routes, count * sizeof routes[0]);
    }
    *out = table;
    return FA_OK;
}

void *fa_route_table_release(struct fa_route_table *table)
{
    FA_ASSERT(table->refs > 0);
    if (--table->refs > 0) {
        return NULL;
    }
    void *owner = table->owner;
    if (table->router != NULL) {
        fa_router_free(table->router);
    }
    fa_free(table);
    return owner;
}
