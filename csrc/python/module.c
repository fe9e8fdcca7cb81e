/* module.c - fasterapi._fasterapi_core: the module object and its types. */
#include "python/module_state.h"
#include "python/py_asgi_call.h"
#include "python/py_asgi_table.h"
#include "python/py_buffer_pool.h"
#include "python/py_call.h"
#include "python/py_dict_pool.h"
#include "python/py_exchange.h"
#include "python/py_gate.h"
#include "python/py_json.h"
#include "python/py_json_builder.h"
#include "python/py_peer.h"
#include "python/py_life.h"
#include "python/py_plan.h"
#include "python/py_queue.h"
#include "python/py_request.h"
#include "python/py_router.h"
#include "python/py_server.h"
#include "python/py_stream.h"
#include "python/py_tuple_pool.h"
#include "python/py_watch.h"
#include "python/py_websocket.h"
#include "python/py_zero_copy.h"
#include "base/alloc.h"
#include "server/config.h"

static PyObject *option_value(const struct fa_config_option *option, double value)
{
    switch (option->type) {
    case FA_CONFIG_BOOL: return PyBool_FromLong(value != 0.0);
    case FA_CONFIG_INT: return PyLong_FromDouble(value);
    case FA_CONFIG_DOUBLE: return PyFloat_FromDouble(value);
    }
    Py_UNREACHABLE();
}

static PyObject *option_row(const struct fa_config_option *option)
{
    static const char *const types[] = {
        [FA_CONFIG_BOOL] = "bool", [FA_CONFIG_INT] = "int", [FA_CONFIG_DOUBLE] = "float"};
    return Py_BuildValue("(ssNNNs)", option->name, types[option->type],
        option_value(option, option->def), option_value(option, option->min),
        option_value(option, option->max), option->help);
}

PyDoc_STRVAR(config_options_doc,
    "config_options() -> list[tuple[str, str, object, object, object, str]]\n--\n\n"
    "The core's option table: (name, type, default, min, max, help) for each option;\n"
    "type is 'bool', 'int' or 'float' (seconds). Any thread.");

static PyObject *config_options(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    size_t count = 0;
    const struct fa_config_option *options = fa_config_options(&count);
    PyObject *rows = PyList_New((Py_ssize_t)count);
    if (rows == NULL) return NULL;
    for (size_t i = 0; i < count; i++) {
        PyObject *row = option_row(&options[i]);
        if (row == NULL) {
            Py_DECREF(rows);
            return NULL;
        }
        PyList_SET_ITEM(rows, (Py_ssize_t)i, row);
    }
    return rows;
}

static PyMethodDef module_methods[] = {
    {"config_options", config_options, METH_NOARGS, config_options_doc},
    {"parse_request", fa_py_request_parse, METH_O, fa_py_request_parse_doc},
    {"json_bytes", (PyCFunction)(void (*)(void))fa_py_json_bytes, METH_FASTCALL,
        fa_py_json_bytes_doc},
    {"websocket_read", (PyCFunction)(void (*)(void))fa_py_websocket_read, METH_FASTCALL,
        fa_py_websocket_read_doc},
    {"websocket_message", fa_py_websocket_message, METH_O, fa_py_websocket_message_doc},
    {NULL, NULL, 0, NULL},
};

static int add_type(PyObject *module, PyType_Spec *spec, PyTypeObject **out, bool is_public)
{
    *out = (PyTypeObject *)PyType_FromModuleAndSpec(module, spec, NULL);
    if (*out == NULL) return -1;
    return is_public ? PyModule_AddType(module, *out) : 0;
}

/* The parts of the core as classes of their own; no code of ours looks for these types. */
static int add_part(PyObject *module, PyType_Spec *spec)
{
    PyTypeObject *type = NULL;
    int result = add_type(module, spec, &type, true);
    Py_XDECREF(type);
    return result;
}

