/* socket.c - non-blocking socket calls with one way of telling what happened. */
#include "net/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

static void address_from_sockaddr(const struct sockaddr_storage *sa, struct fa_socket_address *out)
{
    memset(out, 0, sizeof *out);
    if (sa->ss_family == AF_INET) {
        struct sockaddr_in in4;
        memcpy(&in4, sa, sizeof in4);
        out->family = FA_SOCKET_IPV4;
        out->port = ntohs(in4.sin_port);
        memcpy(out->ip, &in4.sin_addr, 4);
    } else if (sa->ss_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, sa, sizeof in6);
        out->family = FA_SOCKET_IPV6;
        out->port = ntohs(in6.sin6_port);
        memcpy(out->ip, &in6.sin6_addr, 16);
    } else if (sa->ss_family == AF_UNIX) {
        out->family = FA_SOCKET_UNIX;
    }
}

/* Errors that belong to the one connection, not to the listening socket (accept(2)). */
static bool is_peer_error(int err)
{
    return err == EINTR || err == ECONNABORTED || err == EPROTO || err == ENETDOWN ||
           err == ENOPROTOOPT || err == EHOSTDOWN || err == ENONET || err == EHOSTUNREACH ||
           err == EOPNOTSUPP || err == ENETUNREACH || err == EPERM || err == ETIMEDOUT;
}

fa_status fa_socket_accept(int listen_fd, int *fd, struct fa_socket_address *peer)
{
    for (;;) {
        struct sockaddr_storage sa = {0};
        socklen_t len = sizeof sa;
        int got = accept4(listen_fd, (struct sockaddr *)&sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (got >= 0) {
            *fd = got;
            address_from_sockaddr(&sa, peer);
            return FA_OK;
        }
        if (errno == EAGAIN) {
            return FA_AGAIN;
        }
        if (errno == EMFILE || errno == ENFILE) {
            return FA_ERR_FULL;
        }
        if (errno == ENOMEM || errno == ENOBUFS) {
            return FA_ERR_NOMEM;
        }
        if (!is_peer_error(errno)) {
            return FA_ERR_IO;
        }
    }
}

fa_status fa_socket_recv(int fd, void *dst, size_t capacity, size_t *n)
{
    for (;;) {
        ssize_t r = recv(fd, dst, capacity, 0);
        if (FA_LIKELY(r > 0)) {
            *n = (size_t)r;
            return FA_OK;
        }
        if (r == 0) {
            return FA_ERR_CLOSED;
        }
        if (errno == EAGAIN) {
            return FA_AGAIN;
        }
        if (errno != EINTR) {
            return FA_ERR_IO;
        }
    }
}

/* Turn a result of a write call into a status; *retry asks for another try. */
static fa_status write_status(ssize_t r, size_t *n, bool *retry)
{
    *retry = false;
    if (FA_LIKELY(r >= 0)) {
        *n = (size_t)r;
        return FA_OK;
    }
    if (errno == EAGAIN) {
        return FA_AGAIN;
    }
    *retry = errno == EINTR;
    return FA_ERR_IO;
}

fa_status fa_socket_send(int fd, const void *src, size_t len, size_t *n)
{
    bool retry;
    fa_status st;
    do {
        st = write_status(send(fd, src, len, MSG_NOSIGNAL), n, &retry);
    } while (FA_UNLIKELY(retry));
    return st;
}

fa_status fa_socket_sendv(int fd, const struct iovec *iov, size_t count, bool more, size_t *n)
{
    struct msghdr msg = {.msg_iov = (struct iovec *)(uintptr_t)iov, .msg_iovlen = count};
    bool retry;
    fa_status st;
    do {
        st = write_status(sendmsg(fd, &msg, MSG_NOSIGNAL | (more ? MSG_MORE : 0)), n, &retry);
    } while (FA_UNLIKELY(retry));
    return st;
}

fa_status fa_socket_sendfile(int fd, int file_fd, off_t offset, uint64_t count, size_t *n)
{
    size_t want = count > (UINT64_C(1) << 30) ? (size_t)1 << 30 : (size_t)count;
    bool retry;
    fa_status st;
    do {
        off_t at = offset; /* the kernel moves it */
        st = write_status(sendfile(fd, file_fd, &at, want), n, &retry);
    } while (FA_UNLIKELY(retry));
    return st == FA_OK && *n == 0 && want > 0 ? FA_ERR_INVALID : st;
}

void fa_socket_shutdown_write(int fd)
{
    (void)shutdown(fd, SHUT_WR);
}

void fa_socket_close(int fd)
{
    if (fd >= 0) {
        (void)close(fd); /* Linux: closed even when EINTR is told */
    }
}

fa_status fa_socket_local_address(int fd, struct fa_socket_address *out)
{
    struct sockaddr_storage sa = {0};
    socklen_t len = sizeof sa;
    if (getsockname(fd, (struct sockaddr *)&sa, &len) != 0) {
        return FA_ERR_IO;
    }
    address_from_sockaddr(&sa, out);
    return FA_OK;
}

fa_status fa_socket_address_text(const struct fa_socket_address *a, char *host)
{
    int family = a->family == FA_SOCKET_IPV4 ? AF_INET : AF_INET6;
    if (a->family != FA_SOCKET_IPV4 && a->family != FA_SOCKET_IPV6) {
        return FA_ERR_UNSUPPORTED;
    }
    return inet_ntop(family, a->ip, host, FA_SOCKET_HOST_MAX) != NULL ? FA_OK : FA_ERR_UNSUPPORTED;
}
