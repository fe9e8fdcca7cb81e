/* The router: always the answer of trying one route after the other. */
#include <inttypes.h>

#include "base/alloc.h"
#include "check.h"
#include "guard_page.h"
#include "route/router.h"

enum { GET = 1, POST = 2, PUT = 4 };

static fa_span span(const char *text)
{
    return (fa_span){text, strlen(text)};
}

/* Routes in order; the id is the place in the table. A mask of 0: opaque. */
struct route {
    const char *pattern;
    uint32_t mask;
};

static struct fa_router *make(const struct route *routes, uint32_t count)
{
    struct fa_router *r = NULL;
    CHECK_EQ_INT(fa_router_new(&r), FA_OK);
    for (uint32_t i = 0; i < count; i++) {
        fa_status status = routes[i].mask != 0
                               ? fa_router_add(r, span(routes[i].pattern), routes[i].mask, i)
                               : fa_router_add_opaque(r, span(routes[i].pattern), i);
        CHECK_EQ_INT(status, FA_OK);
    }
    CHECK_EQ_INT(fa_router_freeze(r), FA_OK);
    return r;
}

#define MAKE(routes) make(routes, sizeof routes / sizeof routes[0])

/* want: the id, or -1 for a miss, -2 for unsure; params as "a|b", NULL for any. */
static void check_match(
    const struct fa_router *r, uint32_t method, const char *path, int want, const char *params)
{
    struct fa_route_match m;
    struct fa_guard copy = fa_guard_copy(path, strlen(path));
    enum fa_route_result result = fa_router_match(r, method, (fa_span){copy.data, copy.len}, &m);
    int got = result == FA_ROUTE_HIT ? (int)m.route : result == FA_ROUTE_MISS ? -1 : -2;
    CHECK_EQ_INT(got, want);
    if (got != want) printf("  path %s\n", path);
    if (got == want && got >= 0 && params != NULL) {
        char out[512] = "";
        size_t len = 0;
        for (uint32_t i = 0; i < m.param_count; i++) {
            len += (size_t)snprintf(out + len, sizeof out - len, "%s%.*s", i > 0 ? "|" : "",
                (int)m.params[i].len, m.params[i].ptr);
        }
        CHECK_EQ_STR(out, params);
    }
    fa_guard_free(&copy);
}

TEST(static_and_params)
{
    static const struct route routes[] = {
        {"/", GET},
        {"/items", GET | POST},
        {"/items/{id}", GET},
        {"/items/{id}/x", GET},
        {"/files/{p:path}", GET},
        {"/n/{i:int}", GET},
        {"/n/{f:float}", GET},
        {"/n/{s}", GET},
        {"/u/{a}/p/{b}", GET},
    };
    struct fa_router *r = MAKE(routes);
    check_match(r, GET, "/", 0, "");
    check_match(r, GET, "/items", 1, "");
    check_match(r, POST, "/items", 1, "");
    check_match(r, PUT, "/items", -1, NULL);
    check_match(r, GET, "/items/", -1, NULL);
    check_match(r, GET, "/item", -1, NULL);
    check_match(r, GET, "/itemsx", -1, NULL);
    check_match(r, GET, "/items/5", 2, "5");
    check_match(r, GET, "/items/a b\xc3\xa9", 2, "a b\xc3\xa9");
    check_match(r, GET, "/items/a\nb", 2, "a\nb");
    check_match(r, GET, "/items/5/", -1, NULL);
    check_match(r, GET, "/items//x", -1, NULL);
    check_match(r, GET, "/items/5/x", 3, "5");
    check_match(r, GET, "/files/", 4, "");
    check_match(r, GET, "/files", -1, NULL);
    check_match(r, GET, "/files/a/b//c/", 4, "a/b//c/");
    check_match(r, GET, "/files/a\nb", -1, NULL);
    check_match(r, GET, "/n/12", 5, "12");
    check_match(r, GET, "/n/1.5", 6, "1.5");
    check_match(r, GET, "/n/1.", 7, "1.");
    check_match(r, GET, "/n/.5", 7, ".5");
    check_match(r, GET, "/n/-1", 7, "-1");
    check_match(r, GET, "/n/1.5.2", 7, "1.5.2");
    check_match(r, GET, "/n/\xd9\xa1", 7, "\xd9\xa1");
    check_match(r, GET, "/u/x/p/y", 8, "x|y");
    check_match(r, GET, "/u/x/q/y", -1, NULL);
    check_match(r, GET, "x", -1, NULL);
    fa_router_free(r);
}

