/* The access log: lines and records, a full ring, a descriptor that fails. */
#include "check.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fake_executor.h"
#include "server/access_log.h"

static struct fa_access_line line(const char *target)
{
    return (struct fa_access_line){.client = FA_SPAN("127.0.0.1:50312"),
        .method = FA_SPAN("GET"),
        .target = {target, strlen(target)},
        .minor = 1,
        .status = 200};
}

TEST(lines_come_out_in_order)
{
    int fds[2];
    CHECK(pipe(fds) == 0);
    struct fa_access_log *log = NULL;
    CHECK_EQ_INT(fa_access_log_new(fds[1], 512, &log), FA_OK);
    CHECK(!fa_access_log_makes_records(log));
    int sent = 0;
    FILE *out = fdopen(fds[0], "r");
    for (int i = 0; i < 500; i++) {
        char target[32];
        char got[FA_ACCESS_LINE_MAX + 1];
        char want[FA_ACCESS_LINE_MAX + 1];
        snprintf(target, sizeof target, "/%d", i);
        struct fa_access_line l = line(target);
        if (fa_access_log_add(log, &l)) {
            sent++;
            want[fa_access_format_write(fa_access_log_format(log), &l, want)] = '\0';
            CHECK(fgets(got, sizeof got, out) != NULL);
            CHECK_EQ_STR(got, want);
        }
    }
    CHECK(sent > 0);
    fa_access_log_free(log);
    fclose(out);
    close(fds[1]);
}

TEST(a_pattern_of_ones_own)
{
    int fds[2];
    CHECK(pipe(fds) == 0);
    struct fa_access_log *log = NULL;
    fa_span bad;
    CHECK_EQ_INT(fa_access_log_new(fds[1], 512, &log), FA_OK);
    CHECK_EQ_INT(
        fa_access_log_set_format(log, FA_SPAN("%(status)s %(nothing)s"), &bad), FA_ERR_INVALID);
    CHECK_EQ_SPAN(bad, "%(nothing)s");
    CHECK_EQ_INT(fa_access_log_set_format(log, FA_SPAN("<%(target)s>"), &bad), FA_OK);
    struct fa_access_line l = line("/x");
    CHECK(fa_access_log_add(log, &l));
    fa_access_log_free(log);
    char got[16] = "";
    CHECK_EQ_INT(read(fds[0], got, sizeof got - 1), 5);
    CHECK_EQ_STR(got, "</x>\n");
    close(fds[0]);
    close(fds[1]);
}

TEST(records_go_to_a_pipe)
{
    int fds[2];
    CHECK(pipe2(fds, O_NONBLOCK) == 0);
    struct fa_access_log *log = NULL;
    CHECK_EQ_INT(fa_access_log_new(STDOUT_FILENO, 512, &log), FA_OK);
    fa_access_log_set_records(log, fds[1]);
    CHECK(fa_access_log_makes_records(log));
    struct fa_access_line l = line("/a\tb\n");
    CHECK(fa_access_log_add(log, &l));
    char got[128] = "";
    CHECK(read(fds[0], got, sizeof got - 1) > 0);
    CHECK_EQ_STR(got, "127.0.0.1:50312\tGET\t/a\\x09b\\x0a\t1.1\t200\n");
    bool fits = true;
    for (int i = 0; i < 100000 && fits; i++) /* nobody reads it: some day it is full */
        fits = fa_access_log_add(log, &l);
    CHECK(!fits);
    fa_access_log_set_records(log, -1);
    CHECK(!fa_access_log_makes_records(log));
    fa_access_log_free(log);
    close(fds[0]);
    close(fds[1]);
}

TEST(a_full_ring_drops)
{
    int fds[2];
    CHECK(pipe(fds) == 0);
    CHECK(fcntl(fds[1], F_SETPIPE_SZ, 4096) >= 4096);
    struct fa_access_log *log = NULL;
    CHECK_EQ_INT(fa_access_log_new(fds[1], 512, &log), FA_OK);
    struct fa_access_line l = line("/somewhere");
    int dropped = 0;
    for (int i = 0; i < 100000 && dropped == 0; i++) { /* nobody reads the pipe */
        dropped += !fa_access_log_add(log, &l);
    }
    CHECK(dropped > 0);
    fa_access_log_free(log); /* does not wait for a reader that stands still */
    close(fds[0]);
    close(fds[1]);
}

TEST(a_descriptor_that_fails)
{
    int fds[2];
    CHECK(pipe(fds) == 0);
    close(fds[0]);
    struct fa_access_log *log = NULL;
    CHECK_EQ_INT(fa_access_log_new(fds[1], 65536, &log), FA_OK);
    struct fa_access_line l = line("/x");
    CHECK(fa_access_log_add(log, &l));
    for (int i = 0; i < 10000 && fa_access_log_write_errors(log) == 0; i++) {
        CHECK(poll(NULL, 0, 1) == 0); /* bounded wait for the writer */
    }
    CHECK(fa_access_log_write_errors(log) == 1);
    fa_access_log_free(log);
    close(fds[1]);
}

TEST(a_server_logs_what_it_answers)
{
    int fds[2];
    CHECK(pipe(fds) == 0);
    int saved = dup(STDOUT_FILENO);
    CHECK(dup2(fds[1], STDOUT_FILENO) >= 0);
    struct fake f;
    fake_init(&f);
    f.config.access_log = true;
    fake_start(&f);
    int fd = fake_connect(&f);
    struct fake_response r;
    CHECK_EQ_INT(fake_ask(fd, "GET /worker?a=%20b HTTP/1.1\r\nHost: a\r\n\r\n", &r), 200);
    fake_response_free(&r);
    CHECK_EQ_INT(fake_ask(fd, "POST /echo HTTP/1.0\r\nContent-Length: 0\r\n\r\n", &r), 200);
    fake_response_free(&r);
    close(fd);
    fake_stop(&f);
    CHECK(dup2(saved, STDOUT_FILENO) >= 0);
    close(saved);
    close(fds[1]);
    FILE *out = fdopen(fds[0], "r");
    char got[256];
    CHECK(fgets(got, sizeof got, out) != NULL);
    CHECK(strstr(got, " - \"GET /worker?a=%20b HTTP/1.1\" 200 OK\n") != NULL);
    CHECK(strncmp(got, "INFO:     127.0.0.1:", 20) == 0);
    CHECK(fgets(got, sizeof got, out) != NULL);
    CHECK(strstr(got, " - \"POST /echo HTTP/1.0\" 200 OK\n") != NULL);
    CHECK(fgets(got, sizeof got, out) == NULL);
    fclose(out);
}

int main(void)
{
    RUN(lines_come_out_in_order);
    RUN(a_pattern_of_ones_own);
    RUN(records_go_to_a_pipe);
    RUN(a_full_ring_drops);
    RUN(a_descriptor_that_fails);
    RUN(a_server_logs_what_it_answers);
    return CHECK_END();
}
