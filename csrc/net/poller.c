/* poller.c - readiness of sockets: epoll behind a small interface. */
#include "net/poller.h"

#include <errno.h>
#include <unistd.h>

fa_status fa_poller_init(struct fa_poller *p)
{
    p->fd = epoll_create1(EPOLL_CLOEXEC);
    return p->fd < 0 ? FA_ERR_IO : FA_OK;
}

void fa_poller_deinit(struct fa_poller *p)
{
    if (p->fd >= 0) {
        (void)close(p->fd);
        p->fd = -1;
    }
}

static fa_status add(struct fa_poller *p, int fd, void *data, uint32_t events)
{
    struct epoll_event e = {.events = events, .data.ptr = data};
    return epoll_ctl(p->fd, EPOLL_CTL_ADD, fd, &e) == 0 ? FA_OK : FA_ERR_IO;
}

fa_status fa_poller_add_stream(struct fa_poller *p, int fd, void *data)
{
    return add(p, fd, data, (uint32_t)(EPOLLIN | EPOLLOUT | EPOLLRDHUP) | (uint32_t)EPOLLET);
}

fa_status fa_poller_add_source(struct fa_poller *p, int fd, void *data, bool exclusive)
{
    return add(p, fd, data, (uint32_t)EPOLLIN | (exclusive ? (uint32_t)EPOLLEXCLUSIVE : 0u));
}

void fa_poller_remove(struct fa_poller *p, int fd)
{
    struct epoll_event unused = {0}; /* kernels before 2.6.9 want a pointer */
    (void)epoll_ctl(p->fd, EPOLL_CTL_DEL, fd, &unused);
}

fa_status fa_poller_wait(
    struct fa_poller *p, struct fa_poller_event *events, int capacity, int timeout_ms, int *count)
{
    FA_STATIC_ASSERT(sizeof(struct fa_poller_event) == sizeof(struct epoll_event),
        "events are written straight into the array");
    int n = epoll_wait(p->fd, (struct epoll_event *)(void *)events, capacity, timeout_ms);
    if (n < 0) {
        if (errno != EINTR) {
            return FA_ERR_IO;
        }
        n = 0; /* a signal: the caller looks at its other work and comes back */
    }
    *count = n;
    return FA_OK;
}
