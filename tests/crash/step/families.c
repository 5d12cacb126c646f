/* families.c: killed in families and in starting processes. */
#include "step.h"

static void family_reap(place *it)
{
    (void)it;
    kin_family_reap(NULL, NULL);
}

static void family_create(place *it)
{
    kin_family *family = NULL;
    (void)it;
    kin_family_create(&family, NULL);
}

/* A family of which nobody is alive. */
static void family_kill(place *it)
{
    kin_process *process = start_helper("make_family", it);
    kin_sem_acquire(&it->sem, 1, KIN_FOREVER);
    kin_process_kill(process);
    kin_process_join(process, KIN_FOREVER, NULL);
    kin_process_close(process);
}

static kin_family *named;

static void named_open(place *it)
{
    kin_family_open(&named, it->name, 0, NULL);
}

/* The name is free, or its family is whole. */
static void named_close(place *it)
{
    if (!named && kin_family_open(&named, it->name, 0, NULL) != KIN_OK) {
        it->unusable = 1;
    }
    kin_family_close(named);
    named = NULL;
}

static void sweep(place *it)
{
    (void)it;
    kin_cleanup(NULL);
}

static kin_process *started;

static void start_by(kin_start_method method)
{
    kin_process_options options = KIN_PROCESS_OPTIONS_INIT;
    options.method = method;
    kin_process_start(&started, "end", NULL, &options);
}

static void process_start(place *it)
{
    (void)it;
    start_by(0);
}

static void process_spawn(place *it)
{
    (void)it;
    start_by(KIN_START_SPAWN);
}

static void process_join(place *it)
{
    (void)it;
    kin_process_join(started, KIN_FOREVER, NULL);
}

static void process_wait(place *it)
{
    (void)it;
    start_by(0);
    kin_process_kill(started);
    kin_process_join(started, KIN_FOREVER, NULL);
    kin_process_close(started);
}

/* It ends by itself, or is made to. */
static void process_stop(place *it)
{
    (void)it;
    start_by(0);
    kin_process_terminate(started);
    kin_process_stop(started, KIN_MS(100), KIN_FOREVER, NULL);
}

static void blob_pack(place *it)
{
    char blob[KIN_BLOB_MAX];
    size_t size = sizeof blob;
    kin_args *args = NULL;
    kin_args_create(&args, NULL);
    kin_args_add_object(args, "place", KIN_TYPE_MEMORY, it);
    kin_blob_pack(blob, &size, args, KIN_BLOB_NO_TARGET);
    kin_args_destroy(args);
}

static void manager_open(place *it)
{
    kin_manager *manager = NULL;
    kin_manager_open(&manager, it->name, NULL);
    kin_manager_close(manager);
}

static void manager_end(place *it)
{
    kin_manager_stop(it->name, KIN_SECONDS(5));
}

/* The name can be used, whether there is a manager process or not. */
static void manager_check(place *it)
{
    kin_manager *manager = NULL;
    it->unusable |= kin_manager_open(&manager, it->name, NULL) != KIN_OK;
    kin_manager_close(manager);
    it->unusable |= kin_manager_stop(it->name, KIN_SECONDS(5)) != KIN_OK;
    /* One that the victim had started, and that is late, begins when this one has been stopped. */
    for (int64_t end = step_now() + LIMIT; step_has_children() && step_now() < end; step_rest(5)) {
        kin_manager_stop(it->name, KIN_SECONDS(5));
    }
}

static void pipe_use(place *it)
{
    kin_pipe *ends[2] = {NULL, NULL}, *more[2] = {NULL, NULL};
    kin_attachment attachment = {NULL, KIN_NO_HANDLE, 0};
    size_t count = 1;
    char message[100] = {1};
    (void)it;
    kin_pipe_create(ends, 0);
    kin_pipe_send(ends[0], message, sizeof message, KIN_FOREVER);
    kin_pipe_recv(ends[1], message, sizeof message, NULL, KIN_FOREVER);
    kin_pipe_create(more, 0);
    attachment.pipe = more[0];
    kin_pipe_send_with(ends[0], message, sizeof message, &attachment, 1, KIN_FOREVER);
    kin_pipe_recv_with(ends[1], message, sizeof message, NULL, &attachment, &count, KIN_FOREVER);
    kin_pipe_close(more[1]);
    kin_pipe_close(ends[0]);
    kin_pipe_close(ends[1]);
}

static void family_leave(place *it)
{
    kin_family *family = NULL;
    kin_family_of(&family, it);
    kin_family_close(family);
}

/* ---- for the above ---- */

int child_make_family(const kin_args *args)
{
    void *it = NULL;
    kin_family *family = NULL;
    kin_args_get_object(&it, args, "place", KIN_TYPE_MEMORY);
    kin_family_create(&family, NULL);
    kin_sem_release(&((place *)it)->sem, 1);
    kin_sem_acquire(&((place *)it)->go, 1000, KIN_FOREVER);
    return 0;
}

int child_end(const kin_args *args)
{
    (void)args;
    return 0;
}

/* ---- rows ---- */

static const scenario rows[] = {
    {"family", "first use: join", "kin_lock_acquire kin_lock_repair", .operation = lock_acquire},
    {"family", "leave", "kin_family_of kin_family_close", .before = lock_both, .operation = family_leave,
     .stranger = true},
    {"family", "reap", "kin_family_reap", .before = lock_both, .operation = family_reap},
    {"family", "create another", "kin_family_create", .before = lock_both, .operation = family_create},
    {"family", "sweep", "kin_cleanup", .before = family_kill, .operation = sweep},
    {"family", "open by name: make", "kin_family_open", .before = lock_both, .operation = named_open,
     .conclude = named_close},
    {"family", "open by name: join", "kin_family_open", .before = lock_try, .operation = named_open, .held = true,
     .arrange = named_open, .conclude = named_close},
    {"process", "start", "kin_process_start", .before = lock_both, .operation = process_start},
    {"process", "start, spawned", "kin_process_start", .before = lock_both, .operation = process_spawn},
    {"process", "start, kill, join", "kin_process_kill kin_process_join kin_process_close", .before = lock_both,
     .operation = process_wait},
    {"process", "start, stop", "kin_process_terminate kin_process_stop", .before = lock_both,
     .operation = process_stop},
    {"process", "pack a blob", "kin_blob_pack", .before = lock_both, .operation = blob_pack},
    {"pipe", "create, send, receive, close",
     "kin_pipe_create kin_pipe_send kin_pipe_recv kin_pipe_send_with kin_pipe_recv_with kin_pipe_close",
     .before = lock_both, .operation = pipe_use},
    {"manager", "open", "kin_manager_open kin_manager_close", .before = lock_both, .operation = manager_open,
     .conclude = manager_check, .slow = true},
    {"manager", "stop", "kin_manager_stop", .before = manager_open, .operation = manager_end, .conclude = manager_check,
     .slow = true, .stranger = true},
    {"process", "join", "kin_process_join", .before = process_start, .operation = process_join, .stranger = true},
};

const subject step_families = {rows, sizeof rows / sizeof rows[0]};
