/*
 * http_conn_io.h - how a connection moves bytes: through its socket, or, if it
 * has none, from and to the memory peer at its other end.
 *
 * Results as in net/socket.h. owner: reactor thread.
 */
#ifndef FA_SERVER_HTTP_CONN_IO_H
#define FA_SERVER_HTTP_CONN_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/base.h"
#include "base/status.h"
#include "net/socket.h"
#include "server/http_conn.h"
#include "server/memory_peer.h"

/*
 * fa_http_conn_io_recv - read up to `capacity` bytes.
 */
FA_NODISCARD static inline fa_status fa_http_conn_io_recv(
    struct fa_http_conn *c, void *dst, size_t capacity, size_t *n)
{
    if (FA_LIKELY(c->memory == NULL)) {
        return fa_socket_recv(c->fd, dst, capacity, n);
    }
    return fa_memory_peer_recv(c->memory, dst, capacity, n);
}

/*
 * fa_http_conn_io_sendv - write several pieces; *n may be less than all.
 * `more`: a file follows at once.
 */
FA_NODISCARD static inline fa_status fa_http_conn_io_sendv(
    struct fa_http_conn *c, const struct iovec *iov, size_t count, bool more, size_t *n)
{
    if (FA_UNLIKELY(c->memory != NULL)) {
        return fa_memory_peer_sendv(c->memory, iov, count, n);
    }
    if (FA_LIKELY(count == 1 && !more)) {
        return fa_socket_send(c->fd, iov[0].iov_base, iov[0].iov_len, n);
    }
    return fa_socket_sendv(c->fd, iov, count, more, n);
}

/*
 * fa_http_conn_io_sendfile - write up to `count` bytes of a file from `offset`.
 */
FA_NODISCARD static inline fa_status fa_http_conn_io_sendfile(
    struct fa_http_conn *c, int file_fd, off_t offset, uint64_t count, size_t *n)
{
    if (FA_LIKELY(c->memory == NULL)) {
        return fa_socket_sendfile(c->fd, file_fd, offset, count, n);
    }
    return fa_memory_peer_sendfile(c->memory, file_fd, offset, count, n);
}

/*
 * fa_http_conn_io_shutdown - our side has said all; the peer sees it after the
 * last byte.
 */
static inline void fa_http_conn_io_shutdown(struct fa_http_conn *c)
{
    if (FA_LIKELY(c->memory == NULL)) {
        fa_socket_shutdown_write(c->fd);
    } else {
        c->memory->out_ended = true;
    }
}

/*
 * fa_http_conn_io_close - let go of the socket or the peer.
 */
static inline void fa_http_conn_io_close(struct fa_http_conn *c)
{
    fa_socket_close(c->fd);
    c->fd = -1;
    if (c->memory != NULL) {
        c->memory->out_ended = true;
        c->memory->conn = NULL;
        c->memory = NULL;
    }
}

#endif
