/* queues.c: `kin put`, `peek`, `take`, `tail`, `drain`, `close`. */
#include "data.h"

#include <stdio.h>
#include <stdlib.h>

#define PATIENCE KIN_SECONDS(10)

static kin_queue *queue_of(request *it)
{
    kin_queue *queue = NULL;
    const char *name = it->rest[1];
    data_check(it->create ? kin_named_queue(&queue, it->family, name, NULL)
                          : kin_name_get_queue(&queue, it->family, name),
               name);
    return queue;
}

/* ---- put ---- */

static int put(request *it)
{
    data_bytes message = data_value(it, it->rest[2]);
    tool_check(kin_queue_put(queue_of(it), message.bytes, message.size, it->wait >= 0 ? it->wait : PATIENCE),
               it->rest[1]);
    free(message.bytes);
    return EXIT_SUCCESS;
}

static const command_option put_options[] = {
    DATA_OWNER,
    DATA_CREATE,
    DATA_WAIT("wait so long for room (10)"),
    {"escaped", TOOL_NONE, 'e', NULL, NULL, "TEXT has escapes: \\\\ \\\" \\x00"},
    COMMAND_OPTIONS_END,
};

const command put_command = {
    .name = "put",
    .arguments = "NAME QUEUE TEXT",
    .summary = "put a message into a queue",
    .details =
        "Puts a message into the queue QUEUE of the family NAME. The TEXT - stands for the bytes of the standard\n"
        "input.",
    .examples = "kin put --create shop orders 'one pot'\nkin put shop orders - <order.bin\n",
    .options = put_options,
    .run = data_run,
    .in_family = put,
};

/* ---- peek ---- */

static int peek(request *it)
{
    kin_queue *queue = queue_of(it);
    char *message = NULL;
    size_t size = 256, room = 0;
    kin_status status;
    do { /* another message may be the first one meanwhile, and longer */
        room = size;
        message = tool_resize(message, room, it->rest[1]);
        status = kin_queue_front(queue, message, room, &size);
    } while (status == KIN_E_BUFFER);
    bool empty = status == KIN_E_TIMED_OUT || status == KIN_E_CLOSED;
    if (!empty) {
        tool_check(status, it->rest[1]);
        data_print(it, message, size);
    }
    free(message);
    return empty ? EXIT_NOT_THERE : EXIT_SUCCESS;
}

static const command_option peek_options[] = {DATA_OWNER, DATA_RAW, COMMAND_OPTIONS_END};

const command peek_command = {
    .name = "peek",
    .arguments = "NAME QUEUE",
    .summary = "print the next message of a queue, and leave it there",
    .details =
        "Prints the message that would be taken next out of the queue QUEUE of the family NAME, as kin take does,\n"
        "and leaves it there: a consumer may take it at any time. The exit status 3 says that there is none.",
    .examples = "kin peek shop orders\n",
    .options = peek_options,
    .run = data_run,
    .in_family = peek,
};

/* ---- take, tail, drain ---- */

/* A message that cannot be printed goes back into the queue, where it is the last one then. */
static kin_status take_one(request *it, kin_queue *queue, int64_t timeout)
{
    const void *message = NULL;
    size_t size = 0;
    kin_status status = kin_queue_peek(&message, &size, queue, timeout);
    if (status == KIN_E_TIMED_OUT || status == KIN_E_CLOSED) {
        return status;
    }
    data_check(status == KIN_E_TYPE ? KIN_E_STALE : status, it->rest[1]); /* KIN_E_TYPE: destroyed meanwhile */
    data_print(it, message, size);
    bool printed = fflush(stdout) == 0 && !ferror(stdout);
    if (!printed) {
        tool_check(kin_queue_put(queue, message, size, KIN_NOW), "a message that could not be printed");
    }
    tool_check(kin_queue_consume(queue, message), it->rest[1]);
    return printed ? KIN_OK : KIN_E_OS;
}

