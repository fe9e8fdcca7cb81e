/* task.c - the pool of request tasks. */
#include "server/task.h"

#include "base/alloc.h"
#include "net/socket.h"
#include "server/http_conn.h"
#include "server/server_state.h"

void fa_task_pool_init(struct fa_task_pool *pool, uint64_t limit)
{
    pool->free = NULL;
    fa_pool_counters_init(&pool->counters, limit);
    pool->live = 0;
}

void fa_task_pool_deinit(struct fa_task_pool *pool)
{
    fa_task_pool_set_limit(pool, 0);
}

/* Everything but the large parsed parts, which are written before they are read. */
static void reset(struct fa_task *t)
{
    t->conn = NULL;
    t->server = NULL;
    t->next = NULL;
    t->stalled_next = NULL;
    t->stalled_prev = NULL;
    t->route = NULL;
    t->table = NULL;
    t->path = (fa_span){NULL, 0};
    t->path_invalid_utf8 = false;
    t->head_only = false;
    t->body = (fa_span){NULL, 0};
    t->in = NULL;
    t->body_buf = NULL;
    t->out = NULL;
    t->out_start = FA_HTTP_HEAD_ROOM;
    t->out_end = FA_HTTP_HEAD_ROOM;
    t->tail.ptr = NULL;
    t->tail.len = 0;
    t->tail.owner = NULL;
    t->status = 0;
    t->close_after = false;
    t->hand_over = false;
    t->stream = NULL;
    t->user = NULL;
    t->user_kind = 0;
    t->app_wants_body = false;
    t->state = FA_TASK_PARSING;
    t->body_kind = FA_TASK_BODY_NONE;
    t->body_left = 0;
    t->body_seen = 0;
    t->body_offset = 0;
    t->interim_left = 0;
    t->wants_continue = false;
    t->body_complete = true;
    t->answered = false;
    t->wants_worker = false;
    t->body_held = 0;
    t->body_since_ns = 0;
    t->out_sent = 0;
    t->tail_sent = 0;
    t->sent_total = 0;
    t->t_parsed_ns = 0;
    atomic_store_explicit(&t->last_call, false, memory_order_relaxed);
    atomic_store_explicit(&t->client_gone, false, memory_order_relaxed);
    atomic_store_explicit(&t->watcher, NULL, memory_order_relaxed);
    t->req.method_text = (fa_span){NULL, 0};
    t->req.keep_alive = false;
    t->req.upgrade = false;
}

struct fa_task *fa_task_pool_get(struct fa_task_pool *pool)
{
    struct fa_task *t = pool->free;
    if (FA_LIKELY(fa_pool_counters_take(&pool->counters))) {
        pool->free = t->next;
    } else {
        t = fa_alloc(sizeof *t);
        if (t == NULL) {
            return NULL;
        }
        fa_arena_init(&t->arena, 1024);
    }
    pool->live++;
    reset(t);
    return t;
}

void fa_task_pool_put(struct fa_task_pool *pool, struct fa_task *t)
{
    FA_ASSERT(pool->live > 0);
    FA_ASSERT(t->in == NULL && t->out == NULL && t->body_buf == NULL && t->stream == NULL);
    pool->live--;
    if (FA_UNLIKELY(!fa_pool_counters_keep(&pool->counters))) {
        fa_arena_deinit(&t->arena);
        fa_free(t);
        return;
    }
    fa_arena_reset(&t->arena);
    t->state = FA_TASK_FREE;
    t->next = pool->free;
    pool->free = t;
}

void fa_task_pool_set_limit(struct fa_task_pool *pool, uint64_t limit)
{
    atomic_store_explicit(&pool->counters.limit, limit, memory_order_relaxed);
    while (fa_pool_counters_shrink(&pool->counters)) {
        struct fa_task *t = pool->free;
        pool->free = t->next;
        fa_arena_deinit(&t->arena);
        fa_free(t);
    }
}

fa_status fa_task_client(const struct fa_task *t, struct fa_proxy_client *out)
{
    return fa_proxy_client(&t->server->proxy, &t->conn->peer, &t->req, out);
}

enum fa_http_scheme fa_task_scheme(const struct fa_task *t, enum fa_http_scheme plain)
{
    return fa_proxy_scheme(&t->server->proxy, &t->conn->peer, &t->req, plain);
}

bool fa_task_is_secure(const struct fa_task *t)
{
    enum fa_http_scheme scheme = fa_task_scheme(t, FA_HTTP_SCHEME_HTTP);
    return scheme == FA_HTTP_SCHEME_HTTPS || scheme == FA_HTTP_SCHEME_WSS;
}

fa_span fa_task_prefix(const struct fa_task *t)
{
    return fa_proxy_prefix(&t->server->proxy, &t->conn->peer, &t->req);
}

fa_status fa_task_local(const struct fa_task *t, char *host, uint16_t *port)
{
    const struct fa_socket_address *local = &t->conn->local;
    fa_status st = fa_socket_address_text(local, host);
    if (st == FA_OK) {
        *port = local->port;
    }
    return st;
}

fa_status fa_task_watch(struct fa_task *t, void *owner)
{
    void *none = NULL;
    if (!atomic_compare_exchange_strong(&t->watcher, &none, owner)) {
        return FA_ERR_INVALID;
    }
    if (!atomic_load(&t->client_gone)) {
        return FA_OK;
    }
    /* Who takes it out has to drop it. */
    return atomic_exchange(&t->watcher, NULL) == NULL ? FA_OK : FA_ERR_CLOSED;
}

void *fa_task_set_client_gone(struct fa_task *t)
{
    atomic_store(&t->client_gone, true);
    return atomic_exchange(&t->watcher, NULL);
}
