/* program.c: other programs, while they run.
 *
 * A thread that waits for a program moves its streams, except those that the caller moves (KIN_RUN_PIPE). It moves each
 * stream only as far as it goes at once, so that no stream can delay another. The end of the program ends the run. The
 * program's output is in the pipes by then, and is drained. No more than was there at that moment is drained, because a
 * process that the program left behind may write for ever.
 *
 * A failure on the way (a timeout, too much output, no memory) becomes the verdict, and the program is made to end.
 * From then on the thread waits only for its end.
 */
#include "process/program.h"

#include "base/deadline.h"
#include "base/last_error.h"
#include "base/sized.h"
#include "process/exit.h"
#include "process/process.h"

#include <stdlib.h>
#include <string.h>

#define FLAGS (KIN_RUN_SHELL | KIN_RUN_CHECK | KIN_RUN_CLEAN_ENV | KIN_RUN_TREE | KIN_RUN_BOUND | KIN_RUN_NO_WINDOW)
#define GRACE KIN_SECONDS(1)
#define FIRST_ROOM 4096u
#define READ_ROOM 131072u /* more than a pipe holds */

typedef struct sink {
    char *bytes;
    size_t size, room, limit;
    size_t taken;  /* KIN_RUN_PIPE: so much was handed out */
    bool by_lines; /* and the last read was of a line */
} sink;

struct kin_program {
    kin_os_run os;
    kin_run_options options;
    sink sinks[2];
    char *copy; /* of the input, if it is not borrowed */
    const char *input;
    size_t input_left;
    int64_t deadline;
    int asked; /* how often it was told to end */
    bool late; /* its time limit has passed */
    bool given_up, unwatched, lost;
    bool ended; /* how says how; what is to be collected is */
    kin_status verdict;
    kin_os_exit how;
};

/* ---- what is wanted ---- */

static bool is_stream(kin_run_stream given, kin_run_stream first, kin_run_stream second)
{
    return given == KIN_RUN_INHERIT || given == KIN_RUN_NOTHING || given == KIN_RUN_PIPE || given == first ||
           given == second;
}

static kin_status check_options(const kin_run_options *options)
{
    if (options->flags & ~FLAGS) {
        return kin__refuse(KIN_E_ARGUMENT, "options->flags has unknown bits");
    }
    if (!is_stream(options->input, KIN_RUN_BYTES, KIN_RUN_BYTES) ||
        !is_stream(options->output, KIN_RUN_COLLECT, KIN_RUN_COLLECT) ||
        !is_stream(options->errors, KIN_RUN_COLLECT, KIN_RUN_TOGETHER)) {
        return kin__refuse(KIN_E_ARGUMENT, "options->input, output or errors is not a kin_run_stream of its direction");
    }
    if (options->timeout < 0 || options->grace < 0 || (!options->input_bytes && options->input_size > 0)) {
        return kin__refuse(KIN_E_ARGUMENT, "options: a negative time, or input_bytes is NULL and input_size is not 0");
    }
    return kin__check_variables(options->environment);
}

kin_status kin__run_options(kin_run_options *out, const char *const *argv, const kin_run_options *options)
{
    kin_status status = kin__options_read(out, sizeof *out, options, "KIN_RUN_OPTIONS_INIT");
    if (status == KIN_OK) {
        status = check_options(out);
    }
    if (status != KIN_OK) {
        return status;
    }
    if (!argv || !argv[0] || argv[0][0] == '\0') {
        return kin__refuse(KIN_E_ARGUMENT, "argv, or its first element, is NULL or empty");
    }
    if ((out->flags & KIN_RUN_SHELL) && argv[1]) {
        return kin__refuse(KIN_E_ARGUMENT, "with KIN_RUN_SHELL argv has one element, the command line");
    }
    out->timeout = out->timeout == 0 ? KIN_FOREVER : out->timeout;
    out->grace = out->grace == 0 ? GRACE : out->grace;
    return KIN_OK;
}

