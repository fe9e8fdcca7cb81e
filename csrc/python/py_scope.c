#include "python/py_scope.h"

#include "python/py_tuple_pool.h"

static PyObject *bytes_of(fa_span span)
{
    return PyBytes_FromStringAndSize(span.ptr, (Py_ssize_t)span.len);
}

/* ASGI wants lower-case names. */
static PyObject *lower_bytes(fa_span name)
{
    PyObject *bytes = bytes_of(name);
    if (bytes == NULL) return NULL;
    char *text = PyBytes_AS_STRING(bytes);
    for (size_t i = 0; i < name.len; i++) {
        if (text[i] >= 'A' && text[i] <= 'Z') text[i] = (char)(text[i] + 32);
    }
    return bytes;
}

PyObject *fa_py_scope_headers(const struct fa_py_server *owner, const struct fa_task *task)
{
    const struct fa_http_request *req = &task->req;
    PyObject *list = PyList_New(req->header_count), *pool = owner->header_pool;
    if (list == NULL) return NULL;
    for (uint32_t i = 0; i < req->header_count; i++) {
        PyObject *name = lower_bytes(req->headers[i].name),
                 *value = bytes_of(req->headers[i].value);
        PyObject *pair = NULL;
        if (name != NULL && value != NULL)
            pair = pool == NULL ? PyTuple_Pack(2, name, value)
                                : fa_py_tuple_pool_pair(pool, name, value);
        Py_XDECREF(name);
        Py_XDECREF(value);
        if (pair == NULL) {
            Py_DECREF(list);
            return NULL;
        }
        PyList_SET_ITEM(list, i, pair);
    }
    return list;
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

typedef fa_status (*address_of)(const struct fa_task *task, char *host, uint16_t *port);

static PyObject *address(const struct fa_task *task, address_of find)
{
    char host[FA_TASK_HOST_MAX];
    uint16_t port = 0;
    if (find(task, host, &port) != FA_OK) Py_RETURN_NONE;
    return Py_BuildValue("(si)", host, (int)port);
}

PyObject *fa_py_scope_client(const struct fa_task *task)
{
    return address(task, fa_task_client);
}

PyObject *fa_py_scope_server(const struct fa_task *task)
{
    return address(task, fa_task_local);
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
