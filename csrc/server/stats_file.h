/*
 * stats_file.h - the server's report in a file that other processes read while it
 * runs: `fasterapi stats` needs no port, no help of Python and no live reactor.
 *
 * The file holds a header, a constant text about the server, and two slots. A
 * report is written into the slot that is not current, then its number into the
 * header: a reader that finds the same number before and after has a whole
 * report. Writes are pwrite on a file that should lie in memory (tmpfs): no
 * mapping, so nobody can make the server fault by truncating it.
 *
 * The file is locked (flock) for as long as the server lives. One that can be
 * locked is what a crash has left behind.
 *
 * owner: one thread at a time.
 */
#ifndef FA_SERVER_STATS_FILE_H
#define FA_SERVER_STATS_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/base.h"
#include "base/span.h"
#include "base/status.h"

#define FA_STATS_FILE_MAGIC "FASTATS1"
#define FA_STATS_FILE_SLOT  65536u

/* The beginning of the file; numbers in the machine's own order. */
struct fa_stats_file_header {
    char magic[8];
    uint64_t sequence; /* of the newest report, which is in slot sequence % 2; 0: none yet */
    uint32_t about_offset, about_len;
    uint32_t slot_offset, slot_size;
};

/* The beginning of a slot; the report's text follows. */
struct fa_stats_file_slot {
    uint64_t sequence;
    uint64_t written_ns; /* CLOCK_MONOTONIC */
    uint32_t resting;    /* 1: nothing happens, so no newer report comes until something does */
    uint32_t len;
};

struct fa_stats_file;

/*
 * fa_stats_file_new - make the file, readable by its owner only, and lock it.
 *
 * It appears under `path` complete, in place of anything of that name. `about`
 * is a text of the caller's that readers get unchanged.
 *
 * Errors: FA_ERR_NOMEM, FA_ERR_IO (errno tells), FA_ERR_INVALID for an `about`
 *         beyond FA_STATS_FILE_SLOT.
 */
FA_NODISCARD fa_status fa_stats_file_new(
    const char *path, fa_span about, struct fa_stats_file **out);

/*
 * fa_stats_file_write - publish one report.
 *
 * Errors: FA_ERR_IO, FA_ERR_INVALID when it does not fit; the one before stays.
 */
FA_NODISCARD fa_status fa_stats_file_write(
    struct fa_stats_file *f, fa_span report, uint64_t now_ns, bool resting);

/*
 * fa_stats_file_free - remove the file unless another took its name; NULL is fine.
 */
void fa_stats_file_free(struct fa_stats_file *f);

#endif
