/* The option table: names, defaults, bounds. */
#include "check.h"

#include <math.h>
#include <string.h>

#include "server/config.h"

TEST(defaults_are_within_bounds)
{
    struct fa_config config;
    fa_config_defaults(&config);
    size_t count = 0;
    const struct fa_config_option *options = fa_config_options(&count);
    CHECK(count >= 27);
    for (size_t i = 0; i < count; i++) {
        const struct fa_config_option *o = &options[i];
        CHECK(o->min <= o->def && o->def <= o->max);
        CHECK(fa_config_get(&config, o) == o->def);
        CHECK(strlen(o->help) > 10);
        CHECK(fa_config_find(o->name) == o);
        for (size_t k = 0; k < i; k++) {
            CHECK(strcmp(options[k].name, o->name) != 0);
        }
    }
    CHECK_EQ_INT(config.queue_size, 10000);
    CHECK_EQ_INT(config.max_body_size, 100 << 20);
    CHECK_EQ_INT(config.max_stream_size, 0);
    CHECK_EQ_INT(config.body_budget, 1 << 30);
    CHECK_EQ_INT(config.max_request_line, 65536);
    CHECK_EQ_INT(config.max_header_bytes, 65536);
    CHECK_EQ_INT(config.max_header_count, 256);
    CHECK(config.lock_free_queue && !config.access_log);
    CHECK(config.header_timeout == 30.0 && config.keep_alive_timeout == 75.0);
    CHECK(config.body_timeout == 60.0 && config.send_timeout == 300.0);
    CHECK(config.tight_header_timeout == 10.0 && config.tight_body_timeout == 30.0);
    CHECK(config.tight_send_timeout == 60.0);
    CHECK_EQ_INT(config.tight_body_rate, 240);
    CHECK_EQ_INT(config.pressure_percent, 80);
}

TEST(every_bound_is_kept)
{
    struct fa_config config;
    fa_config_defaults(&config);
    size_t count = 0;
    const struct fa_config_option *options = fa_config_options(&count);
    for (size_t i = 0; i < count; i++) {
        const struct fa_config_option *o = &options[i];
        double step = o->type == FA_CONFIG_DOUBLE ? 0.001 : 1.0;
        CHECK_EQ_INT(fa_config_set(&config, o->name, o->min), FA_OK);
        CHECK(fa_config_get(&config, o) == o->min);
        CHECK_EQ_INT(fa_config_set(&config, o->name, o->max), FA_OK);
        CHECK(fa_config_get(&config, o) == o->max);
        CHECK_EQ_INT(fa_config_set(&config, o->name, o->min - step), FA_ERR_INVALID);
        CHECK_EQ_INT(fa_config_set(&config, o->name, o->max + step), FA_ERR_INVALID);
        CHECK_EQ_INT(fa_config_set(&config, o->name, (double)NAN), FA_ERR_INVALID);
        if (o->type != FA_CONFIG_DOUBLE) {
            CHECK_EQ_INT(fa_config_set(&config, o->name, o->min + 0.5), FA_ERR_INVALID);
        }
        CHECK(fa_config_get(&config, o) == o->max); /* nothing was written */
    }
    CHECK_EQ_INT(fa_config_set(&config, "queue_sise", 5), FA_ERR_UNSUPPORTED);
}

int main(void)
{
    RUN(defaults_are_within_bounds);
    RUN(every_bound_is_kept);
    return CHECK_END();
}
