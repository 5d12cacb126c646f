/* process.c: children.
 *
 * A forked child goes on with the arguments as they are. A spawned child, or one that a server forks (os.h), gets a
 * head (blob.h) at its start. It finds the arguments in a block of the arena, and frees the block. If it dies before
 * that, its parent frees the block when it sees the child's end. Until then such a child looks like a slow one.
 */
#include "process/process.h"

#include "base/deadline.h"
#include "base/last_error.h"
#include "base/sized.h"
#include "base/status.h"
#include "family/close.h"
#include "family/create.h"
#include "family/reap.h"
#include "family/thread_slot.h"
#include "kin/process.h"
#include "pipe/endpoint.h"
#include "pipe/endpoint_registry.h"
#include "process/arguments.h"
#include "process/blob.h"
#include "process/children.h"
#include "process/entries.h"
#include "process/exit.h"
#include "process/registry.h"

#include <stdlib.h>

#define NO_ENTRY "the child finds no entry of that name"

struct kin_process {
    kin_os_process os;
    kin__child listed;
    kin_os_id family; /* not a pointer: it may be closed before the process is */
    kin_ref block;
    uint64_t block_size;
    bool ended;
    kin_status status; /* once it has ended: how the wait went, */
    kin_exit result;   /* and how the process did */
    char name[KIN_TASK_NAME_MAX + 1];
};

typedef struct order {
    const char *name;
    const kin_child_entry *entry; /* NULL: known only to the other program */
    kin_family *family;
    const kin_args *args; /* or NULL */
    uint32_t starter;     /* this process's pid */
    kin_process_options options;
    kin_os_setting setting;
    kin_start_method method; /* never KIN_START_DEFAULT */
} order;

/* ---- fork ---- */

/* Whether the endpoint is an argument of the child. */
static bool is_given(const kin_pipe *pipe, const void *context)
{
    const kin_args *args = context;
    for (uint32_t i = 0; args && i < args->count; i++) {
        if (args->items[i].kind == KIN__ARG_PIPE && args->items[i].pipe == pipe) {
            return true;
        }
    }
    return false;
}

/* Does not return. settled: whether it has the setting that was asked for. */
static void be_child(const order *wanted, kin_status settled)
{
    kin__origin_set(wanted->starter, wanted->name);
    if (settled != KIN_OK || (wanted->options.die_with_parent && kin_os_follow_parent(wanted->starter) != KIN_OK)) {
        kin_os_exit_now(KIN_EXIT_START);
    }
    kin__family_set_default(wanted->family);
    kin__endpoints_keep(is_given, wanted->args);
    kin_args none = {.family = wanted->family};
    int code = wanted->entry->run(wanted->args ? wanted->args : &none) & 0xff;
    kin_os_flush();
    kin__family_leave_all();
    kin_os_exit_now(kin_os_returned(code));
}

static kin_status start_fork(kin_process *process, const order *wanted)
{
    kin_os_handle handles[KIN_OS_HANDLES_MAX];
    uint32_t kinds[KIN_OS_HANDLES_MAX];
    bool in_child = false;
    if (!wanted->entry) {
        return kin__refuse(KIN_E_ENTRY, NO_ENTRY);
    }
    kin_status status = kin__args_handles(wanted->args, handles, kinds);
    if (status == KIN_OK) {
        kin_os_flush();
        kin__endpoints_hold();
        status = kin_os_fork(&process->os, &wanted->setting, &in_child);
        kin__endpoints_release();
    }
    if (in_child) {
        be_child(wanted, status);
    }
    return status;
}

/* ---- spawn, and by a server ---- */

static kin_status find_self(char **out)
{
    for (size_t size = 4096; size <= 131072; size *= 4) {
        char *path = malloc(size);
        if (!path) {
            return kin__malloc_failed();
        }
        kin_status status = kin_os_self_path(path, size);
        if (status == KIN_OK) {
            *out = path;
            return KIN_OK;
        }
        free(path);
        if (status != KIN_E_TOO_BIG) {
            return status;
        }
    }
    return KIN_E_TOO_BIG;
}

/* Asked of the system once. */
static kin_status self_path(const char **out)
{
    static char *_Atomic known;
    char *path = atomic_load(&known), *none = NULL;
    if (!path) {
        kin_status status = find_self(&path);
        if (status != KIN_OK) {
            return status;
        }
        if (!atomic_compare_exchange_strong(&known, &none, path)) {
            free(path);
            path = none;
        }
    }
    *out = path;
    return KIN_OK;
}

