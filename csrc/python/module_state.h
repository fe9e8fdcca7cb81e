/* module_state.h - everything the module owns, reached from its types, never global. */
#ifndef FA_PYTHON_MODULE_STATE_H
#define FA_PYTHON_MODULE_STATE_H

#include "python/compat.h"

/* Attribute and keyword names used on the hot path, interned once. */
/* clang-format off */
#define FA_PY_NAMES(X) \
    X(background) \
    X(body) \
    X(raw_headers) \
    X(status_code) \
    X(result) \
    X(done) \
    X(add_done_callback) \
    X(create_task) \
    X(get_task_factory) \
    X(run_batch) \
    X(wake) \
    X(call_soon)           \
    X(type)                \
    X(method)              \
    X(path)                \
    X(root_path)           \
    X(query_string)        \
    X(headers)             \
    X(router)              \
    X(routes)              \
    X(route)               \
    X(endpoint)            \
    X(path_params)         \
    X(fastapi)             \
    X(form_limits)         \
    X(_trace_hook)         \
    X(_profile_hook)
/* clang-format on */

struct fa_py_server;

struct fa_module_state {
    PyTypeObject *plan_type;
    PyTypeObject *gate_type;
    PyTypeObject *watch_type;
    PyTypeObject *server_type;
    PyTypeObject *stream_type;
    PyTypeObject *pending_type;
    PyTypeObject *exchange_type;
    PyTypeObject *peer_type;
    PyTypeObject *asgi_call_type;
    struct fa_py_server *running; /* launched and not stopped; borrowed */
    PyObject *telemetry_key;      /* "fastapi.telemetry" */
    PyTypeObject *tuple_pool_type;
    PyTypeObject *buffer_type;  /* PooledBuffer */
    PyTypeObject *request_type; /* ParsedRequest */
    PyObject *parse_error;      /* HTTPParseError */
    struct {
#define FA_PY_NAME_FIELD(name) PyObject *name;
        FA_PY_NAMES(FA_PY_NAME_FIELD)
#undef FA_PY_NAME_FIELD
    } names;
    PyObject *call_name; /* "__call__" */
};

/*
 * fa_module_state_of - the state of the module that made `type`.
 *
 * Refs:   borrowed; lives as long as the module, which `type` keeps alive.
 * GIL:    attached thread state required.
 * Errors: none for our own types.
 */
static inline struct fa_module_state *fa_module_state_of(PyTypeObject *type)
{
    return (struct fa_module_state *)PyType_GetModuleState(type);
}

#endif