static kin_os_stream stream_of(kin_run_stream wanted)
{
    switch (wanted) {
    case KIN_RUN_NOTHING:
        return KIN_OS_STREAM_NOTHING;
    case KIN_RUN_BYTES:
    case KIN_RUN_COLLECT:
    case KIN_RUN_PIPE:
        return KIN_OS_STREAM_PIPE;
    case KIN_RUN_TOGETHER:
        return KIN_OS_STREAM_TOGETHER;
    case KIN_RUN_INHERIT:
        break;
    }
    return KIN_OS_STREAM_INHERIT;
}

static kin_status start(kin_program *it, const char *const *argv)
{
    const kin_run_options *options = &it->options;
    kin_os_command command = {
        .argv = argv,
        .shell = (options->flags & KIN_RUN_SHELL) != 0,
        .clean = (options->flags & KIN_RUN_CLEAN_ENV) != 0,
        .tree = (options->flags & KIN_RUN_TREE) != 0,
        .bound = (options->flags & KIN_RUN_BOUND) != 0,
        .no_window = (options->flags & KIN_RUN_NO_WINDOW) != 0,
        .variables = options->environment,
        .directory = options->directory,
        .streams = {stream_of(options->input), stream_of(options->output), stream_of(options->errors)},
    };
    if (options->input == KIN_RUN_BYTES && options->input_size == 0) {
        command.streams[0] = KIN_OS_STREAM_NOTHING;
    }
    it->input = options->input_bytes;
    it->input_left = options->input == KIN_RUN_BYTES ? options->input_size : 0;
    it->sinks[0].limit = it->sinks[1].limit = options->output_limit ? options->output_limit : SIZE_MAX;
    it->deadline = kin__deadline(options->timeout);
    kin_status status = kin_os_run_start(&it->os, &command);
    if (status == KIN_E_NOT_FOUND) {
        bool looked_for = !strpbrk(argv[0], "/\\");
        return kin__program_missing(argv[0], looked_for ? " in the absolute directories of PATH" : "",
                                    options->directory);
    }
    return status;
}

/* ---- to its end ---- */

/* Its end is all that is waited for now, unless it may not be ended: then nothing is. */
static void finish(kin_program *it, kin_status verdict, bool force)
{
    if (it->verdict == KIN_OK) {
        it->verdict = verdict;
    }
    kin_status status = kin_os_run_kill(&it->os, force);
    if (status != KIN_OK) {
        it->verdict = status;
        it->unwatched = true;
    }
}

/* Killed before its streams are closed: a program that writes is not to end of that. */
static void give_up(kin_program *it, kin_status verdict)
{
    it->unwatched = it->given_up; /* not even its end can be waited for */
    it->given_up = true;
    it->asked = 2;
    it->deadline = KIN_OS_NEVER;
    finish(it, verdict, true);
    for (unsigned stream = 0; stream < 3; stream++) {
        kin_os_run_shut(&it->os, stream);
    }
}

static void too_late(kin_program *it)
{
    bool force = it->asked++ > 0;
    it->late = true;
    it->deadline = force ? KIN_OS_NEVER : kin__deadline(it->options.grace);
    finish(it, KIN_E_TIMED_OUT, force);
}

/* There is always room for the zero byte at the end. */
static kin_status make_room(sink *to)
{
    if (to->room - to->size > to->room / 4) {
        return KIN_OK;
    }
    size_t room = to->room == 0 ? FIRST_ROOM : to->room < READ_ROOM ? READ_ROOM : 2 * to->room;
    char *bytes = room > to->room ? realloc(to->bytes, room) : NULL;
    if (!bytes) {
        return kin__malloc_failed();
    }
    to->bytes = bytes;
    to->room = room;
    return KIN_OK;
}

/* What there is now of an output, into its sink. */
static kin_status receive(kin_program *it, unsigned stream, size_t *moved)
{
    sink *to = &it->sinks[stream - 1];
    *moved = 0;
    kin_status status = make_room(to);
    if (status == KIN_OK) {
        status = kin_os_run_read(&it->os, stream, to->bytes + to->size, to->room - to->size - 1, moved);
    }
    to->size += *moved;
    return status;
}