static int module_exec(PyObject *module)
{
    struct fa_module_state *state = PyModule_GetState(module);
    fa_alloc_init_from_env();
#define FA_PY_NAME_INTERN(name) \
    if ((state->names.name = PyUnicode_InternFromString(#name)) == NULL) return -1;
    FA_PY_NAMES(FA_PY_NAME_INTERN)
#undef FA_PY_NAME_INTERN
    state->call_name = PyUnicode_InternFromString("__call__");
    if (state->call_name == NULL) return -1;
    if (add_type(module, &fa_py_plan_spec, &state->plan_type, true) < 0) return -1;
    if (add_type(module, &fa_py_gate_spec, &state->gate_type, true) < 0) return -1;
    if (add_type(module, &fa_py_watch_spec, &state->watch_type, true) < 0) return -1;
    if (add_type(module, &fa_py_server_spec, &state->server_type, true) < 0) return -1;
    if (add_type(module, &fa_py_stream_spec, &state->stream_type, true) < 0) return -1;
    if (add_type(module, &fa_py_pending_spec, &state->pending_type, false) < 0) return -1;
    if (add_type(module, &fa_py_exchange_spec, &state->exchange_type, true) < 0) return -1;
    if (add_type(module, &fa_py_peer_spec, &state->peer_type, true) < 0) return -1;
    state->telemetry_key = PyUnicode_InternFromString("fastapi.telemetry");
    if (state->telemetry_key == NULL) return -1;
    if (add_type(module, &fa_py_asgi_call_spec, &state->asgi_call_type, false) < 0) return -1;
    if (add_part(module, &fa_py_asgi_table_spec) < 0) return -1;
    if (add_part(module, &fa_py_queue_spsc_spec) < 0) return -1;
    if (add_part(module, &fa_py_queue_mpmc_spec) < 0) return -1;
    if (add_part(module, &fa_py_queue_locked_spec) < 0) return -1;
    if (add_part(module, &fa_py_dict_pool_spec) < 0) return -1;
    if (add_type(module, &fa_py_tuple_pool_spec, &state->tuple_pool_type, true) < 0) return -1;
    if (add_part(module, &fa_py_json_builder_spec) < 0) return -1;
    if (add_part(module, &fa_py_zero_copy_spec) < 0) return -1;
    if (add_part(module, &fa_py_buffer_pool_spec) < 0) return -1;
    if (add_type(module, &fa_py_buffer_pool_item_spec, &state->buffer_type, true) < 0) return -1;
    if (add_part(module, &fa_py_router_spec) < 0) return -1;
    if (fa_py_life_watch_exit(module) < 0) return -1;
    return fa_py_request_add_types(module, &state->request_type, &state->parse_error);
}

static int module_traverse(PyObject *module, visitproc visit, void *arg)
{
    struct fa_module_state *state = PyModule_GetState(module);
    Py_VISIT(state->plan_type);
    Py_VISIT(state->gate_type);
    Py_VISIT(state->watch_type);
    Py_VISIT(state->server_type);
    Py_VISIT(state->stream_type);
    Py_VISIT(state->pending_type);
    Py_VISIT(state->exchange_type);
    Py_VISIT(state->peer_type);
    Py_VISIT(state->asgi_call_type);
    Py_VISIT(state->tuple_pool_type);
    Py_VISIT(state->buffer_type);
    Py_VISIT(state->request_type);
    Py_VISIT(state->parse_error);
    return 0;
}

static int module_clear(PyObject *module)
{
    struct fa_module_state *state = PyModule_GetState(module);
    Py_CLEAR(state->plan_type);
    Py_CLEAR(state->gate_type);
    Py_CLEAR(state->watch_type);
    Py_CLEAR(state->server_type);
    Py_CLEAR(state->stream_type);
    Py_CLEAR(state->pending_type);
    Py_CLEAR(state->exchange_type);
    Py_CLEAR(state->peer_type);
    Py_CLEAR(state->asgi_call_type);
    Py_CLEAR(state->telemetry_key);
    Py_CLEAR(state->tuple_pool_type);
    Py_CLEAR(state->buffer_type);
    Py_CLEAR(state->request_type);
    Py_CLEAR(state->parse_error);
#define FA_PY_NAME_CLEAR(name) Py_CLEAR(state->names.name);
    FA_PY_NAMES(FA_PY_NAME_CLEAR)
#undef FA_PY_NAME_CLEAR
    Py_CLEAR(state->call_name);
    return 0;
}

static void module_free(void *module)
{
    (void)module_clear(module);
}

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, module_exec},
    FA_SLOT_INTERPRETERS{0, NULL},
};

static struct PyModuleDef module_def = {
    PyModuleDef_HEAD_INIT,
    .m_name = "fasterapi._fasterapi_core",
    .m_doc = "The C core of FasterAPI: HTTP server, router, call plans and executor.",
    .m_size = sizeof(struct fa_module_state),
    .m_methods = module_methods,
    .m_slots = module_slots,
    .m_traverse = module_traverse,
    .m_clear = module_clear,
    .m_free = module_free,
};

PyMODINIT_FUNC PyInit__fasterapi_core(void);
PyMODINIT_FUNC PyInit__fasterapi_core(void)
{
    return PyModuleDef_Init(&module_def);
}
