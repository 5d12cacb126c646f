/* queues.c: killed in queues, and in waiting for several things. */
#include "step.h"

#include <string.h>

#define MESSAGE 100u
#define LARGE 5000u
#define WHOLE 1000u /* the largest that the ring takes */

static void queue_put(place *it)
{
    char message[MESSAGE] = {1};
    kin_queue_put(queue_of(it), message, sizeof message, KIN_FOREVER);
}

static void queue_get(place *it)
{
    char message[MESSAGE];
    kin_queue_get(queue_of(it), message, sizeof message, NULL, KIN_FOREVER);
}

static void queue_deal(place *it)
{
    queue_get(it);
    kin_queue_task_done(queue_of(it));
}

/* The same, if there still is a message. */
static void queue_deal_soon(place *it)
{
    char message[MESSAGE];
    if (kin_queue_get(queue_of(it), message, sizeof message, NULL, KIN_MS(100)) == KIN_OK) {
        kin_queue_task_done(queue_of(it));
    }
}

static void queue_both(place *it)
{
    queue_put(it);
    queue_deal(it);
}

static void queue_fill(place *it)
{
    char message[MESSAGE] = {1};
    while (kin_queue_put(queue_of(it), message, sizeof message, KIN_NOW) == KIN_OK) {
    }
}

static void queue_put_two(place *it)
{
    queue_put(it);
    queue_put(it);
}

static void queue_got_one(place *it)
{
    queue_put_two(it);
    queue_get(it);
}

static void queue_reserve(place *it)
{
    kin_queue_reserve(&it->block, queue_of(it), MESSAGE, KIN_FOREVER);
}

static void queue_commit(place *it)
{
    kin_queue_commit(queue_of(it), it->block, MESSAGE);
}

static void queue_discard(place *it)
{
    kin_queue_discard(queue_of(it), it->block);
    it->block = NULL;
}

/* Both are there, or neither: at most one is lost (use_queue). */
static void queue_put_many(place *it)
{
    char message[MESSAGE] = {1};
    kin_message two[] = {{message, sizeof message, 0}, {message, sizeof message, 0}};
    kin_queue_put_many(queue_of(it), two, 2, NULL, KIN_FOREVER);
}

/* One call of the victim's takes both, and a death in it may lose both. */
static void queue_put_together(place *it)
{
    queue_put_two(it);
    it->together = 2;
}

static void queue_get_many(place *it)
{
    char first[MESSAGE], second[MESSAGE];
    kin_message two[] = {{first, 0, sizeof first}, {second, 0, sizeof second}};
    kin_queue_get_many(queue_of(it), two, 2, NULL, KIN_FOREVER);
}

static void queue_put_over(place *it)
{
    char message[MESSAGE] = {1};
    kin_queue_put_over(queue_of(it), message, sizeof message, NULL);
}

static void queue_peek(place *it)
{
    size_t size;
    kin_queue_peek(&it->message, &size, queue_of(it), KIN_FOREVER);
}

static void queue_front(place *it)
{
    char message[MESSAGE];
    kin_queue_front(queue_of(it), message, sizeof message, NULL);
}

static void queue_peek_one(place *it)
{
    queue_put(it);
    queue_peek(it);
}

static void queue_consume(place *it)
{
    kin_queue_consume(queue_of(it), it->message);
}

/* Larger than the ring. */
static void queue_put_large(place *it)
{
    static char message[LARGE];
    memset(message, 1, sizeof message);
    kin_queue_put(queue_of(it), message, sizeof message, KIN_FOREVER);
}

static void queue_put_mixed(place *it)
{
    static char message[LARGE];
    kin_message messages[] = {{message, MESSAGE, 0}, {message, LARGE, 0}, {message, MESSAGE, 0}, {message, LARGE, 0}};
    kin_queue_put_many(queue_of(it), messages, 4, NULL, KIN_FOREVER);
}

static void queue_get_large(place *it)
{
    static char message[LARGE];
    kin_queue_get(queue_of(it), message, sizeof message, NULL, KIN_FOREVER);
}

