#include "python/py_exchange.h"

#include "python/py_response.h"
#include "python/py_scope.h"
#include "server/executor.h"

struct fa_py_exchange *fa_py_exchange_new(
    struct fa_py_server *owner, struct fa_clock_date *date, struct fa_task *task)
{
    PyTypeObject *type = owner->state->exchange_type;
    struct fa_py_exchange *self = (struct fa_py_exchange *)type->tp_alloc(type, 0);
    if (self == NULL) return NULL;
    self->owner = (struct fa_py_server *)Py_NewRef(owner);
    self->task = task;
    self->date = date;
    return self;
}

/* What respond() left behind besides the buffer, which the next answer overwrites. */
static void drop_answer(struct fa_py_exchange *self)
{
    struct fa_task *task = self->task;
    self->written = false;
    PyObject *owner = task->tail.owner;
    task->tail.ptr = NULL;
    task->tail.len = 0;
    task->tail.owner = NULL;
    Py_XDECREF(owner);
}

struct fa_task *fa_py_exchange_take(struct fa_py_exchange *self)
{
    struct fa_task *task = self->task;
    if (task == NULL) return NULL;
    if (self->written) drop_answer(self);
    self->task = NULL;
    return task;
}

void fa_py_exchange_pass_on(
    struct fa_py_exchange *self, struct fa_task *task, enum fa_py_kind kind, PyObject *value)
{
    self->handed_over = true;
    /* Out of memory costs what stands around the Request, not the answer. */
    if (self->scope != NULL && self->around != NULL &&
        PyDict_SetItemString(self->scope, "fasterapi.around", self->around) < 0)
        PyErr_Clear();
    fa_py_outcome_pass_on(self->owner, task, kind, value, self->scope, self->context);
}

static int check_open(const struct fa_py_exchange *self)
{
    if (self->task != NULL) return 0;
    PyErr_SetString(PyExc_RuntimeError,
        "this request has been answered; read what is needed of it before that");
    return -1;
}

/* The loop thread wakes the reactor once for its batch, everybody else at once. */
static void wake(struct fa_py_exchange *self)
{
    struct fa_py_server *owner = self->owner;
    bool later = owner->in_batch && owner->batch_thread == PyThread_get_thread_ident();
    if (!later) fa_executor_wake_reactor(owner->server);
}

static int make_scope(struct fa_py_exchange *self)
{
    if (self->scope == NULL) self->scope = fa_py_scope_new(self->owner, self->task);
    return self->scope == NULL ? -1 : 0;
}

PyDoc_STRVAR(scope_doc,
    "scope() -> dict\n--\n\n"
    "What ASGI says of this request; the same dict each time. After the answer was sent\n"
    "only if it was asked for, or the answer written, before.");

static PyObject *exchange_scope(struct fa_py_exchange *self, PyObject *unused)
{
    (void)unused;
    if (self->scope == NULL && (check_open(self) < 0 || make_scope(self) < 0)) return NULL;
    return Py_NewRef(self->scope);
}

PyDoc_STRVAR(body_doc, "body() -> bytes\n--\n\nThe whole request body, decoded.");

static PyObject *exchange_body(struct fa_py_exchange *self, PyObject *unused)
{
    (void)unused;
    if (check_open(self) < 0) return NULL;
    return PyBytes_FromStringAndSize(self->task->body.ptr, (Py_ssize_t)self->task->body.len);
}

PyDoc_STRVAR(respond_doc,
    "respond(value: object) -> Response | None\n--\n\n"
    "Write the answer for a return value, without sending it. Else it gives the Response\n"
    "that only its own __call__ can send; see hand_over(). Raises what FastAPI raises.");

static PyObject *exchange_respond(struct fa_py_exchange *self, PyObject *value)
{
    if (check_open(self) < 0) return NULL;
    if (self->written) drop_answer(self);
    /* What fails after the answer was sent is reported with the request. */
    if (make_scope(self) < 0) return NULL;
    struct fa_py_plan *plan = self->task->route->plan;
    PyObject *response = Py_NewRef(value);
    switch (fa_py_response_write(self->owner, self->date, self->task, plan, &response)) {
    case FA_PY_REPLY_DONE:
        self->written = true;
        Py_SETREF(response, Py_NewRef(Py_None));
        break;
    case FA_PY_REPLY_RAISED: Py_CLEAR(response); break;
    case FA_PY_REPLY_DEFER: break;
    }
    return response;
}

