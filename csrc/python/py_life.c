/* py_life.c - a Server's threads: launched, stopped, and at an end before the interpreter is. */
#include "python/py_life.h"

#include <unistd.h>

int fa_py_life_init(struct fa_py_server *self)
{
    if (pthread_mutex_init(&self->drive_lock, NULL) == 0) {
        self->has_drive_lock = true;
        return 0;
    }
    PyErr_NoMemory();
    return -1;
}

void fa_py_life_deinit(struct fa_py_server *self)
{
    if (self->has_drive_lock) (void)pthread_mutex_destroy(&self->drive_lock);
}

/* Threads do not come along with a fork, and a lock of theirs may be held for ever. */
static bool is_forked(const struct fa_py_server *self)
{
    return self->forked || (self->launched && self->pid != (long)getpid());
}

/* --- the servers that run ------------------------------------------------------------------ */

static void link_running(struct fa_py_server *self)
{
    struct fa_module_state *state = self->state;
    self->running_next = state->running;
    self->running_link = &state->running;
    if (state->running != NULL) state->running->running_link = &self->running_next;
    state->running = self;
}

static void unlink_running(struct fa_py_server *self)
{
    if (self->running_link == NULL) return;
    *self->running_link = self->running_next;
    if (self->running_next != NULL) self->running_next->running_link = self->running_link;
    self->running_link = NULL;
    self->running_next = NULL;
}

/* --- start and stop ------------------------------------------------------------------------ */

fa_status fa_py_life_launch(struct fa_py_server *self, bool driven)
{
    if (self->launched) return FA_ERR_INVALID;
    self->launched = true;
    self->driven = driven;
    self->pid = (long)getpid();
    link_running(self);
    fa_status status;
    Py_BEGIN_ALLOW_THREADS status =
        driven ? fa_server_start_driven(self->server) : fa_server_start(self->server);
    Py_END_ALLOW_THREADS if (status == FA_OK)
    {
        self->started = true;
    }
    else
    {
        (void)!fa_py_life_stop(self, 0.0); /* a thread that did start */
    }
    return status;
}

fa_status fa_py_life_stop(struct fa_py_server *self, double seconds)
{
    if (is_forked(self)) return FA_OK;
    fa_status stopped;
    Py_BEGIN_ALLOW_THREADS if (self->driven)
    {
        fa_server_cut(self->server); /* whoever drives it comes back soon */
        (void)pthread_mutex_lock(&self->drive_lock);
    }
    stopped = fa_server_stop(self->server, (uint64_t)(seconds * 1e9));
    if (self->driven) (void)pthread_mutex_unlock(&self->drive_lock);
    Py_END_ALLOW_THREADS if (stopped == FA_OK)
    {
        self->stopped = true;
        unlink_running(self);
    }
    return stopped;
}

/* --- the end ------------------------------------------------------------------------------- */

void fa_py_life_finalize(PyObject *object)
{
    struct fa_py_server *self = (struct fa_py_server *)object;
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    unlink_running(self); /* it is not to be found while it goes */
    bool forked = is_forked(self);
    if (forked || (self->launched && !self->stopped)) {
        /* At the interpreter's end its threads can be gone without having said so; and the one
         * that forked comes back. */
        bool gone = !fa_compat_is_finalizing() && !forked && fa_py_life_stop(self, 0.0) == FA_OK;
        if (!gone) Py_INCREF(self);
    }
    PyErr_Restore(type, value, traceback);
}

static PyObject *stop_all(PyObject *module, PyObject *unused)
{
    (void)unused;
    struct fa_module_state *state = PyModule_GetState(module);
    while (state->running != NULL) {
        struct fa_py_server *server = state->running;
        unlink_running(server);
        Py_INCREF(server);
        (void)!fa_py_life_stop(
            server, 0.0); /* a handler may go on; its thread ends with the rest */
        Py_DECREF(server);
    }
    Py_RETURN_NONE;
}

static PyMethodDef stop_all_method = {"stop_all", stop_all, METH_NOARGS,
    "stop_all() -> None\n--\n\nStop the servers that nobody has stopped: the process ends."};

int fa_py_life_watch_exit(PyObject *module)
{
    PyObject *function = PyCFunction_New(&stop_all_method, module);
    PyObject *atexit = function == NULL ? NULL : PyImport_ImportModule("atexit");
    PyObject *outcome =
        atexit == NULL ? NULL : PyObject_CallMethod(atexit, "register", "O", function);
    Py_XDECREF(function);
    Py_XDECREF(atexit);
    Py_XDECREF(outcome);
    return outcome == NULL ? -1 : 0;
}

/* --- a driven server ----------------------------------------------------------------------- */

bool fa_py_life_try_drive(struct fa_py_server *self)
{
    return !is_forked(self) && pthread_mutex_trylock(&self->drive_lock) == 0;
}

bool fa_py_life_drive(struct fa_py_server *self)
{
    if (is_forked(self)) return false;
    if (pthread_mutex_trylock(&self->drive_lock) != 0) {
        Py_BEGIN_ALLOW_THREADS(void) pthread_mutex_lock(&self->drive_lock);
        Py_END_ALLOW_THREADS
    }
    return true;
}

void fa_py_life_drive_end(struct fa_py_server *self)
{
    (void)pthread_mutex_unlock(&self->drive_lock);
}
