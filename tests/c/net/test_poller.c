/* Readiness: edges for connections, levels for sources, hang-ups. */
#include "check.h"

#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/poller.h"

TEST(a_connection_tells_each_change_once)
{
    struct fa_poller p;
    struct fa_poller_event e[4];
    int fds[2];
    int n = 0;
    CHECK_EQ_INT(fa_poller_init(&p), FA_OK);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0);
    CHECK_EQ_INT(fa_poller_add_stream(&p, fds[0], &fds[0]), FA_OK);
    CHECK_EQ_INT(fa_poller_add_stream(&p, fds[0], &fds[0]), FA_ERR_IO); /* twice */
    CHECK_EQ_INT(fa_poller_wait(&p, e, 4, 0, &n), FA_OK);
    CHECK_EQ_INT(n, 1);
    CHECK(fa_poller_event_is_writable(&e[0]) && !fa_poller_event_is_readable(&e[0]));
    CHECK(write(fds[1], "x", 1) == 1);
    CHECK_EQ_INT(fa_poller_wait(&p, e, 4, 1000, &n), FA_OK);
    CHECK_EQ_INT(n, 1);
    CHECK(fa_poller_event_data(&e[0]) == &fds[0] && fa_poller_event_is_readable(&e[0]));
    CHECK(!fa_poller_event_is_hangup(&e[0]));
    CHECK_EQ_INT(fa_poller_wait(&p, e, 4, 0, &n), FA_OK);
    CHECK_EQ_INT(n, 0); /* unread, but told before */
    CHECK(shutdown(fds[1], SHUT_WR) == 0);
    CHECK_EQ_INT(fa_poller_wait(&p, e, 4, 1000, &n), FA_OK);
    CHECK_EQ_INT(n, 1);
    CHECK(fa_poller_event_is_hangup(&e[0]) && !fa_poller_event_is_broken(&e[0]));
    close(fds[0]);
    close(fds[1]);
    fa_poller_deinit(&p);
}

TEST(a_source_tells_until_it_is_emptied)
{
    struct fa_poller p;
    struct fa_poller_event e[4];
    int n = 0;
    int fd = eventfd(1, EFD_NONBLOCK);
    CHECK_EQ_INT(fa_poller_init(&p), FA_OK);
    CHECK_EQ_INT(fa_poller_add_source(&p, fd, &fd, true), FA_OK);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ_INT(fa_poller_wait(&p, e, 4, 0, &n), FA_OK);
        CHECK_EQ_INT(n, 1);
    }
    fa_poller_remove(&p, fd);
    CHECK_EQ_INT(fa_poller_wait(&p, e, 4, 0, &n), FA_OK);
    CHECK_EQ_INT(n, 0);
    CHECK_EQ_INT(fa_poller_add_source(&p, -1, NULL, false), FA_ERR_IO);
    close(fd);
    fa_poller_deinit(&p);
    fa_poller_deinit(&p); /* twice is harmless */
}

TEST(an_eventfd_need_not_be_read)
{
    struct fa_poller p;
    struct fa_poller_event e[4];
    int n = 0;
    uint64_t one = 1;
    int fd = eventfd(0, EFD_NONBLOCK);
    CHECK_EQ_INT(fa_poller_init(&p), FA_OK);
    CHECK_EQ_INT(fa_poller_add_stream(&p, fd, &fd), FA_OK);
    CHECK_EQ_INT(fa_poller_wait(&p, e, 4, 0, &n), FA_OK);
    for (int i = 0; i < 3; i++) {
        CHECK(write(fd, &one, sizeof one) == sizeof one);
        CHECK_EQ_INT(fa_poller_wait(&p, e, 4, 1000, &n), FA_OK);
        CHECK_EQ_INT(n, 1);
        CHECK_EQ_INT(fa_poller_wait(&p, e, 4, 0, &n), FA_OK);
        CHECK_EQ_INT(n, 0);
    }
    close(fd);
    fa_poller_deinit(&p);
}

int main(void)
{
    RUN(a_connection_tells_each_change_once);
    RUN(a_source_tells_until_it_is_emptied);
    RUN(an_eventfd_need_not_be_read);
    return CHECK_END();
}
