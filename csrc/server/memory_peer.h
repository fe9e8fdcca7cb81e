/*
 * memory_peer.h - a client in this process: the other end of a connection that
 * has no socket.
 *
 * The connection is an ordinary fa_http_conn; only its reads and writes move
 * bytes from and to the peer. For servers that their caller drives
 * (fa_server_start_driven): benchmarks, tests and fuzzers see the whole path of
 * a request without the kernel.
 *
 *     struct fa_memory_peer p;
 *     fa_memory_peer_init(&p);
 *     fa_memory_peer_connect(&p, server);
 *     fa_memory_peer_send(&p, bytes, len);
 *     while (!fa_memory_peer_is_answered(&p)) fa_server_turn(server);
 *     ... p.out[0..p.out_len) ...
 *     fa_memory_peer_deinit(&p);
 *
 * owner: the thread that drives the server, all of it.
 */
#ifndef FA_SERVER_MEMORY_PEER_H
#define FA_SERVER_MEMORY_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "base/base.h"
#include "base/status.h"

struct fa_http_conn;
struct fa_server;
struct fa_task;

struct fa_memory_peer {
    struct fa_http_conn *conn; /* NULL: not connected, or the server closed it */
    const char *in;            /* not yet read by the server; borrowed */
    size_t in_len;
    bool in_ended; /* no more follows */
    char *out;     /* what the server sent; own */
    size_t out_len, out_capacity;
    size_t out_limit; /* takes nothing while it has that much; 0: takes all */
    size_t out_piece; /* takes at most so much until it is emptied; 0: takes all */
    bool out_ended;   /* the server ended its side */
};

/*
 * fa_memory_peer_init - a peer without a connection. Cannot fail.
 */
void fa_memory_peer_init(struct fa_memory_peer *p);

/*
 * fa_memory_peer_connect - open a connection to a driven server.
 *
 * Errors: FA_ERR_NOMEM.
 */
FA_NODISCARD fa_status fa_memory_peer_connect(struct fa_memory_peer *p, struct fa_server *s);

/*
 * fa_memory_peer_name - give a connected peer an address that tells it from
 * others: `number` as an IPv4 address, port 0. Without it there is no address.
 */
void fa_memory_peer_name(struct fa_memory_peer *p, uint32_t number);

/*
 * fa_memory_peer_number - the number of the peer that sent a request, 0 if it has none.
 *
 * Threads: whoever has the task.
 */
uint32_t fa_memory_peer_number(const struct fa_task *t);

/*
 * fa_memory_peer_limit - be as a socket whose buffer can be full: while `out`
 * holds `limit` bytes or more nothing is taken. 0 (the beginning): no limit.
 */
void fa_memory_peer_limit(struct fa_memory_peer *p, size_t limit);

/*
 * fa_memory_peer_piece - be as a socket that takes at most `piece` bytes of what it is
 * given, and the rest after fa_memory_peer_took. 0 (the beginning): all.
 */
void fa_memory_peer_piece(struct fa_memory_peer *p, size_t piece);

/*
 * fa_memory_peer_took - the caller has what is in `out`: empty it. A server that
 * found the peer full goes on in its next turn.
 */
void fa_memory_peer_took(struct fa_memory_peer *p);

/*
 * fa_memory_peer_close - break the connection if there is one; `out` stays.
 */
void fa_memory_peer_close(struct fa_memory_peer *p);

/*
 * fa_memory_peer_deinit - break the connection if there is one, free `out`.
 */
void fa_memory_peer_deinit(struct fa_memory_peer *p);

/*
 * fa_memory_peer_send - offer bytes; the server reads them in its next turns.
 *
 * Ownership: `ptr` is borrowed until in_len is 0. One send at a time.
 */
void fa_memory_peer_send(struct fa_memory_peer *p, const char *ptr, size_t len);

/*
 * fa_memory_peer_end - nothing more is sent (a half-closed connection).
 */
void fa_memory_peer_end(struct fa_memory_peer *p);

/*
 * fa_memory_peer_is_answered - is all that was sent read and answered? True
 * also when the server closed the connection.
 */
bool fa_memory_peer_is_answered(const struct fa_memory_peer *p);

/*
 * fa_memory_peer_recv, fa_memory_peer_sendv, fa_memory_peer_sendfile - what
 * fa_socket_recv, fa_socket_sendv and fa_socket_sendfile are to a socket: the
 * connection's side. A peer that is not full takes all it is given, or a piece of it.
 *
 * Errors: FA_AGAIN; FA_ERR_CLOSED (recv); FA_ERR_IO when `out` cannot grow or
 *         the file cannot be read, FA_ERR_INVALID when the file is too short.
 */
FA_NODISCARD fa_status fa_memory_peer_recv(
    struct fa_memory_peer *p, void *dst, size_t capacity, size_t *n);
FA_NODISCARD fa_status fa_memory_peer_sendv(
    struct fa_memory_peer *p, const struct iovec *iov, size_t count, size_t *n);
FA_NODISCARD fa_status fa_memory_peer_sendfile(
    struct fa_memory_peer *p, int file_fd, off_t offset, uint64_t count, size_t *n);

#endif
