/*
 * listener.h - a listening socket: TCP, Unix, or inherited.
 *
 * TCP_NODELAY is set on the listening socket; Linux passes it on to accepted
 * connections, which saves a call for each of them.
 */
#ifndef FA_NET_LISTENER_H
#define FA_NET_LISTENER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/base.h"
#include "base/status.h"

struct fa_listener {
    int fd;
    char *path;   /* Unix: removed on close; NULL otherwise */
    dev_t device; /* of the socket file, so that only our own is removed */
    ino_t inode;
};

/*
 * fa_listener_open_tcp - bind and listen on host:port (0: any port).
 *
 * `host` is a numeric address or a name; "" and NULL mean every IPv4 address.
 * SO_REUSEADDR is always set; `reuse_port` lets several processes share the
 * port. *bound_port is the port in use.
 *
 * Errors: FA_ERR_INVALID for a host that does not resolve, FA_ERR_IO when it
 *         cannot be bound.
 */
FA_NODISCARD fa_status fa_listener_open_tcp(struct fa_listener *l, const char *host, uint16_t port,
    bool reuse_port, int backlog, uint16_t *bound_port);

/*
 * fa_listener_open_unix - bind and listen on a socket file.
 *
 * A socket nobody listens on is replaced; a live one or another kind of file
 * is not touched.
 *
 * Errors: FA_ERR_INVALID for a path that is too long, FA_ERR_IO, FA_ERR_NOMEM.
 */
FA_NODISCARD fa_status fa_listener_open_unix(struct fa_listener *l, const char *path, int backlog);

/*
 * fa_listener_open_fd - use a socket that already listens.
 *
 * Ownership: on FA_OK the listener closes `fd`.
 * Errors:    FA_ERR_INVALID when it is not a listening stream socket.
 */
FA_NODISCARD fa_status fa_listener_open_fd(struct fa_listener *l, int fd);

/*
 * fa_listener_open_kept - as fa_listener_open_fd, for a socket that may not listen yet.
 */
FA_NODISCARD fa_status fa_listener_open_kept(struct fa_listener *l, int fd);

/*
 * fa_listener_close - stop listening; removes a Unix socket's file if it is
 * still ours. Idempotent.
 */
void fa_listener_close(struct fa_listener *l);

#endif
