/* route_table.c - the compiled routes of a server as one immutable table. */
#include "server/route_table.h"

#include <string.h>

#include "base/alloc.h"

/* Longer paths are handed over. */
#define TOGGLED_PATH_MAX 1024

fa_status fa_route_table_new(struct fa_router *router, const struct fa_route *routes, size_t count,
    const struct fa_route_miss *miss, const struct fa_gate *gate, void *owner,
    struct fa_route_table **out)
{
    if (count > UINT32_MAX || (router == NULL && count > 0) ||
        (miss != NULL && miss->route >= count)) {
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
    table->miss = miss != NULL ? *miss : (struct fa_route_miss){0};
    table->gate = gate;
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
    fa_router_free(table->miss.known);
    fa_free(table);
    return owner;
}

static bool is_unknown(const struct fa_route_table *table, fa_span path)
{
    struct fa_route_match unused;
    return fa_router_match(table->miss.known, 1, path, &unused) == FA_ROUTE_MISS;
}

/* As Starlette does: all slashes at the end go, or one is added. */
static bool is_unknown_toggled(const struct fa_route_table *table, fa_span path)
{
    char text[TOGGLED_PATH_MAX + 1];
    if (path.ptr[path.len - 1] == '/') {
        while (path.len > 0 && path.ptr[path.len - 1] == '/') {
            path.len--;
        }
        return is_unknown(table, path); /* an empty path is not certain */
    }
    if (path.len > TOGGLED_PATH_MAX) {
        return false;
    }
    memcpy(text, path.ptr, path.len);
    text[path.len] = '/';
    return is_unknown(table, (fa_span){text, path.len + 1});
}

const struct fa_route *fa_route_table_missed(const struct fa_route_table *table, fa_span path)
{
    const struct fa_route_miss *miss = &table->miss;
    if (miss->known == NULL || path.len == 0 || !is_unknown(table, path)) {
        return NULL;
    }
    bool root = path.len == 1 && path.ptr[0] == '/';
    if (miss->slashes && !root && !is_unknown_toggled(table, path)) {
        return NULL;
    }
    return &table->routes[miss->route];
}