/* Until there are no more, or enough. The exit status says whether there was one. */
static int take_all(request *it, int64_t timeout)
{
    kin_queue *queue = queue_of(it);
    kin_status status = KIN_OK;
    uint64_t taken = 0;
    while (taken < it->count && (status = take_one(it, queue, timeout)) == KIN_OK) {
        taken++;
    }
    return status == KIN_E_OS ? EXIT_FAILURE : taken > 0 || status == KIN_OK ? EXIT_SUCCESS : EXIT_NOT_THERE;
}

static int take(request *it)
{
    it->count = it->count == UINT64_MAX ? 1 : it->count;
    return take_all(it, it->wait >= 0 ? it->wait : KIN_NOW);
}

static const command_option take_options[] = {DATA_OWNER, DATA_RAW, DATA_WAIT("wait so long for a message (0)"),
                                              DATA_COUNT("take so many (1)"), COMMAND_OPTIONS_END};

const command take_command = {
    .name = "take",
    .arguments = "NAME QUEUE",
    .summary = "take a message out of a queue and print it",
    .details = "Takes the next message out of the queue QUEUE of the family NAME, and prints it and a newline. On a\n"
               "terminal, bytes that it could obey or not show are printed as escapes. The exit status 3 says that no\n"
               "message came.",
    .examples = "kin take shop orders\nkin take --wait 10 shop orders\nkin take --raw shop orders >order.bin\n",
    .options = take_options,
    .run = data_run,
    .in_family = take,
};

static int drain(request *it)
{
    int status = take_all(it, it->wait >= 0 ? it->wait : KIN_NOW);
    return status == EXIT_NOT_THERE ? EXIT_SUCCESS : status;
}

static const command_option drain_options[] = {DATA_OWNER, DATA_RAW, DATA_WAIT("wait so long for each message (0)"),
                                               COMMAND_OPTIONS_END};

const command drain_command = {
    .name = "drain",
    .arguments = "NAME QUEUE",
    .summary = "take out and print all messages of a queue",
    .details = "Takes all messages that the queue QUEUE of the family NAME has, and prints them as kin take does. The\n"
               "exit status is 0 also if there were none.",
    .examples = "kin drain shop orders\n",
    .options = drain_options,
    .run = data_run,
    .in_family = drain,
};

static int tail(request *it)
{
    int status = take_all(it, it->wait >= 0 ? it->wait : KIN_FOREVER);
    return it->wait < 0 && status == EXIT_NOT_THERE ? EXIT_SUCCESS : status; /* it has been closed */
}

static const command_option tail_options[] = {DATA_OWNER, DATA_RAW, DATA_COUNT("end after that many messages"),
                                              DATA_WAIT("end if no message comes for so long"), COMMAND_OPTIONS_END};

const command tail_command = {
    .name = "tail",
    .arguments = "NAME QUEUE",
    .summary = "take messages out of a queue and print them as they come",
    .details =
        "Takes each message that comes out of the queue QUEUE of the family NAME, and prints it as kin take does,\n"
        "until the queue is closed and empty, or until Ctrl-C. No other process gets the messages that it takes.",
    .examples = "kin tail shop orders\nkin tail --count 10 shop orders\n",
    .options = tail_options,
    .run = data_run,
    .in_family = tail,
};

/* ---- close ---- */

static int close_queue(request *it)
{
    tool_check(kin_queue_close(queue_of(it)), it->rest[1]);
    return EXIT_SUCCESS;
}

static const command_option close_options[] = {DATA_OWNER, COMMAND_OPTIONS_END};

const command close_command = {
    .name = "close",
    .arguments = "NAME QUEUE",
    .summary = "close a queue",
    .details = "Closes the queue QUEUE of the family NAME: nothing can be put into it any more. What is in it can be\n"
               "taken.",
    .examples = "kin close shop orders\n",
    .options = close_options,
    .run = data_run,
    .in_family = close_queue,
};
