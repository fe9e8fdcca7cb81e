/* The report in a file: whole at every moment, locked while its server lives. */
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "server/stats_file.h"

static char folder[] = "/tmp/fa_stats_file_XXXXXX";
static char path[64];

struct reading {
    struct fa_stats_file_slot slot;
    char text[FA_STATS_FILE_SLOT];
};

static bool read_at(int fd, void *into, size_t len, uint64_t at)
{
    return pread(fd, into, len, (off_t)at) == (ssize_t)len;
}

/* What a reader in another process does. */
static bool read_newest(int fd, struct reading *r)
{
    struct fa_stats_file_header before, after;
    do {
        if (!read_at(fd, &before, sizeof before, 0) || before.sequence == 0) {
            return false;
        }
        uint64_t at = before.slot_offset + before.sequence % 2 * before.slot_size;
        ssize_t got = pread(fd, r, sizeof r->slot + sizeof r->text - 1, (off_t)at);
        if (got < (ssize_t)sizeof r->slot || !read_at(fd, &after, sizeof after, 0)) {
            return false;
        }
    } while (after.sequence != before.sequence);
    r->text[r->slot.len] = 0;
    return r->slot.sequence == before.sequence;
}

TEST(what_is_written_can_be_read)
{
    struct fa_stats_file *f = NULL;
    static struct reading r;
    CHECK_EQ_INT(fa_stats_file_new(path, FA_SPAN("about"), &f), FA_OK);
    struct stat info;
    CHECK_EQ_INT(stat(path, &info), 0);
    CHECK_EQ_INT(info.st_mode & 0777, 0600);
    int fd = open(path, O_RDONLY);
    struct fa_stats_file_header header;
    CHECK(read_at(fd, &header, sizeof header, 0));
    CHECK(memcmp(header.magic, FA_STATS_FILE_MAGIC, 8) == 0);
    char about[8] = {0};
    CHECK(read_at(fd, about, header.about_len, header.about_offset));
    CHECK_EQ_STR(about, "about");
    CHECK(!read_newest(fd, &r)); /* nothing yet */
    CHECK_EQ_INT(fa_stats_file_write(f, FA_SPAN("{\"a\":1}"), 5, false), FA_OK);
    CHECK(read_newest(fd, &r));
    CHECK_EQ_STR(r.text, "{\"a\":1}");
    CHECK(r.slot.written_ns == 5 && r.slot.resting == 0);
    CHECK_EQ_INT(fa_stats_file_write(f, FA_SPAN("{}"), 6, true), FA_OK);
    CHECK(read_newest(fd, &r));
    CHECK_EQ_STR(r.text, "{}");
    CHECK(r.slot.written_ns == 6 && r.slot.resting == 1);
    static char large[FA_STATS_FILE_SLOT];
    CHECK_EQ_INT(fa_stats_file_write(f, (fa_span){large, sizeof large}, 7, true), FA_ERR_INVALID);
    CHECK(read_newest(fd, &r));
    CHECK_EQ_INT(r.slot.written_ns, 6);
    close(fd);
    fa_stats_file_free(f);
    CHECK_EQ_INT(access(path, F_OK), -1);
    CHECK_EQ_INT(fa_alloc_live(), 0);
}

TEST(locked_while_it_lives)
{
    struct fa_stats_file *f = NULL;
    CHECK_EQ_INT(fa_stats_file_new(path, FA_SPAN(""), &f), FA_OK);
    int fd = open(path, O_RDONLY);
    CHECK(flock(fd, LOCK_SH | LOCK_NB) == -1 && errno == EWOULDBLOCK);
    fa_stats_file_free(f);
    CHECK_EQ_INT(flock(fd, LOCK_SH | LOCK_NB), 0);
    close(fd);
}

