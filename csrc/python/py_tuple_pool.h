/* py_tuple_pool.h - TuplePool: tuples for reuse, a pool for each length. */
#ifndef FA_PYTHON_PY_TUPLE_POOL_H
#define FA_PYTHON_PY_TUPLE_POOL_H

#include "python/compat.h"

extern PyType_Spec fa_py_tuple_pool_spec;

/*
 * fa_py_tuple_pool_pair - (first, second), pooled if there is one.
 *
 * Refs:   borrows both; returns a new reference. `pool` is a TuplePool.
 * GIL:    attached thread state required.
 * Errors: NULL with MemoryError set.
 */
PyObject *fa_py_tuple_pool_pair(PyObject *pool, PyObject *first, PyObject *second);

#endif
