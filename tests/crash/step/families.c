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
    {"family", "first use: join", .operation = lock_acquire},
    {"family", "leave", .before = lock_both, .operation = family_leave},
    {"family", "reap", .before = lock_both, .operation = family_reap},
    {"family", "create another", .before = lock_both, .operation = family_create},
    {"family", "sweep", .before = family_kill, .operation = sweep},
    {"family", "open by name: make", .before = lock_both, .operation = named_open, .conclude = named_close},
    {"family", "open by name: join", .before = lock_try, .operation = named_open, .held = true, .arrange = named_open,
     .conclude = named_close},
    {"process", "start", .before = lock_both, .operation = process_start},
    {"process", "start, spawned", .before = lock_both, .operation = process_spawn},
    {"process", "join", .before = process_start, .operation = process_join},
};

const subject step_families = {rows, sizeof rows / sizeof rows[0]};
