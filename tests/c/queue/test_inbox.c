/* The intrusive inbox: everything arrives once, in order per producer. */
#include "queue/inbox.h"

#include <pthread.h>
#include <sched.h>

#include "check.h"

struct letter {
    struct fa_inbox_node node;
    size_t producer, number;
};

TEST(arrival_order)
{
    struct fa_inbox inbox;
    struct letter letters[5];
    fa_inbox_init(&inbox);
    CHECK(fa_inbox_is_empty(&inbox));
    CHECK(fa_inbox_take(&inbox) == NULL);
    fa_inbox_push(&inbox, &letters[0].node);
    fa_inbox_push(&inbox, &letters[1].node);
    /* A chain is linked newest first. */
    letters[4].node.next = &letters[3].node;
    letters[3].node.next = &letters[2].node;
    fa_inbox_push_chain(&inbox, &letters[4].node, &letters[2].node);
    CHECK(!fa_inbox_is_empty(&inbox));
    struct fa_inbox_node *node = fa_inbox_take(&inbox);
    for (int i = 0; i < 5; i++) {
        CHECK(node == &letters[i].node);
        node = node == NULL ? NULL : node->next;
    }
    CHECK(node == NULL);
    CHECK(fa_inbox_is_empty(&inbox));
}

enum { PRODUCERS = 4 };

struct post {
    struct fa_inbox *inbox;
    struct letter *letters;
    size_t count;
};

static void *send_all(void *arg)
{
    struct post *post = arg;
    for (size_t i = 0; i < post->count; i++) {
        struct letter *letter = &post->letters[i];
        if (i % 3 == 0 && i + 1 < post->count) { /* two at once, linked newest first */
            letter[1].node.next = &letter->node;
            fa_inbox_push_chain(post->inbox, &letter[1].node, &letter->node);
            i++;
        } else {
            fa_inbox_push(post->inbox, &letter->node);
        }
    }
    return NULL;
}

TEST(many_producers)
{
    struct fa_inbox inbox;
    struct post posts[PRODUCERS];
    pthread_t threads[PRODUCERS];
    size_t count = (size_t)check_ops(40000) / PRODUCERS, next[PRODUCERS] = {0}, got = 0;
    bool in_order = true;
    fa_inbox_init(&inbox);
    for (size_t p = 0; p < PRODUCERS; p++) {
        posts[p] = (struct post){&inbox, calloc(count, sizeof(struct letter)), count};
        for (size_t i = 0; i < count; i++) {
            posts[p].letters[i].producer = p;
            posts[p].letters[i].number = i;
        }
    }
    for (size_t p = 0; p < PRODUCERS; p++) {
        CHECK_EQ_INT(pthread_create(&threads[p], NULL, send_all, &posts[p]), 0);
    }
    while (got < count * PRODUCERS) {
        struct fa_inbox_node *node = fa_inbox_take(&inbox);
        if (node == NULL) sched_yield();
        while (node != NULL) {
            struct letter *letter = fa_container_of(node, struct letter, node);
            node = node->next;
            in_order = in_order && letter->number == next[letter->producer]++;
            got++;
        }
    }
    for (size_t p = 0; p < PRODUCERS; p++) {
        pthread_join(threads[p], NULL);
        CHECK_EQ_INT(next[p], count);
        free(posts[p].letters);
    }
    CHECK(in_order);
    CHECK(fa_inbox_is_empty(&inbox));
}

int main(void)
{
    RUN(arrival_order);
    RUN(many_producers);
    return CHECK_END();
}
