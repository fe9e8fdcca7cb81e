#include "python/py_peer.h"
#include "python/py_server.h"

#include <errno.h>
#include <string.h>
#include <structmember.h>

#include "python/py_call.h"
#include "python/py_life.h"
#include "python/py_plan.h"
#include "python/py_routes.h"
#include "python/py_server_listen.h"
#include "python/py_server_setup.h"
#include "python/py_tokens.h"
#include "server/executor.h"
#include "server/report.h"

enum { STATS_TEXT = 8192 }; /* first guess at the size of the report */

/* --- making one -------------------------------------------------------------------------- */

static int set_option(struct fa_config *config, PyObject *name, PyObject *value)
{
    const char *text = PyUnicode_Check(name) ? PyUnicode_AsUTF8(name) : NULL;
    if (text == NULL) {
        if (!PyErr_Occurred()) PyErr_SetString(PyExc_TypeError, "option names are str");
        return -1;
    }
    double number = PyFloat_AsDouble(value);
    if (number == -1.0 && PyErr_Occurred()) return -1;
    const struct fa_config_option *option = fa_config_find(text);
    if (option == NULL) {
        PyErr_Format(
            PyExc_ValueError, "unknown option %R; config_options() lists the known ones", name);
        return -1;
    }
    if (fa_config_set(config, text, number) == FA_OK) return 0;
    PyObject *low = PyFloat_FromDouble(option->min), *high = PyFloat_FromDouble(option->max);
    if (low != NULL && high != NULL) {
        PyErr_Format(PyExc_ValueError, "option %s: %R is not %s between %R and %R", text, value,
            option->type == FA_CONFIG_DOUBLE ? "a number" : "a whole number", low, high);
    }
    Py_XDECREF(low);
    Py_XDECREF(high);
    return -1;
}

static int set_options(struct fa_config *config, PyObject *options)
{
    PyObject *name, *value;
    Py_ssize_t position = 0;
    fa_config_defaults(config);
    while (PyDict_Next(options, &position, &name, &value)) {
        if (set_option(config, name, value) < 0) return -1;
    }
    return 0;
}

static PyObject *status_error(fa_status status, const char *what)
{
    if (status == FA_ERR_NOMEM) return PyErr_NoMemory();
    return PyErr_Format(PyExc_RuntimeError, "%s: %s", what, fa_status_text(status));
}

static PyObject *server_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"options", NULL};
    PyObject *options;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O!:Server", names, &PyDict_Type, &options))
        return NULL;
    struct fa_py_server *self = (struct fa_py_server *)type->tp_alloc(type, 0);
    if (self == NULL) return NULL;
    self->state = fa_module_state_of(type);
    self->interpreter = PyInterpreterState_Get();
    if (fa_py_life_init(self) < 0 || set_options(&self->config, options) < 0) {
        Py_DECREF(self);
        return NULL;
    }
    self->items = PyMem_Calloc((size_t)self->config.batch_size, sizeof *self->items);
    fa_status made = self->items == NULL
                         ? FA_ERR_NOMEM
                         : fa_server_new(&self->config, &fa_py_workers_ops, self, &self->server);
    if (made != FA_OK) {
        Py_DECREF(self);
        return status_error(made, "the server could not be made");
    }
    fa_py_server_setup_take_lines(self);
    return (PyObject *)self;
}

static int server_traverse(struct fa_py_server *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->hooks.asgi);
    Py_VISIT(self->hooks.encode);
    Py_VISIT(self->hooks.exception);
    Py_VISIT(self->hooks.response_base);
    Py_VISIT(self->hooks.response_call);
    Py_VISIT(self->hooks.resume);
    Py_VISIT(self->hooks.runtime);
    Py_VISIT(self->hooks.thread);
    Py_VISIT(self->hooks.passed);
    Py_VISIT(self->hooks.batch_task);
    Py_VISIT(self->hooks.enter_task);
    Py_VISIT(self->hooks.leave_task);
    Py_VISIT(self->loop);
    Py_VISIT(self->context);
    Py_VISIT(self->contexts);
    Py_VISIT(self->task_type);
    Py_VISIT(self->header_pool);
    return fa_py_call_traverse_pending(self, visit, arg);
}

