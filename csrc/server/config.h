/*
 * config.h - the option table: name, type, default, bounds, help, once.
 *
 * Everything that names an option (keyword arguments, environment variables,
 * command line flags, the reference page) is generated from this table, so an
 * option exists when its line is here and something reads the field.
 *
 * owner: filled by one thread before fa_server_new, read-only afterwards.
 */
#ifndef FA_SERVER_CONFIG_H
#define FA_SERVER_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"
#include "base/status.h"
#include "http/http_parser.h"

/* X(type, name, default, min, max, "help"); DOUBLE values are seconds. */
#define FA_CONFIG_MAP(X)                                                                          \
    X(INT, queue_size, 10000, 2, 1048576, "tasks each queue holds, rounded up to a power of two") \
    X(BOOL, lock_free_queue, 1, 0, 1,                                                             \
        "lock-free queues; off selects the mutex and condition variable baseline")                \
    X(BOOL, object_pools, 1, 0, 1,                                                                \
        "recycle buffers, tasks and connections; off allocates each one")                         \
    X(INT, dict_pool_size, 0, 0, 65536,                                                           \
        "ASGI scopes kept for reuse; 0: CPython serves them faster")                              \
    X(INT, tuple_pool_size, 0, 0, 65536, "header pairs kept for reuse; 0: likewise")              \
    X(BOOL, zero_copy, 1, 0, 1,                                                                   \
        "send answers from where they were built; off copies them together first")                \
    X(INT, buffer_size, 8192, 1024, 1048576, "bytes in one pooled buffer")                        \
    X(INT, buffer_pool_size, 1024, 0, 65536, "free buffers kept for reuse")                       \
    X(BOOL, adaptive_pools, 1, 0, 1,                                                              \
        "let pools, batches and the spin follow the load, within their bounds")                   \
    X(INT, pool_min, 64, 1, 65536, "free objects each pool may keep for ever (adaptive_pools)")   \
    X(INT, pool_max, 4096, 1, 65536, "free objects a pool may grow to (adaptive_pools)")          \
    X(INT, worker_threads, 40, 1, 1024,                                                           \
        "most threads that run def handlers; AnyIO's limiter decides below that")                 \
    X(INT, batch_size, 128, 1, 4096,                                                              \
        "most tasks an executor finishes before it wakes the reactor")                            \
    X(INT, spin_us, 0, 0, 1000, "microseconds a thread looks for work before it sleeps")          \
    X(INT, max_request_line, 65536, 64, 1048576, "bytes in the request line, else 414")           \
    X(INT, max_header_bytes, 65536, 256, 1048576, "bytes in request line and headers, else 431")  \
    X(INT, max_header_count, 256, 1, FA_HTTP_MAX_HEADERS, "headers in one request, else 431")     \
    X(INT, max_body_size, 104857600, 0, 1099511627776,                                            \
        "bytes of a body that the core reads before a compiled route runs, else 413")             \
    X(INT, max_stream_size, 0, 0, 1099511627776,                                                  \
        "bytes of a body that the app reads itself, else 413; 0: no limit")                       \
    X(INT, body_budget, 1073741824, 65536, 1099511627776,                                         \
        "bytes of requests that the process holds in all; then bodies wait, see queue_timeout")   \
    X(DOUBLE, header_timeout, 30.0, 0.1, 3600.0,                                                  \
        "seconds for a request head, else 408; the first one counts from the connection on")      \
    X(DOUBLE, body_timeout, 60.0, 0.1, 3600.0,                                                    \
        "seconds between two pieces of a request body, else 408")                                 \
    X(DOUBLE, keep_alive_timeout, 75.0, 0.1, 3600.0, "seconds an idle connection is kept")        \
    X(DOUBLE, send_timeout, 300.0, 0.1, 3600.0, "seconds a client may take nothing of an answer") \
    X(INT, pressure_percent, 80, 1, 100,                                                          \
        "part of max_connections, descriptors or body_budget in use from which tight_* hold")     \
    X(DOUBLE, tight_header_timeout, 10.0, 0.1, 3600.0, "header_timeout under pressure")           \
    X(DOUBLE, tight_body_timeout, 30.0, 0.1, 3600.0, "body_timeout under pressure")               \
    X(INT, tight_body_rate, 240, 0, 1073741824,                                                   \
        "bytes a second of a body under pressure, over the last tight_body_timeout; 0: any")      \
    X(DOUBLE, tight_send_timeout, 60.0, 0.1, 3600.0, "send_timeout under pressure")               \
    X(DOUBLE, graceful_timeout, 30.0, 0.0, 3600.0, "seconds requests in flight get at shutdown")  \
    X(DOUBLE, queue_timeout, 5.0, 0.1, 3600.0,                                                    \
        "seconds a full queue, or a full body_budget, may hold a request; then a 503")            \
    X(INT, max_connections, 10000, 1, 1000000, "open connections; more wait in the backlog")      \
    X(INT, max_pipelined, 16, 1, 1024, "unanswered requests per connection")                      \
    X(INT, write_high_water, 65536, 4096, 1073741824,                                             \
        "bytes buffered per connection and direction before a stream pauses")                     \
    X(BOOL, forwarded_prefix, 0, 0, 1,                                                            \
        "root_path begins with the X-Forwarded-Prefix of a trusted proxy; such are not compiled") \
    X(INT, backlog, 2048, 1, 65535, "connections the kernel queues for accept")                   \
    X(INT, limit_concurrency, 0, 0, 1000000,                                                      \
        "connections or requests at which further ones get 503; 0: no limit")                     \
    X(INT, limit_max_requests, 0, 0, 1099511627776,                                               \
        "requests after which a process ends, or is replaced; 0: no limit")                       \
    X(INT, limit_max_requests_jitter, 0, 0, 1099511627776,                                        \
        "most that chance adds to limit_max_requests")                                            \
    X(DOUBLE, timeout_worker_healthcheck, 0.0, 0.0, 3600.0,                                       \
        "seconds until a worker whose event loop does not answer is replaced; 0: never")          \
    X(DOUBLE, workers_lifetime, 0.0, 0.0, 31536000.0,                                             \
        "seconds after which a worker is replaced; 0: never")                                     \
    X(INT, workers_max_rss, 0, 0, 1073741824,                                                     \
        "MiB of memory above which a worker is replaced; 0: no limit")                            \
    X(INT, ws_max_size, 16777216, 1, 1099511627776,                                               \
        "bytes of a WebSocket message, else it is closed with 1009")                              \
    X(INT, ws_max_queue, 32, 1, 1048576,                                                          \
        "WebSocket messages kept for an app that does not ask for them")                          \
    X(DOUBLE, ws_ping_interval, 20.0, 0.0, 86400.0,                                               \
        "seconds between two pings of a WebSocket; 0: none")                                      \
    X(DOUBLE, ws_ping_timeout, 20.0, 0.0, 86400.0,                                                \
        "seconds until a WebSocket whose ping is not answered is closed; 0: never")               \
    X(BOOL, ws_per_message_deflate, 1, 0, 1, "compress WebSocket messages if clients can")        \
    X(BOOL, simd, 1, 0, 1, "SSE4.2 scanner in the HTTP parser where the CPU has it")              \
    X(BOOL, live_stats, 1, 0, 1, "keep statistics in a file that `fasterapi stats` reads")        \
    X(BOOL, date_header, 1, 0, 1, "send a date header")                                           \
    X(BOOL, server_header, 1, 0, 1, "send a server header")                                       \
    X(BOOL, access_log, 0, 0, 1, "write one line per request")

