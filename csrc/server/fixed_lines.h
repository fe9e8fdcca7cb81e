/*
 * fixed_lines.h - the header lines that are the same in every answer.
 *
 * Put together once, so that an answer copies them as one piece.
 */
#ifndef FA_SERVER_FIXED_LINES_H
#define FA_SERVER_FIXED_LINES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/base.h"
#include "base/span.h"
#include "base/status.h"

/* Of a buffer that an answer is written into, what its other lines need. */
#define FA_FIXED_LINES_REST 512

/* owner: filled before the server starts, read-only afterwards. */
struct fa_fixed_lines {
    fa_span text; /* complete "name: value\r\n" lines */
    char *owned;  /* NULL: the text is static */
};

/*
 * fa_fixed_lines_init - the server's name, or nothing.
 * fa_fixed_lines_deinit - free what set() has copied. Fine after init alone.
 */
void fa_fixed_lines_init(struct fa_fixed_lines *self, bool server_header);
void fa_fixed_lines_deinit(struct fa_fixed_lines *self);

/*
 * fa_fixed_lines_set - these lines instead, each "name: value\r\n".
 *
 * Ownership: `lines` is borrowed; *bad is a part of it.
 * Threads:   the caller's, before the start.
 * Errors:    FA_ERR_INVALID for a line that is none, or that belongs to the framing of
 *            the answer (content-length, transfer-encoding, connection), which *bad is
 *            then; FA_ERR_FULL for more than `room` bytes; FA_ERR_NOMEM. Nothing was
 *            changed then.
 */
FA_NODISCARD fa_status fa_fixed_lines_set(
    struct fa_fixed_lines *self, fa_span lines, size_t room, fa_span *bad);

#endif
