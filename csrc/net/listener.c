/* listener.c - a listening socket: TCP, Unix, or inherited. */
#include "net/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/alloc.h"

static void set_option(int fd, int level, int name)
{
    int one = 1;
    (void)setsockopt(fd, level, name, &one, sizeof one);
}

static void empty(struct fa_listener *l)
{
    memset(l, 0, sizeof *l);
    l->fd = -1;
}

static int bind_one(const struct addrinfo *ai, bool reuse_port, int backlog)
{
    int fd = socket(ai->ai_family, ai->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, ai->ai_protocol);
    if (fd < 0) {
        return -1;
    }
    set_option(fd, SOL_SOCKET, SO_REUSEADDR);
    if (reuse_port) {
        set_option(fd, SOL_SOCKET, SO_REUSEPORT);
    }
    if (ai->ai_family == AF_INET6) {
        set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY);
    }
    set_option(fd, IPPROTO_TCP, TCP_NODELAY);
    if (bind(fd, ai->ai_addr, ai->ai_addrlen) != 0 || listen(fd, backlog) != 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

static fa_status bound_port_of(int fd, uint16_t *port)
{
    struct sockaddr_storage sa = {0};
    socklen_t len = sizeof sa;
    if (getsockname(fd, (struct sockaddr *)&sa, &len) != 0) {
        return FA_ERR_IO;
    }
    if (sa.ss_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, &sa, sizeof in6);
        *port = ntohs(in6.sin6_port);
    } else {
        struct sockaddr_in in4;
        memcpy(&in4, &sa, sizeof in4);
        *port = ntohs(in4.sin_port);
    }
    return FA_OK;
}

fa_status fa_listener_open_tcp(struct fa_listener *l, const char *host, uint16_t port,
    bool reuse_port, int backlog, uint16_t *bound_port)
{
    empty(l);
    char service[8];
    (void)snprintf(service, sizeof service, "%u", (unsigned)port);
    struct addrinfo hints = {.ai_family = AF_UNSPEC,
        .ai_socktype = SOCK_STREAM,
        .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    if (host == NULL || host[0] == '\0') {
        host = NULL;
        hints.ai_family = AF_INET;
    }
    struct addrinfo *found = NULL;
    if (getaddrinfo(host, service, &hints, &found) != 0) {
        return FA_ERR_INVALID;
    }
    int fd = -1;
    for (const struct addrinfo *ai = found; ai != NULL && fd < 0; ai = ai->ai_next) {
        fd = bind_one(ai, reuse_port, backlog);
    }
    freeaddrinfo(found);
    if (fd < 0) {
        return FA_ERR_IO;
    }
    fa_status st = bound_port_of(fd, bound_port);
    if (st != FA_OK) {
        (void)close(fd);
        return st;
    }
    l->fd = fd;
    return FA_OK;
}

/* Does a process still listen on this socket file? */
static bool is_alive(const struct sockaddr_un *sa)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return true; /* cannot tell: leave it alone */
    }
    int r = connect(fd, (const struct sockaddr *)sa, sizeof *sa);
    bool alive = r == 0 || errno != ECONNREFUSED;
    (void)close(fd);
    return alive;
}

fa_status fa_listener_open_unix(struct fa_listener *l, const char *path, int backlog)
{
    empty(l);
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    size_t len = strlen(path);
    if (len == 0 || len >= sizeof sa.sun_path) {
        return FA_ERR_INVALID;
    }
    memcpy(sa.sun_path, path, len + 1);
    struct stat info;
    if (stat(path, &info) == 0 && S_ISSOCK(info.st_mode) && !is_alive(&sa)) {
        (void)unlink(path);
    }
    char *copy = fa_alloc(len + 1);
    if (copy == NULL) {
        return FA_ERR_NOMEM;
    }
    memcpy(copy, path, len + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        goto fail;
    }
    if (bind(fd, (const struct sockaddr *)&sa, sizeof sa) != 0) {
        goto fail;
    }
    if (listen(fd, backlog) != 0 || stat(path, &info) != 0) {
        (void)unlink(path);
        goto fail;
    }
    l->fd = fd;
    l->path = copy;
    l->device = info.st_dev;
    l->inode = info.st_ino;
    return FA_OK;
fail:
    if (fd >= 0) {
        (void)close(fd);
    }
    fa_free(copy);
    return FA_ERR_IO;
}

fa_status fa_listener_open_fd(struct fa_listener *l, int fd)
{
    int listening = 0;
    socklen_t len = sizeof listening;
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) != 0 || !listening) {
        empty(l);
        return FA_ERR_INVALID;
    }
    return fa_listener_open_kept(l, fd);
}

fa_status fa_listener_open_kept(struct fa_listener *l, int fd)
{
    empty(l);
    int type = 0;
    socklen_t len = sizeof type;
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) != 0 || type != SOCK_STREAM) {
        return FA_ERR_INVALID;
    }
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) {
        return FA_ERR_INVALID;
    }
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    set_option(fd, IPPROTO_TCP, TCP_NODELAY); /* fails on a Unix socket, which needs none */
    l->fd = fd;
    return FA_OK;
}

void fa_listener_close(struct fa_listener *l)
{
    if (l->fd >= 0) {
        (void)close(l->fd);
        l->fd = -1;
    }
    if (l->path != NULL) {
        struct stat info;
        if (stat(l->path, &info) == 0 && info.st_dev == l->device && info.st_ino == l->inode) {
            (void)unlink(l->path);
        }
        fa_free(l->path);
        l->path = NULL;
    }
}
