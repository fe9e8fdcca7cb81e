/* py_zero_copy.h - the ZeroCopyResponse type: a whole answer in one buffer, written once. */
#ifndef FA_PYTHON_PY_ZERO_COPY_H
#define FA_PYTHON_PY_ZERO_COPY_H

#include "python/compat.h"

extern PyType_Spec fa_py_zero_copy_spec;

#endif
