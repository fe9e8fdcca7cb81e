/* JSON documents: commas and colons where they belong, everything else refused. */
#include <math.h>

#include "base/alloc.h"
#include "base/writer.h"
#include "check.h"
#include "json/json_builder.h"
#include "json/json_writer.h"

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

static fa_status call(struct fa_json_builder *b, char letter)
{
    switch (letter) {
    case '{': return fa_json_builder_begin_object(b);
    case '}': return fa_json_builder_end_object(b);
    case '[': return fa_json_builder_begin_array(b);
    case ']': return fa_json_builder_end_array(b);
    case 'k': return fa_json_builder_key(b, FA_SPAN("k"));
    case 'v': return fa_json_builder_null(b);
    default: return fa_json_builder_double(b, NAN);
    }
}

/* Each letter is a call: { } [ ] k(ey) v(alue) f(loat that is not finite). */
static fa_status play(const char *calls)
{
    struct fa_writer w;
    struct fa_json_builder b;
    CHECK_EQ_INT(fa_writer_init(&w, NULL, 1), FA_OK);
    fa_json_builder_init(&b, &w);
    fa_status last = FA_OK;
    for (const char *c = calls; *c != '\0'; c++)
        last = call(&b, *c);
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

/* What every call says at each place, and that a refused one can be undone. */
TEST(a_refused_call_leaves_no_trace)
{
    static const struct {
        const char *calls, *allowed, *expected;
    } places[] = {
        {"", "{[v", "a value, the document is empty"},
        {"{", "}k", "a key or the end of the object"},
        {"{k", "{[v", "the value of the key"},
        {"{kv", "}k", "a key or the end of the object"},
        {"[", "{[v]", "a value or the end of the array"},
        {"[v", "{[v]", "a value or the end of the array"},
        {"[{}", "{[v]", "a value or the end of the array"},
        {"{k[", "{[v]", "a value or the end of the array"},
        {"{k[]", "}k", "a key or the end of the object"},
        {"v", "", "nothing more, the document is complete"},
        {"[]", "", "nothing more, the document is complete"},
    };
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        for (const char *next = "{}[]kvf"; *next != '\0'; next++) {
            struct fa_writer w;
            struct fa_json_builder b;
            CHECK_EQ_INT(fa_writer_init(&w, NULL, 1), FA_OK);
            fa_json_builder_init(&b, &w);
            for (const char *c = places[i].calls; *c != '\0'; c++)
                CHECK_EQ_INT(call(&b, *c), FA_OK);
            CHECK_EQ_STR(fa_json_builder_expected(&b), places[i].expected);
            size_t len = fa_writer_len(&w);
            bool allowed = strchr(places[i].allowed, *next) != NULL;
            CHECK_EQ_INT(call(&b, *next), allowed ? FA_OK : FA_ERR_INVALID);
            if (!allowed) {
                fa_json_builder_undo(&b, len);
                CHECK_EQ_INT(fa_writer_len(&w), len);
                CHECK_EQ_STR(fa_json_builder_expected(&b), places[i].expected);
                if (places[i].allowed[0] != '\0')
                    CHECK_EQ_INT(call(&b, places[i].allowed[0]), FA_OK);
            }
            done(&w);
        }
    }
}

TEST(values_that_the_caller_writes)
{
    struct fa_writer w;
    struct fa_json_builder b;
    CHECK_EQ_INT(fa_writer_init(&w, NULL, 1), FA_OK);
    fa_json_builder_init(&b, &w);
    fa_json_builder_begin_object(&b);
    for (int i = 0; i < 2; i++) {
        CHECK_EQ_INT(fa_json_builder_begin_key(&b), FA_OK);
        CHECK_EQ_INT(fa_json_builder_end_key(&b, fa_json_writer_raw(&w, FA_SPAN("\"k\""))), FA_OK);
        CHECK_EQ_INT(fa_json_builder_begin_value(&b), FA_OK);
        CHECK_EQ_INT(fa_json_builder_end_value(&b, fa_json_writer_raw(&w, FA_SPAN("7"))), FA_OK);
    }
    size_t len = fa_writer_len(&w);
    CHECK_EQ_INT(fa_json_builder_begin_value(&b), FA_ERR_INVALID);
    fa_json_builder_undo(&b, len);
    CHECK_EQ_INT(fa_json_builder_begin_key(&b), FA_OK); /* has written its comma */
    CHECK_EQ_INT(fa_json_builder_end_key(&b, FA_ERR_ENCODING), FA_ERR_ENCODING);
    CHECK_EQ_INT(fa_json_builder_end_object(&b), FA_ERR_ENCODING);
    fa_json_builder_undo(&b, len);
    CHECK_EQ_INT(fa_json_builder_end_object(&b), FA_OK);
    CHECK_EQ_SPAN(written(&w), "{\"k\":7,\"k\":7}");
    done(&w);
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
            struct fa_json_builder b; /* after an undo, the room that is left can be used */
            fa_json_builder_init(&b, &w);
            fa_json_builder_undo(&b, 0);
            CHECK_EQ_INT(fa_json_builder_int64(&b, 1), FA_OK);
            CHECK_EQ_SPAN(written(&w), "1");
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
    RUN(a_refused_call_leaves_no_trace);
    RUN(values_that_the_caller_writes);
    RUN(depth_has_a_bound);
    RUN(out_of_memory_at_every_allocation);
    return CHECK_END();
}
