#include "python/py_server_setup.h"

#include "http/http_response.h"

/* None, or the error of a text that the core read. `bad`: the part of it that is wrong. */
static PyObject *outcome(fa_status st, fa_span bad, const char *why)
{
    if (st == FA_OK) Py_RETURN_NONE;
    if (st == FA_ERR_NOMEM) return PyErr_NoMemory();
    if (st == FA_ERR_UNSUPPORTED) {
        PyErr_SetString(PyExc_RuntimeError, "this is to be said before start()");
        return NULL;
    }
    PyObject *item = PyUnicode_DecodeUTF8(bad.ptr, (Py_ssize_t)bad.len, "replace");
    if (item != NULL) PyErr_Format(PyExc_ValueError, "%R is no %s", item, why);
    Py_XDECREF(item);
    return NULL;
}

const char fa_py_server_setup_trust_doc[] =
    PyDoc_STR("trust(proxies: str) -> None\n--\n\n"
              "Let X-Forwarded-For and X-Forwarded-Proto of these peers tell who sent a request,\n"
              "and how: a list of addresses, networks, 'unix' (sockets), or '*'. Before start().\n"
              "Raises ValueError, which names the item that is none of these.");

PyObject *fa_py_server_setup_trust(struct fa_py_server *self, PyObject *proxies)
{
    Py_ssize_t len;
    const char *text = PyUnicode_AsUTF8AndSize(proxies, &len);
    if (text == NULL) return NULL;
    fa_span bad = {NULL, 0};
    fa_status st = fa_server_trust(self->server, (fa_span){text, (size_t)len}, &bad);
    return outcome(st, bad, "address, no network without host bits, not 'unix' and not '*'");
}

void fa_py_server_setup_take_lines(struct fa_py_server *self)
{
    self->fixed = fa_server_fixed_lines(self->server);
    self->head_room = FA_HTTP_HEAD_ROOM + self->fixed.len;
}

const char fa_py_server_setup_fixed_lines_doc[] = PyDoc_STR(
    "set_fixed_lines(lines: bytes) -> None\n--\n\n"
    "Put these lines into every answer, b'name: value\\r\\n' each, instead of the\n"
    "server's name. Before start(). Raises ValueError for one that is none, that belongs\n"
    "to the answer's framing, or if all of them are too long for a buffer.");

PyObject *fa_py_server_setup_fixed_lines(struct fa_py_server *self, PyObject *lines)
{
    char *text;
    Py_ssize_t len;
    if (PyBytes_AsStringAndSize(lines, &text, &len) < 0) return NULL;
    fa_span bad = {NULL, 0};
    fa_status st = fa_server_set_fixed_lines(self->server, (fa_span){text, (size_t)len}, &bad);
    fa_py_server_setup_take_lines(self);
    if (st == FA_ERR_FULL) {
        return PyErr_Format(PyExc_ValueError,
            "%zd bytes are more than a buffer of %lld has for them", len,
            (long long)self->config.buffer_size);
    }
    if (bad.len >= 2 && bad.ptr[bad.len - 2] == '\r') bad.len -= 2;
    return outcome(st, bad, "line that every answer could have");
}

const char fa_py_server_setup_access_format_doc[] = PyDoc_STR(
    "set_access_format(pattern: str) -> None\n--\n\n"
    "How the lines of the access log look: 'text', 'colours', 'json', or a pattern with fields\n"
    "such as %(request_line)s. Before start(). Raises ValueError that names what is wrong.");

PyObject *fa_py_server_setup_access_format(struct fa_py_server *self, PyObject *pattern)
{
    Py_ssize_t len;
    const char *text = PyUnicode_AsUTF8AndSize(pattern, &len);
    if (text == NULL) return NULL;
    fa_span bad = {NULL, 0};
    fa_status st = fa_server_set_access_format(self->server, (fa_span){text, (size_t)len}, &bad);
    return outcome(st, bad, "pattern, and no field of one");
}

const char fa_py_server_setup_access_records_doc[] = PyDoc_STR(
    "set_access_records(fd: int) -> None\n--\n\n"
    "Send the fields of what plans answer to this pipe, instead of lines to stdout; -1: lines.\n"
    "The pipe must not block, and be open until stop(). Any thread.");

/* A descriptor, or -1 for none; -2 with an error set. */
static int descriptor_of(PyObject *arg)
{
    long fd = PyLong_AsLong(arg);
    if (fd == -1 && PyErr_Occurred()) return -2;
    if (fd < -1 || fd > INT_MAX) {
        PyErr_Format(PyExc_ValueError, "%ld is no descriptor", fd);
        return -2;
    }
    return (int)fd;
}

PyObject *fa_py_server_setup_access_records(struct fa_py_server *self, PyObject *arg)
{
    int fd = descriptor_of(arg);
    if (fd < -1) return NULL;
    fa_server_set_access_records(self->server, fd);
    Py_RETURN_NONE;
}

const char fa_py_server_setup_limit_news_doc[] = PyDoc_STR(
    "set_limit_news(fd: int) -> None\n--\n\n"
    "Write to this eventfd, at most once a second, when a limit was hit: stats() has the\n"
    "counts. It must not block, and be open until stop(). Before start().");

PyObject *fa_py_server_setup_limit_news(struct fa_py_server *self, PyObject *arg)
{
    int fd = descriptor_of(arg);
    if (fd < -1) return NULL;
    fa_server_set_limit_news(self->server, fd);
    Py_RETURN_NONE;
}