/* The same for one that is collected. */
static kin_status take(kin_program *it, unsigned stream, size_t *moved)
{
    sink *to = &it->sinks[stream - 1];
    kin_status status = receive(it, stream, moved);
    if (status == KIN_OK && to->size > to->limit) {
        to->size = to->limit;
        return kin__refuse(KIN_E_TOO_BIG, "there was more output than options->output_limit");
    }
    return status;
}

static void move_input(kin_program *it)
{
    size_t moved = 0;
    kin_status status = kin_os_run_write(&it->os, it->input, it->input_left, &moved);
    it->input += moved;
    it->input_left -= moved;
    if (it->input_left == 0 || (status != KIN_OK && status != KIN_E_TIMED_OUT)) {
        kin_os_run_shut(&it->os, 0); /* it need not want all of it */
    }
}

static void move_output(kin_program *it, unsigned stream)
{
    size_t moved;
    kin_status status = take(it, stream, &moved);
    if (status == KIN_E_TOO_BIG || status == KIN_E_NO_MEMORY) {
        give_up(it, status);
    } else if (status != KIN_OK && status != KIN_E_TIMED_OUT) {
        kin_os_run_shut(&it->os, stream);
    }
}

static void drain(kin_program *it, unsigned stream)
{
    size_t left = kin_os_run_left(&it->os, stream), moved = 0;
    kin_status status = KIN_OK;
    while (left > 0 && status == KIN_OK) {
        status = take(it, stream, &moved);
        left -= moved < left ? moved : left;
    }
    if ((status == KIN_E_TOO_BIG || status == KIN_E_NO_MEMORY) && it->verdict == KIN_OK) {
        it->verdict = status;
    }
}

/* Whether this end of the streams is kin's to move, not the caller's. */
static bool is_served(const kin_program *it, unsigned stream)
{
    const kin_run_stream kinds[] = {it->options.input, it->options.output, it->options.errors};
    return kinds[stream] != KIN_RUN_PIPE;
}

static unsigned served(const kin_program *it)
{
    return (is_served(it, 0) ? 1u : 0) | (is_served(it, 1) ? 2u : 0) | (is_served(it, 2) ? 4u : 0);
}

static void note_end(kin_program *it)
{
    it->ended = true;
    for (unsigned stream = 1; stream < 3; stream++) {
        if (is_served(it, stream)) {
            drain(it, stream);
            kin_os_run_shut(&it->os, stream);
        }
    }
    kin_os_run_shut(&it->os, 0);
}

static void move(kin_program *it, unsigned ready)
{
    for (unsigned stream = 0; stream < 3; stream++) {
        if (!(ready & 1u << stream) || !is_served(it, stream)) {
            continue;
        }
        if (stream == 0) {
            move_input(it);
        } else {
            move_output(it, stream);
        }
    }
}

/* Waits once, at most until then, for what is to be served, the end, and the streams of `also`; and serves it. Whether
 * the end of the wait was that of the time. */
static bool step(kin_program *it, unsigned also, int64_t until)
{
    unsigned ready = 0;
    int64_t deadline = it->deadline < until ? it->deadline : until;
    kin_status status = kin_os_run_wait(&it->os, served(it) | also, deadline, &ready, &it->how);
    if (status == KIN_E_NOT_FOUND) {
        it->lost = true;
        note_end(it);
    } else if (status == KIN_E_TIMED_OUT) {
        if (kin_os_now() < it->deadline) {
            return true;
        }
        too_late(it);
    } else if (status != KIN_OK) {
        give_up(it, status);
    } else if (ready & KIN_OS_RUN_ENDED) {
        note_end(it);
    } else {
        move(it, ready);
    }
    return false;
}

kin_status kin__program_serve(kin_program *it, int64_t until)
{
    while (!it->ended && !it->unwatched) {
        if (step(it, 0, until)) {
            return KIN_E_TIMED_OUT;
        }
    }
    return KIN_OK;
}

/* ---- what came of it ---- */

