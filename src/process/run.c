/* run.c: other programs, run to their end.
 *
 * One thread moves all streams, each only as far as it goes at once, so that none can hold up another. The end of the
 * program ends the run: what it wrote is in the pipes by then, and is drained; but no more than was there at that
 * moment, as what it has left behind may write on for good.
 *
 * What goes wrong on the way (a timeout, too much output, no memory) becomes the verdict, and the program is made to
 * end; from then on only its end is waited for.
 */
#include "kin/run.h"

#include "base/deadline.h"
#include "process/exit.h"
#include "process/process.h"

#include <stdlib.h>
#include <string.h>

#define GRACE KIN_SECONDS(1)
#define FIRST_ROOM 4096u
#define READ_ROOM 131072u /* more than a pipe holds */

#define NO_RESULT                                                                                                      \
    {                                                                                                                  \
        .exit = {.code = -1 }                                                                                          \
    }

typedef struct sink {
    char *bytes;
    size_t size, room, limit;
} sink;

typedef struct job {
    kin_os_run os;
    kin_run_options options;
    sink sinks[2];
    const char *input;
    size_t input_left;
    int64_t deadline;
    int asked; /* how often it was told to end */
    bool given_up, unwatched, lost;
    kin_status verdict;
    kin_os_exit how;
} job;

/* ---- what is wanted ---- */

static bool is_stream(kin_run_stream given, kin_run_stream first, kin_run_stream second)
{
    return given == KIN_RUN_INHERIT || given == KIN_RUN_NOTHING || given == first || given == second;
}

static bool sound_options(const kin_run_options *options)
{
    return options->size == sizeof *options &&
           (options->flags & ~(KIN_RUN_SHELL | KIN_RUN_CHECK | KIN_RUN_CLEAN_ENV | KIN_RUN_TREE)) == 0 &&
           is_stream(options->input, KIN_RUN_BYTES, KIN_RUN_BYTES) &&
           is_stream(options->output, KIN_RUN_COLLECT, KIN_RUN_COLLECT) &&
           is_stream(options->errors, KIN_RUN_COLLECT, KIN_RUN_TOGETHER) && options->timeout >= 0 &&
           options->grace >= 0 && (options->input_bytes || options->input_size == 0);
}

static kin_status check(kin_run_options *out, const char *const *argv, const kin_run_options *options)
{
    *out = (kin_run_options)KIN_RUN_OPTIONS;
    if (!argv || !argv[0] || argv[0][0] == '\0' || (options && !sound_options(options))) {
        return KIN_E_ARGUMENT;
    }
    if (options) {
        *out = *options;
    }
    out->timeout = out->timeout == 0 ? KIN_FOREVER : out->timeout;
    out->grace = out->grace == 0 ? GRACE : out->grace;
    if (((out->flags & KIN_RUN_SHELL) && argv[1]) || !kin__variables_sound(out->environment)) {
        return KIN_E_ARGUMENT;
    }
    return KIN_OK;
}

static kin_os_stream stream_of(kin_run_stream wanted)
{
    switch (wanted) {
    case KIN_RUN_NOTHING:
        return KIN_OS_STREAM_NOTHING;
    case KIN_RUN_BYTES:
    case KIN_RUN_COLLECT:
        return KIN_OS_STREAM_PIPE;
    case KIN_RUN_TOGETHER:
        return KIN_OS_STREAM_TOGETHER;
    case KIN_RUN_INHERIT:
        break;
    }
    return KIN_OS_STREAM_INHERIT;
}

static kin_status start(job *it, const char *const *argv)
{
    const kin_run_options *options = &it->options;
    kin_os_command command = {
        .argv = argv,
        .shell = (options->flags & KIN_RUN_SHELL) != 0,
        .clean = (options->flags & KIN_RUN_CLEAN_ENV) != 0,
        .tree = (options->flags & KIN_RUN_TREE) != 0,
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
    return kin_os_run_start(&it->os, &command);
}

/* ---- to its end ---- */

/* Its end is all that is waited for now, unless it may not be ended: then nothing is. */
static void finish(job *it, kin_status verdict, bool force)
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
static void give_up(job *it, kin_status verdict)
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

static void too_late(job *it)
{
    bool force = it->asked++ > 0;
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
        return KIN_E_NO_MEMORY;
    }
    to->bytes = bytes;
    to->room = room;
    return KIN_OK;
}

