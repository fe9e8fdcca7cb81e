/*
 * The router on arbitrary patterns and paths. What many routes in one tree give
 * must be what the same routes give one after the other, each alone in a tree.
 *
 * Input: records divided by the byte 0xff. The first byte of a record is the mask
 * (0: opaque), the rest the pattern. The last record: method, then path.
 */
#include <stdint.h>
#include <string.h>

#include "route/router.h"

enum { MOST_RECORDS = 32 };

static void require(int condition)
{
    if (!condition) __builtin_trap();
}

static struct fa_router *frozen(void)
{
    struct fa_router *r = NULL;
    require(fa_router_new(&r) == FA_OK);
    return r;
}

static fa_status add(struct fa_router *r, fa_span record, uint32_t id)
{
    if (record.len == 0) return FA_ERR_INVALID;
    fa_span text = {record.ptr + 1, record.len - 1};
    uint32_t mask = (unsigned char)record.ptr[0];
    return mask == 0 ? fa_router_add_opaque(r, text, id) : fa_router_add(r, text, mask, id);
}

static void check_params(const struct fa_route_match *m, fa_span path)
{
    require(m->param_count <= FA_ROUTER_MAX_PARAMS);
    const char *from = path.ptr;
    for (uint32_t i = 0; i < m->param_count; i++) {
        require(m->params[i].ptr >= from);
        from = m->params[i].ptr + m->params[i].len;
        require(from <= path.ptr + path.len);
    }
}

static void check(const fa_span *records, uint32_t count, uint32_t method, fa_span path)
{
    struct fa_router *all = frozen();
    enum fa_route_result want = FA_ROUTE_MISS;
    struct fa_route_match expected = {0}, got = {0};
    for (uint32_t i = 0; i < count; i++) {
        struct fa_router *one = frozen();
        bool added = add(one, records[i], i) == FA_OK;
        require((add(all, records[i], i) == FA_OK) == added);
        require(fa_router_freeze(one) == FA_OK);
        if (want == FA_ROUTE_MISS) want = fa_router_match(one, method, path, &expected);
        fa_router_free(one);
    }
    require(fa_router_freeze(all) == FA_OK);
    enum fa_route_result result = fa_router_match(all, method, path, &got);
    if (count > 0) require(result == want);
    if (result == FA_ROUTE_HIT) {
        require(got.route == expected.route && got.param_count == expected.param_count);
        size_t size = got.param_count * sizeof got.params[0];
        require(memcmp(got.params, expected.params, size) == 0);
        check_params(&got, path);
    }
    fa_router_free(all);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fa_span records[MOST_RECORDS];
    uint32_t count = 0;
    const char *at = (const char *)data, *end = at + size;
    while (at < end && count < MOST_RECORDS) {
        const char *stop = memchr(at, 0xff, (size_t)(end - at));
        if (stop == NULL || count == MOST_RECORDS - 1) stop = end;
        records[count++] = (fa_span){at, (size_t)(stop - at)};
        at = stop < end ? stop + 1 : end;
    }
    if (count == 0 || records[count - 1].len == 0) return 0;
    fa_span last = records[count - 1];
    uint32_t method = 1u << ((unsigned char)last.ptr[0] & 7);
    check(records, count - 1, method, (fa_span){last.ptr + 1, last.len - 1});
    return 0;
}