static int server_clear(struct fa_py_server *self)
{
    fa_py_call_drop_pending(self);
    Py_CLEAR(self->hooks.asgi);
    Py_CLEAR(self->hooks.encode);
    Py_CLEAR(self->hooks.exception);
    Py_CLEAR(self->hooks.response_base);
    Py_CLEAR(self->hooks.response_call);
    Py_CLEAR(self->hooks.resume);
    Py_CLEAR(self->hooks.runtime);
    Py_CLEAR(self->hooks.thread);
    Py_CLEAR(self->hooks.passed);
    Py_CLEAR(self->hooks.batch_task);
    Py_CLEAR(self->hooks.enter_task);
    Py_CLEAR(self->hooks.leave_task);
    Py_CLEAR(self->loop);
    Py_CLEAR(self->context);
    Py_CLEAR(self->contexts);
    Py_CLEAR(self->task_type);
    Py_CLEAR(self->task_kwnames);
    Py_CLEAR(self->header_pool);
    return 0;
}

static void server_dealloc(struct fa_py_server *self)
{
    PyTypeObject *type = Py_TYPE(self);
    if (PyObject_CallFinalizerFromDealloc((PyObject *)self) < 0) return; /* it lives on */
    PyObject_GC_UnTrack(self);
    if (self->launched && !self->stopped) return; /* the child of a fork, or the very end */
    if (self->server != NULL) fa_server_free(self->server);
    (void)server_clear(self);
    PyMem_Free(self->items);
    fa_py_life_deinit(self);
    type->tp_free((PyObject *)self);
    Py_DECREF(type);
}

/* --- what Python gives ------------------------------------------------------------------- */

PyDoc_STRVAR(set_hooks_doc,
    "set_hooks(*, encode, exception, response_base, response_call, batch_task=None, "
    "resume=None, runtime=None, task=None) -> None\n--\n\n"
    "Give the core what compiled routes need of FastAPI: encode(value) -> bytes,\n"
    "exception(exc) -> Response | None, the Response class, its __call__ (a class with\n"
    "another one sends itself), the asyncio.Task that is current while coroutines that have\n"
    "nothing to wait for are stepped, resume(coroutine, waited, context) -> (Task for one that\n"
    "waits after all, the next batch_task), what Exchange.runtime is to be, and what to call\n"
    "in the place of asyncio.Task. Before set_routes() and start().");

static PyObject *server_set_hooks(struct fa_py_server *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"encode", "exception", "response_base", "response_call", "batch_task",
        "resume", "runtime", "task", NULL};
    PyObject *encode = NULL, *exception = NULL, *base = NULL, *call = NULL, *batch_task = Py_None,
             *resume = Py_None, *runtime = Py_None, *task = Py_None;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|$OOO!OOOOO:set_hooks", names, &encode,
            &exception, &PyType_Type, &base, &call, &batch_task, &resume, &runtime, &task)) {
        return NULL;
    }
    if (encode == NULL || exception == NULL || base == NULL || call == NULL) {
        PyErr_SetString(PyExc_TypeError,
            "set_hooks() needs encode, exception, response_base and response_call");
        return NULL;
    }
    struct fa_py_hooks *hooks = &self->hooks;
    PyObject *tasks = PyImport_ImportModule("asyncio.tasks");
    if (tasks == NULL) return NULL;
    Py_XSETREF(hooks->enter_task, PyObject_GetAttrString(tasks, "_enter_task"));
    Py_XSETREF(hooks->leave_task, PyObject_GetAttrString(tasks, "_leave_task"));
    Py_DECREF(tasks);
    if (hooks->enter_task == NULL || hooks->leave_task == NULL) return NULL;
    Py_XSETREF(hooks->encode, Py_NewRef(encode));
    Py_XSETREF(hooks->exception, Py_NewRef(exception));
    Py_XSETREF(hooks->response_base, Py_NewRef(base));
    Py_XSETREF(hooks->response_call, Py_NewRef(call));
    Py_XSETREF(hooks->batch_task, batch_task == Py_None ? NULL : Py_NewRef(batch_task));
    Py_XSETREF(hooks->resume, resume == Py_None ? NULL : Py_NewRef(resume));
    Py_XSETREF(hooks->runtime, runtime == Py_None ? NULL : Py_NewRef(runtime));
    Py_XSETREF(self->task_type, task == Py_None ? NULL : Py_NewRef(task));
    Py_RETURN_NONE;
}

PyDoc_STRVAR(set_header_pool_doc,
    "set_header_pool(pool: TuplePool) -> None\n--\n\n"
    "Take the pairs of Stream.headers from this pool. Before start().");

