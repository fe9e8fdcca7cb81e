/* Tasks: the pool, tags, and what the head must say. */
#include "check.h"

#include "base/alloc.h"
#include "server/http_conn.h"
#include "server/server_state.h"
#include "server/stream.h"
#include "server/task.h"

TEST(the_pool_recycles_up_to_its_size)
{
    struct fa_task_pool pool;
    fa_task_pool_init(&pool, 2);
    struct fa_task *t[3];
    for (int i = 0; i < 3; i++) {
        t[i] = fa_task_pool_get(&pool);
        CHECK(t[i] != NULL);
    }
    CHECK_EQ_INT(pool.counters.misses, 3);
    CHECK_EQ_INT(pool.live, 3);
    t[2]->status = 500;
    t[2]->close_after = true;
    CHECK(fa_arena_alloc(&t[2]->arena, 5000) != NULL);
    for (int i = 0; i < 3; i++) {
        fa_task_pool_put(&pool, t[i]);
    }
    CHECK_EQ_INT(pool.counters.size, 2);
    CHECK_EQ_INT(pool.live, 0);
    struct fa_task *again = fa_task_pool_get(&pool);
    CHECK(again == t[1]); /* the warmest first */
    CHECK_EQ_INT(again->status, 0);
    CHECK(!again->close_after && again->stream == NULL && again->user == NULL);
    CHECK_EQ_INT(again->out_start, FA_HTTP_HEAD_ROOM);
    CHECK_EQ_INT(pool.counters.hits, 1);
    fa_task_pool_put(&pool, again);
    fa_task_pool_set_limit(&pool, 1);
    CHECK_EQ_INT(fa_alloc_live(), 1);
    fa_task_pool_deinit(&pool);
    CHECK_EQ_INT(fa_alloc_live(), 0);
}

TEST(out_of_memory)
{
    struct fa_task_pool pool;
    fa_task_pool_init(&pool, 2);
    fa_alloc_fail_at(1);
    CHECK(fa_task_pool_get(&pool) == NULL);
    fa_alloc_fail_at(0);
    CHECK_EQ_INT(pool.live, 0);
    fa_task_pool_deinit(&pool);
}

TEST(tags)
{
    struct fa_task_pool pool;
    fa_task_pool_init(&pool, 0);
    struct fa_task *t = fa_task_pool_get(&pool);
    CHECK(!fa_task_is_tagged(t));
    CHECK(fa_task_is_tagged(fa_task_tag(t)));
    CHECK(fa_task_untag(fa_task_tag(t)) == t);
    CHECK(fa_task_untag(t) == t);
    fa_task_pool_put(&pool, t);
    fa_task_pool_deinit(&pool);
}

TEST(when_to_close)
{
    struct fa_task_pool pool;
    fa_task_pool_init(&pool, 0);
    struct fa_task *t = fa_task_pool_get(&pool);
    t->req.keep_alive = true;
    t->req.minor = 1;
    t->req.expect_continue = true;
    CHECK(!fa_task_should_close(t) && !fa_task_is_keep_alive_10(t));
    atomic_store(&t->last_call, true);
    CHECK(fa_task_should_close(t));
    atomic_store(&t->last_call, false);
    t->req.keep_alive = false;
    t->req.minor = 0;
    CHECK(fa_task_should_close(t) && fa_task_is_keep_alive_10(t));
    t->req.keep_alive = true;
    t->close_after = true;
    CHECK(fa_task_should_close(t));
    t->close_after = false;
    struct fa_stream stream = {.task = t};
    t->stream = &stream; /* nobody asked for the body the client holds back */
    CHECK(fa_task_should_close(t));
    t->app_wants_body = true;
    CHECK(!fa_task_should_close(t));
    t->stream = NULL;
    fa_task_pool_put(&pool, t);
    fa_task_pool_deinit(&pool);
}

TEST(addresses)
{
    static struct fa_server server;
    struct fa_http_conn conn = {.peer = {.family = FA_SOCKET_IPV4, .port = 5, .ip = {127, 0, 0, 1}},
        .local = {.family = FA_SOCKET_UNIX}};
    struct fa_task_pool pool;
    fa_task_pool_init(&pool, 0);
    struct fa_task *t = fa_task_pool_get(&pool);
    t->conn = &conn;
    t->server = &server;
    t->req.headers[0] = (struct fa_http_header){FA_SPAN("X-Forwarded-For"), FA_SPAN("8.8.8.8")};
    t->req.headers[1] = (struct fa_http_header){FA_SPAN("X-Forwarded-Proto"), FA_SPAN("wss")};
    t->req.header_count = 2;
    struct fa_proxy_client client;
    CHECK_EQ_INT(fa_task_client(t, &client), FA_OK);
    CHECK_EQ_SPAN(client.host, "127.0.0.1");
    CHECK_EQ_INT(client.port, 5);
    CHECK(!fa_task_is_secure(t));
    server.proxy.trusted.everyone = true;
    CHECK_EQ_INT(fa_task_client(t, &client), FA_OK);
    CHECK_EQ_SPAN(client.host, "8.8.8.8");
    CHECK_EQ_INT(fa_task_scheme(t, FA_HTTP_SCHEME_HTTP), FA_HTTP_SCHEME_WSS);
    CHECK(fa_task_is_secure(t));
    char host[FA_TASK_HOST_MAX];
    uint16_t port = 0;
    CHECK_EQ_INT(fa_task_local(t, host, &port), FA_ERR_UNSUPPORTED);
    fa_task_pool_put(&pool, t);
    fa_task_pool_deinit(&pool);
}

TEST(who_watches_for_the_client)
{
    struct fa_task_pool pool;
    fa_task_pool_init(&pool, 1);
    struct fa_task *t = fa_task_pool_get(&pool);
    int first, second;
    CHECK(fa_task_set_client_gone(t) == NULL); /* nobody */
    CHECK(fa_task_is_client_gone(t));
    CHECK_EQ_INT(fa_task_watch(t, &first), FA_ERR_CLOSED); /* too late: still ours */
    fa_task_pool_put(&pool, t);
    t = fa_task_pool_get(&pool);
    CHECK(!fa_task_is_client_gone(t));
    CHECK_EQ_INT(fa_task_watch(t, &first), FA_OK);
    CHECK_EQ_INT(fa_task_watch(t, &second), FA_ERR_INVALID);
    CHECK(fa_task_set_client_gone(t) == &first);
    CHECK(fa_task_set_client_gone(t) == NULL); /* handed out once */
    fa_task_pool_put(&pool, t);
    fa_task_pool_deinit(&pool);
}

int main(void)
{
    RUN(the_pool_recycles_up_to_its_size);
    RUN(out_of_memory);
    RUN(tags);
    RUN(when_to_close);
    RUN(who_watches_for_the_client);
    RUN(addresses);
    return CHECK_END();
}
