/* Kept listeners: accepted from when told, left to others by a drain, or taken over. */
#include "check.h"
#include "fake_executor.h"

#include "server/server_state.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

struct kept {
    struct fake f;
    int fd[2]; /* the parent's */
    uint16_t port[2];
};

static int bound(uint16_t *port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof sa;
    CHECK(bind(fd, (struct sockaddr *)&sa, sizeof sa) == 0);
    CHECK(getsockname(fd, (struct sockaddr *)&sa, &len) == 0);
    *port = ntohs(sa.sin_port);
    return fd;
}

static void start(struct kept *k)
{
    struct fake *f = &k->f;
    fake_init(f);
    f->stop_fd = eventfd(0, EFD_CLOEXEC);
    fake_require(fa_server_new(&f->config, &FAKE_OPS, f, &f->server) == FA_OK, "new");
    fake_set_routes(f, FAKE_ROUTES, FAKE_ROUTE_COUNT, NULL);
    for (int i = 0; i < 2; i++) {
        k->fd[i] = bound(&k->port[i]);
        CHECK_EQ_INT(fa_server_listen_kept(f->server, dup(k->fd[i]), true), FA_OK);
    }
    CHECK(listen(k->fd[0], 64) == 0);
    fa_server_accept_from(f->server, 1);
    fake_require(pthread_create(&f->loop, NULL, fake_loop_main, f) == 0, "loop thread");
    fake_require(fa_server_start(f->server) == FA_OK, "start");
}

static void stop(struct kept *k)
{
    fake_stop(&k->f);
    close(k->fd[0]);
    close(k->fd[1]);
}

static int connect_to(struct kept *k, int which)
{
    k->f.port = k->port[which];
    return fake_connect(&k->f);
}

static void ask(int fd)
{
    struct fake_response r;
    CHECK_EQ_INT(fake_ask(fd, GET("/worker"), &r), 200);
    fake_response_free(&r);
    close(fd);
}

static void drain_and_wait(struct fake *f)
{
    fa_server_drain(f->server);
    for (int i = 0; i < 20000 && atomic_load(&f->server->listening); i++) {
        CHECK(poll(NULL, 0, 1) == 0);
    }
    CHECK(!atomic_load(&f->server->listening));
}

TEST(who_waits_elsewhere_is_served_when_told)
{
    struct kept k;
    start(&k);
    ask(connect_to(&k, 0));
    CHECK(listen(k.fd[1], 64) == 0);
    int waiting = connect_to(&k, 1);
    CHECK(fake_send(waiting, GET("/worker")));
    ask(connect_to(&k, 0));
    fa_server_accept_from(k.f.server, 3);
    struct fake_response r;
    CHECK(fake_recv_response(waiting, &r, false));
    CHECK_EQ_INT(r.status, 200);
    fake_response_free(&r);
    close(waiting);
    ask(connect_to(&k, 1));
    ask(connect_to(&k, 0));
    stop(&k);
}

TEST(a_drain_leaves_who_waits)
{
    struct kept k;
    start(&k);
    ask(connect_to(&k, 0));
    fa_server_accept_from(k.f.server, 0);
    drain_and_wait(&k.f);
    int waiting = connect_to(&k, 0); /* not refused: the parent has it */
    int taken = accept(k.fd[0], NULL, NULL);
    CHECK(taken >= 0);
    close(taken);
    close(waiting);
    stop(&k);
}

TEST(a_listener_that_was_taken_over_is_emptied)
{
    struct kept k;
    start(&k);
    ask(connect_to(&k, 0));
    fa_server_take_over(k.f.server);
    int waiting = connect_to(&k, 0);
    CHECK(fake_send(waiting, GET("/worker")));
    drain_and_wait(&k.f);
    struct fake_response r;
    CHECK(fake_recv_response(waiting, &r, false));
    CHECK_EQ_INT(r.status, 200);
    fake_response_free(&r);
    close(waiting);
    stop(&k);
}

int main(void)
{
    RUN(who_waits_elsewhere_is_served_when_told);
    RUN(a_drain_leaves_who_waits);
    RUN(a_listener_that_was_taken_over_is_emptied);
    return CHECK_END();
}
