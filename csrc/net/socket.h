/*
 * socket.h - non-blocking socket calls with one way of telling what happened.
 *
 * FA_OK: *n bytes moved. FA_AGAIN: not now, wait for the poller.
 * FA_ERR_CLOSED: the peer ended its side in order. FA_ERR_IO: the connection
 * is broken. Signals are retried, SIGPIPE is never raised.
 */
#ifndef FA_NET_SOCKET_H
#define FA_NET_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "base/base.h"
#include "base/status.h"

enum fa_socket_family { FA_SOCKET_NONE, FA_SOCKET_UNIX, FA_SOCKET_IPV4, FA_SOCKET_IPV6 };

/* An address in 20 bytes: connections keep two of them. */
struct fa_socket_address {
    uint8_t family; /* enum fa_socket_family */
    uint16_t port;  /* host order */
    uint8_t ip[16]; /* network order; IPv4 uses the first four */
};

/*
 * fa_socket_accept - take one connection; it is non-blocking and close-on-exec.
 *
 * Errors: FA_AGAIN when none waits; FA_ERR_FULL when this process or system has
 *         no descriptor left; FA_ERR_NOMEM; FA_ERR_IO when the listening
 *         socket itself is broken. A connection that was reset while it waited
 *         is skipped.
 */
FA_NODISCARD fa_status fa_socket_accept(int listen_fd, int *fd, struct fa_socket_address *peer);

/*
 * fa_socket_recv - read up to `capacity` (> 0) bytes.
 */
FA_NODISCARD fa_status fa_socket_recv(int fd, void *dst, size_t capacity, size_t *n);

/*
 * fa_socket_send - write one piece; *n may be less than `len`.
 */
FA_NODISCARD fa_status fa_socket_send(int fd, const void *src, size_t len, size_t *n);

/*
 * fa_socket_sendv - write several pieces in one call; *n may be less than all.
 *
 * `more`: something follows at once (a file), do not send a short packet yet.
 */
FA_NODISCARD fa_status fa_socket_sendv(
    int fd, const struct iovec *iov, size_t count, bool more, size_t *n);

/*
 * fa_socket_sendfile - write up to `count` bytes of a file from `offset`.
 *
 * Errors: FA_ERR_INVALID when the file ends at `offset`: it is shorter than
 *         promised; FA_ERR_IO also when the file cannot be read.
 */
FA_NODISCARD fa_status fa_socket_sendfile(
    int fd, int file_fd, off_t offset, uint64_t count, size_t *n);

/*
 * fa_socket_shutdown_write - end our side; the peer sees it after our last byte.
 */
void fa_socket_shutdown_write(int fd);

/*
 * fa_socket_close - close a descriptor; negative ones are ignored.
 */
void fa_socket_close(int fd);

/*
 * fa_socket_local_address - the address of our end.
 *
 * Errors: FA_ERR_IO.
 */
FA_NODISCARD fa_status fa_socket_local_address(int fd, struct fa_socket_address *out);

/*
 * fa_socket_address_text - numeric text of the IP address.
 *
 * `host` has room for FA_SOCKET_HOST_MAX bytes, the final 0 included.
 *
 * Errors: FA_ERR_UNSUPPORTED for anything but IPv4 and IPv6.
 */
#define FA_SOCKET_HOST_MAX 64
FA_NODISCARD fa_status fa_socket_address_text(const struct fa_socket_address *a, char *host);

#endif
