/* Socket calls: what happened is told in one way. */
#include "check.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/listener.h"
#include "net/socket.h"

struct ends {
    struct fa_listener l;
    int client, server;
    struct fa_socket_address peer;
};

static void open_ends(struct ends *e)
{
    uint16_t port = 0;
    CHECK_EQ_INT(fa_listener_open_tcp(&e->l, "127.0.0.1", 0, false, 10, &port), FA_OK);
    int fd = -1;
    CHECK_EQ_INT(fa_socket_accept(e->l.fd, &fd, &e->peer), FA_AGAIN);
    struct sockaddr_in sa = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    e->client = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(connect(e->client, (struct sockaddr *)&sa, sizeof sa) == 0);
    CHECK_EQ_INT(fa_socket_accept(e->l.fd, &e->server, &e->peer), FA_OK);
}

static void close_ends(struct ends *e)
{
    fa_socket_close(e->client);
    fa_socket_close(e->server);
    fa_listener_close(&e->l);
    fa_socket_close(-1);
}

TEST(bytes_both_ways)
{
    struct ends e;
    char text[16];
    size_t n = 0;
    open_ends(&e);
    CHECK_EQ_INT(fa_socket_recv(e.server, text, sizeof text, &n), FA_AGAIN);
    CHECK(send(e.client, "hello", 5, 0) == 5);
    CHECK_EQ_INT(fa_socket_recv(e.server, text, sizeof text, &n), FA_OK);
    CHECK(n == 5 && memcmp(text, "hello", 5) == 0);
    struct iovec iov[2] = {
        {.iov_base = (char[]){'a', 'b'}, .iov_len = 2}, {.iov_base = (char[]){'c'}, .iov_len = 1}};
    CHECK_EQ_INT(fa_socket_sendv(e.server, iov, 2, false, &n), FA_OK);
    CHECK_EQ_INT(n, 3);
    CHECK_EQ_INT(fa_socket_send(e.server, "d", 1, &n), FA_OK);
    CHECK(recv(e.client, text, 4, MSG_WAITALL) == 4 && memcmp(text, "abcd", 4) == 0);
    fa_socket_shutdown_write(e.server);
    CHECK(recv(e.client, text, 1, 0) == 0);
    CHECK(shutdown(e.client, SHUT_WR) == 0);
    CHECK_EQ_INT(fa_socket_recv(e.server, text, sizeof text, &n), FA_ERR_CLOSED);
    close_ends(&e);
}

TEST(a_full_socket_and_a_broken_one)
{
    struct ends e;
    static char block[1 << 20];
    size_t n = 0;
    fa_status st;
    open_ends(&e);
    while ((st = fa_socket_send(e.server, block, sizeof block, &n)) == FA_OK) {
    }
    CHECK_EQ_INT(st, FA_AGAIN);
    struct linger hard = {.l_onoff = 1};
    CHECK(setsockopt(e.client, SOL_SOCKET, SO_LINGER, &hard, sizeof hard) == 0);
    fa_socket_close(e.client);
    e.client = -1;
    CHECK_EQ_INT(fa_socket_send(e.server, block, 1, &n), FA_ERR_IO); /* and no SIGPIPE */
    CHECK_EQ_INT(fa_socket_send(e.server, block, 1, &n), FA_ERR_IO);
    close_ends(&e);
}

TEST(files)
{
    struct ends e;
    char name[] = "/tmp/fa-socket-XXXXXX";
    char text[8] = "";
    size_t n = 0;
    open_ends(&e);
    int file = mkstemp(name);
    unlink(name);
    CHECK(write(file, "0123456789", 10) == 10);
    CHECK_EQ_INT(fa_socket_sendfile(e.server, file, 3, 4, &n), FA_OK);
    CHECK_EQ_INT(n, 4);
    CHECK(recv(e.client, text, 4, MSG_WAITALL) == 4 && memcmp(text, "3456", 4) == 0);
    CHECK_EQ_INT(fa_socket_sendfile(e.server, file, 10, 4, &n), FA_ERR_INVALID); /* too short */
    CHECK_EQ_INT(fa_socket_sendfile(e.server, -1, 0, 4, &n), FA_ERR_IO);
    close(file);
    close_ends(&e);
}

TEST(addresses)
{
    struct ends e;
    struct fa_socket_address local;
    char host[FA_SOCKET_HOST_MAX];
    open_ends(&e);
    CHECK_EQ_INT(fa_socket_address_text(&e.peer, host), FA_OK);
    CHECK_EQ_STR(host, "127.0.0.1");
    CHECK(e.peer.port != 0);
    CHECK_EQ_INT(fa_socket_local_address(e.server, &local), FA_OK);
    CHECK_EQ_INT(local.family, FA_SOCKET_IPV4);
    CHECK_EQ_INT(fa_socket_local_address(-1, &local), FA_ERR_IO);
    struct fa_socket_address six = {.family = FA_SOCKET_IPV6, .ip = {[15] = 1}};
    CHECK_EQ_INT(fa_socket_address_text(&six, host), FA_OK);
    CHECK_EQ_STR(host, "::1");
    struct fa_socket_address none = {.family = FA_SOCKET_UNIX};
    CHECK_EQ_INT(fa_socket_address_text(&none, host), FA_ERR_UNSUPPORTED);
    close_ends(&e);
}

int main(void)
{
    RUN(bytes_both_ways);
    RUN(a_full_socket_and_a_broken_one);
    RUN(files);
    RUN(addresses);
    return CHECK_END();
}
