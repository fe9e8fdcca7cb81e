/* pressure.c - what a reactor does when room gets scarce. */
#include "server/pressure.h"

#include <string.h>
#include <unistd.h>

#include "server/http_conn.h"
#include "server/http_conn_wait.h"
#include "server/server_state.h"

/* Lateness is told apart in steps of a tick, and then as "more". */
#define STEPS 64

void fa_pressure_init(
    struct fa_pressure *p, const struct fa_config *config, size_t max_open, uint64_t max_fds)
{
    double part = (double)config->pressure_percent / 100.0;
    memset(p, 0, sizeof *p);
    p->most_open = (size_t)((double)max_open * part);
    p->most_fd = max_fds < INT32_MAX ? (int)((double)max_fds * part) : INT32_MAX;
    p->most_held = (uint64_t)((double)config->body_budget * part);
    p->due_ns = FA_PRESSURE_NEVER;
}

/* Not by the number of connections: by what they hold, or by what others hold. */
static bool lacks_room(const struct fa_reactor *r)
{
    return r->pressure.few_fds || atomic_load_explicit(&r->server->intake.held,
                                      memory_order_relaxed) > r->pressure.most_held;
}

bool fa_pressure_is_on(const struct fa_reactor *r)
{
    return r->open > r->pressure.most_open || lacks_room(r);
}

/* The app may have let go of descriptors since the last connection was accepted. */
static void look_at_fds(struct fa_reactor *r)
{
    if (r->pressure.few_fds) {
        int fd = dup(r->poller.fd);
        fa_pressure_note_fd(&r->pressure, fd >= 0 ? fd : INT32_MAX);
        fa_socket_close(fd);
    }
}

/* ---- who goes ---- */

static uint64_t beyond(const struct fa_reactor *r, uint64_t since_ns, double seconds)
{
    uint64_t end_ns = since_ns + fa_config_seconds_ns(seconds);
    return r->now_ns > end_ns ? r->now_ns - end_ns : 0;
}

static uint64_t body_lateness(const struct fa_reactor *r, const struct fa_http_conn *c)
{
    const struct fa_config *config = &c->server->config;
    const struct fa_task *t = c->reading;
    uint64_t window_ns = fa_config_seconds_ns(config->tight_body_timeout);
    uint64_t late_ns = beyond(r, c->mark_ns, config->tight_body_timeout);
    if (!c->tunnel && fa_rate_is_below(&t->body_rate, r->now_ns, t->body_seen,
                          (uint64_t)config->tight_body_rate, window_ns)) {
        uint64_t slow_ns = beyond(r, t->body_rate.at_ns[0], config->tight_body_timeout) + 1;
        late_ns = slow_ns > late_ns ? slow_ns : late_ns;
    }
    return late_ns;
}

/* For how long it has been beyond the tight limit of what it waits for [ns]; 0: it is not. */
static uint64_t lateness(const struct fa_reactor *r, const struct fa_http_conn *c)
{
    const struct fa_config *config = &c->server->config;
    switch ((enum fa_http_conn_wait)c->wait) {
    case FA_HTTP_CONN_WAIT_NEWCOMER:
    case FA_HTTP_CONN_WAIT_HEAD: return beyond(r, c->mark_ns, config->tight_header_timeout);
    case FA_HTTP_CONN_WAIT_BODY: return body_lateness(r, c);
    case FA_HTTP_CONN_WAIT_SEND: return beyond(r, c->mark_ns, config->tight_send_timeout);
    case FA_HTTP_CONN_WAIT_NOTHING:
    case FA_HTTP_CONN_WAIT_REQUEST:
    case FA_HTTP_CONN_WAIT_ROOM:
    case FA_HTTP_CONN_WAIT_QUEUE:
    case FA_HTTP_CONN_WAIT_LINGER: break;
    }
    return 0;
}

/* 0: in time. */
static uint32_t step_of(const struct fa_reactor *r, const struct fa_http_conn *c)
{
    uint64_t late_ns = c->phase == FA_HTTP_CONN_OPEN ? lateness(r, c) : 0;
    if (late_ns == 0) {
        return 0;
    }
    uint64_t step = late_ns / FA_PRESSURE_TICK_NS + 1;
    return step < STEPS ? (uint32_t)step : STEPS - 1;
}

/* How many must go. Of the connections, those that were ended and linger are as good as gone;
 * where room is lacking nobody knows, so it is the slowest, tick by tick. */
static size_t surplus(const struct fa_reactor *r, size_t lingering)
{
    size_t most = r->pressure.most_open + lingering;
    if (r->open > most) {
        return r->open - most;
    }
    return lacks_room(r) ? 1 : 0;
}

/* Where the slowest begin: as many steps, from the last one down, as have the surplus in them. */
static uint32_t find_step(const struct fa_reactor *r)
{
    size_t count[STEPS] = {0};
    size_t found = 0, lingering = 0;
    for (const struct fa_http_conn *c = r->conns; c != NULL; c = c->next) {
        count[step_of(r, c)]++;
        lingering += c->phase == FA_HTTP_CONN_LINGERING;
    }
    size_t wanted = surplus(r, lingering);
    uint32_t step = STEPS;
    while (step > 1 && found < wanted) {
        found += count[--step];
    }
    return step;
}

static void end_slowest(struct fa_reactor *r)
{
    uint32_t from = find_step(r);
    struct fa_http_conn *c = r->conns;
    while (c != NULL && fa_pressure_is_on(r)) {
        struct fa_http_conn *next = c->next; /* ended ones leave the list */
        if (step_of(r, c) >= from) {
            fa_stats_bump(&r->server->stats.pressure_ended, 1);
            fa_http_conn_time_out(c);
        }
        c = next;
    }
}

void fa_pressure_turn(struct fa_reactor *r)
{
    struct fa_pressure *p = &r->pressure;
    if (FA_LIKELY(!fa_pressure_is_on(r))) {
        p->due_ns = FA_PRESSURE_NEVER;
        return;
    }
    if (p->due_ns != FA_PRESSURE_NEVER && r->now_ns < p->due_ns) {
        return;
    }
    look_at_fds(r);
    end_slowest(r);
    p->due_ns = r->now_ns + FA_PRESSURE_TICK_NS;
}
