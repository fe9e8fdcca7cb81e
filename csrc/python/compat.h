/* compat.h - the only place that asks which CPython this is.
 *
 * Everything newer than 3.11 that the binding uses is named here once, so that
 * the other files read the same for every supported version.
 */
#ifndef FA_PYTHON_COMPAT_H
#define FA_PYTHON_COMPAT_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdbool.h>
#include <stdint.h>

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
 * fa_compat_is_finalizing - has the interpreter begun to end? Other threads cannot attach then.
 */
static inline bool fa_compat_is_finalizing(void)
{
#if PY_VERSION_HEX >= 0x030D0000
    return Py_IsFinalizing() != 0;
#else
    return _Py_IsFinalizing() != 0;
#endif
}

/* Can a thread tell that it has an object's only reference? Without the GIL that takes
 * a function of 3.14's. */
#define FA_HAVE_UNIQUE (!FA_GIL_DISABLED || PY_VERSION_HEX >= 0x030E0000)

/*
 * fa_compat_is_unique - has the caller, who owns a reference, the only one?
 *
 * GIL: attached thread state required. False in doubt.
 */
static inline bool fa_compat_is_unique(PyObject *object)
{
#if FA_GIL_DISABLED && PY_VERSION_HEX >= 0x030E0000
    return PyUnstable_Object_IsUniquelyReferenced(object) != 0;
#else
    return FA_HAVE_UNIQUE && Py_REFCNT(object) == 1;
#endif
}

/*
 * fa_compat_is_callers_only - does nobody but the caller's code, under one name at most,
 * have `object`, an argument of the C function that runs?
 *
 * Up to 3.13 the interpreter's stack has a reference of its own next to the name's; since
 * 3.14 a local name lends its one. False in doubt.
 *
 * GIL: attached thread state required.
 */
static inline bool fa_compat_is_callers_only(PyObject *object)
{
#if FA_GIL_DISABLED || PY_VERSION_HEX >= 0x030E0000
    return fa_compat_is_unique(object);
#else
    return Py_REFCNT(object) <= 2;
#endif
}

/*
 * fa_compat_forget_hash - a tuple gets other items: 3.14 and newer keep its hash in it.
 */
static inline void fa_compat_forget_hash(PyObject *tuple)
{
#if PY_VERSION_HEX >= 0x030E0000
    ((PyTupleObject *)tuple)->ob_hash = -1;
#else
    (void)tuple;
#endif
}

/*
 * fa_compat_small_int - the value of an exact int of one digit (below 2^30), without a call.
 *
 * Refs: borrows `number`. False, and *value is left alone, for a larger one.
 */
static inline bool fa_compat_small_int(PyObject *number, int64_t *value)
{
#if PY_VERSION_HEX >= 0x030C0000
    PyLongObject *integer = (PyLongObject *)number;
    if (!PyUnstable_Long_IsCompact(integer)) return false;
    *value = PyUnstable_Long_CompactValue(integer);
#else
    Py_ssize_t size = Py_SIZE(number);
    if (size < -1 || size > 1) return false;
    *value = size * (int64_t)((PyLongObject *)number)->ob_digit[0];
#endif
    return true;
}

/*
 * fa_compat_dict_get - a new reference to the value of a key; NULL without an exception if it
 * is not there, with one if the key's comparison raised.
 *
 * GIL: attached thread state required.
 */
static inline PyObject *fa_compat_dict_get(PyObject *dict, PyObject *key)
{
#if PY_VERSION_HEX >= 0x030D0000
    PyObject *value = NULL;
    (void)PyDict_GetItemRef(dict, key, &value);
    return value;
#else
    return Py_XNewRef(PyDict_GetItemWithError(dict, key));
#endif
}

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