TEST(registration_order_decides)
{
    static const struct route dynamic_first[] = {{"/users/{id}", GET}, {"/users/me", GET | POST}};
    static const struct route static_first[] = {
        {"/users/me", POST}, {"/users/{id}", GET}, {"/{p:path}", GET | POST}, {"/users/me", GET}};
    struct fa_router *r = MAKE(dynamic_first);
    check_match(r, GET, "/users/me", 0, "me");
    check_match(r, POST, "/users/me", 1, "");
    fa_router_free(r);
    r = MAKE(static_first);
    check_match(r, POST, "/users/me", 0, "");
    check_match(r, GET, "/users/me", 1, "me");
    check_match(r, POST, "/users/you", 2, "users/you");
    check_match(r, GET, "/users/", 2, "users/");
    fa_router_free(r);
}

TEST(same_pattern_other_methods)
{
    static const struct route routes[] = {
        {"/a/{x}", GET}, {"/a/{y}", POST}, {"/a/{z:int}", PUT}, {"/a/{z}", GET | PUT}};
    struct fa_router *r = MAKE(routes);
    check_match(r, GET, "/a/1", 0, "1");
    check_match(r, POST, "/a/1", 1, "1");
    check_match(r, PUT, "/a/1", 2, "1");
    check_match(r, PUT, "/a/b", 3, "b");
    fa_router_free(r);
}

TEST(opaque_entries)
{
    static const struct route routes[] = {{"/early", GET}, {"/docs", 0}, {"/docs", GET},
        {"/a/{x}", GET}, {"/a/b{c}", 0}, {"/a/{x}/y", GET}, {"/late/{x}", GET}, {"", 0},
        {"/never", GET}};
    struct fa_router *r = MAKE(routes);
    check_match(r, GET, "/early", 0, NULL);
    check_match(r, GET, "/docs", -2, NULL);
    check_match(r, GET, "/docs2", -2, NULL);
    check_match(r, GET, "/a/b", 3, "b");
    check_match(r, POST, "/a/b", -2, NULL);
    check_match(r, GET, "/a/b/y", -2, NULL);
    check_match(r, GET, "/a/c/y", 5, "c");
    check_match(r, GET, "/late/1", 6, "1");
    check_match(r, GET, "/never", -2, NULL);
    check_match(r, GET, "nothing", -2, NULL);
    fa_router_free(r);
}

TEST(uncertain_paths)
{
    static const struct route routes[] = {{"/p", GET}, {"/{x}", GET}};
    struct fa_router *r = MAKE(routes);
    check_match(r, GET, "/p\n", -2, NULL);
    check_match(r, GET, "/nothing/here\n", -2, NULL);
    check_match(r, GET, "", -2, NULL);
    fa_router_free(r);
    CHECK_EQ_INT(fa_router_new(&r), FA_OK);
    check_match(r, GET, "/p", -2, NULL); /* not frozen */
    CHECK_EQ_INT(fa_router_freeze(r), FA_OK);
    check_match(r, GET, "/p", -1, NULL); /* no routes at all */
    fa_router_free(r);
}

/* Texts are compared and slashes looked for a word at a time: every length, a
 * difference at every byte, no byte before or behind the path. */
TEST(texts_and_segments_of_every_length)
{
    for (size_t len = 1; len <= 40; len++) {
        char pattern[64], path[80], odd[64];
        memset(pattern, 'a', sizeof pattern);
        pattern[0] = '/';
        pattern[len] = '\0';
        const struct route one[] = {{pattern, GET}, {"/{x}/b/{y}", GET}};
        struct fa_router *r = MAKE(one);
        check_match(r, GET, pattern, 0, "");
        for (size_t at = 1; at < len; at++) {
            memcpy(path, pattern, len + 1);
            path[at] = 'b';
            check_match(r, GET, path, -1, NULL);
        }
        memset(odd, '\xaf', len); /* a slash but for its highest bit */
        odd[len] = '\0';
        snprintf(path, sizeof path, "%s|z", odd);
        char request[160];
        snprintf(request, sizeof request, "/%s/b/z", odd);
        check_match(r, GET, request, 1, path);
        snprintf(request, sizeof request, "/%s", odd);
        check_match(r, GET, request, -1, NULL);
        fa_router_free(r);
    }
}

