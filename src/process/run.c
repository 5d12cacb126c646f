/* run.c: other programs, run to their end: each call starts one (program.c) and serves it until then. */
#include "kin/run.h"

#include "base/last_error.h"
#include "process/program.h"

#include <stdlib.h>
#include <string.h>

static kin_status run(const char *const *argv, const kin_run_options *options, kin_run_result *result)
{
    kin_program *it = NULL;
    kin_status status = kin__program_start(&it, argv, options);
    if (status != KIN_OK) {
        return status;
    }
    kin__program_serve(it, KIN_OS_NEVER);
    result->started = 1;
    status = kin__program_verdict(it, &result->exit);
    kin__program_collected(it, result);
    kin_run_close(it);
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
        return kin__malloc_failed();
    }
    write_command(*out, argv, shell);
    return KIN_OK;
}

/* ---- public ---- */

/* A stream that the caller moves, while the call lasts. */
static bool has_pipes(const kin_run_options *wanted)
{
    return wanted->input == KIN_RUN_PIPE || wanted->output == KIN_RUN_PIPE || wanted->errors == KIN_RUN_PIPE;
}

static kin_status check(kin_run_options *out, const char *const *argv, const kin_run_options *options)
{
    kin_status status = kin__run_options(out, argv, options);
    return status == KIN_OK && has_pipes(out) ? kin__refuse(KIN_E_ARGUMENT, "KIN_RUN_PIPE is for kin_run_start")
                                              : status;
}

kin_status kin_run(const char *const *argv, const kin_run_options *options, kin_exit *result)
{
    kin_run_options wanted;
    kin_run_result whole = KIN_RUN_RESULT_INIT;
    kin_status status = check(&wanted, argv, options);
    if (status == KIN_OK && (wanted.output == KIN_RUN_COLLECT || wanted.errors == KIN_RUN_COLLECT)) {
        status = kin__refuse(KIN_E_ARGUMENT, "KIN_RUN_COLLECT has nowhere to go: use kin_run_output");
    }
    if (status == KIN_OK) {
        status = run(argv, &wanted, &whole);
    }
    if (result) {
        *result = whole.exit;
    }
    return kin__told(status);
}

static kin_status run_into(kin_run_result *result, const char *const *argv, const kin_run_options *wanted)
{
    kin_status status = make_command(&result->command, argv, (wanted->flags & KIN_RUN_SHELL) != 0);
    return status == KIN_OK ? run(argv, wanted, result) : status;
}

kin_status kin_run_checked(const char *const *argv, const kin_run_options *options, kin_run_result *result)
{
    kin_run_options wanted;
    kin_run_result own = KIN_RUN_RESULT_INIT, *to = result ? result : &own;
    kin_status status = kin__run_result_begin(to);
    if (status == KIN_OK) {
        status = check(&wanted, argv, options);
    }
    if (status == KIN_OK) {
        wanted.flags |= KIN_RUN_CHECK;
        status = run_into(to, argv, &wanted);
    }
    if (!result) {
        kin_run_free(&own);
    }
    return kin__told(status);
}

kin_status kin_run_output(const char *const *argv, const kin_run_options *options, kin_run_result *result)
{
    kin_run_options wanted;
    if (!result) {
        return kin__refuse(KIN_E_ARGUMENT, "result is NULL");
    }
    kin_status status = kin__run_result_begin(result);
    if (status == KIN_OK) {
        status = check(&wanted, argv, options);
    }
    if (status != KIN_OK) {
        return kin__told(status);
    }
    if (wanted.output == KIN_RUN_INHERIT) {
        wanted.output = KIN_RUN_COLLECT;
    }
    return kin__told(run_into(result, argv, &wanted));
}

void kin_run_free(kin_run_result *result)
{
    if (!result) {
        return;
    }
    free(result->output);
    free(result->errors);
    free(result->command);
    kin__run_result_empty(result);
}