static kin_status take(job *it, unsigned stream, size_t *moved)
{
    sink *to = &it->sinks[stream - 1];
    *moved = 0;
    kin_status status = make_room(to);
    if (status != KIN_OK) {
        return status;
    }
    status = kin_os_run_read(&it->os, stream, to->bytes + to->size, to->room - to->size - 1, moved);
    if (status == KIN_OK) {
        to->size += *moved;
        if (to->size > to->limit) {
            to->size = to->limit;
            return KIN_E_TOO_BIG;
        }
    }
    return status;
}

static void move_input(job *it)
{
    size_t moved = 0;
    kin_status status = kin_os_run_write(&it->os, it->input, it->input_left, &moved);
    it->input += moved;
    it->input_left -= moved;
    if (it->input_left == 0 || (status != KIN_OK && status != KIN_E_TIMED_OUT)) {
        kin_os_run_shut(&it->os, 0); /* it need not want all of it */
    }
}

static void move_output(job *it, unsigned stream)
{
    size_t moved;
    kin_status status = take(it, stream, &moved);
    if (status == KIN_E_TOO_BIG || status == KIN_E_NO_MEMORY) {
        give_up(it, status);
    } else if (status != KIN_OK && status != KIN_E_TIMED_OUT) {
        kin_os_run_shut(&it->os, stream);
    }
}

static void drain(job *it, unsigned stream)
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

static void serve(job *it)
{
    unsigned ready = 0;
    while (!(ready & KIN_OS_RUN_ENDED) && !it->unwatched) {
        kin_status status = kin_os_run_wait(&it->os, it->deadline, &ready, &it->how);
        if (status == KIN_E_NOT_FOUND) {
            it->lost = true;
            break;
        }
        if (status == KIN_E_TIMED_OUT) {
            too_late(it);
        } else if (status != KIN_OK) {
            give_up(it, status);
        }
        for (unsigned stream = 0; status == KIN_OK && stream < 3; stream++) {
            if (!(ready & 1u << stream) || (ready & KIN_OS_RUN_ENDED)) {
                continue;
            }
            if (stream == 0) {
                move_input(it);
            } else {
                move_output(it, stream);
            }
        }
    }
    drain(it, 1);
    drain(it, 2);
}

/* ---- what came of it ---- */

static char *hand_over(sink *from, size_t *size)
{
    if (from->bytes) {
        from->bytes[from->size] = '\0';
    }
    *size = from->size;
    return from->bytes;
}

/* Collected, but nothing came: an empty text, no NULL. */
static kin_status prepare(job *it)
{
    kin_status status = it->options.output == KIN_RUN_COLLECT ? make_room(&it->sinks[0]) : KIN_OK;
    return status == KIN_OK && it->options.errors == KIN_RUN_COLLECT ? make_room(&it->sinks[1]) : status;
}

static void report(const job *it, kin_run_result *result)
{
    result->started = 1;
    if (!it->lost && !it->unwatched) {
        result->exit = kin__exit_of(&it->how, false);
    }
}

static kin_status verdict_of(const job *it)
{
    if (it->verdict != KIN_OK) {
        return it->verdict;
    }
    const kin_exit end = kin__exit_of(&it->how, false);
    bool well = end.how == KIN_END_EXITED && end.code == 0;
    return it->lost ? KIN_E_OS : !well && (it->options.flags & KIN_RUN_CHECK) ? KIN_E_FAILED : KIN_OK;
}