static kin_status launch(kin_process *process, const order *wanted, const kin__blob *blob, const kin_os_handle *handles)
{
    unsigned char bytes[KIN_BLOB_MAX];
    kin_os_message message = {bytes, kin__blob_write(blob, bytes, sizeof bytes), handles, blob->handle_count};
    const char *program = wanted->options.program;
    kin_status status = program ? KIN_OK : self_path(&program);
    if (status != KIN_OK) {
        return status;
    }
    if (wanted->method == KIN_START_FORKSERVER) {
        return kin_os_server_start(&process->os, program, &message, &wanted->setting);
    }
    kin_os_setting setting = wanted->setting;
    setting.self = wanted->options.program == NULL;
    const char *const only_name[] = {program, NULL};
    const char *const *argv = wanted->options.argv ? wanted->options.argv : only_name;
    return kin_os_spawn(&process->os, program, argv, &message, &setting);
}

static kin_status start_spawn(kin_process *process, const order *wanted)
{
    kin__blob blob;
    kin_os_handle handles[KIN_OS_HANDLES_MAX];
    if (!wanted->entry && !wanted->options.program) {
        return kin__refuse(KIN_E_ENTRY, NO_ENTRY);
    }
    kin_status status = kin__blob_describe(&blob, handles, wanted->family, wanted->args);
    if (status == KIN_OK && wanted->args && wanted->args->count > 0) {
        status = kin__blob_store(&blob, wanted->family, wanted->args);
    }
    if (status != KIN_OK) {
        return status;
    }
    memcpy(blob.entry, wanted->name, strlen(wanted->name));
    blob.bound = wanted->options.die_with_parent != 0;
    kin__args_given(wanted->args, true);
    status = launch(process, wanted, &blob, handles);
    if (status != KIN_OK) {
        kin__args_given(wanted->args, false);
        kin__blob_discard(blob.block_size, blob.block);
        return status;
    }
    process->block = blob.block;
    process->block_size = blob.block_size;
    return KIN_OK;
}

/* ---- start ---- */

static kin_start_method usual_method(const kin_process_options *options)
{
    const char *text = kin_os_variable("KIN_START");
    if (options->program || (text && strcmp(text, "spawn") == 0)) {
        return KIN_START_SPAWN;
    }
    return text && strcmp(text, "forkserver") == 0 ? KIN_START_FORKSERVER : KIN_START_FORK;
}

static kin_status start_by(kin_process *process, order *wanted, kin_start_method method)
{
    wanted->method = method;
    return method == KIN_START_FORK ? start_fork(process, wanted) : start_spawn(process, wanted);
}

static kin_status start(kin_process *process, order *wanted)
{
    kin_start_method method = wanted->options.method;
    if (method != KIN_START_DEFAULT) {
        return start_by(process, wanted, method);
    }
    method = usual_method(&wanted->options);
    kin_status status = start_by(process, wanted, method);
    if (status == KIN_E_UNSUPPORTED && method != KIN_START_SPAWN) {
        status = start_by(process, wanted, KIN_START_SPAWN);
    }
    return status;
}

kin_status kin__check_variables(const char *const *list)
{
    for (; list && *list; list++) {
        if (**list == '\0' || **list == '=') {
            return kin__refuse(KIN_E_ARGUMENT, "options->environment has an element that is not NAME=value or NAME");
        }
    }
    return KIN_OK;
}

kin_status kin__program_missing(const char *program, const char *where, const char *directory)
{
    return kin__explain(KIN_E_PROGRAM, "there is no program \"%s\"%s, or no directory \"%s\"", program, where,
                        directory ? directory : ".");
}

static void make_setting(kin_os_setting *out, const kin_process_options *options)
{
    *out = (kin_os_setting){
        .directory = options->directory,
        .variables = options->environment,
        .bound = options->die_with_parent != 0,
        .no_window = options->no_window != 0,
    };
    for (size_t i = 0; i < 3; i++) {
        out->replaced[i] = options->streams[i] != 0;
        out->streams[i] =
            options->streams[i] == KIN_NO_HANDLE ? KIN_OS_NO_HANDLE : kin_os_handle_from((uint64_t)options->streams[i]);
    }
}

