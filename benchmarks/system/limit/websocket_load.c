/* websocket_load.c - the load for WebSockets: each connection sends a text, waits for its echo, and
 * sends again. Usage: websocket_load PORT PATH CONNECTIONS SECONDS; prints the number of echoes and
 * the seconds they took, and fails if an echo differs from what was sent. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { TEXT = 64, HEAD = 2, MASK = 4, ANSWER = HEAD + TEXT, MAX_CONNECTIONS = 1024 };

static const unsigned char MASK_KEY[MASK] = {1, 2, 3, 4};

struct connection {
    int fd;
    size_t len; /* of the echo so far */
    unsigned char echo[ANSWER];
};

static unsigned char frame[HEAD + MASK + TEXT], expected[ANSWER];

static void fail(const char *what)
{
    fprintf(stderr, "websocket_load: %s\n", what);
    exit(1);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void make_frames(void)
{
    frame[0] = expected[0] = 0x81;
    frame[1] = 0x80 | TEXT;
    expected[1] = TEXT;
    memcpy(frame + HEAD, MASK_KEY, MASK);
    for (size_t i = 0; i < TEXT; i++) {
        expected[HEAD + i] = (unsigned char)('a' + i % 26);
        frame[HEAD + MASK + i] = expected[HEAD + i] ^ MASK_KEY[i % MASK];
    }
}

static int open_websocket(uint16_t port, const char *path)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) < 0) fail("cannot connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    char text[1024];
    int size = snprintf(text, sizeof text,
        "GET %s HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        path);
    if (write(fd, text, (size_t)size) != size) fail("cannot write");
    size_t len = 0;
    while (len < 4 || memcmp(text + len - 4, "\r\n\r\n", 4) != 0) {
        if (len == sizeof text || read(fd, text + len, 1) != 1) fail("no handshake");
        len++;
    }
    if (len < 12 || memcmp(text, "HTTP/1.1 101", 12) != 0) fail("refused");
    return fd;
}

static void send_text(const struct connection *c)
{
    if (write(c->fd, frame, sizeof frame) != (ssize_t)sizeof frame) fail("cannot write");
}

/* Read what is there; 1 if the echo is complete, and then the next text is sent. */
static int take_echo(struct connection *c)
{
    ssize_t got = read(c->fd, c->echo + c->len, ANSWER - c->len);
    if (got <= 0) fail("connection lost");
    c->len += (size_t)got;
    if (c->len < ANSWER) return 0;
    if (memcmp(c->echo, expected, ANSWER) != 0) fail("wrong echo");
    c->len = 0;
    send_text(c);
    return 1;
}

int main(int argc, char **argv)
{
    if (argc != 5) fail("usage: websocket_load PORT PATH CONNECTIONS SECONDS");
    static struct connection all[MAX_CONNECTIONS];
    size_t count = strtoul(argv[3], NULL, 10);
    if (count == 0 || count > MAX_CONNECTIONS) fail("too many connections, or none");
    make_frames();
    int poller = epoll_create1(0);
    for (size_t i = 0; i < count; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &all[i]};
        all[i].fd = open_websocket((uint16_t)atoi(argv[1]), argv[2]);
        if (epoll_ctl(poller, EPOLL_CTL_ADD, all[i].fd, &event) < 0) fail("epoll_ctl");
    }
    double start = now(), end = start + atof(argv[4]);
    unsigned long echoes = 0;
    for (size_t i = 0; i < count; i++)
        send_text(&all[i]);
    while (now() < end) {
        struct epoll_event events[64];
        int ready = epoll_wait(poller, events, 64, 1000);
        for (int i = 0; i < ready; i++)
            echoes += (unsigned long)take_echo(events[i].data.ptr);
    }
    printf("%lu %.6f\n", echoes, now() - start);
    return 0;
}