static PyObject *server_set_header_pool(struct fa_py_server *self, PyObject *pool)
{
    if (!PyObject_TypeCheck(pool, self->state->tuple_pool_type)) {
        PyErr_SetString(PyExc_TypeError, "set_header_pool() takes a TuplePool");
        return NULL;
    }
    if (self->started) {
        PyErr_SetString(PyExc_RuntimeError, "set_header_pool() after start()");
        return NULL;
    }
    Py_XSETREF(self->header_pool, Py_NewRef(pool));
    Py_RETURN_NONE;
}

PyDoc_STRVAR(set_routes_doc,
    "set_routes(entries: list[tuple[str, list[str], Plan | None, str]], miss=None,\n"
    "gate=None, watch=None) -> None\n"
    "--\n\n"
    "Install the route table: (path, methods, plan, static_prefix) in registration\n"
    "order. plan None: something only FastAPI understands, which may match any path\n"
    "that starts with static_prefix. miss: (known, plan, slashes): the plan answers what\n"
    "no (path, static_prefix, exact) of `known` can match. gate: a Gate that requests\n"
    "must pass to be answered by plans. watch: a RouteWatch; when it is not current any more,\n"
    "requests are handed over. May be called again while requests run.");

static PyObject *server_set_routes(struct fa_py_server *self, PyObject *args)
{
    PyObject *entries, *miss = Py_None, *gate = Py_None, *watch = Py_None;
    if (!PyArg_ParseTuple(args, "O|OOO:set_routes", &entries, &miss, &gate, &watch)) return NULL;
    if (self->hooks.encode == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "set_routes() needs set_hooks() first");
        return NULL;
    }
    if (fa_py_routes_install(self, entries, miss, gate, watch) < 0) return NULL;
    Py_RETURN_NONE;
}

/* --- running ------------------------------------------------------------------------------- */

/* asyncio.Task, or what set_hooks() gave, with the keywords this Python has; NULL type if a
 * task factory is set. */
static int choose_task_type(struct fa_py_server *self)
{
    PyObject *factory = PyObject_CallMethodNoArgs(self->loop, self->state->names.get_task_factory);
    if (factory == NULL) return -1;
    bool plain = factory == Py_None;
    Py_DECREF(factory);
    Py_XSETREF(self->task_kwnames, FA_HAVE_EAGER_TASK
                                       ? Py_BuildValue("(sss)", "loop", "context", "eager_start")
                                       : Py_BuildValue("(ss)", "loop", "context"));
    if (self->task_kwnames == NULL) return -1;
    if (!plain || self->task_type != NULL) return 0;
    PyObject *tasks = PyImport_ImportModule("asyncio.tasks");
    Py_XSETREF(self->task_type, tasks == NULL ? NULL : PyObject_GetAttrString(tasks, "Task"));
    Py_XDECREF(tasks);
    return self->task_type == NULL ? -1 : 0;
}

PyDoc_STRVAR(start_doc,
    "start(loop, asgi_callback, driven=False, thread=None) -> None\n--\n\n"
    "Start serving. On the event-loop thread, which then watches fileno() for reading\n"
    "and calls run_batch(). asgi_callback(Stream) takes each handed-over request.\n"
    "driven: no reactor thread and no port; requests come from load().\n"
    "thread(number, work) is called on each worker thread, and calls work() once, which\n"
    "returns when the server stops.");

static PyObject *server_start(struct fa_py_server *self, PyObject *args)
{
    PyObject *loop, *asgi, *thread = Py_None;
    int driven = 0;
    if (!PyArg_ParseTuple(args, "OO|pO:start", &loop, &asgi, &driven, &thread)) return NULL;
    if (self->launched) {
        PyErr_SetString(PyExc_RuntimeError, "the server was started before");
        return NULL;
    }
    Py_XSETREF(self->loop, Py_NewRef(loop));
    Py_XSETREF(self->hooks.asgi, Py_NewRef(asgi));
    Py_XSETREF(self->hooks.thread, thread == Py_None ? NULL : Py_NewRef(thread));
    Py_XSETREF(self->context, PyContext_CopyCurrent());
    if (self->context == NULL || choose_task_type(self) < 0) return NULL;
    fa_status started = fa_py_life_launch(self, driven != 0);
    if (started != FA_OK) return status_error(started, "the server could not start");
    Py_RETURN_NONE;
}

static PyObject *server_fileno(struct fa_py_server *self, PyObject *unused)
{
    (void)unused;
    return PyLong_FromLong(fa_executor_loop_fd(self->server));
}