/* KIN_E_HANDLE: one of the streams is closed. */
static kin_status check_streams(const kin_os_setting *setting)
{
    kin_status status = KIN_OK;
    for (size_t i = 0; i < 3 && status == KIN_OK; i++) {
        kin_os_kind kind;
        if (setting->replaced[i] && setting->streams[i] != KIN_OS_NO_HANDLE) {
            status = kin_os_handle_kind(setting->streams[i], &kind);
        }
    }
    return status == KIN_OK ? KIN_OK
                            : kin__refuse(KIN_E_HANDLE, "options->streams names a descriptor or handle that is closed");
}

static kin_status check_order(const order *wanted)
{
    const kin_process_options *options = &wanted->options;
    const bool forks = options->method == KIN_START_FORK || options->method == KIN_START_FORKSERVER;
    if (!kin__name_sound(wanted->name) || (options->name && !kin__name_sound(options->name))) {
        return kin__refuse(KIN_E_ARGUMENT, "entry, or options->name, is not 1 to 47 bytes long");
    }
    if (options->method < KIN_START_DEFAULT || options->method > KIN_START_FORKSERVER) {
        return kin__refuse(KIN_E_ARGUMENT, "options->method is not a kin_start_method");
    }
    if (options->program && forks) {
        return kin__refuse(KIN_E_ARGUMENT, "options->program can only be spawned: set method to KIN_START_SPAWN");
    }
    if ((options->argv && !options->argv[0]) || ((options->die_with_parent | options->no_window) & ~1) != 0) {
        return kin__refuse(KIN_E_ARGUMENT, "options->argv is empty, or a yes or no (die_with_parent) is not 0 or 1");
    }
    return kin__check_variables(options->environment);
}

static kin_status make_order(order *out, const char *name, const kin_args *args, const kin_process_options *options)
{
    *out = (order){.name = name, .args = args, .starter = kin_os_pid()};
    kin_status status = kin__options_read(&out->options, sizeof out->options, options, "KIN_PROCESS_OPTIONS_INIT");
    if (status == KIN_OK) {
        status = check_order(out);
    }
    if (status != KIN_OK) {
        return status;
    }
    make_setting(&out->setting, &out->options);
    status = check_streams(&out->setting);
    if (status != KIN_OK) {
        return status;
    }
    if (kin_os_message_pending()) {
        return kin__refuse(KIN_E_NO_CHILD_MAIN, "this process was spawned by kin: call kin_child_main first in main");
    }
    out->entry = kin__entry_find(name);
    if (!out->entry && !out->options.program) {
        return kin__explain(KIN_E_ENTRY, "no child entry named \"%s\" is registered%s", name,
                            kin__main_begun() ? "" : ": kin_child_main has not been called");
    }
    return kin__family_resolve(&out->family, args ? args->family : NULL);
}

static kin_status missing(const order *wanted)
{
    const kin_process_options *options = &wanted->options;
    return kin__program_missing(options->program ? options->program : "(this one; its file has gone)", "",
                                options->directory);
}

kin_status kin_process_start(kin_process **out, const char *entry, const kin_args *args,
                             const kin_process_options *options)
{
    order wanted;
    int before = kin_os_error();
    if (!out) {
        return kin__refuse(KIN_E_ARGUMENT, "out is NULL");
    }
    kin_status status = make_order(&wanted, entry, args, options);
    if (status != KIN_OK) {
        return kin__told(status);
    }
    kin_process *process = calloc(1, sizeof *process);
    if (!process) {
        return kin__malloc_failed();
    }
    process->family = wanted.family->id;
    strcpy(process->name, wanted.options.name ? wanted.options.name : entry);
    status = start(process, &wanted);
    if (status != KIN_OK) {
        free(process);
        return kin__told(status == KIN_E_NOT_FOUND ? missing(&wanted) : status);
    }
    kin__children_add(&process->listed, process, &process->os);
    *out = process;
    return kin__told(kin__with_error_of_before(KIN_OK, before));
}

/* ---- the end ---- */

kin_os_handle kin__process_handle(kin_process *process)
{
    return process->ended ? KIN_OS_NO_HANDLE : kin_os_process_handle(&process->os);
}

static void clean_up(kin_process *process)
{
    kin_family *family = kin__family_by_id(&process->family);
    if (family && atomic_load(&family->self->joined)) {
        kin__reap_pid(family, kin_os_process_pid(&process->os));
        kin__blob_discard(process->block_size, process->block);
    }
}

