/* Route tables: checks, users, owner. */
#include <string.h>

#include "check.h"

#include "server/route_table.h"

static void run(struct fa_task *t)
{
    (void)t;
}

static struct fa_router *new_router(void)
{
    struct fa_router *router = NULL;
    CHECK_EQ_INT(fa_router_new(&router), FA_OK);
    CHECK_EQ_INT(fa_router_freeze(router), FA_OK);
    return router;
}

TEST(the_last_user_frees_it)
{
    int owner = 0;
    struct fa_route_table *table = NULL;
    struct fa_route routes[2] = {
        {.id = 0, .lane = FA_LANE_LOOP}, {.id = 1, .lane = FA_LANE_INLINE, .inline_run = run}};
    CHECK_EQ_INT(fa_route_table_new(new_router(), routes, 2, NULL, NULL, &owner, &table), FA_OK);
    CHECK_EQ_INT(table->count, 2);
    fa_route_table_retain(table);
    CHECK(fa_route_table_release(table) == NULL);
    CHECK(fa_route_table_release(table) == &owner);
}

TEST(bad_routes_are_refused)
{
    struct fa_route_table *table = NULL;
    struct fa_router *router = new_router();
    struct fa_route wrong_id = {.id = 1, .lane = FA_LANE_LOOP};
    struct fa_route no_handler = {.id = 0, .lane = FA_LANE_INLINE};
    CHECK_EQ_INT(
        fa_route_table_new(router, &wrong_id, 1, NULL, NULL, NULL, &table), FA_ERR_INVALID);
    CHECK_EQ_INT(
        fa_route_table_new(router, &no_handler, 1, NULL, NULL, NULL, &table), FA_ERR_INVALID);
    CHECK_EQ_INT(fa_route_table_new(NULL, &wrong_id, 1, NULL, NULL, NULL, &table), FA_ERR_INVALID);
    fa_router_free(router);
    CHECK_EQ_INT(fa_route_table_new(NULL, NULL, 0, NULL, NULL, NULL, &table), FA_OK);
    CHECK(fa_route_table_release(table) == NULL);
}

static void add(struct fa_router *router, const char *path)
{
    CHECK_EQ_INT(fa_router_add(router, (fa_span){path, strlen(path)}, 1, 0), FA_OK);
}

static bool is_missed(const struct fa_route_table *table, const char *path)
{
    const struct fa_route *route = fa_route_table_missed(table, (fa_span){path, strlen(path)});
    CHECK(route == NULL || route == &table->routes[0]);
    return route != NULL;
}

TEST(only_a_certain_miss_is_one)
{
    struct fa_route route = {.id = 0, .lane = FA_LANE_LOOP};
    for (int slashes = 0; slashes < 2; slashes++) {
        struct fa_route_miss miss = {.slashes = slashes != 0};
        CHECK_EQ_INT(fa_router_new(&miss.known), FA_OK);
        add(miss.known, "/items");
        add(miss.known, "/users/{id}");
        add(miss.known, "/dir/");
        CHECK_EQ_INT(fa_router_add_opaque(miss.known, FA_SPAN("/static"), 0), FA_OK);
        CHECK_EQ_INT(fa_router_freeze(miss.known), FA_OK);
        struct fa_route_table *table = NULL;
        CHECK_EQ_INT(fa_route_table_new(new_router(), &route, 1, &miss, NULL, NULL, &table), FA_OK);
        CHECK(is_missed(table, "/"));
        CHECK(is_missed(table, "/nothing"));
        CHECK(is_missed(table, "/users/1/x"));
        CHECK(!is_missed(table, "/items"));
        CHECK(!is_missed(table, "/users/1"));
        CHECK(!is_missed(table, "/static/file"));
        CHECK(!is_missed(table, "/line\n"));
        CHECK(!is_missed(table, ""));
        CHECK(is_missed(table, "/items/") == !miss.slashes);
        CHECK(is_missed(table, "/items//") == !miss.slashes);
        CHECK(is_missed(table, "/dir") == !miss.slashes);
        CHECK(is_missed(table, "//") == !miss.slashes);
        char text[2000];
        memset(text, 'a', sizeof text);
        text[0] = '/';
        fa_span path = {text, sizeof text};
        CHECK((fa_route_table_missed(table, path) != NULL) == !miss.slashes);
        CHECK(fa_route_table_release(table) == NULL);
    }
    struct fa_route_table *table = NULL;
    struct fa_route_miss wrong = {.route = 1};
    CHECK_EQ_INT(fa_route_table_new(NULL, NULL, 0, &wrong, NULL, NULL, &table), FA_ERR_INVALID);
    CHECK_EQ_INT(fa_route_table_new(new_router(), &route, 1, NULL, NULL, NULL, &table), FA_OK);
    CHECK(!is_missed(table, "/nothing"));
    CHECK(fa_route_table_release(table) == NULL);
}

int main(void)
{
    RUN(the_last_user_frees_it);
    RUN(bad_routes_are_refused);
    RUN(only_a_certain_miss_is_one);
    return CHECK_END();
}
