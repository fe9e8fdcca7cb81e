/* compat.h - the only place that asks which CPython this is.
 *
 * Everything newer than 3.11 that the binding uses is named here once, so that
 * the other files read the same for every supported version.
 */
#ifndef FA_PYTHON_COMPAT_H
#define FA_PYTHON_COMPAT_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#if PY_VERSION_HEX < 0x030B0000
#error "FasterAPI needs CPython 3.11 or newer"
#endif

/* asyncio.Task(eager_start=True) exists since 3.12. */
#define FA_HAVE_EAGER_TASK (PY_VERSION_HEX >= 0x030C0000)

/* Threads run Python code at the same time (3.13t and newer). */
#ifdef Py_GIL_DISABLED
#define FA_GIL_DISABLED 1
#else
#define FA_GIL_DISABLED 0
#endif

/* With the GIL there is nothing to lock; the macros exist since 3.13. */
#ifndef Py_BEGIN_CRITICAL_SECTION
#define Py_BEGIN_CRITICAL_SECTION(object) {
#define Py_END_CRITICAL_SECTION()         }
#endif

#if PY_VERSION_HEX >= 0x030C0000
#define FA_SLOT_INTERPRETERS \
    {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED},
#else
#define FA_SLOT_INTERPRETERS
#endif

/*
 * fa_compat_take_exception - the pending exception as one normalised object, with
 * its traceback attached; no exception is pending afterwards.
 *
 * Refs: new reference; NULL if none was set.
 * GIL:  attached thread state required.
 */
static inline PyObject *fa_compat_take_exception(void)
{
#if PY_VERSION_HEX >= 0x030C0000
    return PyErr_GetRaisedException();
#else
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    if (type == NULL) return NULL;
    PyErr_NormalizeException(&type, &value, &traceback);
    if (traceback != NULL && value != NULL) (void)PyException_SetTraceback(value, traceback);
    Py_XDECREF(traceback);
    Py_DECREF(type);
    return value;
#endif
}

#endif
