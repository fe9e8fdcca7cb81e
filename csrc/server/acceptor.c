/* acceptor.c - who is let in: the listeners of a reactor, from start to drain. */
#include "server/acceptor.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <sys/socket.h>

#include "server/http_conn.h"
#include "server/server_state.h"

#define ACCEPTS_PER_ROUND 64
#define ACCEPT_PAUSE_NS   UINT64_C(100000000)
#define HANDSHAKE_NS      UINT64_C(50000000) /* a drain waits for handshakes under way */

/* ---- which listeners ---- */

/* The listeners that are accepted from unless all rest. */
static uint32_t wanted(const struct fa_reactor *r)
{
    uint32_t all = (uint32_t)((UINT64_C(1) << r->listener_count) - 1);
    return all & (~r->kept | atomic_load_explicit(&r->server->accept_from, memory_order_acquire));
}

bool fa_acceptor_has_news(const struct fa_reactor *r)
{
    return r->accepting && r->polled != wanted(r);
}

static void poll_wanted(struct fa_reactor *r)
{
    uint32_t want = r->accepting ? wanted(r) : 0;
    for (uint32_t i = 0; i < r->listener_count; i++) {
        struct fa_listener *l = &r->listeners[i];
        uint32_t bit = 1u << i;
        if (((want ^ r->polled) & bit) == 0) {
            continue;
        }
        if ((r->polled & bit) != 0) {
            fa_poller_remove(&r->poller, l->fd);
        } else if (fa_poller_add_source(&r->poller, l->fd, l, true) != FA_OK) {
            r->accepting = false; /* tried again after the pause */
            r->accept_again_ns = r->now_ns + ACCEPT_PAUSE_NS;
            return;
        }
        r->polled ^= bit;
    }
}

void fa_acceptor_set(struct fa_reactor *r, bool on)
{
    r->accepting = on;
    poll_wanted(r);
}

void fa_acceptor_resume(struct fa_reactor *r)
{
    if (r->drained) {
        return;
    }
    if (!r->accepting && r->open < r->max_open && r->now_ns >= r->accept_again_ns) {
        r->accepting = true;
    }
    if (r->accepting && r->polled != wanted(r)) {
        poll_wanted(r);
    }
}

/* ---- accepting ---- */

int fa_acceptor_open_spare(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/*
 * No descriptor is left. One waiting client is taken with the spare one and
 * closed, so that it does not wait for ever; then accepting rests a moment,
 * else the level-triggered listener would keep the reactor spinning.
 */
static void shed_connection(struct fa_reactor *r, struct fa_listener *l)
{
    int fd;
    struct fa_socket_address peer;
    fa_socket_close(r->spare_fd);
    r->spare_fd = -1;
    if (fa_socket_accept(l->fd, &fd, &peer) == FA_OK) {
        fa_socket_close(fd);
    }
    r->spare_fd = fa_acceptor_open_spare();
    r->accept_again_ns = r->now_ns + ACCEPT_PAUSE_NS;
    fa_acceptor_set(r, false);
}

static fa_status take(struct fa_reactor *r, int fd, const struct fa_socket_address *peer)
{
    fa_status st = fa_http_conn_new(r->server, fd, peer);
    if (st != FA_OK) {
        fa_socket_close(fd);
    }
    fa_pressure_note_fd(&r->pressure, fd);
    return st;
}

void fa_acceptor_on_readable(struct fa_reactor *r, struct fa_listener *l)
{
    for (int i = 0; i < ACCEPTS_PER_ROUND && r->accepting; i++) {
        if (r->open >= r->max_open) {
            fa_acceptor_set(r, false);
            return;
        }
        int fd;
        struct fa_socket_address peer;
        fa_status st = fa_socket_accept(l->fd, &fd, &peer);
        if (st == FA_AGAIN) {
            return;
        }
        if (st == FA_OK) {
            st = take(r, fd, &peer);
        }
        if (st != FA_OK) {
            shed_connection(r, l);
            return;
        }
    }
}

/* ---- draining ---- */

/* Does somebody else serve whoever waits there? */
static bool is_left(const struct fa_reactor *r, uint32_t i)
{
    uint32_t bit = 1u << i;
    bool over = atomic_load_explicit(&r->server->taken_over, memory_order_acquire);
    return (r->kept & bit) != 0 && (!over || (wanted(r) & bit) == 0);
}

/*
 * Let the kernel ignore new connection attempts on a TCP listener that is ours
 * alone: the client tries again after a second, and meets another process or a
 * closed port. Those whose handshake is under way still get through. Closing
 * at once would reset them, since with SO_REUSEPORT the kernel deals clients
 * out to listeners at their first packet.
 */
static bool ignore_newcomers(const struct fa_reactor *r, uint32_t i)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 13),           /* the flags in the TCP header */
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x02, 0, 1), /* SYN? */
        BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
    };
    const struct sock_fprog program = {.len = sizeof code / sizeof code[0], .filter = code};
    const struct fa_listener *l = &r->listeners[i];
    bool ours = l->path == NULL && (r->inherited >> i & 1u) == 0 && !is_left(r, i);
    return ours && setsockopt(l->fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0;
}

/* Take all whom the kernel has connected. False: there is no room for more. */
static bool take_backlog(struct fa_reactor *r, const struct fa_listener *l)
{
    fa_status st = FA_OK;
    while (st == FA_OK && r->open < r->max_open) {
        int fd;
        struct fa_socket_address peer;
        st = fa_socket_accept(l->fd, &fd, &peer);
        if (st == FA_OK) {
            st = take(r, fd, &peer);
        }
    }
    return st == FA_AGAIN || st == FA_ERR_IO;
}

/* Close the listeners without losing a client; when there is no room, at the very end. */
static void close_listeners(struct fa_reactor *r)
{
    bool room = true;
    for (uint32_t i = 0; i < r->listener_count; i++) {
        struct fa_listener *l = &r->listeners[i];
        if (is_left(r, i)) {
            continue;
        }
        if (l->path != NULL) {
            (void)shutdown(l->fd, SHUT_RD); /* Unix: nobody else gets in, those waiting stay */
        }
        room = take_backlog(r, l) && room;
    }
    if (!room && r->now_ns < r->listen_until_ns + FA_HTTP_CONN_DRAIN_NS) {
        return;
    }
    fa_acceptor_set(r, false);
    for (uint32_t i = 0; i < r->listener_count; i++) {
        fa_listener_close(&r->listeners[i]);
    }
    r->listener_count = 0;
}

bool fa_acceptor_drain(struct fa_reactor *r)
{
    if (r->listen_until_ns == 0) {
        bool waits = false;
        for (uint32_t i = 0; i < r->listener_count; i++) {
            waits = ignore_newcomers(r, i) || waits;
        }
        r->listen_until_ns = r->now_ns + (waits ? HANDSHAKE_NS : 0);
    }
    if (r->now_ns < r->listen_until_ns) {
        return false;
    }
    if (r->listener_count > 0) {
        close_listeners(r);
    }
    return true;
}
