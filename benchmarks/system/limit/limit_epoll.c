/* limit_epoll.c - the limit: what one thread of C answers when it does nothing else.
 *
 * One epoll loop; it looks for the end of each head, skips as many body bytes as content-length
 * says, and answers with fixed bytes. No routing, no checks, no Python. Usage: limit_epoll PORT */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 256, READ_SIZE = 65536, KEPT_MAX = 16384, MAX_FD = 65536 };

static const char ANSWER[] = "HTTP/1.1 200 OK\r\ncontent-length: 23\r\n"
                             "content-type: application/json\r\n\r\n"
                             "{\"id\":1,\"name\":\"Alice\"}";
static const size_t ANSWER_LEN = sizeof ANSWER - 1;

/* What a connection has sent of a request that is not complete yet. */
struct kept {
    size_t len;
    char bytes[KEPT_MAX];
};

static struct kept *kept_of[MAX_FD];
static char input[KEPT_MAX + READ_SIZE];
static char output[(KEPT_MAX + READ_SIZE) / 16 * sizeof ANSWER];

static void close_connection(int fd)
{
    free(kept_of[fd]);
    kept_of[fd] = NULL;
    close(fd);
}

static size_t body_length(const char *head, const char *end)
{
    static const char name[] = "\r\ncontent-length:";
    for (const char *at = head; (at = memchr(at, '\r', (size_t)(end - at))) != NULL; at++) {
        if ((size_t)(end - at) > sizeof name && strncasecmp(at, name, sizeof name - 1) == 0)
            return strtoul(at + sizeof name - 1, NULL, 10);
    }
    return 0;
}

/* Answer every complete request in `input`; returns how many bytes they took. */
static size_t answer_all(size_t len, size_t *out_len)
{
    const char *start = input, *end = input + len, *mark;
    while ((mark = memmem(start, (size_t)(end - start), "\r\n\r\n", 4)) != NULL) {
        size_t body = *start == 'P' ? body_length(start, mark + 4) : 0;
        if ((size_t)(end - mark - 4) < body) break;
        if (*out_len + ANSWER_LEN > sizeof output) break;
        memcpy(output + *out_len, ANSWER, ANSWER_LEN);
        *out_len += ANSWER_LEN;
        start = mark + 4 + body;
    }
    return (size_t)(start - input);
}

static void on_readable(int fd)
{
    struct kept *kept = kept_of[fd];
    size_t had = 0;
    if (kept != NULL) {
        had = kept->len;
        memcpy(input, kept->bytes, had);
        kept->len = 0;
    }
    ssize_t got = read(fd, input + had, READ_SIZE);
    if (got < 0 && errno == EAGAIN)
        got = 0;
    else if (got <= 0) {
        close_connection(fd);
        return;
    }
    size_t len = had + (size_t)got, out_len = 0, used = answer_all(len, &out_len);
    if (out_len > 0 && write(fd, output, out_len) != (ssize_t)out_len) {
        close_connection(fd);
        return;
    }
    if (used == len) return;
    if (kept == NULL) kept = kept_of[fd] = malloc(sizeof *kept);
    if (kept == NULL || len - used > KEPT_MAX) {
        close_connection(fd);
        return;
    }
    kept->len = len - used;
    memcpy(kept->bytes, input + used, kept->len);
}

static void on_connection(int epoll_fd, int listener)
{
    int fd, on = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        if (fd >= MAX_FD) {
            close(fd);
            continue;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
        if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) close(fd);
    }
}

int main(int argc, char **argv)
{
    if (argc != 2) return 2;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    struct sockaddr_in address = {.sin_family = AF_INET,
        .sin_port = htons((uint16_t)atoi(argv[1])),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(listener, 4096) != 0) {
        perror("limit_epoll");
        return 1;
    }
    int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, events[EVENTS];
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int count = epoll_wait(epoll_fd, events, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            if (events[i].data.fd == listener)
                on_connection(epoll_fd, listener);
            else
                on_readable(events[i].data.fd);
        }
    }
}
