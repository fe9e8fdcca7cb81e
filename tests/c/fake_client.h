/* fake_client.h - a small blocking HTTP client for tests of the server. */
#ifndef FA_TESTS_FAKE_CLIENT_H
#define FA_TESTS_FAKE_CLIENT_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define FAKE_UNUSED __attribute__((unused))

static FAKE_UNUSED int fake_connect_buf(uint16_t port, int rcvbuf)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int one = 1;
    struct timeval patience = {.tv_sec = 20};
    struct sockaddr_in sa = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (rcvbuf > 0) {
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &rcvbuf, sizeof rcvbuf);
    }
    if (fd < 0 || connect(fd, (struct sockaddr *)&sa, sizeof sa) != 0) {
        perror("connect");
        abort();
    }
    return fd;
}

static FAKE_UNUSED bool fake_send_n(int fd, const void *ptr, size_t len)
{
    const char *p = ptr;
    while (len > 0) {
        ssize_t r = send(fd, p, len, MSG_NOSIGNAL);
        if (r < 0 && errno == EINTR) {
            continue;
        }
        if (r <= 0) {
            return false;
        }
        p += r;
        len -= (size_t)r;
    }
    return true;
}

static FAKE_UNUSED bool fake_send(int fd, const char *text)
{
    return fake_send_n(fd, text, strlen(text));
}

struct fake_response {
    int status;
    char head[8192];
    char *body;
    size_t len;
    bool close;
    bool chunked;
    bool complete;
};

static FAKE_UNUSED bool fake_recv_n(int fd, char *dst, size_t len)
{
    while (len > 0) {
        ssize_t r = recv(fd, dst, len, 0);
        if (r < 0 && errno == EINTR) {
            continue;
        }
        if (r <= 0) {
            return false;
        }
        dst += r;
        len -= (size_t)r;
    }
    return true;
}

static FAKE_UNUSED const char *fake_header(const struct fake_response *r, const char *name)
{
    const char *line = strstr(r->head, "\r\n");
    size_t n = strlen(name);
    while (line != NULL && line[2] != '\0') {
        line += 2;
        if (strncasecmp(line, name, n) == 0 && line[n] == ':') {
            return line + n + 2;
        }
        line = strstr(line, "\r\n");
    }
    return NULL;
}

/* One line byte by byte: the client must not read past an answer. */
static FAKE_UNUSED bool fake_recv_until(int fd, char *dst, size_t room, const char *end)
{
    size_t n = 0;
    size_t end_len = strlen(end);
    while (n + 1 < room && fake_recv_n(fd, dst + n, 1)) {
        dst[++n] = '\0';
        if (n >= end_len && memcmp(dst + n - end_len, end, end_len) == 0) {
            return true;
        }
    }
    return false;
}

static FAKE_UNUSED bool fake_recv_chunked(int fd, struct fake_response *r)
{
    for (;;) {
        char line[64];
        if (!fake_recv_until(fd, line, sizeof line, "\r\n")) {
            return false;
        }
        size_t n = strtoul(line, NULL, 16);
        r->body = realloc(r->body, r->len + n + 3);
        if (!fake_recv_n(fd, r->body + r->len, n + 2)) {
            return false;
        }
        r->len += n;
        r->body[r->len] = '\0';
        if (n == 0) {
            return true;
        }
    }
}

/* Reads one answer; `head_only` for HEAD. False: the connection ended first. */
static FAKE_UNUSED bool fake_recv_response(int fd, struct fake_response *r, bool head_only)
{
    memset(r, 0, sizeof *r);
    if (!fake_recv_until(fd, r->head, sizeof r->head, "\r\n\r\n")) {
        return false;
    }
    r->status = atoi(r->head + 9);
    const char *connection = fake_header(r, "connection");
    r->close = connection != NULL && strncasecmp(connection, "close", 5) == 0;
    r->chunked = fake_header(r, "transfer-encoding") != NULL;
    r->body = calloc(1, 1);
    if (head_only || r->status < 200) {
        return true;
    }
    if (r->chunked) {
        return fake_recv_chunked(fd, r);
    }
    const char *length = fake_header(r, "content-length");
    size_t n = length != NULL ? strtoul(length, NULL, 10) : 0;
    r->body = realloc(r->body, n + 1);
    r->len = n;
    r->body[n] = '\0';
    return fake_recv_n(fd, r->body, n);
}

/* Sends a request and reads the answer: its status, or 0 when there was none. */
static FAKE_UNUSED int fake_ask(int fd, const char *request, struct fake_response *r)
{
    bool head_only = strncmp(request, "HEAD", 4) == 0;
    if (!fake_send(fd, request) || !fake_recv_response(fd, r, head_only)) {
        return 0;
    }
    return r->status;
}

static FAKE_UNUSED void fake_response_free(struct fake_response *r)
{
    free(r->body);
    r->body = NULL;
}

/* Did the server end the connection, with nothing more in it? */
static FAKE_UNUSED bool fake_is_ended(int fd)
{
    char byte;
    ssize_t r;
    do {
        r = recv(fd, &byte, 1, 0);
    } while (r < 0 && errno == EINTR);
    return r == 0 || (r < 0 && errno == ECONNRESET);
}

static FAKE_UNUSED void fake_reset(int fd)
{
    struct linger hard = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close(fd);
}

#endif
