/* py_buffer_pool.h - the BufferPool type and the PooledBuffer it hands out. */
#ifndef FA_PYTHON_PY_BUFFER_POOL_H
#define FA_PYTHON_PY_BUFFER_POOL_H

#include "python/compat.h"

extern PyType_Spec fa_py_buffer_pool_spec;
extern PyType_Spec fa_py_buffer_pool_item_spec; /* PooledBuffer; made by acquire() only */

#endif