static void queue_large_both(place *it)
{
    queue_put_large(it);
    queue_get_large(it);
    kin_queue_task_done(queue_of(it));
}

static void queue_put_large_two(place *it)
{
    queue_put_large(it);
    queue_put_large(it);
}

static void queue_reserve_large(place *it)
{
    kin_queue_reserve((void **)(uintptr_t)&it->message, queue_of(it), LARGE, KIN_FOREVER);
}

static void queue_commit_large(place *it)
{
    kin_queue_commit(queue_of(it), (void *)(uintptr_t)it->message, LARGE);
}

static void queue_discard_large(place *it)
{
    kin_queue_discard(queue_of(it), (void *)(uintptr_t)it->message);
}

static void queue_peek_large(place *it)
{
    queue_put_large(it);
    queue_peek(it);
}

static void queue_put_large_over(place *it)
{
    static char message[LARGE];
    kin_queue_put_over(queue_of(it), message, sizeof message, NULL);
}

static void queue_fill_large(place *it)
{
    static char message[LARGE];
    while (kin_queue_put(queue_of(it), message, sizeof message, KIN_NOW) == KIN_OK) {
    }
}

static void queue_close(place *it)
{
    kin_queue_close(queue_of(it));
}

static void queue_task_done(place *it)
{
    kin_queue_task_done(queue_of(it));
}

/* The process's own number: a kill leaves the same whose message it is. */
static void queue_task_done_for(place *it)
{
    uint64_t getter = 0;
    kin_queue_getter(queue_of(it), &getter);
    kin_queue_task_done_for(queue_of(it), getter);
}

static void queue_join(place *it)
{
    kin_queue_join(queue_of(it), KIN_FOREVER);
}

static void wait_for_both(place *it)
{
    kin_wait_item items[] = {{KIN_TYPE_SEM, KIN_WAIT_READABLE, &it->sem, 0, 0},
                             {KIN_TYPE_QUEUE, KIN_WAIT_READABLE, queue_of(it), 0, 0}};
    kin_wait(items, 2, 0, KIN_FOREVER, NULL);
}

/* ---- afterwards ---- */

uint32_t deaths = 1;

/* Each message in it comes out whole, there is as much room as ever, and all permits come back. */
const char *use_queue(place *it)
{
    kin_queue *queue = queue_of(it);
    uint32_t most = deaths * (it->together > 0 ? it->together : 1);
    static char message[LARGE];
    size_t size = 0;
    kin_queue_info info = KIN_QUEUE_INFO_INIT;
    kin_status status = KIN_OK;
    while (status == KIN_OK) {
        size_t there = 0;
        kin_queue_size(queue, &there);
        status = kin_queue_get(queue, message, sizeof message, &size, there ? KIN_MS(120) : KIN_NOW);
        note(status);
        if (status == KIN_OK && size != MESSAGE && size != LARGE) {
            return "the queue's message";
        }
        if (status == KIN_OK && kin_queue_task_done(queue) != KIN_OK) {
            return "the queue's tasks";
        }
    }
    if (kin_queue_inspect(queue, &info) != KIN_OK || info.messages != 0 || info.lost_puts + info.lost_gets > most) {
        return "the queue's count";
    }
    if (info.closed) {
        return status == KIN_E_CLOSED ? NULL : "the closed queue";
    }
    memset(message, 7, sizeof message);
    if (kin_queue_put(queue, message, WHOLE, LIMIT) != KIN_OK ||
        kin_queue_get(queue, message, sizeof message, &size, LIMIT) != KIN_OK || size != WHOLE ||
        kin_queue_task_done(queue) != KIN_OK || kin_queue_join(queue, LIMIT) != KIN_OK) {
        return "queue";
    }
    return NULL;
}

/* ---- rows ---- */

