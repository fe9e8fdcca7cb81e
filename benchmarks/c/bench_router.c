/* The router: one route, 400 routes, the last of them, and what costs more. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "route/router.h"

enum { ROUNDS = 5000000, REPEATS = 5, MANY = 400 };

static void must(fa_status status)
{
    if (status == FA_OK) return;
    fprintf(stderr, "bench_router: %s\n", fa_status_text(status));
    exit(1);
}

static struct fa_router *new_router(void)
{
    struct fa_router *r = NULL;
    must(fa_router_new(&r));
    return r;
}

static void add(struct fa_router *r, const char *pattern)
{
    must(fa_router_add(r, (fa_span){pattern, strlen(pattern)}, 1, 0));
}

static void report(
    const char *name, const struct fa_router *r, const char *path, enum fa_route_result want)
{
    uint64_t best = UINT64_MAX;
    char text[128];
    fa_span span = {text, strlen(path)};
    memcpy(text, path, span.len);
    for (int k = 0; k < REPEATS; k++) {
        uint64_t start = fa_clock_now_ns();
        for (uint32_t i = 0; i < ROUNDS; i++) {
            struct fa_route_match m;
            __asm__ volatile("" : : "r"(text) : "memory"); /* the path may have changed */
            if (fa_router_match(r, 1, span, &m) != want) {
                fprintf(stderr, "bench_router: wrong answer for %s\n", path);
                exit(1);
            }
        }
        uint64_t taken = fa_clock_now_ns() - start;
        if (taken < best) best = taken;
    }
    printf("%-44s %7.1f ns/op\n", name, (double)best / ROUNDS);
}

/* Like a large application: 100 resources with four routes each. */
static void add_many(struct fa_router *r)
{
    static const char *const forms[] = {"/api/v1/resource%d", "/api/v1/resource%d/{id}",
        "/api/v1/resource%d/{id}/children", "/api/v1/resource%d/{id}/children/{child:int}"};
    for (int i = 0; i < MANY; i++) {
        char text[64];
        snprintf(text, sizeof text, forms[i % 4], i / 4);
        add(r, text);
    }
}

int main(void)
{
    struct fa_router *r = new_router();
    add(r, "/items");
    must(fa_router_freeze(r));
    report("1 route, static: /items", r, "/items", FA_ROUTE_HIT);
    report("1 route, miss", r, "/other", FA_ROUTE_MISS);
    fa_router_free(r);

    r = new_router();
    add(r, "/items/{id}");
    must(fa_router_freeze(r));
    report("1 route, one parameter: /items/{id}", r, "/items/12345", FA_ROUTE_HIT);
    fa_router_free(r);

    r = new_router();
    add(r, "/items/{id:int}");
    must(fa_router_freeze(r));
    report("1 route, one int: /items/{id:int}", r, "/items/12345", FA_ROUTE_HIT);
    fa_router_free(r);

    r = new_router();
    add_many(r);
    must(fa_router_freeze(r));
    report("400 routes, the first", r, "/api/v1/resource0", FA_ROUTE_HIT);
    report("400 routes, the last static", r, "/api/v1/resource99", FA_ROUTE_HIT);
    report("400 routes, one parameter", r, "/api/v1/resource99/12345", FA_ROUTE_HIT);
    report("400 routes, the last, two parameters", r, "/api/v1/resource99/12345/children/7",
        FA_ROUTE_HIT);
    report("400 routes, miss", r, "/api/v1/resource99/12345/childless", FA_ROUTE_MISS);
    fa_router_free(r);

    r = new_router();
    for (int i = 0; i < 4; i++)
        must(fa_router_add_opaque(r, FA_SPAN("/docs"), 0));
    add(r, "/items/me");
    add(r, "/items/{id}");
    add(r, "/{a}/{b}");
    add(r, "/{p:path}");
    must(fa_router_freeze(r));
    report("static before parameter: /items/me", r, "/items/me", FA_ROUTE_HIT);
    report("overlapping, the last resort", r, "/a/b/c/d", FA_ROUTE_HIT);
    report("opaque first: unsure", r, "/docs/x", FA_ROUTE_UNSURE);
    fa_router_free(r);
    return 0;
}
