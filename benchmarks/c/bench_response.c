/*
 * Building an answer: where it stays (zero_copy on) and put together by copying (off).
 *
 * "in place" is what the server does: a small body is written behind the head's room,
 * then the head in front of it; a large one is not touched at all, the head goes
 * first and the body is sent from where it lies. "copied" is the switch's other
 * side: the body is copied behind the head's room, and the whole is put together in a
 * block of its own before it is sent. "sent" adds the way through a socket, which
 * costs both the same: what is left of the difference is what a client can notice.
 */
#include "bench.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "http/http_response.h"
#include "json/json_builder.h"
#include "net/socket.h"

enum { COPY_BODY_MAX = 4096, LARGE = 1 << 20, BUFFER = 8192, SMALL_OPS = 400000 };

struct answer {
    size_t body; /* bytes of a given body; 0: a small object is written as JSON */
    bool copied;
    bool sent;
};

static char body[LARGE], sink[LARGE];
static struct fa_buffer_pool pool;
static struct fa_buffer_cache cache;
static int sockets[2];

static void write_object(struct fa_writer *w)
{
    struct fa_json_builder b;
    fa_json_builder_init(&b, w);
    fa_json_builder_begin_object(&b);
    fa_json_builder_key(&b, FA_SPAN("id"));
    fa_json_builder_int64(&b, 42);
    fa_json_builder_key(&b, FA_SPAN("name"));
    fa_json_builder_string(&b, FA_SPAN("Alice"));
    fa_json_builder_key(&b, FA_SPAN("active"));
    fa_json_builder_bool(&b, true);
    fa_json_builder_end_object(&b);
    bench_must(fa_json_builder_finish(&b));
}

/* The pieces are in `iov`; the other end reads as much as was sent. */
static void send_all(struct iovec *iov, size_t count)
{
    while (count > 0) {
        size_t n = 0;
        fa_status st = fa_socket_sendv(sockets[0], iov, count, false, &n);
        if (st != FA_AGAIN) bench_must(st);
        for (size_t left = n; left > 0;) {
            ssize_t got = read(sockets[1], sink, left < sizeof sink ? left : sizeof sink);
            if (got <= 0) bench_must(FA_ERR_IO);
            left -= (size_t)got;
        }
        for (; count > 0 && n >= iov->iov_len; iov++, count--)
            n -= iov->iov_len;
        if (count > 0) {
            iov->iov_base = (char *)iov->iov_base + n;
            iov->iov_len -= n;
        }
    }
}

static struct fa_buffer *put_together(struct iovec *iov, size_t *count)
{
    size_t size = 0;
    for (size_t i = 0; i < *count; i++)
        size += iov[i].iov_len;
    struct fa_buffer *flat = fa_buffer_new(size);
    if (flat == NULL) bench_must(FA_ERR_NOMEM);
    char *end = flat->data;
    for (size_t i = 0; i < *count; end += iov[i].iov_len, i++)
        memcpy(end, iov[i].iov_base, iov[i].iov_len);
    iov[0] = (struct iovec){flat->data, size};
    *count = 1;
    return flat;
}

/* As py_response.c and http_conn_write.c do it. */
static void build(void *arg, uint64_t ops)
{
    const struct answer *a = arg;
    for (uint64_t i = 0; i < ops; i++) {
        struct fa_writer w;
        struct iovec iov[2];
        size_t count = 1;
        bool in_place = !a->copied && a->body > COPY_BODY_MAX;
        char *start = NULL;
        bench_must(fa_writer_init(&w, &cache, BUFFER));
        w.cur += FA_HTTP_HEAD_ROOM;
        if (a->body == 0) {
            write_object(&w);
        } else if (!in_place && !fa_writer_put(&w, body, a->body)) {
            bench_must(FA_ERR_NOMEM);
        }
        size_t len = fa_writer_len(&w) - FA_HTTP_HEAD_ROOM;
        struct fa_buffer *out = fa_writer_detach(&w);
        struct fa_http_head head = {.status = 200,
            .date = FA_SPAN("Mon, 23 Nov 2026 12:00:00 GMT"),
            .content_type = FA_SPAN("application/json"),
            .has_content_length = true,
            .content_length = in_place ? a->body : len};
        char *text = out->data + FA_HTTP_HEAD_ROOM;
        bench_must(fa_http_head_write_before(&head, text, out->data, &start));
        iov[0] = (struct iovec){start, (size_t)(text - start) + len};
        if (in_place) iov[count++] = (struct iovec){body, a->body};
        struct fa_buffer *flat = a->copied ? put_together(iov, &count) : NULL;
        bench_keep(iov[0].iov_base);
        if (a->sent) send_all(iov, count);
        if (flat != NULL) fa_buffer_release(flat);
        fa_buffer_cache_release(&cache, out);
    }
}

#define CASE(text, size, copied, sent, n)                                                 \
    {                                                                                     \
        .name = text, .run = build, .arg = &(struct answer){size, copied, sent}, .ops = n \
    }

/* Side by side, so that the same moment of the machine hits both. */
#define BOTH(text, size, n)                                                                      \
    CASE(text ", in place", size, false, false, n), CASE(text ", copied", size, true, false, n), \
        CASE(text ", in place, sent", size, false, true, (n) / 10),                              \
        CASE(text ", copied, sent", size, true, true, (n) / 10)

/* clang-format off */
static struct bench_case cases[] = {
    BOTH("small object", 0, SMALL_OPS),
    BOTH("1 KiB", 1024, SMALL_OPS),
    BOTH("64 KiB", 65536, 10000),
    BOTH("1 MiB", LARGE, 400),
};
/* clang-format on */

int main(void)
{
    size_t n = sizeof cases / sizeof cases[0];
    memset(body, 'x', sizeof body);
    bench_must(fa_buffer_pool_init(&pool, BUFFER, 64, true));
    fa_buffer_cache_init(&cache, &pool);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0) bench_must(FA_ERR_IO);
    if (fcntl(sockets[0], F_SETFL, O_NONBLOCK) != 0) bench_must(FA_ERR_IO);
    bench_all(cases, n);
    for (size_t i = 0; i < n; i += 2)
        printf("%-40s %8.2f of the time when copied\n", cases[i].name,
            bench_ratio(&cases[i], &cases[i + 1]));
    close(sockets[0]);
    close(sockets[1]);
    fa_buffer_cache_deinit(&cache);
    fa_buffer_pool_deinit(&pool);
    return 0;
}