TEST(misuse)
{
    struct fa_router *r = NULL;
    CHECK_EQ_INT(fa_router_new(&r), FA_OK);
    CHECK_EQ_INT(fa_router_add(r, FA_SPAN("/a"), 0, 0), FA_ERR_INVALID);
    CHECK_EQ_INT(fa_router_add(r, FA_SPAN("a"), GET, 0), FA_ERR_UNSUPPORTED);
    CHECK_EQ_INT(fa_router_add(r, FA_SPAN("/{a}/{a}"), GET, 0), FA_ERR_INVALID);
    CHECK_EQ_INT(fa_router_add(r, FA_SPAN("/a"), GET, 7), FA_OK);
    CHECK_EQ_INT(fa_router_freeze(r), FA_OK);
    CHECK_EQ_INT(fa_router_freeze(r), FA_ERR_INVALID);
    CHECK_EQ_INT(fa_router_add(r, FA_SPAN("/b"), GET, 0), FA_ERR_INVALID);
    CHECK_EQ_INT(fa_router_add_opaque(r, FA_SPAN("/b"), 0), FA_ERR_INVALID);
    check_match(r, GET, "/a", 7, "");
    fa_router_free(r);
    fa_router_free(NULL);
}

TEST(sixteen_params)
{
    static const struct route routes[] = {
        {"/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}/{j}/{k}/{l}/{m}/{n}/{o}/{p:path}", GET}};
    struct fa_router *r = MAKE(routes);
    check_match(r, GET, "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17", 0,
        "1|2|3|4|5|6|7|8|9|10|11|12|13|14|15|16/17");
    fa_router_free(r);
}

/* --- against a list of routes tried one by one ----------------------------------------- */

enum { MOST_ROUTES = 20, MOST_TEXT = 128 };

struct table {
    char patterns[MOST_ROUTES][MOST_TEXT];
    uint32_t masks[MOST_ROUTES];
    uint32_t count;
};

static uint64_t seed;

static uint32_t random_below(uint32_t n)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((seed >> 33) % n);
}

static size_t append(char *out, size_t len, const char *text)
{
    size_t n = strlen(text);
    if (len + n >= MOST_TEXT) return len;
    memcpy(out + len, text, n + 1);
    return len + n;
}

static const char *const WORDS[] = {"a", "b", "ab", "abc", "1", "12", "1.5", "b1", "\xc3\xa9", ""};
enum { WORD_COUNT = sizeof WORDS / sizeof WORDS[0] };

static void random_pattern(char *out)
{
    static const char *const kinds[] = {"", "", ":str", ":int", ":float", ":path"};
    size_t len = 0;
    uint32_t segments = 1 + random_below(4);
    out[0] = '\0';
    for (uint32_t i = 0; i < segments; i++) {
        len = append(out, len, "/");
        if (random_below(2) == 0) {
            len = append(out, len, WORDS[random_below(WORD_COUNT)]);
            continue;
        }
        char param[16];
        snprintf(param, sizeof param, "{p%" PRIu32 "%s}", i,
            kinds[random_below(i + 1 == segments ? 6 : 5)]);
        len = append(out, len, param);
    }
}

static void random_table(struct table *t)
{
    t->count = 1 + random_below(MOST_ROUTES);
    for (uint32_t i = 0; i < t->count; i++) {
        random_pattern(t->patterns[i]);
        t->masks[i] = 1 + random_below(7);
        if (random_below(10) != 0) continue;
        t->masks[i] = 0;
        size_t keep = random_below((uint32_t)strlen(t->patterns[i]) + 1);
        t->patterns[i][keep] = '\0';
        t->patterns[i][strcspn(t->patterns[i], "{")] = '\0';
    }
}

/* Like a random pattern of the table with its parameters filled in, mostly. */
static void random_path(const struct table *t, char *out)
{
    const char *p = t->patterns[random_below(t->count)];
    size_t len = 0;
    out[0] = '\0';
    while (*p != '\0') {
        if (*p == '{') {
            p = strchr(p, '}') + 1;
            len = append(out, len, WORDS[random_below(WORD_COUNT)]);
            if (random_below(6) == 0) len = append(out, len, "/ab/1");
        } else {
            char byte[2] = {*p++, '\0'};
            if (random_below(30) == 0) byte[0] = "/ab1.\n"[random_below(6)];
            if (random_below(30) != 0) len = append(out, len, byte);
        }
    }
    if (random_below(8) == 0) append(out, len, WORDS[random_below(WORD_COUNT)]);
    if (random_below(8) == 0) append(out, strlen(out), "/");
}

