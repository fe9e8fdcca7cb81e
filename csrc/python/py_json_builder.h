/* py_json_builder.h - the JSONBuilder type: csrc/json/json_builder as a Python class. */
#ifndef FA_PYTHON_PY_JSON_BUILDER_H
#define FA_PYTHON_PY_JSON_BUILDER_H

#include "python/compat.h"

extern PyType_Spec fa_py_json_builder_spec;

#endif
