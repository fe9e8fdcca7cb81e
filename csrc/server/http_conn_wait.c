/* http_conn_wait.c - what a connection waits for, and until when. */
#include "server/http_conn_wait.h"

#include "server/http_conn_read.h"
#include "server/http_conn_write.h"
#include "server/server_state.h"

/* A lingering close reads for at most this long. */
#define LINGER_NS UINT64_C(5000000000)

static enum fa_http_conn_wait waits_for(const struct fa_http_conn *c)
{
    if (c->phase == FA_HTTP_CONN_LINGERING) {
        return FA_HTTP_CONN_WAIT_LINGER;
    }
    if (c->stalled != NULL) {
        return FA_HTTP_CONN_WAIT_QUEUE;
    }
    if (!c->writable && fa_http_conn_write_has_output(c)) {
        return FA_HTTP_CONN_WAIT_SEND;
    }
    if (c->reading != NULL && c->no_room) {
        return FA_HTTP_CONN_WAIT_ROOM;
    }
    if (c->reading != NULL) {
        bool peers_turn = !c->body_paused && !c->tunnel && !c->reading->wants_continue;
        return peers_turn ? FA_HTTP_CONN_WAIT_BODY : FA_HTTP_CONN_WAIT_NOTHING;
    }
    if (c->in_end > c->in_start && fa_http_conn_read_may_parse(c)) {
        return FA_HTTP_CONN_WAIT_HEAD;
    }
    if (c->first != NULL) {
        return FA_HTTP_CONN_WAIT_NOTHING;
    }
    return c->has_asked ? FA_HTTP_CONN_WAIT_REQUEST : FA_HTTP_CONN_WAIT_NEWCOMER;
}

/* The drain leaves little time to a client from which nothing may be coming. */
static uint64_t drained_least(const struct fa_http_conn *c, uint64_t ns)
{
    bool least = c->server->reactor.drained && ns > FA_HTTP_CONN_DRAIN_NS;
    return least ? FA_HTTP_CONN_DRAIN_NS : ns;
}

/* Something else is waited for than before, or the peer has moved on. */
static void begin_wait(struct fa_http_conn *c, enum fa_http_conn_wait wait)
{
    uint64_t now_ns = c->server->reactor.now_ns;
    /* The time for the first head has begun with the connection. */
    bool goes_on = c->wait == FA_HTTP_CONN_WAIT_NEWCOMER && wait == FA_HTTP_CONN_WAIT_HEAD;
    if (wait == FA_HTTP_CONN_WAIT_BODY && c->wait != FA_HTTP_CONN_WAIT_BODY) {
        fa_rate_start(&c->reading->body_rate, now_ns, c->reading->body_seen); /* it was our turn */
    }
    if (!goes_on) {
        c->mark_ns = now_ns;
    }
    c->wait = (uint8_t)wait;
    c->progress = false;
}

/*
 * The timer is left alone when it fires no later than the new deadline: it is
 * armed again when it does. So a request on a busy connection costs a store.
 */
void fa_http_conn_wait_update(struct fa_http_conn *c)
{
    const struct fa_config *config = &c->server->config;
    enum fa_http_conn_wait wait = waits_for(c);
    if (wait != (enum fa_http_conn_wait)c->wait || c->progress) {
        begin_wait(c, wait);
    }
    uint64_t deadline = 0;
    switch (wait) {
    case FA_HTTP_CONN_WAIT_NOTHING: break;
    case FA_HTTP_CONN_WAIT_REQUEST:
        deadline = c->mark_ns + drained_least(c, fa_config_seconds_ns(config->keep_alive_timeout));
        break;
    case FA_HTTP_CONN_WAIT_NEWCOMER:
        deadline = c->mark_ns + drained_least(c, fa_config_seconds_ns(config->header_timeout));
        break;
    case FA_HTTP_CONN_WAIT_HEAD:
        deadline = c->mark_ns + fa_config_seconds_ns(config->header_timeout);
        break;
    case FA_HTTP_CONN_WAIT_BODY:
        deadline = c->mark_ns + fa_config_seconds_ns(config->body_timeout);
        break;
    case FA_HTTP_CONN_WAIT_SEND:
        deadline = c->mark_ns + fa_config_seconds_ns(config->send_timeout);
        break;
    case FA_HTTP_CONN_WAIT_ROOM:
    case FA_HTTP_CONN_WAIT_QUEUE:
        deadline = c->mark_ns + fa_config_seconds_ns(config->queue_timeout);
        break;
    case FA_HTTP_CONN_WAIT_LINGER: deadline = c->mark_ns + drained_least(c, LINGER_NS); break;
    }
    c->deadline_ns = deadline;
    if (deadline != 0 &&
        (!fa_timer_wheel_is_armed(&c->timer) ||
            c->timer.tick * FA_TIMER_WHEEL_TICK_NS > deadline + FA_TIMER_WHEEL_TICK_NS)) {
        fa_timer_wheel_arm(&c->server->reactor.wheel, &c->timer, deadline);
    }
}

bool fa_http_conn_wait_is_over(struct fa_http_conn *c)
{
    struct fa_reactor *r = &c->server->reactor;
    if (c->deadline_ns == 0) {
        return false;
    }
    if (r->now_ns < c->deadline_ns) {
        fa_timer_wheel_arm(&r->wheel, &c->timer, c->deadline_ns);
        return false;
    }
    return true;
}