static PyObject *server_drain(struct fa_py_server *self, PyObject *unused)
{
    (void)unused;
    if (self->started && !self->stopped) fa_server_drain(self->server);
    Py_RETURN_NONE;
}

static PyObject *server_active(struct fa_py_server *self, PyObject *unused)
{
    (void)unused;
    return PyLong_FromSize_t(self->started ? fa_server_active(self->server) : 0);
}

PyDoc_STRVAR(busy_doc, "busy() -> list[int]\n--\n\n"
                       "The identifiers of the worker threads that are in a handler. Any thread.");

/* New, *count of them. There may be more than the option said: fa_executor_tokens_set. */
static pthread_t *busy_threads(struct fa_py_server *self, size_t *count)
{
    pthread_t *threads = NULL;
    for (size_t room = (size_t)self->config.worker_threads + 1;; room *= 2) {
        pthread_t *more = PyMem_Realloc(threads, room * sizeof *more);
        if (more == NULL) {
            PyMem_Free(threads);
            return NULL;
        }
        threads = more;
        *count = fa_server_busy_workers(self->server, threads, room);
        if (*count < room) return threads;
    }
}

static PyObject *server_busy(struct fa_py_server *self, PyObject *unused)
{
    (void)unused;
    size_t count;
    pthread_t *threads = busy_threads(self, &count);
    if (threads == NULL) return PyErr_NoMemory();
    PyObject *list = PyList_New((Py_ssize_t)count);
    for (size_t i = 0; i < count && list != NULL; i++) {
        PyObject *ident = PyLong_FromUnsignedLong((unsigned long)threads[i]);
        if (ident == NULL) {
            Py_CLEAR(list);
        } else {
            PyList_SET_ITEM(list, (Py_ssize_t)i, ident);
        }
    }
    PyMem_Free(threads);
    return list;
}

PyDoc_STRVAR(stop_doc,
    "stop(timeout: float) -> bool\n--\n\n"
    "Drain, wait up to `timeout` seconds, cut what is left, join the core's threads.\n"
    "False: a `def` handler is still running and its thread could not be joined.");

static PyObject *server_stop(struct fa_py_server *self, PyObject *args)
{
    double timeout;
    if (!PyArg_ParseTuple(args, "d:stop", &timeout)) return NULL;
    if (!self->started || self->stopped) Py_RETURN_TRUE;
    return PyBool_FromLong(fa_py_life_stop(self, timeout < 0.0 ? 0.0 : timeout) == FA_OK);
}

PyDoc_STRVAR(forked_doc,
    "forked() -> None\n--\n\n"
    "In the child of a fork: nothing that is queued runs here; the parent serves on.");

static PyObject *server_forked(struct fa_py_server *self, PyObject *unused)
{
    (void)unused;
    self->forked = true;
    self->stopped = true;
    fa_server_forked(self->server);
    Py_RETURN_NONE;
}

PyDoc_STRVAR(pending_doc,
    "pending() -> list[asyncio.Task]\n--\n\n"
    "The tasks of compiled handlers that wait for something. The event-loop thread only.");

static PyObject *server_pending(struct fa_py_server *self, PyObject *unused)
{
    (void)unused;
    return fa_py_call_pending(self);
}

/* A JSON text as Python objects. */
static PyObject *loads(const char *text, size_t len)
{
    PyObject *json = PyImport_ImportModule("json");
    PyObject *value =
        json == NULL ? NULL : PyObject_CallMethod(json, "loads", "s#", text, (Py_ssize_t)len);
    Py_XDECREF(json);
    return value;
}

PyDoc_STRVAR(stats_doc,
    "stats() -> Stats\n--\n\n"
    "Counters and gauges since the start (docs/reference/stats.md). Any thread.");

static PyObject *server_stats(struct fa_py_server *self, PyObject *unused)
{
    (void)unused;
    struct fa_server_stats stats;
    struct fa_writer w;
    fa_server_stats(self->server, &stats);
    if (fa_writer_init(&w, NULL, STATS_TEXT) != FA_OK) return PyErr_NoMemory();
    fa_status written = fa_report_write(&stats, &w);
    struct fa_buffer *text = fa_writer_detach(&w);
    PyObject *value =
        written == FA_OK ? loads(text->data, text->len) : status_error(written, "no statistics");
    if (text != NULL) fa_buffer_release(text);
    return value;
}

PyDoc_STRVAR(publish_stats_doc,
    "publish_stats(path: str, about: str) -> None\n--\n\n"
    "Keep the statistics in a file for other processes until stop(), with a text about\n"
    "this server. Before start(), once. Raises OSError, ValueError.");