enum fa_config_type { FA_CONFIG_BOOL, FA_CONFIG_INT, FA_CONFIG_DOUBLE };

#define FA_CONFIG_CTYPE_BOOL   bool
#define FA_CONFIG_CTYPE_INT    int64_t
#define FA_CONFIG_CTYPE_DOUBLE double

struct fa_config {
#define FA_CONFIG_FIELD(type, name, def, min, max, help) FA_CONFIG_CTYPE_##type name;
    FA_CONFIG_MAP(FA_CONFIG_FIELD)
#undef FA_CONFIG_FIELD
};

/* One row of the table. Numbers are doubles: every bound is far below 2^53. */
struct fa_config_option {
    const char *name;
    enum fa_config_type type;
    double def;
    double min;
    double max;
    const char *help;
    size_t offset; /* of the field in struct fa_config */
};

/*
 * fa_config_defaults - set every option to its default.
 */
void fa_config_defaults(struct fa_config *config);

/*
 * fa_config_options - the table itself.
 *
 * Ownership: static storage; *count is the number of rows.
 * Threads:   any; read-only.
 */
const struct fa_config_option *fa_config_options(size_t *count);

/*
 * fa_config_find - the row called `name`, or NULL.
 */
const struct fa_config_option *fa_config_find(const char *name);

/*
 * fa_config_get - the value of one option as a number (BOOL: 0 or 1).
 */
double fa_config_get(const struct fa_config *config, const struct fa_config_option *option);

/*
 * fa_config_set - change one option.
 *
 * Errors: FA_ERR_UNSUPPORTED for a name that is not in the table;
 *         FA_ERR_INVALID for a value out of bounds, not a number, or with a
 *         fraction where the option is INT or BOOL. Nothing was written then.
 */
FA_NODISCARD fa_status fa_config_set(struct fa_config *config, const char *name, double value);

/*
 * fa_config_seconds_ns - seconds of a DOUBLE option as nanoseconds.
 */
static inline uint64_t fa_config_seconds_ns(double seconds)
{
    return (uint64_t)(seconds * 1e9);
}

#endif
