/* The same calls move the same bytes, with a socket and without. */
#include "server/http_conn_io.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"

/* A connection and its other end: a socket pair, or a memory peer. */
struct ends {
    struct fa_http_conn conn;
    struct fa_memory_peer peer;
    int fd; /* the client's, -1 without sockets */
};

static void open_ends(struct ends *e, bool sockets)
{
    memset(e, 0, sizeof *e);
    fa_memory_peer_init(&e->peer);
    e->fd = -1;
    e->conn.fd = -1;
    if (sockets) {
        int fds[2];
        CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0);
        e->conn.fd = fds[0];
        e->fd = fds[1];
    } else {
        e->conn.memory = &e->peer;
        e->peer.conn = &e->conn;
    }
}

static void close_ends(struct ends *e)
{
    if (e->fd >= 0) {
        close(e->fd);
    }
    fa_memory_peer_deinit(&e->peer);
}

static void client_sends(struct ends *e, const char *text)
{
    if (e->fd >= 0) {
        CHECK(send(e->fd, text, strlen(text), 0) == (ssize_t)strlen(text));
    } else {
        e->peer.in = text;
        e->peer.in_len = strlen(text);
    }
}

static void client_ends(struct ends *e)
{
    if (e->fd >= 0) {
        CHECK(shutdown(e->fd, SHUT_WR) == 0);
    } else {
        e->peer.in_ended = true;
    }
}

/* What the client has received, up to 64 bytes. */
static bool client_got(struct ends *e, const char *text)
{
    char got[64];
    size_t n;
    if (e->fd >= 0) {
        ssize_t r = recv(e->fd, got, sizeof got, 0);
        n = r > 0 ? (size_t)r : 0;
    } else {
        n = e->peer.out_len;
        memcpy(got, e->peer.out, n);
        e->peer.out_len = 0;
    }
    return n == strlen(text) && memcmp(got, text, n) == 0;
}

static bool client_sees_end(struct ends *e)
{
    char byte;
    return e->fd >= 0 ? recv(e->fd, &byte, 1, 0) == 0 : e->peer.out_ended;
}

static void reads(bool sockets)
{
    struct ends e;
    open_ends(&e, sockets);
    char got[8];
    size_t n = 99;
    CHECK(fa_http_conn_io_recv(&e.conn, got, sizeof got, &n) == FA_AGAIN);
    client_sends(&e, "0123456789");
    CHECK(fa_http_conn_io_recv(&e.conn, got, sizeof got, &n) == FA_OK);
    CHECK(n == 8 && memcmp(got, "01234567", 8) == 0);
    CHECK(fa_http_conn_io_recv(&e.conn, got, sizeof got, &n) == FA_OK);
    CHECK(n == 2 && memcmp(got, "89", 2) == 0);
    client_ends(&e);
    CHECK(fa_http_conn_io_recv(&e.conn, got, sizeof got, &n) == FA_ERR_CLOSED);
    fa_http_conn_io_close(&e.conn);
    close_ends(&e);
}

static void writes(bool sockets)
{
    struct ends e;
    open_ends(&e, sockets);
    struct iovec iov[] = {{(void *)(uintptr_t) "head", 4}, {(void *)(uintptr_t) "body", 4}};
    size_t n = 0;
    CHECK(fa_http_conn_io_sendv(&e.conn, iov, 2, false, &n) == FA_OK);
    CHECK_EQ_INT(n, 8);
    CHECK(client_got(&e, "headbody"));
    CHECK(fa_http_conn_io_sendv(&e.conn, iov, 1, false, &n) == FA_OK);
    CHECK_EQ_INT(n, 4);
    CHECK(client_got(&e, "head"));
    fa_http_conn_io_shutdown(&e.conn);
    CHECK(client_sees_end(&e));
    fa_http_conn_io_close(&e.conn);
    CHECK_EQ_INT(e.conn.fd, -1);
    CHECK(e.conn.memory == NULL && (sockets || e.peer.conn == NULL));
    close_ends(&e);
}

static void sends_files(bool sockets)
{
    struct ends e;
    open_ends(&e, sockets);
    char name[] = "/tmp/fa-test-XXXXXX";
    int file = mkstemp(name);
    CHECK(file >= 0 && unlink(name) == 0 && write(file, "0123456789", 10) == 10);
    size_t n = 0;
    CHECK(fa_http_conn_io_sendfile(&e.conn, file, 3, 4, &n) == FA_OK);
    CHECK_EQ_INT(n, 4);
    CHECK(client_got(&e, "3456"));
    CHECK(fa_http_conn_io_sendfile(&e.conn, file, 8, 100, &n) == FA_OK);
    CHECK_EQ_INT(n, 2);
    CHECK(client_got(&e, "89"));
    CHECK(fa_http_conn_io_sendfile(&e.conn, file, 10, 1, &n) == FA_ERR_INVALID);
    close(file);
    CHECK(fa_http_conn_io_sendfile(&e.conn, -1, 0, 1, &n) == FA_ERR_IO);
    fa_http_conn_io_close(&e.conn);
    close_ends(&e);
}

TEST(with_a_socket)
{
    reads(true);
    writes(true);
    sends_files(true);
}

TEST(without_a_socket)
{
    reads(false);
    writes(false);
    sends_files(false);
}

int main(void)
{
    RUN(with_a_socket);
    RUN(without_a_socket);
    return CHECK_END();
}
