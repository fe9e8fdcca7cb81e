/*
 * router.h - from method and path to the route that Starlette would choose.
 *
 * Starlette tries its routes one after the other and takes the first whose path
 * and method match. This is a radix tree with the same answer: every node knows
 * the lowest registration number below it, the search follows every branch the
 * path can take and leaves out those that cannot beat what it has found.
 *
 * Routes we do not understand are registered too, as opaque entries. Where one
 * of them could come first, the answer is FA_ROUTE_UNSURE: hand over.
 */
#ifndef FA_ROUTE_ROUTER_H
#define FA_ROUTE_ROUTER_H

#include <stdint.h>

#include "base/base.h"
#include "base/span.h"
#include "base/status.h"
#include "route/route_pattern.h"

#define FA_ROUTER_MAX_PARAMS FA_ROUTE_PATTERN_MAX_PARAMS

struct fa_router;

struct fa_route_match {
    uint32_t route; /* the route_id given to fa_router_add */
    uint32_t param_count;
    fa_span params[FA_ROUTER_MAX_PARAMS]; /* in pattern order, borrowed from the path */
};

enum fa_route_result {
    FA_ROUTE_HIT,    /* this route, certainly */
    FA_ROUTE_MISS,   /* no route takes this path with this method */
    FA_ROUTE_UNSURE, /* something we do not understand may come first */
};

/*
 * fa_router_new - an empty router that takes routes until it is frozen.
 *
 * Ownership: the caller's, until fa_router_free. Errors: FA_ERR_NOMEM.
 */
FA_NODISCARD fa_status fa_router_new(struct fa_router **out);

/*
 * fa_router_free - end of the router; NULL is allowed.
 */
void fa_router_free(struct fa_router *r);

/*
 * fa_router_add - register a route after all those registered before.
 *
 * `method_mask` has a bit per method; the bits' meaning is the caller's.
 * Ownership: `pattern` is copied.
 * Threads:   the one that builds the router.
 * Errors:    those of fa_route_pattern_init; FA_ERR_INVALID for an empty mask
 *            or a frozen router; FA_ERR_NOMEM. The router is then unchanged.
 */
FA_NODISCARD fa_status fa_router_add(
    struct fa_router *r, fa_span pattern, uint32_t method_mask, uint32_t route_id);

/*
 * fa_router_add_opaque - something else is registered at this place.
 *
 * It may take any request whose path starts with `static_prefix`, whatever the
 * method; the prefix ends at the first brace or control byte. `route_id` is
 * not used for the answer.
 * Ownership: the prefix is copied. Errors: as fa_router_add.
 */
FA_NODISCARD fa_status fa_router_add_opaque(
    struct fa_router *r, fa_span static_prefix, uint32_t route_id);

/*
 * fa_router_freeze - build the tree; from now on the router is read-only.
 *
 * Errors: FA_ERR_NOMEM, the router is then as before; FA_ERR_INVALID if it is
 *         frozen already.
 */
FA_NODISCARD fa_status fa_router_freeze(struct fa_router *r);

/*
 * fa_router_match - which route takes this request?
 *
 * `method_bit` is one bit of the masks; `path` is percent-decoded. `out` is
 * written on FA_ROUTE_HIT only, and of its params only the first param_count.
 * There is no redirect for a slash too much or too few: that is FA_ROUTE_MISS.
 * A path that ends in a line feed is FA_ROUTE_UNSURE (Starlette's `$` would
 * match before it), and so is everything before fa_router_freeze.
 *
 * Ownership: out->params point into `path`.
 * Threads:   any number at a time; allocates nothing.
 */
enum fa_route_result fa_router_match(
    const struct fa_router *r, uint32_t method_bit, fa_span path, struct fa_route_match *out);

#endif