PyDoc_STRVAR(send_doc, "send() -> None\n--\n\nSend the answer that respond() has written.");

static PyObject *exchange_send(struct fa_py_exchange *self, PyObject *unused)
{
    (void)unused;
    if (check_open(self) < 0) return NULL;
    if (!self->written) {
        PyErr_SetString(PyExc_RuntimeError, "send() before respond()");
        return NULL;
    }
    struct fa_task *task = self->task;
    self->written = false;
    self->task = NULL;
    fa_executor_complete(self->owner->server, task);
    wake(self);
    Py_RETURN_NONE;
}

PyDoc_STRVAR(hand_over_doc,
    "hand_over(response: Response) -> None\n--\n\n"
    "Let the event loop send a response by its own __call__, inside the app's middleware stack.");

static PyObject *exchange_hand_over(struct fa_py_exchange *self, PyObject *response)
{
    if (check_open(self) < 0) return NULL;
    struct fa_task *task = fa_py_exchange_take(self);
    fa_py_exchange_pass_on(self, task, FA_PY_KIND_RESPONSE, Py_NewRef(response));
    wake(self);
    Py_RETURN_NONE;
}

PyDoc_STRVAR(go_on_doc,
    "go_on(function, *arguments) -> None\n--\n\n"
    "When the plan, an `async def` one, has returned, a worker thread calls this function for the\n"
    "rest of it; its result is then the plan's.");

static PyObject *exchange_go_on(
    struct fa_py_exchange *self, PyObject *const *args, Py_ssize_t count)
{
    if (check_open(self) < 0) return NULL;
    if (count < 1 || self->rest != NULL) {
        PyErr_SetString(PyExc_TypeError, "go_on() takes a function, once");
        return NULL;
    }
    self->rest = PyTuple_New(count);
    if (self->rest == NULL) return NULL;
    for (Py_ssize_t i = 0; i < count; i++)
        PyTuple_SET_ITEM(self->rest, i, Py_NewRef(args[i]));
    Py_RETURN_NONE;
}

/* The worker queue was full: come again in a millisecond. */
static int retry_later(struct fa_py_exchange *self)
{
    PyObject *again = PyObject_GetAttrString((PyObject *)self, "_to_worker");
    PyObject *handle =
        again == NULL ? NULL
                      : PyObject_CallMethod(self->owner->loop, "call_later", "dO", 0.001, again);
    Py_XDECREF(again);
    Py_XDECREF(handle);
    return handle == NULL ? -1 : 0;
}

int fa_py_exchange_to_worker(struct fa_py_exchange *self)
{
    struct fa_task *task = self->task;
    task->user = Py_NewRef(self);
    task->user_kind = FA_PY_KIND_REST;
    if (fa_executor_to_worker(self->owner->server, task) == FA_OK) return 0;
    task->user = NULL;
    task->user_kind = FA_PY_KIND_REQUEST;
    Py_DECREF(self); /* the caller has one */
    return retry_later(self);
}

PyDoc_STRVAR(watch_doc, "watch(owner: object) -> bool\n--\n\n"
                        "Keep `owner` until the client has gone or the request is over; whoever "
                        "has no other reference\n"
                        "to it learns of that by its end. False: that is so already. Once only.");

static PyObject *exchange_watch(struct fa_py_exchange *self, PyObject *owner)
{
    if (self->task == NULL) Py_RETURN_FALSE;
    fa_status failed = fa_task_watch(self->task, Py_NewRef(owner));
    if (failed == FA_OK) Py_RETURN_TRUE;
    Py_DECREF(owner);
    if (failed == FA_ERR_CLOSED) Py_RETURN_FALSE;
    PyErr_SetString(PyExc_RuntimeError, "this request is being watched already");
    return NULL;
}

PyDoc_STRVAR(to_worker_doc, "_to_worker() -> None\n--\n\nThe core's own.");

