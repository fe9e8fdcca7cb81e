/*
 * route_pattern.h - "/items/{id:int}/x" taken apart.
 *
 * Only what is certain to mean the same here and in Starlette: parameters that
 * fill a whole segment, of the kinds str, int, float and (at the very end) path.
 */
#ifndef FA_ROUTE_ROUTE_PATTERN_H
#define FA_ROUTE_ROUTE_PATTERN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/base.h"
#include "base/span.h"
#include "base/status.h"

#define FA_ROUTE_PATTERN_MAX_PARAMS 16

/* X(kind, value, name in a pattern, regular expression of Starlette's convertor) */
#define FA_ROUTE_PART_MAP(X)                                 \
    X(FA_ROUTE_PART_STR, 1, "str", "[^/]+")                  \
    X(FA_ROUTE_PART_INT, 2, "int", "[0-9]+")                 \
    X(FA_ROUTE_PART_FLOAT, 3, "float", "[0-9]+(\\.[0-9]+)?") \
    X(FA_ROUTE_PART_PATH, 4, "path", ".*")

enum fa_route_part_kind {
    FA_ROUTE_PART_STATIC = 0,
#define FA_ROUTE_PART_ENUM(kind, value, name, regex) kind = value,
    FA_ROUTE_PART_MAP(FA_ROUTE_PART_ENUM)
#undef FA_ROUTE_PART_ENUM
};

struct fa_route_part {
    enum fa_route_part_kind kind;
    fa_span text; /* static: the text with its slashes; else the parameter's name */
};

/* A pattern being read. Private. */
struct fa_route_pattern {
    fa_span rest;
};

/*
 * fa_route_pattern_init - begin to read a pattern, if all of it is understood.
 *
 * Ownership: parts will point into `text`, which stays the caller's.
 * Threads:   any.
 * Errors:    FA_ERR_UNSUPPORTED for what Starlette may understand and we do
 *            not: other convertors, part of a segment as parameter, path not
 *            at the end, control bytes, more than FA_ROUTE_PATTERN_MAX_PARAMS
 *            parameters, no leading slash. FA_ERR_INVALID for a name used twice.
 */
FA_NODISCARD fa_status fa_route_pattern_init(struct fa_route_pattern *p, fa_span text);

/*
 * fa_route_pattern_next - the next part; false at the end.
 *
 * Static text and parameters come in pattern order; two static parts are never
 * neighbours.
 */
bool fa_route_pattern_next(struct fa_route_pattern *p, struct fa_route_part *out);

/*
 * fa_route_pattern_static_prefix - what every path that matches starts with.
 *
 * Works for any pattern, understood or not: all text before the first brace or
 * control byte. Ownership: points into `text`.
 */
fa_span fa_route_pattern_static_prefix(fa_span text);

#endif
