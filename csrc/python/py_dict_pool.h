/* py_dict_pool.h - DictPool: empty dicts for reuse. */
#ifndef FA_PYTHON_PY_DICT_POOL_H
#define FA_PYTHON_PY_DICT_POOL_H

#include "python/compat.h"

extern PyType_Spec fa_py_dict_pool_spec;

#endif