static PyObject *exchange_to_worker(struct fa_py_exchange *self, PyObject *unused)
{
    (void)unused;
    if (check_open(self) < 0 || fa_py_exchange_to_worker(self) < 0) return NULL;
    Py_RETURN_NONE;
}

static PyObject *get_done(struct fa_py_exchange *self, void *unused)
{
    (void)unused;
    return PyBool_FromLong(self->task == NULL);
}

static PyObject *get_handed_over(struct fa_py_exchange *self, void *unused)
{
    (void)unused;
    return PyBool_FromLong(self->handed_over);
}

static PyObject *get_runtime(struct fa_py_exchange *self, void *unused)
{
    (void)unused;
    PyObject *runtime = self->owner->hooks.runtime;
    return Py_NewRef(runtime == NULL ? Py_None : runtime);
}

static PyObject *get_client_gone(struct fa_py_exchange *self, void *unused)
{
    (void)unused;
    return PyBool_FromLong(self->task == NULL || fa_task_is_client_gone(self->task));
}

static int exchange_traverse(struct fa_py_exchange *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->owner);
    Py_VISIT(self->scope);
    Py_VISIT(self->around);
    Py_VISIT(self->context);
    Py_VISIT(self->rest);
    return 0;
}

static int exchange_clear(struct fa_py_exchange *self)
{
    Py_CLEAR(self->scope);
    Py_CLEAR(self->around);
    Py_CLEAR(self->context);
    Py_CLEAR(self->rest);
    return 0;
}

static void exchange_dealloc(struct fa_py_exchange *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    (void)exchange_clear(self);
    Py_CLEAR(self->owner);
    type->tp_free((PyObject *)self);
    Py_DECREF(type);
}

static PyMethodDef exchange_methods[] = {
    {"scope", (PyCFunction)exchange_scope, METH_NOARGS, scope_doc},
    {"body", (PyCFunction)exchange_body, METH_NOARGS, body_doc},
    {"respond", (PyCFunction)exchange_respond, METH_O, respond_doc},
    {"send", (PyCFunction)exchange_send, METH_NOARGS, send_doc},
    {"hand_over", (PyCFunction)exchange_hand_over, METH_O, hand_over_doc},
    {"go_on", (PyCFunction)(void (*)(void))exchange_go_on, METH_FASTCALL, go_on_doc},
    {"watch", (PyCFunction)exchange_watch, METH_O, watch_doc},
    {"_to_worker", (PyCFunction)exchange_to_worker, METH_NOARGS, to_worker_doc},
    {NULL, NULL, 0, NULL},
};

static PyObject *get_around(struct fa_py_exchange *self, void *unused)
{
    (void)unused;
    return Py_NewRef(self->around == NULL ? Py_None : self->around);
}

static int set_around(struct fa_py_exchange *self, PyObject *value, void *unused)
{
    (void)unused;
    Py_XSETREF(self->around, Py_XNewRef(value));
    return 0;
}

static PyGetSetDef exchange_getset[] = {
    {"around", (getter)get_around, (setter)set_around,
        "the plan's own; in the scope as \"fasterapi.around\" when the request is handed over",
        NULL},
    {"done", (getter)get_done, NULL, "the request has been answered or handed over", NULL},
    {"handed_over", (getter)get_handed_over, NULL, "the app's machinery answers", NULL},
    {"runtime", (getter)get_runtime, NULL, "what set_hooks() was given as runtime", NULL},
    {"client_gone", (getter)get_client_gone, NULL,
        "the client has closed its connection or its sending side", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PyDoc_STRVAR(exchange_doc,
    "The request of a compiled route and the way to answer it. One thread at a time.");

static PyType_Slot exchange_slots[] = {
    {Py_tp_doc, (void *)exchange_doc},
    {Py_tp_traverse, exchange_traverse},
    {Py_tp_clear, exchange_clear},
    {Py_tp_dealloc, exchange_dealloc},
    {Py_tp_methods, exchange_methods},
    {Py_tp_getset, exchange_getset},
    {0, NULL},
};

PyType_Spec fa_py_exchange_spec = {
    .name = "fasterapi._fasterapi_core.Exchange",
    .basicsize = sizeof(struct fa_py_exchange),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE |
             Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = exchange_slots,
};
