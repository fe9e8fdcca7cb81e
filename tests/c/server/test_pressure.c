/* When room gets scarce: the tight limits hold, and the slowest go first. */
#include "check.h"

#include <sys/resource.h>

#include "fake_executor.h"
#include "server/pressure.h"

#define MOST 10 /* connections; pressure from 8 on */

/* Long limits, and tight ones that a test can wait for. */
static void begin(struct fake *f)
{
    fake_init(f);
    f->config.max_connections = MOST;
    f->config.tight_header_timeout = 0.3;
    f->config.tight_body_timeout = 0.3;
    f->config.tight_send_timeout = 0.3;
}

static bool has_ended(int fd, int wait_ms)
{
    struct pollfd end = {.fd = fd, .events = POLLIN};
    return poll(&end, 1, wait_ms) == 1;
}

TEST(in_calm_the_tight_limits_do_not_hold)
{
    struct fake f;
    begin(&f);
    fake_start(&f);
    int fds[MOST - 2];
    for (int i = 0; i < MOST - 2; i++) {
        fds[i] = fake_connect(&f);
        CHECK(fake_send(fds[i], i % 2 ? "GET /inline"
                                      : "POST /echo HTTP/1.1\r\nHost: a\r\n"
                                        "Content-Length: 5\r\n\r\nab"));
    }
    CHECK(!has_ended(fds[0], 800));
    for (int i = 0; i < MOST - 2; i++) {
        CHECK(!has_ended(fds[i], 0));
        close(fds[i]);
    }
    CHECK_EQ_INT(fake_stats(&f).pressure_ended, 0);
    fake_stop(&f);
}

/* The one who has waited longest goes, and then there is no pressure any more. */
TEST(the_slowest_goes_first)
{
    struct fake f;
    begin(&f);
    fake_start(&f);
    int fds[MOST - 1];
    for (int i = 0; i < MOST - 1; i++) {
        fds[i] = fake_connect(&f);
        CHECK(fake_send(fds[i], "GET /inline HTTP/1.1\r\n"));
        (void)poll(NULL, 0, i == 0 ? 250 : 1); /* so the first one is later by two ticks */
    }
    struct fake_response r;
    CHECK(fake_recv_response(fds[0], &r, false));
    CHECK_EQ_INT(r.status, 408);
    fake_response_free(&r);
    close(fds[0]);
    CHECK(!has_ended(fds[1], 800));
    for (int i = 1; i < MOST - 1; i++) {
        CHECK(fake_ask(fds[i], "Host: a\r\n\r\n", &r) == 200); /* in calm, all of them had time */
        fake_response_free(&r);
        close(fds[i]);
    }
    CHECK_EQ_INT(fake_stats(&f).pressure_ended, 1);
    fake_stop(&f);
}

TEST(each_kind_of_slowness)
{
    static const char *const SLOW[] = {
        "",
        "GET /inline HTTP/1.1\r\nHost:",
        "POST /worker-body HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nab",
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        "GET /endless HTTP/1.1\r\nHost: a\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof SLOW / sizeof SLOW[0]; i++) {
        struct fake f;
        begin(&f);
        f.config.pressure_percent = 1; /* always */
        fake_start(&f);
        int fd = fake_connect_buf(f.port, 4096);
        CHECK(fake_send(fd, SLOW[i]));
        CHECK(has_ended(fd, 5000));
        if (strstr(SLOW[i], "endless") != NULL) { /* that was the answer's first bytes */
            CHECK(fake_wait_closed(&f, 0));
        }
        close(fd);
        CHECK(fake_wait_tasks(&f, 0));
        CHECK_EQ_INT(fake_stats(&f).pressure_ended, 1);
        fake_stop(&f);
    }
}

/* A byte now and then is progress, but too slow. */
TEST(a_body_that_drips)
{
    static const char *const PATHS[] = {"/worker-body", "/echo"};
    for (int p = 0; p < 2; p++) {
        struct fake f;
        begin(&f);
        f.config.pressure_percent = 1;
        fake_start(&f);
        int fd = fake_connect(&f);
        char head[128];
        snprintf(head, sizeof head, "POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n",
            PATHS[p]);
        CHECK(fake_send(fd, head));
        int sent = 0;
        while (!has_ended(fd, 20) && sent < 500) {
            CHECK(fake_send(fd, "x"));
            sent++;
        }
        CHECK(sent < 500);
        close(fd);
        CHECK_EQ_INT(fake_stats(&f).pressure_ended, 1);
        fake_stop(&f);
    }
}

TEST(held_bytes_are_pressure_too)
{
    struct fake f;
    begin(&f);
    f.config.body_budget = 65536;
    fake_start(&f);
    int fd = fake_connect(&f), other = fake_connect(&f);
    char *body = calloc(1, 60000);
    CHECK(fake_send(other, "GET /inline"));
    CHECK(!has_ended(other, 600));
    CHECK(fake_send(fd, "POST /worker-body HTTP/1.1\r\nHost: a\r\nContent-Length: 64000\r\n\r\n"));
    CHECK(fake_send_n(fd, body, 60000));
    CHECK(has_ended(other, 5000)); /* the slowest, though it holds little */
    CHECK(has_ended(fd, 5000));
    free(body);
    close(fd);
    close(other);
    fake_stop(&f);
}

TEST(descriptors_are_pressure_too)
{
    struct fake f;
    struct rlimit all, few;
    begin(&f);
    CHECK(getrlimit(RLIMIT_NOFILE, &all) == 0);
    few = all;
    few.rlim_cur = 250; /* pressure from 200 on */
    CHECK(setrlimit(RLIMIT_NOFILE, &few) == 0);
    fake_start(&f);
    int spent[256], count = 0;
    int fd = fake_connect(&f);
    CHECK(fake_send(fd, "GET /inline"));
    CHECK(!has_ended(fd, 600));
    do {
        spent[count] = dup(0);
    } while (spent[count++] < 205);
    int other = fake_connect(&f); /* its other end gets a high descriptor */
    CHECK(has_ended(fd, 5000));
    while (count > 0) {
        close(spent[--count]);
    }
    close(fd);
    close(other);
    CHECK(fake_wait_closed(&f, 0));
    fd = fake_connect(&f);
    CHECK(fake_send(fd, "GET /inline"));
    CHECK(!has_ended(fd, 800)); /* calm again */
    close(fd);
    fake_stop(&f);
    CHECK(setrlimit(RLIMIT_NOFILE, &all) == 0);
}

int main(void)
{
    RUN(in_calm_the_tight_limits_do_not_hold);
    RUN(the_slowest_goes_first);
    RUN(each_kind_of_slowness);
    RUN(a_body_that_drips);
    RUN(held_bytes_are_pressure_too);
    RUN(descriptors_are_pressure_too);
    return CHECK_END();
}
