/* The router: one route, 400 routes, the last of them, and what costs more. */
#include <stdint.h>
#include <string.h>

#define BENCH_ROUNDS 400
#include "bench.h"
#include "route/router.h"

enum { OPS = 20000, MANY = 400 };

struct lookup {
    const struct fa_router *router;
    const char *path;
    enum fa_route_result want;
};

static void match(void *arg, uint64_t ops)
{
    const struct lookup *l = arg;
    char text[128];
    fa_span span = {text, strlen(l->path)};
    memcpy(text, l->path, span.len);
    for (uint64_t i = 0; i < ops; i++) {
        struct fa_route_match m;
        bench_keep(text); /* the path may have changed */
        if (fa_router_match(l->router, 1, span, &m) != l->want) bench_must(FA_ERR_INVALID);
    }
}

static struct fa_router *new_router(void)
{
    struct fa_router *r = NULL;
    bench_must(fa_router_new(&r));
    return r;
}

static void add(struct fa_router *r, const char *pattern)
{
    bench_must(fa_router_add(r, (fa_span){pattern, strlen(pattern)}, 1, 0));
}

static struct fa_router *one_route(const char *pattern)
{
    struct fa_router *r = new_router();
    add(r, pattern);
    bench_must(fa_router_freeze(r));
    return r;
}

/* Like a large application: 100 resources with four routes each. */
static struct fa_router *many_routes(void)
{
    static const char *const forms[] = {"/api/v1/resource%d", "/api/v1/resource%d/{id}",
        "/api/v1/resource%d/{id}/children", "/api/v1/resource%d/{id}/children/{child:int}"};
    struct fa_router *r = new_router();
    for (int i = 0; i < MANY; i++) {
        char text[64];
        snprintf(text, sizeof text, forms[i % 4], i / 4);
        add(r, text);
    }
    bench_must(fa_router_freeze(r));
    return r;
}

static struct fa_router *overlapping_routes(void)
{
    struct fa_router *r = new_router();
    for (int i = 0; i < 4; i++)
        bench_must(fa_router_add_opaque(r, FA_SPAN("/docs"), 0));
    add(r, "/items/me");
    add(r, "/items/{id}");
    add(r, "/{a}/{b}");
    add(r, "/{p:path}");
    bench_must(fa_router_freeze(r));
    return r;
}

int main(void)
{
    struct fa_router *plain = one_route("/items"), *one = one_route("/items/{id}");
    struct fa_router *one_int = one_route("/items/{id:int}");
    struct fa_router *many = many_routes(), *overlap = overlapping_routes();
    struct {
        const char *name;
        struct lookup lookup;
    } rows[] = {
        {"1 route, static: /items", {plain, "/items", FA_ROUTE_HIT}},
        {"1 route, miss", {plain, "/other", FA_ROUTE_MISS}},
        {"1 route, one parameter: /items/{id}", {one, "/items/12345", FA_ROUTE_HIT}},
        {"1 route, one int: /items/{id:int}", {one_int, "/items/12345", FA_ROUTE_HIT}},
        {"400 routes, the first", {many, "/api/v1/resource0", FA_ROUTE_HIT}},
        {"400 routes, the last static", {many, "/api/v1/resource99", FA_ROUTE_HIT}},
        {"400 routes, one parameter", {many, "/api/v1/resource99/12345", FA_ROUTE_HIT}},
        {"400 routes, the last, two parameters",
            {many, "/api/v1/resource99/12345/children/7", FA_ROUTE_HIT}},
        {"400 routes, miss", {many, "/api/v1/resource99/12345/childless", FA_ROUTE_MISS}},
        {"static before parameter: /items/me", {overlap, "/items/me", FA_ROUTE_HIT}},
        {"overlapping, the last resort", {overlap, "/a/b/c/d", FA_ROUTE_HIT}},
        {"opaque first: unsure", {overlap, "/docs/x", FA_ROUTE_UNSURE}},
    };
    enum { ROWS = sizeof rows / sizeof rows[0] };
    struct bench_case cases[ROWS];
    for (size_t i = 0; i < ROWS; i++) {
        cases[i] = (struct bench_case){
            .name = rows[i].name, .run = match, .arg = &rows[i].lookup, .ops = OPS};
    }
    bench_all(cases, ROWS);
    fa_router_free(plain);
    fa_router_free(one);
    fa_router_free(one_int);
    fa_router_free(many);
    fa_router_free(overlap);
    return 0;
}
