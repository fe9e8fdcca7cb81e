/* py_asgi_table.h - AsgiTable: from an ASGI scope to the plan that takes the request. */
#ifndef FA_PYTHON_PY_ASGI_TABLE_H
#define FA_PYTHON_PY_ASGI_TABLE_H

#include "python/compat.h"

extern PyType_Spec fa_py_asgi_table_spec;

#endif
