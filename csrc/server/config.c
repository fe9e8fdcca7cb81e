/* config.c - the option table and its accessors. */
#include "server/config.h"

#include <math.h>
#include <string.h>

static const struct fa_config_option OPTIONS[] = {
#define FA_CONFIG_ROW(type, name, def, min, max, help)                           \
    {#name, FA_CONFIG_##type, (double)(def), (double)(min), (double)(max), help, \
        offsetof(struct fa_config, name)},
    FA_CONFIG_MAP(FA_CONFIG_ROW)
#undef FA_CONFIG_ROW
};

#define OPTION_COUNT (sizeof OPTIONS / sizeof OPTIONS[0])

static void store(struct fa_config *config, const struct fa_config_option *option, double value)
{
    char *field = (char *)config + option->offset;
    switch (option->type) {
    case FA_CONFIG_BOOL: {
        bool b = value != 0.0;
        memcpy(field, &b, sizeof b);
        break;
    }
    case FA_CONFIG_INT: {
        int64_t i = (int64_t)value;
        memcpy(field, &i, sizeof i);
        break;
    }
    case FA_CONFIG_DOUBLE: memcpy(field, &value, sizeof value); break;
    }
}

void fa_config_defaults(struct fa_config *config)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        store(config, &OPTIONS[i], OPTIONS[i].def);
    }
}

const struct fa_config_option *fa_config_options(size_t *count)
{
    *count = OPTION_COUNT;
    return OPTIONS;
}

const struct fa_config_option *fa_config_find(const char *name)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (strcmp(OPTIONS[i].name, name) == 0) {
            return &OPTIONS[i];
        }
    }
    return NULL;
}

double fa_config_get(const struct fa_config *config, const struct fa_config_option *option)
{
    const char *field = (const char *)config + option->offset;
    double value = 0.0;
    switch (option->type) {
    case FA_CONFIG_BOOL: {
        bool b;
        memcpy(&b, field, sizeof b);
        value = b ? 1.0 : 0.0;
        break;
    }
    case FA_CONFIG_INT: {
        int64_t i;
        memcpy(&i, field, sizeof i);
        value = (double)i;
        break;
    }
    case FA_CONFIG_DOUBLE: memcpy(&value, field, sizeof value); break;
    }
    return value;
}

fa_status fa_config_set(struct fa_config *config, const char *name, double value)
{
    const struct fa_config_option *option = fa_config_find(name);
    if (option == NULL) {
        return FA_ERR_UNSUPPORTED;
    }
    if (!(value >= option->min && value <= option->max)) { /* also refuses NaN */
        return FA_ERR_INVALID;
    }
    if (option->type != FA_CONFIG_DOUBLE && floor(value) != value) {
        return FA_ERR_INVALID;
    }
    store(config, option, value);
    return FA_OK;
}