static bool all_digits(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9') return false;
    }
    return len > 0;
}

static bool segment_fits(const char *kind, const char *text, size_t len)
{
    if (strncmp(kind, ":int}", 5) == 0) return all_digits(text, len);
    if (strncmp(kind, ":float}", 7) != 0) return len > 0;
    const char *point = memchr(text, '.', len);
    if (point == NULL) return all_digits(text, len);
    size_t before = (size_t)(point - text);
    return all_digits(text, before) && all_digits(point + 1, len - before - 1);
}

static bool naive_match(const char *pattern, const char *path, struct fa_route_match *m)
{
    m->param_count = 0;
    while (*pattern != '\0') {
        if (*pattern != '{') {
            if (*pattern++ != *path++) return false;
            continue;
        }
        const char *kind = pattern + strcspn(pattern, ":}");
        size_t len = strcspn(path, "/");
        if (strncmp(kind, ":path}", 6) == 0) {
            len = strlen(path);
            if (memchr(path, '\n', len) != NULL) return false;
        } else if (!segment_fits(kind, path, len)) {
            return false;
        }
        m->params[m->param_count++] = (fa_span){path, len};
        path += len;
        pattern = strchr(kind, '}') + 1;
    }
    return *path == '\0';
}

static enum fa_route_result naive_route(
    const struct table *t, uint32_t method, const char *path, struct fa_route_match *m)
{
    size_t len = strlen(path);
    if (len == 0 || path[len - 1] == '\n') return FA_ROUTE_UNSURE;
    for (uint32_t i = 0; i < t->count; i++) {
        m->route = i;
        if (t->masks[i] == 0) {
            if (strncmp(path, t->patterns[i], strlen(t->patterns[i])) == 0) return FA_ROUTE_UNSURE;
        } else if ((t->masks[i] & method) != 0 && naive_match(t->patterns[i], path, m)) {
            return FA_ROUTE_HIT;
        }
    }
    return FA_ROUTE_MISS;
}

static bool same_answer(const struct table *t, const struct fa_router *r, uint32_t method,
    const char *path, enum fa_route_result *result)
{
    struct fa_route_match want, got;
    memset(&got, 0xee, sizeof got);
    struct fa_route_match untouched = got;
    *result = naive_route(t, method, path, &want);
    if (fa_router_match(r, method, span(path), &got) != *result) return false;
    if (*result != FA_ROUTE_HIT) return memcmp(&got, &untouched, sizeof got) == 0;
    if (got.route != want.route || got.param_count != want.param_count) return false;
    for (uint32_t i = 0; i < want.param_count; i++) {
        if (got.params[i].ptr != want.params[i].ptr || got.params[i].len != want.params[i].len)
            return false;
    }
    return true;
}

TEST(agrees_with_a_linear_search)
{
    enum { TABLES = 2500, PATHS = 40 };
    uint32_t seen[3] = {0, 0, 0};
    for (uint32_t n = 0; n < TABLES; n++) {
        static struct table t;
        struct route routes[MOST_ROUTES];
        uint64_t table_seed = seed = UINT64_C(20261123) + n;
        random_table(&t);
        for (uint32_t i = 0; i < t.count; i++)
            routes[i] = (struct route){t.patterns[i], t.masks[i]};
        struct fa_router *r = make(routes, t.count);
        for (uint32_t i = 0; i < PATHS; i++) {
            char path[MOST_TEXT];
            random_path(&t, path);
            uint32_t method = 1u << random_below(3);
            enum fa_route_result result = FA_ROUTE_MISS;
            bool same = same_answer(&t, r, method, path, &result);
            CHECK(same);
            seen[result]++;
            if (same) continue;
            printf("seed %" PRIu64 ", method %" PRIu32 ", path %s\n", table_seed, method, path);
            for (uint32_t k = 0; k < t.count; k++)
                printf("  %u %s\n", t.masks[k], t.patterns[k]);
        }
        fa_router_free(r);
    }
    /* The cases are worth something: all three answers are common. */
    CHECK(seen[FA_ROUTE_HIT] > 20000);
    CHECK(seen[FA_ROUTE_MISS] > 5000);
    CHECK(seen[FA_ROUTE_UNSURE] > 5000);
}

