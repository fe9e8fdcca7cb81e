/* JSON documents: commas and colons where they belong, everything else refused. */
#include <math.h>

#include "base/alloc.h"
#include "base/writer.h"
#include "check.h"
#include "json/json_builder.h"

static fa_span written(const struct fa_writer *w)
{
    return (fa_span){w->buf->data, fa_writer_len(w)};
}

static void done(struct fa_writer *w)
{
    fa_buffer_release(fa_writer_detach(w));
}

TEST(a_document)
{
    struct fa_writer w;
    struct fa_json_builder b;
    CHECK_EQ_INT(fa_writer_init(&w, NULL, 1), FA_OK);
    fa_json_builder_init(&b, &w);
    fa_json_builder_begin_object(&b);
    fa_json_builder_key(&b, FA_SPAN("a"));
    fa_json_builder_begin_object(&b);
    fa_json_builder_end_object(&b);
    fa_json_builder_key(&b, FA_SPAN("b\""));
    fa_json_builder_int64(&b, 1);
    fa_json_builder_key(&b, FA_SPAN(""));
    fa_json_builder_begin_array(&b);
    fa_json_builder_null(&b);
    fa_json_builder_bool(&b, true);
    fa_json_builder_begin_array(&b);
    fa_json_builder_end_array(&b);
    fa_json_builder_begin_object(&b);
    fa_json_builder_key(&b, FA_SPAN("k"));
    fa_json_builder_double(&b, 1.5);
    fa_json_builder_end_object(&b);
    fa_json_builder_uint64(&b, 7);
    fa_json_builder_string(&b, FA_SPAN("s\n"));
    fa_json_builder_raw(&b, FA_SPAN("[0]"));
    fa_json_builder_end_array(&b);
    fa_json_builder_end_object(&b);
    CHECK_EQ_INT(fa_json_builder_finish(&b), FA_OK);
    CHECK_EQ_SPAN(
        written(&w), "{\"a\":{},\"b\\\"\":1,\"\":[null,true,[],{\"k\":1.5},7,\"s\\n\",[0]]}");
    done(&w);
}

/* Each letter is a call: { } [ ] k(ey) v(alue) f(loat that is not finite). */
static fa_status play(const char *calls)
{
    struct fa_writer w;
    struct fa_json_builder b;
    CHECK_EQ_INT(fa_writer_init(&w, NULL, 1), FA_OK);
    fa_json_builder_init(&b, &w);
    fa_status last = FA_OK;
    for (const char *c = calls; *c != '\0'; c++) {
        switch (*c) {
        case '{': last = fa_json_builder_begin_object(&b); break;
        case '}': last = fa_json_builder_end_object(&b); break;
        case '[': last = fa_json_builder_begin_array(&b); break;
        case ']': last = fa_json_builder_end_array(&b); break;
        case 'k': last = fa_json_builder_key(&b, FA_SPAN("k")); break;
        case 'v': last = fa_json_builder_null(&b); break;
        default: last = fa_json_builder_double(&b, NAN); break;
        }
    }
    fa_status end = fa_json_builder_finish(&b);
    CHECK(last == FA_OK || end == last); /* errors stick */
    done(&w);
    return end;
}

TEST(misuse_is_refused)
{
    static const char *const good[] = {
        "v", "{}", "[]", "[v]", "[vv]", "{kv}", "{kvkv}", "[{}[]{kv}v]", "{k[]k{}}"};
    static const char *const bad[] = {"", "vv", "{}v", "[]{}", "{", "[", "[v", "}", "]", "{]", "[}",
        "{v}", "k", "kv", "[k]", "[kv]", "{k}", "{kk", "{kvv", "{k]", "{kv]", "{kv}}", "[v]]",
        "{}k", "f", "[f]", "[fv]", "{kf}", "vf", "{k[}"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        CHECK_EQ_INT(play(good[i]), FA_OK);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CHECK_EQ_INT(play(bad[i]), FA_ERR_INVALID);
    }
}

TEST(depth_has_a_bound)
{
    for (int extra = 0; extra < 2; extra++) {
        char calls[2 * FA_JSON_BUILDER_MAX_DEPTH + 3];
        size_t deep = FA_JSON_BUILDER_MAX_DEPTH + (size_t)extra;
        memset(calls, '[', deep);
        memset(calls + deep, ']', deep);
        calls[2 * deep] = '\0';
        CHECK_EQ_INT(play(calls), extra == 0 ? FA_OK : FA_ERR_INVALID);
    }
    struct fa_writer w; /* objects and arrays in turn: the kind of each level is kept */
    struct fa_json_builder b;
    CHECK_EQ_INT(fa_writer_init(&w, NULL, 1), FA_OK);
    fa_json_builder_init(&b, &w);
    for (int i = 0; i < FA_JSON_BUILDER_MAX_DEPTH; i++) {
        if (i % 3 == 0) {
            fa_json_builder_begin_object(&b);
            fa_json_builder_key(&b, FA_SPAN("k"));
        } else {
            fa_json_builder_begin_array(&b);
        }
    }
    fa_json_builder_null(&b);
    for (int i = FA_JSON_BUILDER_MAX_DEPTH; i-- > 0;) {
        fa_status status =
            i % 3 == 0 ? fa_json_builder_end_object(&b) : fa_json_builder_end_array(&b);
        CHECK_EQ_INT(status, FA_OK);
    }
    CHECK_EQ_INT(fa_json_builder_finish(&b), FA_OK);
    done(&w);
}

static fa_status write_much(struct fa_writer *w)
{
    struct fa_json_builder b;
    fa_json_builder_init(&b, w);
    fa_json_builder_begin_array(&b);
    for (int i = 0; i < 100; i++) {
        fa_json_builder_begin_object(&b);
        fa_json_builder_key(&b, FA_SPAN("key\n"));
        fa_json_builder_string(&b, FA_SPAN("some \"text\" with \\ and more"));
        fa_json_builder_key(&b, FA_SPAN("d"));
        fa_json_builder_double(&b, 0.25);
        fa_json_builder_end_object(&b);
        fa_json_builder_int64(&b, -i);
    }
    fa_json_builder_end_array(&b);
    return fa_json_builder_finish(&b);
}

TEST(out_of_memory_at_every_allocation)
{
    uint64_t live = fa_alloc_live();
    fa_status status = FA_ERR_NOMEM;
    for (uint64_t n = 1; status != FA_OK && n < 100; n++) {
        fa_alloc_fail_at(n);
        struct fa_writer w;
        status = fa_writer_init(&w, NULL, 1);
        if (status == FA_OK) {
            status = write_much(&w);
            CHECK(status == FA_OK || status == FA_ERR_NOMEM);
            CHECK_EQ_INT(w.error, status);
            done(&w);
        }
        fa_alloc_fail_at(0);
        CHECK_EQ_INT(fa_alloc_live(), live);
    }
    CHECK_EQ_INT(status, FA_OK);
}

int main(void)
{
    RUN(a_document);
    RUN(misuse_is_refused);
    RUN(depth_has_a_bound);
    RUN(out_of_memory_at_every_allocation);
    return CHECK_END();
}
