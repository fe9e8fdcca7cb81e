/* access_log.c - one line per request, written by a thread of its own. */
#include "server/access_log.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/wakeup.h"
#include "http/http_status.h"

#define TARGET_MAX 1536
#define METHOD_MAX 64

struct fa_access_log {
    FA_ALIGNED(FA_CACHELINE) atomic_size_t written;  /* producer: bytes ever put in */
    FA_ALIGNED(FA_CACHELINE) atomic_size_t consumed; /* writer: bytes ever taken out */
    struct fa_wakeup wakeup;
    void *block; /* what was allocated; the struct is aligned in it */
    int fd;
    size_t size; /* of the ring */
    char *ring;
    pthread_t thread;
    atomic_bool stopping;
    atomic_uint_least64_t write_errors;
};

/* ---- one line ---- */

static char *put(char *dst, const char *ptr, size_t len)
{
    memcpy(dst, ptr, len);
    return dst + len;
}

/* Printable text as it is, all else as \xNN; stops before `end`. */
static char *put_escaped(char *dst, const char *end, fa_span text)
{
    static const char HEX[] = "0123456789abcdef";
    for (size_t i = 0; i < text.len && end - dst >= 4; i++) {
        unsigned char b = (unsigned char)text.ptr[i];
        if (b >= 0x20 && b < 0x7f && b != '"' && b != '\\') {
            *dst++ = (char)b;
        } else {
            *dst++ = '\\';
            *dst++ = 'x';
            *dst++ = HEX[b >> 4];
            *dst++ = HEX[b & 15];
        }
    }
    return dst;
}

size_t fa_access_log_format(const struct fa_access_log_line *line, char *dst)
{
    char *p = put(dst, "INFO:     ", 10);
    p = put(p, line->client.ptr, fa_min_size(line->client.len, 128));
    p = put(p, " - \"", 4);
    p = put_escaped(p, p + METHOD_MAX, line->method);
    *p++ = ' ';
    p = put_escaped(p, p + TARGET_MAX, line->target);
    fa_span reason = fa_http_status_reason(line->status);
    size_t room = FA_ACCESS_LOG_LINE_MAX - (size_t)(p - dst);
    int n = snprintf(p, room, " HTTP/1.%u\" %d %.*s\n", (unsigned)line->minor, line->status,
        (int)reason.len, reason.ptr);
    return (size_t)(p - dst) + (size_t)n;
}

/* ---- the ring ---- */

bool fa_access_log_add(struct fa_access_log *log, const struct fa_access_log_line *line)
{
    char text[FA_ACCESS_LOG_LINE_MAX];
    size_t n = fa_access_log_format(line, text);
    size_t at = atomic_load_explicit(&log->written, memory_order_relaxed);
    size_t used = at - atomic_load_explicit(&log->consumed, memory_order_acquire);
    if (log->size - used < n) {
        return false;
    }
    size_t offset = at % log->size;
    size_t first = fa_min_size(n, log->size - offset);
    memcpy(log->ring + offset, text, first);
    memcpy(log->ring, text + first, n - first);
    atomic_store_explicit(&log->written, at + n, memory_order_release);
    (void)fa_wakeup_notify(&log->wakeup);
    return true;
}

/*
 * Write out some of what is there. The descriptor is asked first, and no more
 * written than a ready pipe takes at once, so that a reader who stands still
 * cannot keep this thread from stopping. What cannot be written is given up.
 */
static bool flush(struct fa_access_log *log)
{
    size_t from = atomic_load_explicit(&log->consumed, memory_order_relaxed);
    size_t to = atomic_load_explicit(&log->written, memory_order_acquire);
    if (from == to) {
        return false;
    }
    struct pollfd ready = {.fd = log->fd, .events = POLLOUT};
    if (poll(&ready, 1, 100) == 0) {
        return !atomic_load_explicit(&log->stopping, memory_order_relaxed);
    }
    size_t offset = from % log->size;
    size_t n = fa_min_size(fa_min_size(to - from, log->size - offset), PIPE_BUF);
    ssize_t r = write(log->fd, log->ring + offset, n);
    if (r < 0 && (errno == EINTR || errno == EAGAIN)) {
        return true;
    }
    if (r < 0) {
        (void)atomic_fetch_add_explicit(&log->write_errors, 1, memory_order_relaxed);
        r = (ssize_t)n;
    }
    atomic_store_explicit(&log->consumed, from + (size_t)r, memory_order_release);
    return true;
}

static bool has_lines(struct fa_access_log *log)
{
    return atomic_load_explicit(&log->consumed, memory_order_relaxed) !=
           atomic_load_explicit(&log->written, memory_order_acquire);
}

static void *writer_main(void *arg)
{
    struct fa_access_log *log = arg;
    for (;;) {
        while (flush(log)) {
        }
        if (atomic_load_explicit(&log->stopping, memory_order_acquire)) {
            break;
        }
        fa_wakeup_prepare(&log->wakeup);
        if (has_lines(log) || atomic_load_explicit(&log->stopping, memory_order_acquire)) {
            fa_wakeup_cancel(&log->wakeup);
            continue;
        }
        struct pollfd wake = {.fd = log->wakeup.fd, .events = POLLIN};
        (void)poll(&wake, 1, -1);
        fa_wakeup_clear(&log->wakeup);
    }
    return NULL;
}

/* ---- life ---- */

static fa_status start_writer(struct fa_access_log *log)
{
    sigset_t all;
    sigset_t old;
    (void)sigfillset(&all); /* also SIGPIPE of a closed log pipe: write tells it */
    (void)pthread_sigmask(SIG_SETMASK, &all, &old);
    int failed = pthread_create(&log->thread, NULL, writer_main, log);
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    return failed == 0 ? FA_OK : FA_ERR_IO;
}

fa_status fa_access_log_new(int fd, size_t ring_bytes, struct fa_access_log **out)
{
    void *block = fa_alloc_zero(sizeof(struct fa_access_log) + FA_CACHELINE);
    char *ring = fa_alloc(ring_bytes);
    fa_status st = FA_ERR_NOMEM;
    if (block == NULL || ring == NULL) {
        goto fail;
    }
    uintptr_t aligned = ((uintptr_t)block + FA_CACHELINE - 1) & ~(uintptr_t)(FA_CACHELINE - 1);
    struct fa_access_log *log = (struct fa_access_log *)aligned;
    log->block = block;
    log->fd = fd;
    log->size = ring_bytes;
    log->ring = ring;
    st = fa_wakeup_init(&log->wakeup);
    if (st != FA_OK) {
        goto fail;
    }
    st = start_writer(log);
    if (st != FA_OK) {
        fa_wakeup_deinit(&log->wakeup);
        goto fail;
    }
    *out = log;
    return FA_OK;
fail:
    fa_free(ring);
    fa_free(block);
    return st;
}

void fa_access_log_free(struct fa_access_log *log)
{
    atomic_store_explicit(&log->stopping, true, memory_order_release);
    fa_wakeup_write(&log->wakeup);
    (void)pthread_join(log->thread, NULL);
    fa_wakeup_deinit(&log->wakeup);
    fa_free(log->ring);
    fa_free(log->block);
}

uint64_t fa_access_log_write_errors(const struct fa_access_log *log)
{
    return atomic_load_explicit(&log->write_errors, memory_order_relaxed);
}
