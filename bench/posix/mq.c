/* mq.c: POSIX message queues. Unprivileged processes may have ten messages in one: mq_overview(7). See ../peers.h. */
#include "../peers.h"

#include <fcntl.h>
#include <mqueue.h>
#include <stdlib.h>

#define DEPTH 10

typedef struct queue {
    mqd_t descriptor;
    size_t message;
} queue;

static int create(void *memory, size_t message)
{
    struct mq_attr attributes = {.mq_maxmsg = DEPTH, .mq_msgsize = (long)message};
    peer_make_name(memory, "/");
    mqd_t it = mq_open(memory, O_CREAT | O_EXCL | O_RDWR, 0600, &attributes);
    return it == (mqd_t)-1 ? -1 : mq_close(it);
}

static void destroy(void *memory)
{
    mq_unlink(memory);
}

static void *attach(void *memory, const int64_t *both)
{
    queue *it = malloc(sizeof *it);
    struct mq_attr attributes;
    (void)both;
    if (it) {
        it->descriptor = mq_open(memory, O_RDWR);
        if (it->descriptor == (mqd_t)-1 || mq_getattr(it->descriptor, &attributes) != 0) {
            free(it);
            return NULL;
        }
        it->message = (size_t)attributes.mq_msgsize;
    }
    return it;
}

static int put(void *attached, const void *data, size_t size)
{
    return mq_send(((queue *)attached)->descriptor, data, size, 0);
}

static int get(void *attached, void *buffer, size_t size)
{
    const queue *it = attached;
    return mq_receive(it->descriptor, buffer, it->message, NULL) == (ssize_t)size ? 0 : -1;
}

const peer_queue peer_mq = {.name = "POSIX mq, 10 deep",
                            .create = create,
                            .destroy = destroy,
                            .attach = attach,
                            .put = put,
                            .get = get,
                            .largest = 8192};
