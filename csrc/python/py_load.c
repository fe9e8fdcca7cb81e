/* py_load.c - Server.load(): requests of the process itself, without the kernel. */
#include "server/load.h"

#include "base/alloc.h"
#include "python/py_life.h"

static PyObject *load_error(fa_status status)
{
    switch (status) {
    case FA_ERR_NOMEM: return PyErr_NoMemory();
    case FA_AGAIN: PyErr_SetString(PyExc_TimeoutError, "a request was not answered in time"); break;
    case FA_ERR_CLOSED:
        PyErr_SetString(
            PyExc_ConnectionError, "the server was stopped, or closed without an answer");
        break;
    default: PyErr_SetString(PyExc_RuntimeError, fa_status_text(status)); break;
    }
    return NULL;
}

static int check(struct fa_py_server *self, const struct fa_load *load, long long count,
    long long in_flight, double timeout)
{
    if (!self->driven || !self->started || self->stopped) {
        PyErr_SetString(PyExc_RuntimeError, "load() needs a server started with driven=True");
    } else if (count < 1 || count > 1000000000) {
        PyErr_SetString(PyExc_ValueError, "count must be between 1 and 1000000000");
    } else if (in_flight < 1 || in_flight > 65536) {
        PyErr_SetString(PyExc_ValueError, "in_flight must be between 1 and 65536");
    } else if (load->request_len == 0) {
        PyErr_SetString(PyExc_ValueError, "the request is empty");
    } else if (!(timeout > 0.0 && timeout <= 3600.0)) {
        PyErr_SetString(PyExc_ValueError, "timeout must be between 0 and 3600 seconds");
    } else {
        return 0;
    }
    return -1;
}

PyObject *fa_py_server_load(struct fa_py_server *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"request", "count", "in_flight", "timeout", NULL};
    Py_buffer request;
    long long count, in_flight = 1;
    double timeout = 10.0;
    if (!PyArg_ParseTupleAndKeywords(
            args, kwargs, "y*L|Ld:load", names, &request, &count, &in_flight, &timeout))
        return NULL;
    struct fa_load load = {.request = request.buf, .request_len = (size_t)request.len};
    PyObject *latency = NULL, *result = NULL;
    if (check(self, &load, count, in_flight, timeout) == 0)
        latency = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)count * 4);
    if (latency != NULL && !fa_py_life_try_drive(self)) {
        PyErr_SetString(PyExc_RuntimeError, "another thread is in load() or turn()");
    } else if (latency != NULL) {
        load.count = (uint64_t)count;
        load.in_flight = (uint32_t)in_flight;
        load.timeout_ns = (uint64_t)(timeout * 1e9);
        load.latency = (uint32_t *)(void *)PyBytes_AS_STRING(latency);
        fa_status status;
        Py_BEGIN_ALLOW_THREADS status = fa_load_run(self->server, &load);
        fa_py_life_drive_end(self);
        Py_END_ALLOW_THREADS if (status == FA_OK)
        {
            result = Py_BuildValue("(OKKy#)", latency, (unsigned long long)load.took_ns,
                (unsigned long long)load.different, load.answer, (Py_ssize_t)load.answer_len);
            fa_free(load.answer);
        }
        else
        {
            (void)load_error(status);
        }
    }
    Py_XDECREF(latency);
    PyBuffer_Release(&request);
    return result;
}
