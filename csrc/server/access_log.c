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

FA_STATIC_ASSERT(FA_ACCESS_LINE_MAX <= PIPE_BUF, "a record is written at once or not at all");

struct fa_access_log {
    FA_ALIGNED(FA_CACHELINE) atomic_size_t written;  /* producer: bytes ever put in */
    FA_ALIGNED(FA_CACHELINE) atomic_size_t consumed; /* writer: bytes ever taken out */
    struct fa_wakeup wakeup;
    void *block; /* what was allocated; the struct is aligned in it */
    int fd;
    atomic_int records_fd;          /* -1: lines are written, to fd */
    struct fa_access_format format; /* of lines */
    struct fa_access_format record; /* of what goes to records_fd */
    size_t size;                    /* of the ring */
    char *ring;
    pthread_t thread;
    atomic_bool stopping;
    atomic_uint_least64_t write_errors;
};

/* ---- what a line is ---- */

fa_status fa_access_log_set_format(struct fa_access_log *log, fa_span pattern, fa_span *bad)
{
    struct fa_access_format made;
    fa_status st = fa_access_format_parse(&made, pattern, bad);
    if (st == FA_OK) {
        log->format = made;
    }
    return st;
}

const struct fa_access_format *fa_access_log_format(const struct fa_access_log *log)
{
    return &log->format;
}

void fa_access_log_set_records(struct fa_access_log *log, int fd)
{
    atomic_store_explicit(&log->records_fd, fd, memory_order_relaxed);
}

bool fa_access_log_makes_records(const struct fa_access_log *log)
{
    return atomic_load_explicit(&log->records_fd, memory_order_relaxed) >= 0;
}

/* One write, which a pipe takes as a whole or not at all: a line is not longer than PIPE_BUF. */
static bool add_record(struct fa_access_log *log, int fd, const struct fa_access_line *line)
{
    char text[FA_ACCESS_LINE_MAX];
    size_t n = fa_access_format_write(&log->record, line, text);
    ssize_t r;
    do {
        r = write(fd, text, n);
    } while (r < 0 && errno == EINTR);
    return r == (ssize_t)n;
}

/* ---- the ring ---- */

bool fa_access_log_add(struct fa_access_log *log, const struct fa_access_line *line)
{
    int records_fd = atomic_load_explicit(&log->records_fd, memory_order_relaxed);
    if (records_fd >= 0) {
        return add_record(log, records_fd, line);
    }
    char text[FA_ACCESS_LINE_MAX];
    size_t n = fa_access_format_write(&log->format, line, text);
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

static fa_status parse_patterns(struct fa_access_log *log)
{
    fa_span bad;
    fa_status st = fa_access_format_parse(&log->format, FA_SPAN("text"), &bad);
    if (st == FA_OK) {
        st = fa_access_format_parse(&log->record, FA_SPAN(FA_ACCESS_LOG_RECORD), &bad);
    }
    return st;
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
    atomic_init(&log->records_fd, -1);
    st = parse_patterns(log);
    if (st == FA_OK) {
        st = fa_wakeup_init(&log->wakeup);
    }
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