static kin_status run(const char *const *argv, const kin_run_options *options, kin_run_result *result)
{
    job it = {.options = *options};
    kin_status status = prepare(&it);
    if (status == KIN_OK) {
        status = start(&it, argv);
    }
    if (status == KIN_OK) {
        serve(&it);
        kin_os_run_close(&it.os);
        report(&it, result);
        status = verdict_of(&it);
    }
    result->output = hand_over(&it.sinks[0], &result->output_size);
    result->errors = hand_over(&it.sinks[1], &result->errors_size);
    return status;
}

/* ---- the command for people ---- */

static bool is_plain(const char *word)
{
    return *word != '\0' && !strpbrk(word, " \t\r\n\"'");
}

static size_t put(char *out, size_t at, char c)
{
    if (out) {
        out[at] = c;
    }
    return at + 1;
}

static size_t put_word(char *out, size_t at, const char *word)
{
    bool plain = is_plain(word);
    at = plain ? at : put(out, at, '"');
    for (; *word; word++) {
        at = *word == '"' ? put(out, at, '\\') : at;
        at = put(out, at, *word);
    }
    return plain ? at : put(out, at, '"');
}

/* out NULL: only how long it is. */
static size_t write_command(char *out, const char *const *argv, bool shell)
{
    size_t at = 0;
    for (size_t i = 0; argv[i]; i++) {
        at = i > 0 ? put(out, at, ' ') : at;
        if (shell) {
            for (const char *c = argv[i]; *c; c++) {
                at = put(out, at, *c);
            }
        } else {
            at = put_word(out, at, argv[i]);
        }
    }
    return put(out, at, '\0');
}

static kin_status make_command(char **out, const char *const *argv, bool shell)
{
    *out = malloc(write_command(NULL, argv, shell));
    if (!*out) {
        return KIN_E_NO_MEMORY;
    }
    write_command(*out, argv, shell);
    return KIN_OK;
}

/* ---- public ---- */

kin_status kin_run(const char *const *argv, const kin_run_options *options, kin_exit *result)
{
    kin_run_options wanted;
    kin_run_result whole = NO_RESULT;
    kin_status status = check(&wanted, argv, options);
    if (status == KIN_OK && (wanted.output == KIN_RUN_COLLECT || wanted.errors == KIN_RUN_COLLECT)) {
        status = KIN_E_ARGUMENT;
    }
    if (status == KIN_OK) {
        status = run(argv, &wanted, &whole);
    }
    if (result) {
        *result = whole.exit;
    }
    return status;
}

static kin_status run_into(kin_run_result *result, const char *const *argv, const kin_run_options *wanted)
{
    kin_status status = make_command(&result->command, argv, (wanted->flags & KIN_RUN_SHELL) != 0);
    return status == KIN_OK ? run(argv, wanted, result) : status;
}

kin_status kin_run_checked(const char *const *argv, const kin_run_options *options, kin_run_result *result)
{
    kin_run_options wanted;
    kin_run_result own, *to = result ? result : &own;
    *to = (kin_run_result)NO_RESULT;
    kin_status status = check(&wanted, argv, options);
    if (status == KIN_OK) {
        wanted.flags |= KIN_RUN_CHECK;
        status = run_into(to, argv, &wanted);
    }
    if (!result) {
        kin_run_free(&own);
    }
    return status;
}

kin_status kin_run_output(const char *const *argv, const kin_run_options *options, kin_run_result *result)
{
    kin_run_options wanted;
    if (!result) {
        return KIN_E_ARGUMENT;
    }
    *result = (kin_run_result)NO_RESULT;
    kin_status status = check(&wanted, argv, options);
    if (status != KIN_OK) {
        return status;
    }
    if (wanted.output == KIN_RUN_INHERIT) {
        wanted.output = KIN_RUN_COLLECT;
    }
    return run_into(result, argv, &wanted);
}

void kin_run_free(kin_run_result *result)
{
    if (!result) {
        return;
    }
    free(result->output);
    free(result->errors);
    free(result->command);
    *result = (kin_run_result)NO_RESULT;
}
