/* intake.c - the bytes of requests that come in: how many may, and how many are held. */
#include "server/intake.h"

#include "server/http_conn.h"
#include "server/http_conn_wait.h"
#include "server/server_state.h"

/* Waiting bodies go on when a sixteenth of the budget is free: not for each byte. */
#define RESUME_PART 16

static struct fa_intake *intake_of(const struct fa_http_conn *c)
{
    return &c->server->intake;
}

void fa_intake_init(struct fa_intake *in, const struct fa_config *config)
{
    in->budget = (uint64_t)config->body_budget;
    in->resume_at = in->budget - in->budget / RESUME_PART;
    atomic_init(&in->held, 0);
    atomic_init(&in->waiting, false);
}

/* ---- limits ---- */

/* Bytes a body may have on the road it takes. */
static uint64_t most_of(const struct fa_config *config, const struct fa_task *t)
{
    if (t->body_kind == FA_TASK_BODY_TUNNEL || (t->route == NULL && config->max_stream_size == 0)) {
        return UINT64_MAX;
    }
    return (uint64_t)(t->route != NULL ? config->max_body_size : config->max_stream_size);
}

static fa_status check(struct fa_http_conn *c, const struct fa_task *t, uint64_t bytes)
{
    return bytes <= most_of(&c->server->config, t) ? FA_OK : FA_ERR_BODY_TOO_LARGE;
}

fa_status fa_intake_begin(struct fa_http_conn *c, struct fa_task *t)
{
    uint64_t now_ns = c->server->reactor.now_ns;
    t->body_since_ns = now_ns;
    fa_rate_start(&t->body_rate, now_ns, 0);
    return t->body_kind == FA_TASK_BODY_LENGTH ? check(c, t, t->req.content_length) : FA_OK;
}

fa_status fa_intake_take(struct fa_http_conn *c, size_t n)
{
    struct fa_task *t = c->reading;
    const struct fa_config *config = &c->server->config;
    c->progress = true;
    t->body_seen += n;
    fa_rate_note(&t->body_rate, c->server->reactor.now_ns, t->body_seen,
        fa_config_seconds_ns(config->tight_body_timeout));
    if (t->answered) {
        return FA_OK; /* skipped, see http_body.c */
    }
    if (t->stream == NULL) { /* else the stream holds what the app has not read */
        t->body_held += n;
        fa_intake_hold(intake_of(c), n);
    }
    return check(c, t, t->body_seen);
}

/* ---- what is held ---- */

void fa_intake_hold(struct fa_intake *in, size_t n)
{
    atomic_fetch_add_explicit(&in->held, n, memory_order_relaxed);
}

bool fa_intake_let_go(struct fa_intake *in, size_t n)
{
    atomic_fetch_sub_explicit(&in->held, n, memory_order_seq_cst);
    return atomic_load_explicit(&in->waiting, memory_order_seq_cst);
}

void fa_intake_drop(struct fa_task *t)
{
    if (t->body_held > 0) {
        (void)fa_intake_let_go(&t->server->intake, t->body_held);
        t->body_held = 0;
    }
}

void fa_intake_note_unread(struct fa_http_conn *c)
{
    /* While a body is read, what lies there is counted as that. */
    uint32_t unread = c->reading == NULL ? c->in_end - c->in_start : 0;
    if (unread > c->in_held) {
        fa_intake_hold(intake_of(c), unread - c->in_held);
    } else if (unread < c->in_held) {
        (void)fa_intake_let_go(intake_of(c), c->in_held - unread);
    }
    c->in_held = unread;
}

/* ---- when it is full ---- */

static uint64_t held(struct fa_intake *in)
{
    return atomic_load_explicit(&in->held, memory_order_seq_cst);
}

uint64_t fa_intake_room(struct fa_http_conn *c)
{
    struct fa_intake *in = intake_of(c);
    uint64_t now = atomic_load_explicit(&in->held, memory_order_relaxed);
    c->no_room = false;
    if (FA_LIKELY(now < in->budget)) {
        return in->budget - now;
    }
    atomic_store_explicit(&in->waiting, true, memory_order_seq_cst);
    now = held(in);
    c->no_room = now >= in->budget;
    return c->no_room ? 0 : in->budget - now;
}

void fa_intake_resume(struct fa_reactor *r)
{
    struct fa_intake *in = &r->server->intake;
    if (held(in) > in->resume_at) {
        return;
    }
    atomic_store_explicit(&in->waiting, false, memory_order_seq_cst);
    for (struct fa_http_conn *c = r->conns; c != NULL; c = c->next) {
        if (c->no_room && c->phase == FA_HTTP_CONN_OPEN) {
            c->no_room = false;
            fa_reactor_schedule(r, c);
        }
    }
}

/* Is there something to be had back by refusing its body? What a stream holds is the app's to let
 * go, and little. */
static bool is_refusable(const struct fa_http_conn *c)
{
    return c->phase == FA_HTTP_CONN_OPEN && c->reading != NULL && c->reading->body_held > 0;
}

/* Bytes a nanosecond, over the time in which the client could send: not while we did not read. */
static double speed(const struct fa_http_conn *c, uint64_t now_ns)
{
    const struct fa_task *t = c->reading;
    uint64_t end_ns = c->wait == FA_HTTP_CONN_WAIT_ROOM ? c->mark_ns : now_ns;
    return (double)t->body_seen / ((double)(end_ns - t->body_since_ns) + 1.0);
}

static struct fa_http_conn *find_slowest(const struct fa_reactor *r)
{
    struct fa_http_conn *slowest = NULL;
    double least = 0.0;
    for (struct fa_http_conn *c = r->conns; c != NULL; c = c->next) {
        if (!is_refusable(c)) {
            continue;
        }
        double found = speed(c, r->now_ns);
        if (slowest == NULL || found < least) {
            slowest = c;
            least = found;
        }
    }
    return slowest;
}

static void refuse(struct fa_reactor *r, struct fa_http_conn *c)
{
    fa_limit_news_note(&r->news, &r->server->stats.bodies_refused);
    c->no_room = false;
    fa_http_conn_fail(c, FA_ERR_UNAVAILABLE);
    fa_reactor_schedule(r, c);
}

void fa_intake_make_room(struct fa_reactor *r, struct fa_http_conn *waiter)
{
    struct fa_intake *in = &r->server->intake;
    while (held(in) > in->resume_at) {
        struct fa_http_conn *c = find_slowest(r);
        if (c == NULL) {
            refuse(r, waiter);
            return;
        }
        refuse(r, c);
    }
}