kin_status kin__process_await(kin_process *process, int64_t deadline)
{
    kin_os_exit how = {.code = 0};
    if (process->ended) {
        return process->status;
    }
    kin_status status = kin_os_process_wait(&process->os, deadline, &how);
    status = status == KIN_E_NOT_FOUND ? KIN_E_REAPED : status;
    if (status == KIN_OK || status == KIN_E_REAPED) {
        process->ended = true;
        process->status = status;
        process->result = kin__exit_of(&how, true);
        clean_up(process);
    }
    return status;
}

/* Sleeps until the process has ended or the thread is interrupted, perhaps less. */
static kin_status sleep_beside(kin__interrupt *by, kin_process *process, int64_t deadline)
{
    static const kin_os_bell no_bell = KIN_OS_NO_BELL;
    kin_os_watch watches[] = {{kin__process_handle(process), KIN_OS_READABLE, 0}, kin__interrupt_watch(by)};
    bool blind = watches[0].handle == KIN_OS_NO_HANDLE || watches[1].handle == KIN_OS_NO_HANDLE;
    int64_t end = blind ? kin__slice_end(kin_os_now(), KIN__INTERRUPT_STEP, deadline) : deadline;
    kin_status status = kin_os_watch_any(watches, 2, KIN_OS_NO_SEM, &no_bell, end);
    return status == KIN_E_TIMED_OUT ? KIN_OK : status;
}

static kin_status wait_interruptibly(kin__interrupt *by, kin_process *process, int64_t deadline)
{
    for (;;) {
        int64_t now = kin_os_now();
        kin_status status = kin__process_await(process, now);
        if (status != KIN_E_TIMED_OUT || now >= deadline) {
            return status;
        }
        bool sleeps = kin__interrupt_sleeps(by, KIN__SLEEPS_BY_ALARM, KIN_OS_NO_SEM);
        status = sleeps ? sleep_beside(by, process, deadline) : KIN_OK;
        kin__interrupt_awake(by);
        if (status != KIN_OK) {
            return status;
        }
        if (kin__interrupt_pending(by) && kin__process_await(process, now) == KIN_E_TIMED_OUT) {
            return kin__interrupt_tell(by);
        }
    }
}

kin_status kin_process_join(kin_process *process, int64_t timeout, kin_exit *result)
{
    if (!process || timeout < 0) {
        return kin__refuse(KIN_E_ARGUMENT, "process is NULL, or timeout is negative");
    }
    kin__interrupt *by = timeout == KIN_NOW ? NULL : kin__interrupt_mine();
    int64_t deadline = kin__deadline(timeout);
    kin_status status = by ? wait_interruptibly(by, process, deadline) : kin__process_await(process, deadline);
    if (status == KIN_OK && result) {
        *result = process->result;
    }
    return kin__told(status);
}

int kin_process_alive(kin_process *process)
{
    return process && kin__process_await(process, kin_os_now()) == KIN_E_TIMED_OUT;
}

uint32_t kin_process_pid(const kin_process *process)
{
    return process ? kin_os_process_pid(&process->os) : 0;
}

const char *kin_process_name(const kin_process *process)
{
    return process ? process->name : "";
}

static kin_status stop(kin_process *process, bool force)
{
    if (!process) {
        return kin__refuse(KIN_E_ARGUMENT, "process is NULL");
    }
    return process->ended ? KIN_OK : kin_os_process_kill(&process->os, force);
}

kin_status kin_process_terminate(kin_process *process)
{
    return kin__told(stop(process, false));
}

kin_status kin_process_kill(kin_process *process)
{
    return kin__told(stop(process, true));
}

kin_status kin_process_stop(kin_process *process, int64_t ask, int64_t kill, kin_exit *result)
{
    if (!process || ask < 0 || kill < 0) {
        return kin__refuse(KIN_E_ARGUMENT, "process is NULL, or ask is negative, or kill is negative");
    }
    kin_status status = kin_process_terminate(process);
    if (status == KIN_OK) {
        status = kin_process_join(process, ask, result);
    }
    if (status != KIN_E_TIMED_OUT) {
        return kin__told(status);
    }
    status = kin_process_kill(process);
    if (status == KIN_OK) {
        status = kin_process_join(process, kill, result);
    }
    return kin__told(status == KIN_OK ? KIN_KILLED : status);
}

void kin_process_close(kin_process *process)
{
    if (!process) {
        return;
    }
    int before = kin_os_error();
    kin__children_remove(&process->listed);
    kin_process_alive(process); /* if it has ended, it is cleaned up after */
    kin_os_process_close(&process->os);
    free(process);
    kin_os_error_set(before);
}
