/* memory_peer.c - a client in this process, without a socket. */
#include "server/memory_peer.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "server/http_conn.h"
#include "server/http_conn_read.h"
#include "server/server_state.h"

#define FIRST_CAPACITY  1024u
#define FILE_PIECE_SIZE 65536u

void fa_memory_peer_init(struct fa_memory_peer *p)
{
    memset(p, 0, sizeof *p);
}

fa_status fa_memory_peer_connect(struct fa_memory_peer *p, struct fa_server *s)
{
    p->in_ended = false;
    p->out_ended = false;
    return fa_http_conn_new_memory(s, p);
}

void fa_memory_peer_name(struct fa_memory_peer *p, uint32_t number)
{
    struct fa_socket_address *name = &p->conn->peer;
    name->family = FA_SOCKET_IPV4;
    name->port = 0;
    for (int i = 0; i < 4; i++) {
        name->ip[i] = (uint8_t)(number >> (24 - 8 * i));
    }
}

uint32_t fa_memory_peer_number(const struct fa_task *t)
{
    const struct fa_socket_address *name = &t->conn->peer;
    uint32_t number = 0;
    for (int i = 0; i < 4 && name->family == FA_SOCKET_IPV4; i++) {
        number = number << 8 | name->ip[i];
    }
    return number;
}

void fa_memory_peer_limit(struct fa_memory_peer *p, size_t limit)
{
    p->out_limit = limit;
}

void fa_memory_peer_piece(struct fa_memory_peer *p, size_t piece)
{
    p->out_piece = piece;
}

void fa_memory_peer_took(struct fa_memory_peer *p)
{
    p->out_len = 0;
    if (p->conn != NULL && !p->conn->writable) {
        p->conn->writable = true;
        fa_reactor_schedule(&p->conn->server->reactor, p->conn);
    }
}

void fa_memory_peer_close(struct fa_memory_peer *p)
{
    if (p->conn != NULL) {
        fa_http_conn_kill(p->conn); /* sets p->conn to NULL */
    }
}

void fa_memory_peer_deinit(struct fa_memory_peer *p)
{
    fa_memory_peer_close(p);
    fa_free(p->out);
    memset(p, 0, sizeof *p);
}

/* Something can be read: the next turn does it. */
static void wake(struct fa_memory_peer *p)
{
    if (p->conn != NULL) {
        p->conn->readable = true;
        fa_reactor_schedule(&p->conn->server->reactor, p->conn);
    }
}

void fa_memory_peer_send(struct fa_memory_peer *p, const char *ptr, size_t len)
{
    p->in = ptr;
    p->in_len = len;
    wake(p);
}

void fa_memory_peer_end(struct fa_memory_peer *p)
{
    p->in_ended = true;
    if (p->conn != NULL) {
        fa_http_conn_read_note_end(p->conn);
    }
    wake(p);
}

bool fa_memory_peer_is_answered(const struct fa_memory_peer *p)
{
    return p->conn == NULL || (p->in_len == 0 && p->out_len > 0 && fa_http_conn_is_idle(p->conn));
}

/* ---- the connection's side ---- */

fa_status fa_memory_peer_recv(struct fa_memory_peer *p, void *dst, size_t capacity, size_t *n)
{
    size_t len = p->in_len < capacity ? p->in_len : capacity;
    if (len == 0) {
        return p->in_ended ? FA_ERR_CLOSED : FA_AGAIN;
    }
    memcpy(dst, p->in, len);
    p->in += len;
    p->in_len -= len;
    *n = len;
    return FA_OK;
}

static bool is_full(const struct fa_memory_peer *p)
{
    bool has_piece = p->out_piece > 0 && p->out_len > 0;
    return has_piece || (p->out_limit > 0 && p->out_len >= p->out_limit);
}

static size_t one_piece(const struct fa_memory_peer *p, size_t len)
{
    return p->out_piece > 0 ? fa_min_size(p->out_piece, len) : len;
}

static bool reserve(struct fa_memory_peer *p, size_t more)
{
    size_t need;
    if (__builtin_add_overflow(p->out_len, more, &need)) {
        return false;
    }
    if (need <= p->out_capacity) {
        return true;
    }
    size_t capacity = p->out_capacity > 0 ? p->out_capacity : FIRST_CAPACITY;
    while (capacity < need) {
        if (__builtin_mul_overflow(capacity, 2u, &capacity)) {
            return false;
        }
    }
    char *larger = fa_realloc(p->out, capacity);
    if (larger == NULL) {
        return false;
    }
    p->out = larger;
    p->out_capacity = capacity;
    return true;
}

fa_status fa_memory_peer_sendv(
    struct fa_memory_peer *p, const struct iovec *iov, size_t count, size_t *n)
{
    if (is_full(p)) {
        return FA_AGAIN;
    }
    size_t len = 0;
    for (size_t i = 0; i < count; i++) {
        len += iov[i].iov_len;
    }
    len = one_piece(p, len);
    if (!reserve(p, len)) {
        return FA_ERR_IO;
    }
    size_t left = len;
    for (size_t i = 0; i < count && left > 0; i++) {
        size_t part = fa_min_size(iov[i].iov_len, left);
        memcpy(p->out + p->out_len, iov[i].iov_base, part);
        p->out_len += part;
        left -= part;
    }
    *n = len;
    return FA_OK;
}

fa_status fa_memory_peer_sendfile(
    struct fa_memory_peer *p, int file_fd, off_t offset, uint64_t count, size_t *n)
{
    if (is_full(p)) {
        return FA_AGAIN;
    }
    size_t piece = one_piece(p, count < FILE_PIECE_SIZE ? (size_t)count : FILE_PIECE_SIZE);
    if (!reserve(p, piece)) {
        return FA_ERR_IO;
    }
    ssize_t got;
    do {
        got = pread(file_fd, p->out + p->out_len, piece, offset);
    } while (got < 0 && errno == EINTR);
    if (got <= 0) {
        return got == 0 && count > 0 ? FA_ERR_INVALID : FA_ERR_IO;
    }
    p->out_len += (size_t)got;
    *n = (size_t)got;
    return FA_OK;
}
