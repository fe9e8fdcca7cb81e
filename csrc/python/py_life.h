/* py_life.h - a Server's threads: launched, stopped, and at an end before the interpreter is. */
#ifndef FA_PYTHON_PY_LIFE_H
#define FA_PYTHON_PY_LIFE_H

#include "python/py_server.h"

/*
 * fa_py_life_init, fa_py_life_deinit - the fields of a Server that are ours.
 *
 * Errors: -1 with MemoryError set.
 */
int fa_py_life_init(struct fa_py_server *self);
void fa_py_life_deinit(struct fa_py_server *self);

/*
 * fa_py_life_launch - start the threads; a second call is refused, also while one is under way.
 *
 * GIL:       attached thread state required; detached meanwhile, since the first worker
 *            thread attaches.
 * Calls out: yes (what a worker thread calls first).
 * Errors:    FA_ERR_INVALID when it was launched before, else those of fa_server_start; all
 *            that had begun is at an end then.
 */
FA_NODISCARD fa_status fa_py_life_launch(struct fa_py_server *self, bool driven);

/*
 * fa_py_life_stop - fa_server_stop, from any number of threads at once. In the child of a
 * fork it does nothing: the threads are the parent's.
 *
 * GIL:    attached thread state required; detached while it waits.
 * Errors: FA_AGAIN as fa_server_stop: nothing of the Server may be freed.
 */
FA_NODISCARD fa_status fa_py_life_stop(struct fa_py_server *self, double seconds);

/*
 * fa_py_life_finalize - tp_finalize: stop a Server that was dropped while it ran. What a
 * handler keeps a thread in lives on, for that thread comes back to it: the Server keeps a
 * reference to itself then.
 *
 * GIL:       attached thread state required; detached while it waits.
 * Calls out: yes (what other threads do meanwhile).
 */
void fa_py_life_finalize(PyObject *self);

/*
 * fa_py_life_watch_exit - see to it that servers which still run when the interpreter ends
 * are stopped before their threads could meet it half gone.
 *
 * Errors: -1 with the exception set.
 */
int fa_py_life_watch_exit(PyObject *module);

/*
 * fa_py_life_try_drive - be the one thread that touches a driven server's connections; false
 * when another one is. fa_py_life_drive waits for it instead.
 *
 * No Python code may run before fa_py_life_drive_end. False, too, in the child of a fork.
 *
 * GIL: attached thread state required; detached while it waits.
 */
bool fa_py_life_try_drive(struct fa_py_server *self);
bool fa_py_life_drive(struct fa_py_server *self);
void fa_py_life_drive_end(struct fa_py_server *self);

#endif
