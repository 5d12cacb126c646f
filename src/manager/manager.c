/* manager.c: managers and their keepers.
 *
 * The keeper is the process that holds the lock KEEPER of the family: the lock tells whether there is one, and of two
 * that are started at once the second finds it held, and ends. Its death frees it. Only keepers acquire it: a process
 * that asks for the keeper reads the lock's owner, or it would be taken for the keeper by another that asks.
 */
#include "manager/manager.h"

#include "base/deadline.h"
#include "base/last_error.h"
#include "base/sized.h"
#include "family/thread_slot.h"
#include "kin/manager.h"
#include "kin/named.h"
#include "kin/process.h"
#include "kin/typed.h"

#include <stdlib.h>
#include <string.h>

#define KEEPER "kin.keeper"
#define STOP "kin.keeper.stop"
#define START_PATIENCE KIN_SECONDS(10)
#define LOOK KIN_MS(1)
#define LAST_ENDS KIN_MS(50) /* so long a new keeper waits for one that is just ending, or being found dead */

struct kin_manager {
    kin_family *family;
    kin_lock *keeper; /* NULL: not looked up yet, or nobody has made it */
    kin_event *stop;
};

/* ---- the keeper ---- */

static kin_status make_parts(kin_manager *manager)
{
    kin_status status = kin_named_lock(&manager->keeper, manager->family, KEEPER, 0);
    return status == KIN_OK ? kin_named_event(&manager->stop, manager->family, STOP) : status;
}

/* Makes none. KIN_E_NOT_FOUND: the family never had a keeper. */
static kin_status find_parts(kin_manager *manager)
{
    kin_status status = kin_name_get_lock(&manager->keeper, manager->family, KEEPER);
    if (status == KIN_OK) {
        status = kin_name_get_event(&manager->stop, manager->family, STOP);
    }
    return status == KIN_E_STALE ? KIN_E_NOT_FOUND : status;
}

/* In the keeper. Others see that it has begun by its holding the lock. */
static int keep(const kin_args *args)
{
    kin_manager manager = {.family = kin_args_family(args)};
    kin_os_detach(); /* before others see that it has begun */
    if (make_parts(&manager) != KIN_OK) {
        return KIN_EXIT_START;
    }
    kin_status status = kin_lock_acquire(manager.keeper, LAST_ENDS);
    if (status == KIN_OWNER_DIED) {
        status = kin_lock_repair(manager.keeper);
    }
    if (status != KIN_OK) {
        return 0; /* there is one */
    }
    kin_event_clear(manager.stop);
    while (kin_event_wait(manager.stop, KIN_FOREVER) == KIN_E_TIMED_OUT) {
    }
    kin_lock_release(manager.keeper);
    return 0;
}

const kin_child_entry kin__keeper_entry = {KIN__KEEPER_ENTRY, keep};

static uint32_t owner_pid(const kin_manager *manager)
{
    kin_lock_info info = KIN_LOCK_INFO_INIT;
    return kin_lock_inspect(manager->keeper, &info) == KIN_OK ? info.owner_pid : 0;
}

/* Of a living keeper; 0: there is none. */
static uint32_t keeper_pid(const kin_manager *manager)
{
    uint32_t pid = manager->keeper ? owner_pid(manager) : 0;
    if (pid != 0 && kin_family_reap(manager->family, NULL) == KIN_OK) {
        pid = owner_pid(manager); /* a dead owner that has been reaped is none */
    }
    return pid;
}

static kin_status start_keeper(kin_process **out, const kin_manager *manager, bool ends_with_starter)
{
    kin_process_options options = KIN_PROCESS_OPTIONS_INIT;
    kin_args *args;
    kin_status status = kin_args_create(&args, manager->family);
    if (status != KIN_OK) {
        return status;
    }
    options.method = KIN_START_SPAWN;
    options.die_with_parent = ends_with_starter;
    options.name = "keeper";
    options.no_window = 1;
    options.streams[0] = options.streams[1] = options.streams[2] = KIN_NO_HANDLE;
    status = kin_process_start(out, KIN__KEEPER_ENTRY, args, &options);
    kin_args_destroy(args);
    return status;
}