TEST(a_name_is_taken_over_and_not_taken_back)
{
    struct fa_stats_file *first = NULL, *second = NULL;
    CHECK_EQ_INT(fa_stats_file_new(path, FA_SPAN("1"), &first), FA_OK);
    CHECK_EQ_INT(fa_stats_file_new(path, FA_SPAN("2"), &second), FA_OK);
    fa_stats_file_free(first);
    CHECK_EQ_INT(access(path, F_OK), 0); /* it is the second one's */
    fa_stats_file_free(second);
    CHECK_EQ_INT(access(path, F_OK), -1);
    fa_stats_file_free(NULL);
}

TEST(what_cannot_be_made)
{
    struct fa_stats_file *f = NULL;
    CHECK_EQ_INT(fa_stats_file_new("/tmp/no/such/folder/x", FA_SPAN(""), &f), FA_ERR_IO);
    CHECK_EQ_INT(errno, ENOENT);
    static char large[FA_STATS_FILE_SLOT + 1];
    CHECK_EQ_INT(fa_stats_file_new(path, (fa_span){large, sizeof large}, &f), FA_ERR_INVALID);
    fa_alloc_fail_at(1);
    CHECK_EQ_INT(fa_stats_file_new(path, FA_SPAN(""), &f), FA_ERR_NOMEM);
    fa_alloc_fail_at(0);
    char left[80]; /* a temporary file, or a trap, of an earlier process */
    (void)snprintf(left, sizeof left, "%s.new", path);
    CHECK_EQ_INT(symlink("/tmp/fa_stats_file_trap", left), 0);
    CHECK_EQ_INT(fa_stats_file_new(path, FA_SPAN(""), &f), FA_OK);
    CHECK_EQ_INT(access("/tmp/fa_stats_file_trap", F_OK), -1);
    fa_stats_file_free(f);
    CHECK_EQ_INT(mkdir(path, 0700), 0); /* rename fails */
    CHECK_EQ_INT(fa_stats_file_new(path, FA_SPAN(""), &f), FA_ERR_IO);
    CHECK_EQ_INT(access(left, F_OK), -1);
    CHECK_EQ_INT(rmdir(path), 0);
    CHECK_EQ_INT(fa_alloc_live(), 0);
}

/* Reports of one letter each, as long as their number: a mixture would be seen. */
static void *write_reports(void *arg)
{
    char text[2000];
    for (uint64_t i = 1; i <= 5000; i++) {
        size_t len = 1 + i % sizeof text;
        memset(text, (int)('a' + i % 26), len);
        CHECK_EQ_INT(fa_stats_file_write(arg, (fa_span){text, len}, i, false), FA_OK);
    }
    return NULL;
}

TEST(never_half_a_report)
{
    struct fa_stats_file *f = NULL;
    static struct reading r;
    pthread_t writer;
    CHECK_EQ_INT(fa_stats_file_new(path, FA_SPAN(""), &f), FA_OK);
    int fd = open(path, O_RDONLY);
    CHECK_EQ_INT(pthread_create(&writer, NULL, write_reports, f), 0);
    uint64_t last = 0;
    bool good = true;
    while (last < 5000) {
        if (!read_newest(fd, &r)) {
            continue;
        }
        uint64_t i = r.slot.written_ns;
        good = good && i >= last && r.slot.len == 1 + i % 2000;
        for (uint32_t n = 0; n < r.slot.len; n++) {
            good = good && r.text[n] == (char)('a' + i % 26);
        }
        last = i;
    }
    pthread_join(writer, NULL);
    CHECK(good);
    close(fd);
    fa_stats_file_free(f);
}

int main(void)
{
    CHECK(mkdtemp(folder) != NULL);
    (void)snprintf(path, sizeof path, "%s/1.stats", folder);
    RUN(what_is_written_can_be_read);
    RUN(locked_while_it_lives);
    RUN(a_name_is_taken_over_and_not_taken_back);
    RUN(what_cannot_be_made);
    RUN(never_half_a_report);
    CHECK_EQ_INT(rmdir(folder), 0);
    return CHECK_END();
}
