/* Load from inside the process: all is answered, counted and timed. */
#include "server/load.h"

#include "base/alloc.h"
#include "check.h"
#include "fake_executor.h"
#include "server/server_state.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

static struct fa_load load_of(const char *request, uint64_t count, uint32_t in_flight)
{
    return (struct fa_load){.request = request,
        .request_len = strlen(request),
        .count = count,
        .in_flight = in_flight,
        .timeout_ns = UINT64_C(60000000000)};
}

static void all_are_answered(const char *request, uint32_t in_flight, int64_t spin_us)
{
    enum { COUNT = 500 };
    static uint32_t latency[COUNT];
    memset(latency, 0, sizeof latency);
    struct fake f;
    fake_init(&f);
    f.config.spin_us = spin_us;
    fake_start_driven(&f);
    struct fa_load load = load_of(request, COUNT, in_flight);
    load.latency = latency;
    CHECK(fa_load_run(f.server, &load) == FA_OK);
    CHECK_EQ_INT(load.answered, COUNT);
    CHECK_EQ_INT(load.different, 0);
    CHECK(load.took_ns > 0);
    uint64_t sum = 0;
    for (int i = 0; i < COUNT; i++) {
        CHECK(latency[i] > 0);
        sum += latency[i];
    }
    CHECK(sum <= load.took_ns * in_flight);
    CHECK(load.answer_len > 5 && memcmp(load.answer + load.answer_len - 5, "hello", 5) == 0);
    fa_free(load.answer);
    CHECK_EQ_INT(fake_stats(&f).requests, COUNT);
    CHECK_EQ_INT(fake_stats(&f).connections_accepted, in_flight);
    CHECK_EQ_INT(fake_stats(&f).open_connections, 0);
    CHECK((fa_stats_read(&f.server->reactor.spins) > 0) == (spin_us > 0));
    fake_stop(&f);
}

TEST(one_at_a_time)
{
    all_are_answered(GET("/inline"), 1, 0);
    all_are_answered(GET("/loop"), 1, 0);
    all_are_answered(GET("/worker"), 1, 0);
}

TEST(many_at_a_time)
{
    all_are_answered(GET("/inline"), 64, 0);
    all_are_answered(GET("/loop"), 64, 0);
    all_are_answered(GET("/worker"), 64, 0);
}

TEST(spinning)
{
    all_are_answered(GET("/loop"), 1, 1000);
    all_are_answered(GET("/worker"), 8, 1000);
}

TEST(without_requests_under_way_a_spin_ends_at_once)
{
    struct fake f;
    fake_init(&f);
    f.config.spin_us = 1000;
    fake_start_driven(&f);
    fa_server_spin(f.server);
    CHECK_EQ_INT(fa_stats_read(&f.server->reactor.spins), 0);
    fake_stop(&f);
}

TEST(closed_connections_are_opened_again)
{
    struct fake f;
    fake_init(&f);
    fake_start_driven(&f);
    struct fa_load load =
        load_of("GET /worker HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 20, 2);
    CHECK(fa_load_run(f.server, &load) == FA_OK);
    CHECK_EQ_INT(load.answered, 20);
    fa_free(load.answer);
    CHECK_EQ_INT(fake_stats(&f).connections_accepted, 20);
    fake_stop(&f);
}

TEST(errors_are_answers_too)
{
    struct fake f;
    fake_init(&f);
    fake_start_driven(&f);
    struct fa_load load = load_of("GET /worker HTTP/1.1\r\n\r\n", 10, 2); /* no Host */
    CHECK(fa_load_run(f.server, &load) == FA_OK);
    CHECK_EQ_INT(load.answered, 10);
    CHECK_EQ_INT(load.different, 0);
    CHECK(load.answer_len > 12 && memcmp(load.answer, "HTTP/1.1 400", 12) == 0);
    fa_free(load.answer);
    fake_stop(&f);
}

TEST(wrong_numbers_and_no_answer)
{
    struct fake f;
    fake_init(&f);
    fake_start_driven(&f);
    struct fa_load load = load_of(GET("/inline"), 0, 1);
    CHECK(fa_load_run(f.server, &load) == FA_ERR_INVALID);
    load = load_of(GET("/inline"), 1, 0);
    CHECK(fa_load_run(f.server, &load) == FA_ERR_INVALID);
    load = load_of(GET("/blocking"), 1, 1);
    load.timeout_ns = 1;
    CHECK(fa_load_run(f.server, &load) == FA_AGAIN);
    CHECK(load.answer == NULL);
    sem_post(&f.leave);
    fake_stop(&f);
}

TEST(a_stop_ends_it)
{
    struct fake f;
    fake_init(&f);
    fake_start_driven(&f);
    CHECK(fa_server_stop(f.server, 0) == FA_OK);
    struct fa_load load = load_of(GET("/inline"), 1, 1);
    CHECK(fa_load_run(f.server, &load) == FA_ERR_CLOSED);
    fake_stop(&f);
}

int main(void)
{
    RUN(one_at_a_time);
    RUN(many_at_a_time);
    RUN(spinning);
    RUN(without_requests_under_way_a_spin_ends_at_once);
    RUN(closed_connections_are_opened_again);
    RUN(errors_are_answers_too);
    RUN(wrong_numbers_and_no_answer);
    RUN(a_stop_ends_it);
    return CHECK_END();
}