TEST(many_routes)
{
    enum { COUNT = 1000 };
    struct fa_router *r = NULL;
    char text[64];
    CHECK_EQ_INT(fa_router_new(&r), FA_OK);
    for (uint32_t i = 0; i < COUNT; i++) {
        snprintf(text, sizeof text, "/api/v%" PRIu32 "/thing%" PRIu32 "/{id}", i % 3, i);
        CHECK_EQ_INT(fa_router_add(r, span(text), GET, i), FA_OK);
    }
    CHECK_EQ_INT(fa_router_freeze(r), FA_OK);
    for (uint32_t i = 0; i < COUNT; i++) {
        snprintf(text, sizeof text, "/api/v%" PRIu32 "/thing%" PRIu32 "/x%" PRIu32, i % 3, i, i);
        check_match(r, GET, text, (int)i, NULL);
        snprintf(text, sizeof text, "/api/v%" PRIu32 "/thing%" PRIu32 "/x", (i + 1) % 3, i);
        check_match(r, GET, text, -1, NULL);
    }
    fa_router_free(r);
}

/* A pattern inside a pattern inside a pattern: as deep as the tree gets. */
TEST(deep_tree)
{
    enum { DEPTH = 400 };
    struct fa_router *r = NULL;
    char text[2 * DEPTH + 8];
    CHECK_EQ_INT(fa_router_new(&r), FA_OK);
    for (uint32_t i = 0; i < DEPTH; i++) {
        for (uint32_t k = 0; k < i; k++)
            memcpy(text + 2 * (size_t)k, "/a", 2);
        memcpy(text + 2 * (size_t)i, "/{x}", 5);
        CHECK_EQ_INT(fa_router_add(r, span(text), GET, i), FA_OK);
    }
    CHECK_EQ_INT(fa_router_freeze(r), FA_OK);
    for (uint32_t i = 0; i < DEPTH; i += 37) {
        for (uint32_t k = 0; k <= i; k++)
            memcpy(text + 2 * (size_t)k, "/a", 2);
        text[2 * (i + 1)] = '\0';
        check_match(r, GET, text, (int)i, "a");
    }
    fa_router_free(r);
}

/* Every call is repeated until it succeeds; the answers must then be right. */
static bool build_with_failure(uint64_t fail_at, bool *failed)
{
    static const char *const patterns[] = {"/", "/a/{x}", "/a/b", "/ab/{x:int}/c", "/{p:path}"};
    struct fa_router *r = NULL;
    fa_status status;
    *failed = false;
    fa_alloc_fail_at(fail_at);
    while ((status = fa_router_new(&r)) == FA_ERR_NOMEM)
        *failed = true;
    for (uint32_t round = 0; round < 20; round++) {
        for (uint32_t i = 0; i < 5; i++) {
            while ((status = fa_router_add(r, span(patterns[i]), GET, i)) == FA_ERR_NOMEM)
                *failed = true;
            CHECK_EQ_INT(status, FA_OK);
        }
        while ((status = fa_router_add_opaque(r, FA_SPAN("/z"), 9)) == FA_ERR_NOMEM)
            *failed = true;
        CHECK_EQ_INT(status, FA_OK);
    }
    while ((status = fa_router_freeze(r)) == FA_ERR_NOMEM)
        *failed = true;
    fa_alloc_fail_at(0);
    CHECK_EQ_INT(status, FA_OK);
    check_match(r, GET, "/", 0, "");
    check_match(r, GET, "/a/b", 1, "b");
    check_match(r, GET, "/ab/7/c", 3, "7");
    check_match(r, GET, "/zzz", 4, "zzz");
    check_match(r, POST, "/zzz", -2, NULL);
    fa_router_free(r);
    return *failed;
}

TEST(out_of_memory_at_every_allocation)
{
    uint64_t live = fa_alloc_live();
    bool failed = true;
    uint64_t n = 0;
    while (failed && n < 1000) {
        build_with_failure(++n, &failed);
        CHECK_EQ_INT(fa_alloc_live(), live);
    }
    CHECK(n > 5 && n < 1000);
}

int main(void)
{
    RUN(static_and_params);
    RUN(registration_order_decides);
    RUN(same_pattern_other_methods);
    RUN(opaque_entries);
    RUN(uncertain_paths);
    RUN(texts_and_segments_of_every_length);
    RUN(misuse);
    RUN(sixteen_params);
    RUN(agrees_with_a_linear_search);
    RUN(many_routes);
    RUN(deep_tree);
    RUN(out_of_memory_at_every_allocation);
    return CHECK_END();
}
