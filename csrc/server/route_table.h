/*
 * route_table.h - the compiled routes a server answers from, as one immutable
 * table that can be replaced while requests run.
 *
 * The reactor reads the current table without a lock: a replacement is put
 * down in one atomic slot and adopted by the reactor itself. Tasks count as
 * users of the table they were routed by, so plans stay valid until the last
 * of those tasks is back.
 */
#ifndef FA_SERVER_ROUTE_TABLE_H
#define FA_SERVER_ROUTE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"
#include "base/status.h"
#include "route/router.h"
#include "server/gate.h"

struct fa_task;

/* Which thread runs a route's handler. */
enum fa_lane {
    FA_LANE_LOOP,   /* the event-loop thread, through the SPSC queue */
    FA_LANE_WORKER, /* a worker thread, through the MPMC queue */
    FA_LANE_INLINE  /* a C handler, on the reactor itself */
};

/* Bytes; what a handler that may stream its body still gets as a whole. */
enum { FA_ROUTE_SMALL_BODY = 65536 };

struct fa_route {
    uint32_t id; /* what the router was given for this route; must equal its place in the array */
    enum fa_lane lane;
    bool wants_local;  /* the handler may ask for our end of the connection: fa_task_local */
    bool small_bodies; /* a body above FA_ROUTE_SMALL_BODY, or chunked, is the app's to stream */
    void *plan;        /* the executor's; valid until the table's owner is dropped */
    /* INLINE only: fills out/out_start/out_end/status; may not keep the task. */
    void (*inline_run)(struct fa_task *task);
};

/*
 * What answers a request that certainly matches no route. `known` holds every
 * path that something may answer, with whatever method; a path that it misses
 * goes to routes[route]. Requests with a body are handed over as ever.
 */
struct fa_route_miss {
    struct fa_router *known; /* frozen */
    uint32_t route;
    bool slashes; /* a path that fits with its last slash added or removed is redirected */
};

/* owner: the reactor, once adopted; `refs` is not atomic for that reason. */
struct fa_route_table {
    uint32_t refs;
    uint32_t count;
    struct fa_router *router;
    struct fa_route_miss miss;  /* known NULL: what misses is handed over */
    const struct fa_gate *gate; /* NULL: every request passes */
    void *owner;
    struct fa_route routes[];
};

/*
 * fa_route_table_new - wrap a frozen router and a copy of `routes`. `miss` and
 * `gate` may be NULL.
 *
 * Ownership: on FA_OK the table owns `router`, miss->known and `owner`; on error
 *            the caller still does. `gate` is borrowed: `owner` keeps it. The table
 *            starts with one reference.
 * Errors:    FA_ERR_NOMEM; FA_ERR_INVALID when routes[i].id != i, an INLINE
 *            route has no handler, or miss->route is none of them.
 */
FA_NODISCARD fa_status fa_route_table_new(struct fa_router *router, const struct fa_route *routes,
    size_t count, const struct fa_route_miss *miss, const struct fa_gate *gate, void *owner,
    struct fa_route_table **out);

/*
 * fa_route_table_missed - the route that answers a path which the router did
 * not find, or NULL: something may know it, so hand over.
 *
 * `path` is percent-decoded. Threads: the table's owning thread.
 */
const struct fa_route *fa_route_table_missed(const struct fa_route_table *table, fa_span path);

/*
 * fa_route_table_retain - one more user.
 *
 * Threads: the table's owning thread only.
 */
static inline void fa_route_table_retain(struct fa_route_table *table)
{
    table->refs++;
}

/*
 * fa_route_table_release - one user less; the last one frees the table.
 *
 * Ownership: returns the table's `owner` when this was the last user (the
 *            caller must see to dropping it), NULL otherwise.
 * Threads:   the table's owning thread only.
 */
FA_NODISCARD void *fa_route_table_release(struct fa_route_table *table);

#endif