/* Until it keeps, or has ended because it found another. One that begins later would keep what has been stopped. */
static kin_status await_keeper(const kin_manager *manager, kin_process *process, int64_t deadline)
{
    while (keeper_pid(manager) != kin_process_pid(process) && kin_process_alive(process)) {
        if (kin_os_now() > deadline) {
            kin_process_kill(process);
            return KIN_E_TIMED_OUT;
        }
        kin_os_sleep_until(kin_os_now() + LOOK);
    }
    return KIN_OK;
}

static kin_status see_to_keeper(const kin_manager *manager, bool ends_with_starter)
{
    int64_t deadline = kin_os_now() + START_PATIENCE;
    kin_status status = KIN_OK;
    while (status == KIN_OK && keeper_pid(manager) == 0) {
        kin_process *process;
        status = start_keeper(&process, manager, ends_with_starter);
        if (status == KIN_OK) {
            status = await_keeper(manager, process, deadline);
            kin_process_close(process);
        }
        if (status == KIN_OK && kin_os_now() > deadline) {
            return KIN_E_TIMED_OUT;
        }
    }
    return status;
}

/* ---- opened and closed ---- */

kin_status kin_manager_open(kin_manager **out, const char *name, const kin_manager_options *options)
{
    kin_manager_options own;
    kin_family_options family;
    kin_status status = out ? kin__options_read(&own, sizeof own, options, "KIN_MANAGER_OPTIONS_INIT")
                            : kin__refuse(KIN_E_ARGUMENT, "out is NULL");
    if (status == KIN_OK) {
        status = kin__options_read(&family, sizeof family, own.family, "KIN_FAMILY_OPTIONS_INIT");
    }
    if (status != KIN_OK) {
        return kin__told(status);
    }
    kin_manager *manager = calloc(1, sizeof *manager);
    if (!manager) {
        return kin__malloc_failed();
    }
    status = kin_family_open(&manager->family, name, own.flags, &family);
    if (status != KIN_OK) {
        free(manager);
        return kin__told(status);
    }
    if (!family.owner) {
        status = make_parts(manager);
        if (status == KIN_OK) {
            status = see_to_keeper(manager, own.ends_with_starter != 0);
        }
    }
    if (status != KIN_OK) {
        kin_manager_close(manager);
        return kin__told(status);
    }
    *out = manager;
    return KIN_OK;
}

void kin_manager_close(kin_manager *manager)
{
    if (manager) {
        kin_family_close(manager->family);
        free(manager);
    }
}

kin_family *kin_manager_family(kin_manager *manager)
{
    return manager ? manager->family : NULL;
}

uint32_t kin_manager_pid(kin_manager *manager)
{
    if (!manager) {
        return 0;
    }
    kin_manager now = *manager; /* not written: several threads may ask */
    if (!now.keeper && find_parts(&now) != KIN_OK) {
        return 0;
    }
    return keeper_pid(&now);
}

static kin_status stop(kin_manager *manager, int64_t deadline)
{
    kin__interrupt *by = kin__interrupt_mine();
    kin_status status = find_parts(manager);
    while (status == KIN_OK && keeper_pid(manager) != 0) {
        int64_t now = kin_os_now();
        if (now > deadline) {
            return KIN_E_TIMED_OUT;
        }
        if (kin__interrupt_pending(by)) {
            return kin__interrupt_tell(by);
        }
        status = kin_event_set(manager->stop); /* again and again: one that begins just now clears it */
        kin_os_sleep_until(now + LOOK);
    }
    return status;
}

kin_status kin_manager_stop(const char *name, int64_t timeout)
{
    kin_manager manager = {NULL, NULL, NULL};
    if (timeout < 0) {
        return kin__refuse(KIN_E_ARGUMENT, "timeout is negative");
    }
    kin_status status = kin_family_open(&manager.family, name, KIN_FAMILY_JOIN, NULL);
    if (status == KIN_OK) {
        status = stop(&manager, kin__deadline(timeout));
        kin_family_close(manager.family);
    }
    return kin__told(status);
}
