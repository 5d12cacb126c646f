/* iceoryx.c: Eclipse iceoryx, by its C interface: publishers with one subscriber that loses nothing. See ../peers.h.
 *
 * A message is written into a chunk of shared memory and read there; the bench copies it in and out, as with the other
 * queues. The subscriber sleeps by a wait set. A publisher whose subscriber is full waits: that is iceoryx's own, and
 * spins. All memory belongs to a daemon, RouDi, which is started with the first queue and ended with this process.
 */
#include "../peers.h"

#include <fcntl.h>
#include <iceoryx_binding_c/log.h>
#include <iceoryx_binding_c/publisher.h>
#include <iceoryx_binding_c/runtime.h>
#include <iceoryx_binding_c/subscriber.h>
#include <iceoryx_binding_c/wait_set.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* Whether it publishes or subscribes, its first put or get decides. */
typedef struct end {
    const char *name;
    iox_pub_storage_t publisher_room;
    iox_sub_storage_t subscriber_room;
    iox_ws_storage_t waits_room;
    iox_pub_t publisher;
    iox_sub_t subscriber;
    iox_ws_t waits;
} end;

/* ---- the daemon ---- */

static pid_t daemon_pid, daemon_parent;

/* Told to end before it has noticed that a process is gone, it aborts (2.0.3), and leaves its memory. It looks at all
 * processes within 1.5 seconds. */
static void end_daemon(void)
{
    if (daemon_parent == getpid()) { /* else this is a forked child */
        sleep(3);
        kill(daemon_pid, SIGTERM);
        waitpid(daemon_pid, NULL, 0);
    }
}

/* Where a daemon runs already, this one ends at once, and the other is used. */
static int start_daemon(void)
{
    daemon_parent = getpid();
    daemon_pid = fork();
    if (daemon_pid == 0) {
        int nowhere = open("/dev/null", O_WRONLY);
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        dup2(nowhere, STDOUT_FILENO);
        dup2(nowhere, STDERR_FILENO);
        execlp("iox-roudi", "iox-roudi", "-l", "off", (char *)NULL);
        _exit(1);
    }
    return daemon_pid > 0 ? atexit(end_daemon) : -1;
}

static int create(void *memory, size_t message)
{
    (void)message;
    peer_make_name(memory, "");
    return daemon_pid == 0 ? start_daemon() : 0;
}

/* ---- an end ---- */

static void *attach(void *memory, const int64_t *both)
{
    end *it = calloc(1, sizeof *it);
    (void)both;
    if (it) {
        it->name = memory;
    }
    return it;
}

/* Once in a process: it waits for the daemon. */
static void join_daemon(void)
{
    static pid_t joined;
    char name[32];
    if (joined != getpid()) {
        joined = getpid();
        snprintf(name, sizeof name, "kin-bench-%d", (int)joined);
        iox_set_loglevel(Iceoryx_LogLevel_Off);
        iox_runtime_init(name);
    }
}

/* What is published before there is a subscriber is lost. */
static int open_publisher(end *it)
{
    iox_pub_options_t options;
    join_daemon();
    iox_pub_options_init(&options);
    options.subscriberTooSlowPolicy = ConsumerTooSlowPolicy_WAIT_FOR_CONSUMER;
    it->publisher = iox_pub_init(&it->publisher_room, "kin-bench", it->name, "message", &options);
    while (it->publisher != NULL && !iox_pub_has_subscribers(it->publisher)) {
        usleep(1000);
    }
    return it->publisher == NULL ? -1 : 0;
}

static int open_subscriber(end *it, size_t message)
{
    iox_sub_options_t options;
    join_daemon();
    iox_sub_options_init(&options);
    options.queueCapacity = message > 16384 ? 128 : 256; /* 256 is its most; of the largest chunks RouDi has 200 */
    options.queueFullPolicy = QueueFullPolicy_BLOCK_PRODUCER;
    it->subscriber = iox_sub_init(&it->subscriber_room, "kin-bench", it->name, "message", &options);
    it->waits = iox_ws_init(&it->waits_room);
    return it->subscriber != NULL && it->waits != NULL &&
                   iox_ws_attach_subscriber_state(it->waits, it->subscriber, SubscriberState_HAS_DATA, 0, NULL) ==
                       WaitSetResult_SUCCESS
               ? 0
               : -1;
}

static int put(void *attached, const void *data, size_t size)
{
    end *it = attached;
    void *chunk = NULL;
    if ((it->publisher == NULL && open_publisher(it) != 0) ||
        iox_pub_loan_chunk(it->publisher, &chunk, (uint32_t)size) != AllocationResult_SUCCESS) {
        return -1;
    }
    memcpy(chunk, data, size);
    iox_pub_publish_chunk(it->publisher, chunk);
    return 0;
}

static int get(void *attached, void *buffer, size_t size)
{
    end *it = attached;
    const void *chunk = NULL;
    iox_notification_info_t info;
    uint64_t missed;
    enum iox_ChunkReceiveResult result;
    if (it->subscriber == NULL && open_subscriber(it, size) != 0) {
        return -1;
    }
    while ((result = iox_sub_take_chunk(it->subscriber, &chunk)) == ChunkReceiveResult_NO_CHUNK_AVAILABLE) {
        iox_ws_wait(it->waits, &info, 1, &missed);
    }
    if (result != ChunkReceiveResult_SUCCESS) {
        return -1;
    }
    memcpy(buffer, chunk, size);
    iox_sub_release_chunk(it->subscriber, chunk);
    return 0;
}

const peer_queue peer_iceoryx = {.name = "iceoryx",
                                 .create = create,
                                 .destroy = peer_nothing,
                                 .attach = attach,
                                 .put = put,
                                 .get = get,
                                 .consumers = 1,
                                 .late = 1};