static PyObject *server_publish_stats(struct fa_py_server *self, PyObject *args)
{
    PyObject *path;
    const char *about;
    Py_ssize_t about_len;
    if (!PyArg_ParseTuple(
            args, "O&s#:publish_stats", PyUnicode_FSConverter, &path, &about, &about_len))
        return NULL;
    errno = 0;
    fa_status status = fa_server_publish_stats(
        self->server, PyBytes_AS_STRING(path), (fa_span){about, (size_t)about_len});
    Py_DECREF(path);
    if (status == FA_OK) Py_RETURN_NONE;
    if (status == FA_ERR_IO && errno != 0) return PyErr_SetFromErrno(PyExc_OSError);
    if (status != FA_ERR_INVALID) return status_error(status, "no statistics file");
    PyErr_SetString(PyExc_ValueError, "publish_stats() is for one path, before start()");
    return NULL;
}

PyDoc_STRVAR(note_calls_doc,
    "note_calls(count: int) -> None\n--\n\n"
    "So many calls of the app are not over, those that go on after their answer included.");

static PyObject *server_note_calls(struct fa_py_server *self, PyObject *count)
{
    size_t calls = PyLong_AsSize_t(count);
    if (calls == (size_t)-1 && PyErr_Occurred() != NULL) return NULL;
    fa_server_note_calls(self->server, calls);
    Py_RETURN_NONE;
}

PyDoc_STRVAR(limit_websockets_doc,
    "limit_websockets() -> None\n--\n\n"
    "No handshake becomes a WebSocket: for limit_concurrency it is a request as any other.");

static PyObject *server_limit_websockets(struct fa_py_server *self, PyObject *unused)
{
    (void)unused;
    fa_server_limit_websockets(self->server);
    Py_RETURN_NONE;
}

PyDoc_STRVAR(note_failure_doc,
    "note_failure() -> None\n--\n\n"
    "Count a request whose handler or app raised what nothing answered. The event-loop\n"
    "thread only.");

static PyObject *server_note_failure(struct fa_py_server *self, PyObject *unused)
{
    (void)unused;
    fa_executor_loop_failed(self->server);
    Py_RETURN_NONE;
}

PyDoc_STRVAR(open_peer_doc,
    "open_peer() -> Peer\n--\n\nA new client of a driven server. Event-loop thread only.");

PyDoc_STRVAR(turn_doc,
    "turn() -> None\n--\n\n"
    "Let a driven server take answers, read, route, queue and write, until there is\n"
    "nothing left to do but wait for wake_fileno(). Event-loop thread only.");

static PyObject *server_wake_fileno(struct fa_py_server *self, PyObject *unused)
{
    (void)unused;
    return PyLong_FromLong(fa_server_wake_fd(self->server));
}

PyDoc_STRVAR(load_doc,
    "load(request: bytes, count: int, in_flight: int = 1, timeout: float = 10.0)\n"
    "    -> tuple[bytes, int, int, bytes]\n--\n\n"
    "Send `count` times the same request through a server started with driven=True,\n"
    "`in_flight` at a time, each on an in-memory connection of its own. Returns the\n"
    "latencies (native uint32, ns), the whole time in ns, how many answers had another\n"
    "status than the first one, and the first answer. Not on the event-loop thread;\n"
    "one thread at a time. Raises TimeoutError, ConnectionError, ValueError.");

