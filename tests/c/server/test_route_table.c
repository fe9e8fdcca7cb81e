/* Route tables: checks, users, owner. */
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
    CHECK_EQ_INT(fa_route_table_new(new_router(), routes, 2, &owner, &table), FA_OK);
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
    CHECK_EQ_INT(fa_route_table_new(router, &wrong_id, 1, NULL, &table), FA_ERR_INVALID);
    CHECK_EQ_INT(fa_route_table_new(router, &no_handler, 1, NULL, &table), FA_ERR_INVALID);
    CHECK_EQ_INT(fa_route_table_new(NULL, &wrong_id, 1, NULL, &table), FA_ERR_INVALID);
    fa_router_free(router);
    CHECK_EQ_INT(fa_route_table_new(NULL, NULL, 0, NULL, &table), FA_OK);
    CHECK(fa_route_table_release(table) == NULL);
}

int main(void)
{
    RUN(the_last_user_frees_it);
    RUN(bad_routes_are_refused);
    return CHECK_END();
}
