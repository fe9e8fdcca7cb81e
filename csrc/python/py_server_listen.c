#include "python/py_server_listen.h"

#include <errno.h>

static PyObject *listen_error(fa_status status, const char *where)
{
    if (status == FA_ERR_NOMEM) return PyErr_NoMemory();
    if (status == FA_ERR_IO && errno != 0) return PyErr_SetFromErrno(PyExc_OSError);
    return PyErr_Format(PyExc_OSError, "cannot listen on %s: %s", where, fa_status_text(status));
}

const char fa_py_server_listen_tcp_doc[] =
    PyDoc_STR("listen_tcp(host: str, port: int, reuse_port: bool) -> int\n--\n\n"
              "Listen on host:port (0: any free one); returns the port. Raises OSError.");

PyObject *fa_py_server_listen_tcp(struct fa_py_server *self, PyObject *args)
{
    const char *host;
    int port, reuse_port;
    uint16_t bound = 0;
    if (!PyArg_ParseTuple(args, "sip:listen_tcp", &host, &port, &reuse_port)) return NULL;
    if (port < 0 || port > 65535)
        return PyErr_Format(PyExc_ValueError, "port %d is not between 0 and 65535", port);
    fa_status status =
        fa_server_listen_tcp(self->server, host, (uint16_t)port, reuse_port != 0, &bound);
    if (status != FA_OK) return listen_error(status, host);
    return PyLong_FromLong(bound);
}

const char fa_py_server_listen_uds_doc[] =
    PyDoc_STR("listen_uds(path: str) -> None\n--\n\nListen on a Unix socket. Raises OSError.");

PyObject *fa_py_server_listen_uds(struct fa_py_server *self, PyObject *args)
{
    const char *path;
    if (!PyArg_ParseTuple(args, "s:listen_uds", &path)) return NULL;
    fa_status status = fa_server_listen_uds(self->server, path);
    if (status != FA_OK) return listen_error(status, path);
    Py_RETURN_NONE;
}

const char fa_py_server_listen_fd_doc[] = PyDoc_STR(
    "listen_fd(fd: int) -> None\n--\n\nServe an inherited listening socket. Raises OSError.");

PyObject *fa_py_server_listen_fd(struct fa_py_server *self, PyObject *args)
{
    int fd;
    if (!PyArg_ParseTuple(args, "i:listen_fd", &fd)) return NULL;
    fa_status status = fa_server_listen_fd(self->server, fd);
    if (status != FA_OK) return listen_error(status, "the given descriptor");
    Py_RETURN_NONE;
}

const char fa_py_server_listen_kept_doc[] = PyDoc_STR(
    "listen_kept(fd: int, ours: bool) -> None\n--\n\n"
    "A listener, now or later, that the parent process keeps: a drain leaves whoever waits in it\n"
    "to others. ours: none but this parent's children accept from it. Raises OSError.");

PyObject *fa_py_server_listen_kept(struct fa_py_server *self, PyObject *args)
{
    int fd, ours;
    if (!PyArg_ParseTuple(args, "ip:listen_kept", &fd, &ours)) return NULL;
    fa_status status = fa_server_listen_kept(self->server, fd, ours != 0);
    if (status != FA_OK) return listen_error(status, "the given descriptor");
    Py_RETURN_NONE;
}

const char fa_py_server_listen_accept_from_doc[] =
    PyDoc_STR("accept_from(listeners: int) -> None\n--\n\n"
              "Of the kept listeners accept from these: bit i is the i-th of all. None at first.");

PyObject *fa_py_server_listen_accept_from(struct fa_py_server *self, PyObject *listeners)
{
    unsigned long bits = PyLong_AsUnsignedLong(listeners);
    if (bits == (unsigned long)-1 && PyErr_Occurred() != NULL) return NULL;
    fa_server_accept_from(self->server, (uint32_t)bits);
    Py_RETURN_NONE;
}

const char fa_py_server_listen_take_over_doc[] =
    PyDoc_STR("take_over() -> None\n--\n\n"
              "The parent keeps nothing any more: drain() serves whoever waits, as it does else.");

PyObject *fa_py_server_listen_take_over(struct fa_py_server *self, PyObject *unused)
{
    (void)unused;
    fa_server_take_over(self->server);
    Py_RETURN_NONE;
}
