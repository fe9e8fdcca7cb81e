/*
 * poller.h - readiness of sockets: epoll behind a small interface.
 *
 * Connections are registered once, edge-triggered for both directions, and
 * never modified again: what a connection does not want to hear it remembers
 * (http_conn.h). That keeps epoll_ctl off the path of a request.
 *
 * owner: one thread, except fa_poller_init and fa_poller_deinit.
 */
#ifndef FA_NET_POLLER_H
#define FA_NET_POLLER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "base/base.h"
#include "base/status.h"

struct fa_poller {
    int fd;
};

struct fa_poller_event {
    struct epoll_event raw;
};

/*
 * fa_poller_init - make an empty poller.
 *
 * Errors: FA_ERR_IO.
 */
FA_NODISCARD fa_status fa_poller_init(struct fa_poller *p);

/*
 * fa_poller_deinit - close it; registered descriptors stay open.
 */
void fa_poller_deinit(struct fa_poller *p);

/*
 * fa_poller_add_stream - watch a connection, both directions, edge-triggered.
 *
 * `data` comes back with each event. Also right for an eventfd that is only
 * there to end a wait: each write is an edge, so it never has to be read.
 *
 * Errors: FA_ERR_IO (the kernel's limit, or out of memory).
 */
FA_NODISCARD fa_status fa_poller_add_stream(struct fa_poller *p, int fd, void *data);

/*
 * fa_poller_add_source - watch a descriptor for reading, level-triggered.
 *
 * `exclusive`: of several processes that watch the same listening socket wake
 * one, not all.
 *
 * Errors: FA_ERR_IO.
 */
FA_NODISCARD fa_status fa_poller_add_source(
    struct fa_poller *p, int fd, void *data, bool exclusive);

/*
 * fa_poller_remove - stop watching. (Closing a descriptor does it as well.)
 */
void fa_poller_remove(struct fa_poller *p, int fd);

/*
 * fa_poller_wait - wait for events.
 *
 * timeout_ms: -1 for ever, 0 only look. *count is 0 on a timeout or a signal.
 *
 * Errors: FA_ERR_IO.
 */
FA_NODISCARD fa_status fa_poller_wait(
    struct fa_poller *p, struct fa_poller_event *events, int capacity, int timeout_ms, int *count);

/* What an event says. End and error count as readable: a read tells which. */
static inline void *fa_poller_event_data(const struct fa_poller_event *e)
{
    return e->raw.data.ptr;
}

static inline bool fa_poller_event_is_readable(const struct fa_poller_event *e)
{
    return (e->raw.events & (uint32_t)(EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
}

static inline bool fa_poller_event_is_writable(const struct fa_poller_event *e)
{
    return (e->raw.events & (uint32_t)(EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0;
}

/* The peer has closed its side or the connection is broken. */
static inline bool fa_poller_event_is_hangup(const struct fa_poller_event *e)
{
    return (e->raw.events & (uint32_t)(EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
}

/* The connection is broken: nothing can be read or written any more. */
static inline bool fa_poller_event_is_broken(const struct fa_poller_event *e)
{
    return (e->raw.events & (uint32_t)EPOLLERR) != 0;
}

#endif