static const scenario rows[] = {
    {"queue", "front", "kin_queue_front", .before = queue_put_two, .operation = queue_front},
    {"queue", "put, larger than the ring", "kin_queue_put", .before = queue_large_both, .operation = queue_put_large,
     .owned = true},
    {"queue", "put, larger than the ring, another sleeps for it", "kin_queue_put", .before = queue_large_both,
     .operation = queue_put_large, .sleep = queue_get_large, .finish = queue_put_large, .owned = true},
    {"queue", "put many, large and small", "kin_queue_put_many", .before = queue_large_both,
     .operation = queue_put_mixed, .owned = true},
    {"queue", "put over, larger than the ring", "kin_queue_put_over", .before = queue_fill_large,
     .operation = queue_put_large_over, .owned = true},
    {"queue", "get, larger than the ring", "kin_queue_get", .before = queue_put_large_two, .operation = queue_get_large,
     .owned = true},
    {"queue", "reserve, larger than the ring", "kin_queue_reserve", .before = queue_large_both,
     .operation = queue_reserve_large, .owned = true},
    {"queue", "commit, larger than the ring", "kin_queue_commit", .before = queue_reserve_large,
     .operation = queue_commit_large, .owned = true},
    {"queue", "discard, larger than the ring", "kin_queue_discard", .before = queue_reserve_large,
     .operation = queue_discard_large, .owned = true},
    {"queue", "peek, larger than the ring", "kin_queue_peek", .before = queue_put_large_two, .operation = queue_peek,
     .owned = true},
    {"queue", "consume, larger than the ring", "kin_queue_consume", .before = queue_peek_large,
     .operation = queue_consume, .owned = true},
    {"queue", "put", "kin_queue_put", .before = queue_both, .operation = queue_put},
    {"queue", "put, another sleeps for it", "kin_queue_put", .before = queue_both, .operation = queue_put,
     .sleep = queue_get, .finish = queue_put},
    {"queue", "put, no room", "kin_queue_put", .before = queue_fill, .operation = queue_put},
    {"queue", "get", "kin_queue_get", .before = queue_put_two, .operation = queue_get, .even = true},
    {"queue", "get, another sleeps for room", "kin_queue_get", .before = queue_fill, .operation = queue_get,
     .sleep = queue_put, .finish = queue_deal_soon},
    {"queue", "get, nothing there", "kin_queue_get", .before = queue_both, .operation = queue_get, .finish = queue_put},
    {"queue", "reserve", "kin_queue_reserve", .before = queue_both, .operation = queue_reserve},
    {"queue", "commit, another sleeps for it", "kin_queue_commit", .before = queue_reserve, .operation = queue_commit,
     .sleep = queue_get, .finish = queue_put},
    {"queue", "peek", "kin_queue_peek", .before = queue_put_two, .operation = queue_peek},
    {"queue", "consume", "kin_queue_consume", .before = queue_peek_one, .operation = queue_consume},
    {"queue", "close, another sleeps for it", "kin_queue_close", .before = queue_both, .operation = queue_close,
     .sleep = queue_get, .finish = queue_close},
    {"queue", "task_done, another joins", "kin_queue_task_done", .before = queue_got_one, .operation = queue_task_done,
     .sleep = queue_join, .finish = queue_deal_soon},
    {"queue", "task_done_for, another joins", "kin_queue_task_done_for kin_queue_getter", .before = queue_got_one,
     .operation = queue_task_done_for, .sleep = queue_join, .finish = queue_deal_soon},
    {"queue", "discard", "kin_queue_discard", .before = queue_reserve, .operation = queue_discard},
    {"queue", "put many", "kin_queue_put_many", .before = queue_both, .operation = queue_put_many},
    {"queue", "get many", "kin_queue_get_many", .before = queue_put_together, .operation = queue_get_many},
    {"queue", "put over, the oldest is dropped", "kin_queue_put_over", .before = queue_fill,
     .operation = queue_put_over},
    {"queue", "join", "kin_queue_join", .before = queue_got_one, .operation = queue_join, .finish = queue_deal_soon},
    {"wait", "for a semaphore and a queue", "kin_wait", .before = queue_both, .operation = wait_for_both},
    {"wait", "another does, put", "kin_queue_put", .before = queue_both, .operation = queue_put, .sleep = wait_for_both,
     .finish = queue_put},
};

const subject step_queues = {rows, sizeof rows / sizeof rows[0]};