static char *hand_over(sink *from, size_t *size)
{
    char *bytes = from->bytes;
    if (bytes) {
        bytes[from->size] = '\0';
    }
    *size = from->size;
    *from = (sink){.limit = from->limit};
    return bytes;
}

void kin__run_result_empty(kin_run_result *result)
{
    size_t size = result->size;
    *result = (kin_run_result)KIN_RUN_RESULT_INIT;
    result->size = size;
}

kin_status kin__run_result_begin(kin_run_result *result)
{
    if (result->size < sizeof *result) {
        return kin__refuse(KIN_E_ARGUMENT, "result->size is not set: initialise the struct with KIN_RUN_RESULT_INIT");
    }
    kin__run_result_empty(result);
    return KIN_OK;
}

void kin__program_collected(kin_program *it, kin_run_result *result)
{
    if (it->options.output == KIN_RUN_COLLECT) {
        result->output = hand_over(&it->sinks[0], &result->output_size);
    }
    if (it->options.errors == KIN_RUN_COLLECT) {
        result->errors = hand_over(&it->sinks[1], &result->errors_size);
    }
}

kin_status kin__program_verdict(const kin_program *it, kin_exit *end)
{
    bool known = it->ended && !it->lost;
    *end = known ? kin__exit_of(&it->how, false) : (kin_exit){.code = -1};
    end->timed_out = it->late;
    if (it->verdict != KIN_OK) {
        return it->verdict;
    }
    bool well = end->how == KIN_END_EXITED && end->code == 0;
    return it->lost ? KIN_E_REAPED : !well && (it->options.flags & KIN_RUN_CHECK) ? KIN_E_FAILED : KIN_OK;
}

/* ---- start and end ---- */

/* Collected, but nothing came: an empty text, no NULL. */
static kin_status prepare(kin_program *it)
{
    kin_status status = it->options.output == KIN_RUN_COLLECT ? make_room(&it->sinks[0]) : KIN_OK;
    return status == KIN_OK && it->options.errors == KIN_RUN_COLLECT ? make_room(&it->sinks[1]) : status;
}

static void discard(kin_program *it)
{
    free(it->sinks[0].bytes);
    free(it->sinks[1].bytes);
    free(it->copy);
    free(it);
}

kin_status kin__program_start(kin_program **out, const char *const *argv, const kin_run_options *options)
{
    kin_program *it = calloc(1, sizeof *it);
    if (!it) {
        return kin__malloc_failed();
    }
    it->options = *options;
    kin_status status = prepare(it);
    if (status == KIN_OK) {
        status = start(it, argv);
    }
    if (status != KIN_OK) {
        discard(it);
        return status;
    }
    *out = it;
    return KIN_OK;
}

/* The caller's bytes are borrowed for the call only. */
static kin_status copy_input(char **out, kin_run_options *options)
{
    if (options->input != KIN_RUN_BYTES || options->input_size == 0) {
        return KIN_OK;
    }
    *out = malloc(options->input_size);
    if (!*out) {
        return kin__malloc_failed();
    }
    memcpy(*out, options->input_bytes, options->input_size);
    options->input_bytes = *out;
    return KIN_OK;
}

kin_status kin_run_start(kin_program **out, const char *const *argv, const kin_run_options *options)
{
    kin_run_options wanted;
    char *copy = NULL;
    kin_program *it = NULL;
    if (!out) {
        return kin__refuse(KIN_E_ARGUMENT, "out is NULL");
    }
    kin_status status = kin__run_options(&wanted, argv, options);
    if (status == KIN_OK) {
        status = copy_input(&copy, &wanted);
    }
    if (status == KIN_OK) {
        status = kin__program_start(&it, argv, &wanted);
    }
    if (status != KIN_OK) {
        free(copy);
        return kin__told(status);
    }
    it->copy = copy;
    *out = it;
    return KIN_OK;
}

void kin_run_close(kin_program *it)
{
    if (it) {
        int before = kin_os_error();
        kin_os_run_close(&it->os);
        discard(it);
        kin_os_error_set(before);
    }
}

uint32_t kin_run_pid(const kin_program *it)
{
    return it ? kin_os_process_pid(&it->os.process) : 0;
}

