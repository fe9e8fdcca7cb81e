/*
 * load.h - load on a driven server from inside its process: requests of memory
 * peers, each answered completely before its peer asks again.
 *
 * Measures the whole path of a request but the kernel: bytes in, parse, route,
 * queue, handler, answer, bytes out, on the thread that calls.
 */
#ifndef FA_SERVER_LOAD_H
#define FA_SERVER_LOAD_H

#include <stddef.h>
#include <stdint.h>

#include "base/base.h"
#include "base/status.h"

struct fa_server;

struct fa_load {
    /* What to do. */
    const char *request; /* one complete request; borrowed */
    size_t request_len;
    uint64_t count;      /* requests in all */
    uint32_t in_flight;  /* peers, at least 1: requests under way at a time */
    uint64_t timeout_ns; /* give up when no answer comes for this long */
    uint32_t *latency;   /* room for `count` times in ns, in order of completion; may be NULL */
    /* What came of it. */
    uint64_t answered;
    uint64_t different; /* answers with another status than the first one */
    uint64_t took_ns;
    char *answer; /* the first answer, whole; the caller frees it with fa_free */
    size_t answer_len;
};

/*
 * fa_load_run - run it; with config.spin_us it never sleeps, else the thread
 * sleeps while it waits for executors.
 *
 * A connection that the server closes is opened again.
 *
 * Threads: the one that drives the server (fa_server_turn).
 * Errors:  FA_ERR_NOMEM; FA_ERR_INVALID when in_flight or count is 0; FA_AGAIN
 *          when no answer came in time; FA_ERR_CLOSED when the server was stopped, or closed
 *          a connection without an answer. `answer` is NULL then.
 */
FA_NODISCARD fa_status fa_load_run(struct fa_server *s, struct fa_load *load);

#endif
