/* objects.c: `kin stat`, `kin unlock`. */
#include "data.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- stat ---- */

typedef struct looked_for {
    const char *name;
    bool found;
} looked_for;

static void show_object(const kin_object_info *it, void *context)
{
    looked_for *wanted = context;
    if (!it->name || strcmp(it->name, wanted->name) != 0) {
        return;
    }
    wanted->found = true;
    printf("type\t%s\nvalue\t%" PRId64 "\nwaiters\t%u\nholders\t%u\n", look_type_name((uint32_t)it->type), it->value,
           (unsigned)it->sleepers, (unsigned)it->holders);
    if (it->holder) {
        printf("holder\t%u%s\n", (unsigned)it->holder, it->holder_alive ? "" : " (dead)");
    }
    if (it->held >= 0) {
        printf("held\t%.3f s\n", (double)it->held / 1e9);
    }
}

static int stat_object(request *it)
{
    looked_for wanted = {it->rest[1], false};
    kin_inspector inspector = KIN_INSPECTOR_INIT;
    inspector.object = show_object;
    inspector.context = &wanted;
    tool_check(kin_family_inspect_all(it->family, &inspector), it->rest[0]);
    if (!wanted.found) {
        fprintf(stderr, "%s: %s: the family has no object of that name\n", tool_name, it->rest[1]);
        return EXIT_NOT_THERE;
    }
    return EXIT_SUCCESS;
}

static const command_option stat_options[] = {DATA_OWNER, COMMAND_OPTIONS_END};

const command stat_command = {
    .name = "stat",
    .arguments = "NAME OBJECT",
    .summary = "print an object's type, value, holder and number of waiters",
    .details =
        "Prints the type of the object OBJECT in the family NAME, its value, the number of its waiters, and its\n"
        "holder: one word, a tab and its value on each line.",
    .examples = "kin stat shop till\n",
    .options = stat_options,
    .run = data_run,
    .in_family = stat_object,
};

/* ---- unlock ---- */

static int unlock(request *it)
{
    kin_lock *lock = NULL;
    data_check(kin_name_get_lock(&lock, it->family, it->rest[1]), it->rest[1]);
    kin_status status = kin_lock_acquire(lock, KIN_NOW);
    if (status == KIN_E_TIMED_OUT) {
        kin_lock_info info = KIN_LOCK_INFO_INIT;
        tool_check(kin_lock_inspect(lock, &info), it->rest[1]);
        fprintf(stderr, "%s: %s: process %u holds it, and lives\n", tool_name, it->rest[1], (unsigned)info.owner_pid);
        return EXIT_FAILURE;
    }
    tool_check(status, it->rest[1]);
    if (status == KIN_OWNER_DIED) {
        tool_check(kin_lock_repair(lock), it->rest[1]);
    }
    tool_check(kin_lock_release(lock), it->rest[1]);
    printf("%s\n", status == KIN_OWNER_DIED ? "its owner had died; it is free" : "it was free");
    return EXIT_SUCCESS;
}

static const command_option unlock_options[] = {
    DATA_OWNER,
    {"owner-dead", TOOL_NONE, 'd', NULL, NULL, "changes nothing: a lock whose owner lives is never freed"},
    COMMAND_OPTIONS_END,
};

const command unlock_command = {
    .name = "unlock",
    .arguments = "NAME LOCK",
    .summary = "free a lock whose owner has died",
    .details = "Frees the lock LOCK of the family NAME if its owner has died, and marks the data that it guards as\n"
               "repaired: check them first. A lock whose owner lives stays as it is.",
    .examples = "kin unlock shop till\nkin unlock --owner-dead shop till\n",
    .statuses = "failed, or the owner lives",
    .options = unlock_options,
    .run = data_run,
    .in_family = unlock,
};
