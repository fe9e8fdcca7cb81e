/*
 * access_log.h - one line per request, in Uvicorn's form, off the hot path.
 *
 *     INFO:     127.0.0.1:50312 - "GET /x HTTP/1.1" 200 OK
 *
 * The reactor formats into a bounded ring; a thread of its own writes it out.
 * A slow or full disk therefore never holds a request: lines that do not fit
 * are dropped and counted.
 *
 * Where somebody wants records instead of lines (a logger with handlers of its own),
 * the fields go to a pipe, from where whoever makes the records reads them.
 */
#ifndef FA_SERVER_ACCESS_LOG_H
#define FA_SERVER_ACCESS_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"
#include "base/span.h"
#include "base/status.h"
#include "server/access_format.h"

struct fa_access_log;

/* What goes to the pipe, a line for each request: the arguments of Uvicorn's records. */
#define FA_ACCESS_LOG_RECORD "%(client_addr)s\t%(method)s\t%(target)s\t%(http_version)s\t%(status)s"

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
 * fa_access_log_set_format - another pattern than FA_ACCESS_FORMAT_TEXT.
 *
 * Threads: before the first line.
 * Errors:  those of fa_access_format_parse; the pattern is as before then.
 */
FA_NODISCARD fa_status fa_access_log_set_format(
    struct fa_access_log *log, fa_span pattern, fa_span *bad);

/*
 * fa_access_log_format - the pattern: which fields of a line are looked at.
 *
 * Ownership: the log's. Threads: any.
 */
const struct fa_access_format *fa_access_log_format(const struct fa_access_log *log);

/*
 * fa_access_log_set_records - from now on fields go to `fd`, a pipe that does not
 * block; -1: lines again.
 *
 * Ownership: `fd` stays the caller's and must stay open until another one was set and
 *            the reactor has gone once through its loop, or has ended.
 * Threads:   any.
 */
void fa_access_log_set_records(struct fa_access_log *log, int fd);

/*
 * fa_access_log_makes_records - is there such a pipe?
 *
 * Threads: any. Memory: relaxed; a request of this moment goes either way.
 */
bool fa_access_log_makes_records(const struct fa_access_log *log);

/*
 * fa_access_log_add - append one line; never waits.
 *
 * Returns false when the ring or the pipe was full and the line was dropped.
 *
 * Threads: one producer (the reactor).
 * Memory:  release store of the write position pairs with the writer thread's
 *          acquire load.
 */
bool fa_access_log_add(struct fa_access_log *log, const struct fa_access_line *line);

/*
 * fa_access_log_write_errors - failed writes so far (disk full, closed pipe).
 */
uint64_t fa_access_log_write_errors(const struct fa_access_log *log);

#endif