static kin_status stop(kin_program *it, bool force)
{
    return it ? kin_os_run_kill(&it->os, force) : kin__refuse(KIN_E_ARGUMENT, "program is NULL");
}

kin_status kin_run_terminate(kin_program *it)
{
    return kin__told(stop(it, false));
}

kin_status kin_run_kill(kin_program *it)
{
    return kin__told(stop(it, true));
}

kin_status kin_run_wait(kin_program *it, int64_t timeout, kin_exit *result)
{
    kin_exit end;
    if (!it || timeout < 0) {
        return kin__refuse(KIN_E_ARGUMENT, "program is NULL, or timeout is negative");
    }
    kin_status status = kin__program_serve(it, kin__deadline(timeout));
    if (status == KIN_OK) {
        status = kin__program_verdict(it, &end);
        status = status == KIN_E_TIMED_OUT ? KIN_OK : status; /* that is the caller's timeout here */
    }
    if (status != KIN_E_TIMED_OUT && result) {
        *result = end;
    }
    return kin__told(status);
}

kin_status kin_run_collected(kin_program *it, kin_run_result *result)
{
    if (!it || !result) {
        return kin__refuse(KIN_E_ARGUMENT, "program is NULL, or result is NULL");
    }
    kin_status status = kin__run_result_begin(result);
    if (status == KIN_OK && !it->ended) {
        status = kin__refuse(KIN_E_BUSY, "the program has not ended: wait for it with kin_run_wait first");
    }
    if (status != KIN_OK) {
        return kin__told(status);
    }
    result->started = 1;
    status = kin__program_verdict(it, &result->exit);
    kin__program_collected(it, result);
    return kin__told(status);
}

/* ---- streams that the caller moves ---- */

static bool is_callers(const kin_program *it, unsigned stream)
{
    return it && stream < 3 && !is_served(it, stream);
}

/* More of an output into its sink, which holds what was not handed out. KIN_E_CLOSED: there will be no more. */
static kin_status fetch(kin_program *it, unsigned stream, int64_t deadline)
{
    sink *to = &it->sinks[stream - 1];
    for (;;) {
        size_t moved = 0;
        bool ended = it->ended || it->unwatched; /* before the look: then what there is is all */
        if (to->taken > 0) {
            memmove(to->bytes, to->bytes + to->taken, to->size - to->taken);
            to->size -= to->taken;
            to->taken = 0;
        }
        kin_status status = receive(it, stream, &moved);
        if (status != KIN_E_TIMED_OUT) {
            return status;
        }
        if (ended) {
            return KIN_E_CLOSED;
        }
        if (step(it, 1u << stream, deadline)) {
            return KIN_E_TIMED_OUT;
        }
    }
}

kin_status kin_run_read(kin_program *it, unsigned stream, void *buffer, size_t size, size_t *got, int64_t timeout)
{
    if (!is_callers(it, stream) || stream == 0 || !buffer || size == 0 || !got || timeout < 0) {
        return kin__refuse(KIN_E_ARGUMENT, "the stream is not an output that is KIN_RUN_PIPE and still open, or "
                                           "buffer, size or got is 0, or timeout is negative");
    }
    sink *from = &it->sinks[stream - 1];
    from->by_lines = false;
    kin_status status = from->size > from->taken ? KIN_OK : fetch(it, stream, kin__deadline(timeout));
    if (status != KIN_OK) {
        return kin__told(status);
    }
    size_t left = from->size - from->taken;
    *got = left < size ? left : size;
    memcpy(buffer, from->bytes + from->taken, *got);
    from->taken += *got;
    return KIN_OK;
}

/* Of what was not handed out, the size of the next line with its end, at most the limit; 0: its end has not come. */
static size_t next_line(const sink *from)
{
    size_t left = from->size - from->taken, most = left < from->limit ? left : from->limit;
    if (most == 0) {
        return 0;
    }
    const char *start = from->bytes + from->taken, *end = memchr(start, '\n', most);
    return end ? (size_t)(end - start) + 1 : most == from->limit ? most : 0;
}

