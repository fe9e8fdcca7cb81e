/* py_router.h - the Router type: csrc/route/router as a Python class. */
#ifndef FA_PYTHON_PY_ROUTER_H
#define FA_PYTHON_PY_ROUTER_H

#include "python/compat.h"

extern PyType_Spec fa_py_router_spec;

#endif
