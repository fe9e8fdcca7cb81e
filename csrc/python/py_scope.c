#include "python/py_scope.h"

#include "python/py_pairs.h"

static PyObject *bytes_of(fa_span span)
{
    return PyBytes_FromStringAndSize(span.ptr, (Py_ssize_t)span.len);
}

PyObject *fa_py_scope_headers(const struct fa_py_server *owner, const struct fa_task *task)
{
    return fa_py_pairs_headers(task->req.headers, task->req.header_count, owner->header_pool);
}

PyObject *fa_py_scope_path(const struct fa_task *task)
{
    return PyUnicode_DecodeUTF8(task->path.ptr, (Py_ssize_t)task->path.len, "replace");
}

PyObject *fa_py_scope_method(const struct fa_task *task)
{
    fa_span text = task->req.method_text;
    return PyUnicode_DecodeLatin1(text.ptr, (Py_ssize_t)text.len, NULL);
}

PyObject *fa_py_scope_version(const struct fa_task *task)
{
    return PyUnicode_FromString(task->req.minor == 0 ? "1.0" : "1.1");
}

PyObject *fa_py_scope_client(const struct fa_task *task)
{
    struct fa_proxy_client client;
    if (fa_task_client(task, &client) != FA_OK) Py_RETURN_NONE;
    PyObject *host = PyUnicode_DecodeLatin1(client.host.ptr, (Py_ssize_t)client.host.len, NULL);
    return host == NULL ? NULL : Py_BuildValue("(NI)", host, (unsigned)client.port);
}

PyObject *fa_py_scope_server(const struct fa_task *task)
{
    char host[FA_TASK_HOST_MAX];
    uint16_t port = 0;
    if (fa_task_local(task, host, &port) != FA_OK) Py_RETURN_NONE;
    return Py_BuildValue("(si)", host, (int)port);
}

PyObject *fa_py_scope_scheme(const struct fa_task *task)
{
    static const char *const names[] = {"http", "https", "ws", "wss"};
    return PyUnicode_InternFromString(names[fa_task_scheme(task, FA_HTTP_SCHEME_HTTP)]);
}

/* Steals `value`; a NULL one is an error that is already set. */
static int put(PyObject *scope, const char *name, PyObject *value)
{
    if (value == NULL) return -1;
    int failed = PyDict_SetItemString(scope, name, value);
    Py_DECREF(value);
    return failed;
}

PyObject *fa_py_scope_new(const struct fa_py_server *owner, const struct fa_task *task)
{
    PyObject *scope = PyDict_New();
    if (scope == NULL) return NULL;
    if (put(scope, "http_version", fa_py_scope_version(task)) < 0 ||
        put(scope, "server", fa_py_scope_server(task)) < 0 ||
        put(scope, "client", fa_py_scope_client(task)) < 0 ||
        put(scope, "scheme", fa_py_scope_scheme(task)) < 0 ||
        put(scope, "method", fa_py_scope_method(task)) < 0 ||
        put(scope, "path", fa_py_scope_path(task)) < 0 ||
        put(scope, "raw_path", bytes_of(task->req.path)) < 0 ||
        put(scope, "query_string", bytes_of(task->req.query)) < 0 ||
        put(scope, "headers", fa_py_scope_headers(owner, task)) < 0) {
        Py_DECREF(scope);
        return NULL;
    }
    return scope;
}