/* Takes the next line, if there is one. whole: there will be no more, so what there is is the last one. */
static bool take_line(sink *from, bool whole, const char **line, size_t *length)
{
    size_t size = next_line(from);
    if (size == 0 && whole) {
        size = from->size - from->taken;
    }
    if (size == 0) {
        return false;
    }
    const char *start = from->bytes + from->taken;
    *line = start;
    *length = size;
    from->taken += size;
    if (start[*length - 1] == '\n' && --*length > 0 && start[*length - 1] == '\r') {
        --*length;
    }
    return true;
}

kin_status kin_run_read_line(const char **line, size_t *length, kin_program *it, unsigned stream, int64_t timeout)
{
    if (!is_callers(it, stream) || stream == 0 || !line || !length || timeout < 0) {
        return kin__refuse(KIN_E_ARGUMENT, "the stream is not an output that is KIN_RUN_PIPE and still open, or line "
                                           "or length is NULL, or timeout is negative");
    }
    sink *from = &it->sinks[stream - 1];
    int64_t deadline = kin__deadline(timeout);
    kin_status status = KIN_OK;
    from->by_lines = true;
    while (!take_line(from, status == KIN_E_CLOSED, line, length)) {
        if (status != KIN_OK) {
            return kin__told(status);
        }
        status = fetch(it, stream, deadline);
    }
    return KIN_OK;
}

kin_status kin_run_write(kin_program *it, const void *bytes, size_t size, size_t *moved, int64_t timeout)
{
    size_t done = 0;
    if (!is_callers(it, 0) || (!bytes && size > 0) || timeout < 0) {
        return kin__refuse(
            KIN_E_ARGUMENT,
            "the input is not KIN_RUN_PIPE and still open, or bytes is NULL and size is not 0, or timeout is negative");
    }
    int64_t deadline = kin__deadline(timeout);
    kin_status status = KIN_OK;
    while (done < size && status == KIN_OK) {
        size_t part = 0;
        status = it->ended ? KIN_E_CLOSED : kin_os_run_write(&it->os, (const char *)bytes + done, size - done, &part);
        done += part;
        if (status == KIN_E_TIMED_OUT) {
            status = step(it, 1, deadline) ? KIN_E_TIMED_OUT : KIN_OK;
        }
    }
    if (moved) {
        *moved = done;
    }
    return kin__told(status);
}

kin_status kin_run_close_stream(kin_program *it, unsigned stream)
{
    if (!is_callers(it, stream)) {
        return kin__refuse(KIN_E_ARGUMENT, "the stream is not KIN_RUN_PIPE and still open");
    }
    kin_os_run_shut(&it->os, stream);
    return KIN_OK;
}

/* ---- a wait for several things ---- */

kin_os_handle kin__program_watch(kin_program *it, unsigned stream)
{
    bool serve = it->deadline != KIN_OS_NEVER || it->options.input == KIN_RUN_BYTES ||
                 it->options.output == KIN_RUN_COLLECT || it->options.errors == KIN_RUN_COLLECT;
    if (it->ended || it->unwatched || serve) { /* a look serves it: so it has to be looked at now and then */
        return KIN_OS_NO_HANDLE;
    }
    return stream == 0 ? kin_os_process_handle(&it->os.process) : kin_os_run_watch(&it->os, stream);
}

/* What the reader takes: part of a line is nothing for one that reads lines, and would not let it sleep. */
static bool is_there(const sink *from)
{
    return from->by_lines ? next_line(from) > 0 : from->size > from->taken;
}

bool kin__program_is_ready(kin_program *it, unsigned stream)
{
    if (stream == 0) {
        return kin__program_serve(it, kin_os_now()) == KIN_OK;
    }
    const sink *from = &it->sinks[stream - 1];
    if (!is_callers(it, stream) || is_there(from)) {
        return true;
    }
    kin_status status = fetch(it, stream, kin_os_now()); /* once: if there is more, the wait looks again */
    return status == KIN_OK ? is_there(from) : status != KIN_E_TIMED_OUT;
}
