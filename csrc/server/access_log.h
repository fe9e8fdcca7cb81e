/*
 * access_log.h - one line per request, in Uvicorn's form, off the hot path.
 *
 *     INFO:     127.0.0.1:50312 - "GET /x HTTP/1.1" 200 OK
 *
 * The reactor formats into a bounded ring; a thread of its own writes it out.
 * A slow or full disk therefore never holds a request: lines that do not fit
 * are dropped and counted.
 */
#ifndef FA_SERVER_ACCESS_LOG_H
#define FA_SERVER_ACCESS_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"
#include "base/span.h"
#include "base/status.h"

struct fa_access_log;

struct fa_access_log_line {
    fa_span client; /* "127.0.0.1:50312", or empty */
    fa_span method;
    fa_span target;
    uint8_t minor; /* HTTP/1.<minor> */
    int status;
};

/*
 * fa_access_log_new - start the writer thread.
 *
 * Ownership: `fd` stays the caller's and must stay open until fa_access_log_free.
 * Errors:    FA_ERR_NOMEM, FA_ERR_IO when the thread cannot start.
 */
FA_NODISCARD fa_status fa_access_log_new(int fd, size_t ring_bytes, struct fa_access_log **out);

/*
 * fa_access_log_free - write out what is in the ring, stop the thread, free.
 */
void fa_access_log_free(struct fa_access_log *log);

/*
 * fa_access_log_add - append one line; never waits.
 *
 * Bytes of method and target outside printable ASCII appear as \xNN, a quote
 * or backslash likewise, so a line cannot be forged; a long target is cut.
 * Returns false when the ring was full and the line was dropped.
 *
 * Threads: one producer (the reactor).
 * Memory:  release store of the write position pairs with the writer thread's
 *          acquire load.
 */
bool fa_access_log_add(struct fa_access_log *log, const struct fa_access_log_line *line);

/*
 * fa_access_log_format - the text of one line, with its line end.
 *
 * Returns the length; never more than FA_ACCESS_LOG_LINE_MAX.
 */
#define FA_ACCESS_LOG_LINE_MAX 2048
size_t fa_access_log_format(const struct fa_access_log_line *line, char *dst);

/*
 * fa_access_log_write_errors - failed writes so far (disk full, closed pipe).
 */
uint64_t fa_access_log_write_errors(const struct fa_access_log *log);

#endif
