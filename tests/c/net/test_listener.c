/* Listening sockets: TCP, Unix, inherited. */
#include "check.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "net/listener.h"
#include "net/socket.h"

static int connect_to(uint16_t port)
{
    struct sockaddr_in sa = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(connect(fd, (struct sockaddr *)&sa, sizeof sa) == 0);
    return fd;
}

TEST(tcp)
{
    struct fa_listener l;
    struct fa_listener second;
    uint16_t port = 0;
    CHECK_EQ_INT(fa_listener_open_tcp(&l, "127.0.0.1", 0, false, 10, &port), FA_OK);
    CHECK(port != 0);
    CHECK_EQ_INT(fa_listener_open_tcp(&second, "127.0.0.1", port, false, 10, &port), FA_ERR_IO);
    CHECK_EQ_INT(fa_listener_open_tcp(&second, "256.1.1.1.", 0, false, 10, &port), FA_ERR_INVALID);
    int client = connect_to(port);
    int fd = -1;
    struct fa_socket_address peer;
    CHECK_EQ_INT(fa_socket_accept(l.fd, &fd, &peer), FA_OK);
    int nodelay = 0;
    socklen_t len = sizeof nodelay;
    CHECK(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &nodelay, &len) == 0 && nodelay);
    CHECK_EQ_INT(peer.family, FA_SOCKET_IPV4);
    close(fd);
    close(client);
    fa_listener_close(&l);
    fa_listener_close(&l);
    CHECK_EQ_INT(l.fd, -1);
}

TEST(a_shared_port)
{
    struct fa_listener a, b;
    uint16_t port = 0, same = 0;
    CHECK_EQ_INT(fa_listener_open_tcp(&a, "127.0.0.1", 0, true, 10, &port), FA_OK);
    CHECK_EQ_INT(fa_listener_open_tcp(&b, "127.0.0.1", port, true, 10, &same), FA_OK);
    CHECK_EQ_INT(port, same);
    fa_listener_close(&a);
    fa_listener_close(&b);
    CHECK_EQ_INT(fa_listener_open_tcp(&a, "", 0, false, 10, &port), FA_OK); /* every address */
    close(connect_to(port));
    fa_listener_close(&a);
}

TEST(unix_sockets)
{
    char dir[] = "/tmp/fa-listener-XXXXXX";
    CHECK(mkdtemp(dir) != NULL);
    char path[64];
    snprintf(path, sizeof path, "%s/sock", dir);
    struct fa_listener l, other;
    CHECK_EQ_INT(fa_listener_open_unix(&l, path, 10), FA_OK);
    CHECK_EQ_INT(fa_listener_open_unix(&other, path, 10), FA_ERR_IO); /* somebody listens */
    CHECK(access(path, F_OK) == 0);
    close(l.fd); /* as after a crash: the file stays behind */
    struct fa_listener crashed = l;
    crashed.fd = -1;
    CHECK_EQ_INT(fa_listener_open_unix(&l, path, 10), FA_OK);
    fa_listener_close(&crashed);               /* not its file any more */
    bool same_file = crashed.inode == l.inode; /* the number may have been used again */
    CHECK(same_file || access(path, F_OK) == 0);
    fa_listener_close(&l);
    CHECK(access(path, F_OK) != 0);
    int plain = open(path, O_CREAT | O_WRONLY, 0600);
    CHECK_EQ_INT(fa_listener_open_unix(&l, path, 10), FA_ERR_IO); /* never a plain file */
    CHECK(access(path, F_OK) == 0);
    close(plain);
    unlink(path);
    rmdir(dir);
    char longer[200];
    memset(longer, 'a', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    CHECK_EQ_INT(fa_listener_open_unix(&l, longer, 10), FA_ERR_INVALID);
}

TEST(inherited)
{
    struct fa_listener a, b;
    uint16_t port = 0;
    CHECK_EQ_INT(fa_listener_open_tcp(&a, "127.0.0.1", 0, false, 10, &port), FA_OK);
    int copy = dup(a.fd);
    CHECK(fcntl(copy, F_SETFL, 0) == 0);
    CHECK_EQ_INT(fa_listener_open_fd(&b, copy), FA_OK);
    CHECK((fcntl(copy, F_GETFL) & O_NONBLOCK) != 0);
    CHECK_EQ_INT(fa_listener_open_fd(&b, 0x7fffff), FA_ERR_INVALID);
    int client = connect_to(port);
    CHECK_EQ_INT(fa_listener_open_fd(&b, client), FA_ERR_INVALID); /* does not listen */
    close(client);
    close(copy);
    fa_listener_close(&a);
}

int main(void)
{
    RUN(tcp);
    RUN(a_shared_port);
    RUN(unix_sockets);
    RUN(inherited);
    return CHECK_END();
}