static PyMethodDef server_methods[] = {
    {"set_hooks", (PyCFunction)(void (*)(void))server_set_hooks, METH_VARARGS | METH_KEYWORDS,
        set_hooks_doc},
    {"set_routes", (PyCFunction)server_set_routes, METH_VARARGS, set_routes_doc},
    {"set_header_pool", (PyCFunction)server_set_header_pool, METH_O, set_header_pool_doc},
    {"set_access_format", (PyCFunction)fa_py_server_setup_access_format, METH_O,
        fa_py_server_setup_access_format_doc},
    {"set_access_records", (PyCFunction)fa_py_server_setup_access_records, METH_O,
        fa_py_server_setup_access_records_doc},
    {"set_limit_news", (PyCFunction)fa_py_server_setup_limit_news, METH_O,
        fa_py_server_setup_limit_news_doc},
    {"trust", (PyCFunction)fa_py_server_setup_trust, METH_O, fa_py_server_setup_trust_doc},
    {"set_fixed_lines", (PyCFunction)fa_py_server_setup_fixed_lines, METH_O,
        fa_py_server_setup_fixed_lines_doc},
    {"listen_tcp", (PyCFunction)fa_py_server_listen_tcp, METH_VARARGS, fa_py_server_listen_tcp_doc},
    {"listen_uds", (PyCFunction)fa_py_server_listen_uds, METH_VARARGS, fa_py_server_listen_uds_doc},
    {"listen_fd", (PyCFunction)fa_py_server_listen_fd, METH_VARARGS, fa_py_server_listen_fd_doc},
    {"listen_kept", (PyCFunction)fa_py_server_listen_kept, METH_VARARGS,
        fa_py_server_listen_kept_doc},
    {"accept_from", (PyCFunction)fa_py_server_listen_accept_from, METH_O,
        fa_py_server_listen_accept_from_doc},
    {"take_over", (PyCFunction)fa_py_server_listen_take_over, METH_NOARGS,
        fa_py_server_listen_take_over_doc},
    {"start", (PyCFunction)server_start, METH_VARARGS, start_doc},
    {"fileno", (PyCFunction)server_fileno, METH_NOARGS,
        "fileno() -> int\n--\n\nThe descriptor to watch for reading."},
    {"run_batch", (PyCFunction)fa_py_server_run_batch, METH_NOARGS,
        "run_batch() -> None\n--\n\nRun what the reactor queued. The event-loop thread only."},
    {"run_batch_soon", (PyCFunction)fa_py_server_run_batch_soon, METH_NOARGS,
        "run_batch_soon() -> None\n--\n\nRun it after what the event loop has ready now, in a "
        "context of its own."},
    {"wake", (PyCFunction)fa_py_server_wake, METH_NOARGS,
        "wake() -> None\n--\n\nLet the reactor take what was written. The event-loop thread only."},
    {"drain", (PyCFunction)server_drain, METH_NOARGS,
        "drain() -> None\n--\n\nBegin a graceful stop."},
    {"active", (PyCFunction)server_active, METH_NOARGS, "active() -> int\n--\n\nOpen connections."},
    {"busy", (PyCFunction)server_busy, METH_NOARGS, busy_doc},
    {"pending", (PyCFunction)server_pending, METH_NOARGS, pending_doc},
    {"stop", (PyCFunction)server_stop, METH_VARARGS, stop_doc},
    {"forked", (PyCFunction)server_forked, METH_NOARGS, forked_doc},
    {"stats", (PyCFunction)server_stats, METH_NOARGS, stats_doc},
    {"publish_stats", (PyCFunction)server_publish_stats, METH_VARARGS, publish_stats_doc},
    {"note_calls", (PyCFunction)server_note_calls, METH_O, note_calls_doc},
    {"limit_websockets", (PyCFunction)server_limit_websockets, METH_NOARGS, limit_websockets_doc},
    {"note_failure", (PyCFunction)server_note_failure, METH_NOARGS, note_failure_doc},
    {"open_peer", (PyCFunction)fa_py_peer_open, METH_NOARGS, open_peer_doc},
    {"turn", (PyCFunction)fa_py_peer_turn, METH_NOARGS, turn_doc},
    {"wake_fileno", (PyCFunction)server_wake_fileno, METH_NOARGS,
        "wake_fileno() -> int\n--\n\nReadable when a driven server is to take its next turn."},
    FA_PY_TOKENS_METHODS,
    {"load", (PyCFunction)(void (*)(void))fa_py_server_load, METH_VARARGS | METH_KEYWORDS,
        load_doc},
    {NULL, NULL, 0, NULL},
};

PyDoc_STRVAR(server_doc,
    "Server(options: dict[str, bool | int | float])\n--\n\n"
    "One HTTP server: a reactor thread that never touches Python, worker threads for\n"
    "`def` handlers, and the caller's event loop for `async def`. Raises ValueError for\n"
    "an unknown option or a value out of bounds.");

static PyType_Slot server_slots[] = {
    {Py_tp_doc, (void *)server_doc},
    {Py_tp_new, server_new},
    {Py_tp_traverse, server_traverse},
    {Py_tp_clear, server_clear},
    {Py_tp_dealloc, server_dealloc},
    {Py_tp_finalize, fa_py_life_finalize},
    {Py_tp_methods, server_methods},
    {0, NULL},
};

PyType_Spec fa_py_server_spec = {
    .name = "fasterapi._fasterapi_core.Server",
    .basicsize = sizeof(struct fa_py_server),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = server_slots,
};
