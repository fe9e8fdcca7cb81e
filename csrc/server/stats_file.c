/* stats_file.c - the server's report in a file that other processes read. */
#include "server/stats_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/alloc.h"

struct fa_stats_file {
    int fd;
    struct fa_stats_file_header header;
    char path[]; /* then, after its zero, room for the temporary name */
};

static bool write_at(int fd, const void *bytes, size_t len, uint64_t offset)
{
    const struct iovec piece = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = len};
    return pwritev(fd, &piece, 1, (off_t)offset) == (ssize_t)len;
}

/* Make it under a name of its own, so that no reader ever sees half of it. */
static bool make(struct fa_stats_file *f, const char *temporary, fa_span about)
{
    const int flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    f->fd = open(temporary, flags, S_IRUSR | S_IWUSR);
    if (f->fd < 0 && errno == EEXIST && unlink(temporary) == 0) {
        f->fd = open(temporary, flags, S_IRUSR | S_IWUSR);
    }
    if (f->fd < 0) {
        return false;
    }
    bool made = flock(f->fd, LOCK_EX | LOCK_NB) == 0 &&
                write_at(f->fd, &f->header, sizeof f->header, 0) &&
                write_at(f->fd, about.ptr, about.len, f->header.about_offset) &&
                rename(temporary, f->path) == 0;
    if (!made) {
        int why = errno;
        (void)unlink(temporary);
        (void)close(f->fd);
        errno = why;
    }
    return made;
}

fa_status fa_stats_file_new(const char *path, fa_span about, struct fa_stats_file **out)
{
    static const char suffix[] = ".new";
    size_t len = strlen(path);
    if (about.len > FA_STATS_FILE_SLOT) {
        return FA_ERR_INVALID;
    }
    struct fa_stats_file *f = fa_alloc_zero(sizeof *f + 2 * len + 1 + sizeof suffix);
    if (f == NULL) {
        return FA_ERR_NOMEM;
    }
    char *temporary = f->path + len + 1;
    memcpy(f->path, path, len);
    memcpy(temporary, path, len);
    memcpy(temporary + len, suffix, sizeof suffix);
    memcpy(f->header.magic, FA_STATS_FILE_MAGIC, sizeof f->header.magic);
    f->header.about_offset = sizeof f->header;
    f->header.about_len = (uint32_t)about.len;
    f->header.slot_offset = (uint32_t)(sizeof f->header + about.len + 4095) / 4096 * 4096;
    f->header.slot_size = FA_STATS_FILE_SLOT;
    if (!make(f, temporary, about)) {
        fa_free(f);
        return FA_ERR_IO;
    }
    *out = f;
    return FA_OK;
}

fa_status fa_stats_file_write(
    struct fa_stats_file *f, fa_span report, uint64_t now_ns, bool resting)
{
    uint64_t sequence = f->header.sequence + 1;
    struct fa_stats_file_slot slot = {.sequence = sequence,
        .written_ns = now_ns,
        .resting = resting,
        .len = (uint32_t)report.len};
    if (report.len > f->header.slot_size - sizeof slot) {
        return FA_ERR_INVALID;
    }
    const struct iovec pieces[] = {{.iov_base = &slot, .iov_len = sizeof slot},
        {.iov_base = (void *)(uintptr_t)report.ptr, .iov_len = report.len}};
    off_t at = (off_t)(f->header.slot_offset + sequence % 2 * f->header.slot_size);
    if (pwritev(f->fd, pieces, 2, at) != (ssize_t)(sizeof slot + report.len) ||
        !write_at(
            f->fd, &sequence, sizeof sequence, offsetof(struct fa_stats_file_header, sequence))) {
        return FA_ERR_IO;
    }
    f->header.sequence = sequence;
    return FA_OK;
}

void fa_stats_file_free(struct fa_stats_file *f)
{
    if (f == NULL) {
        return;
    }
    struct stat ours;
    struct stat there;
    if (fstat(f->fd, &ours) == 0 && stat(f->path, &there) == 0 && ours.st_ino == there.st_ino &&
        ours.st_dev == there.st_dev) {
        (void)unlink(f->path);
    }
    (void)close(f->fd);
    fa_free(f);
}
