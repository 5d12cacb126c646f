/* health.c: `kin health`: whether something is wrong in the families of this user, for monitoring. */
#include "commands.h"
#include "output.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct health {
    int64_t longest; /* nanoseconds that a lock may be held while others wait */
    int problems;
    char family[KIN_FAMILY_NAME_MAX + FAMILY_ID_TEXT]; /* name, or id */
} health;

static void note_family(const kin_family_view *it, void *context)
{
    health *out = context;
    char id[FAMILY_ID_TEXT];
    snprintf(out->family, sizeof out->family, "%s", it->name[0] != '\0' ? it->name : look_id_text(it->id, id));
}

static void begin_problem(health *out)
{
    out->problems++;
    output_print(out->family);
    printf(": ");
}

static void check_member(const kin_member_info *it, void *context)
{
    if (!it->alive) {
        begin_problem(context);
        printf("process %u is dead and not cleaned up after (kin reap)\n", (unsigned)it->pid);
    }
}

static void check_object(const kin_object_info *it, void *context)
{
    health *out = context;
    if (it->holders > 0 && (!it->holder_alive || it->held > out->longest)) {
        begin_problem(out);
        printf("%s ", look_type_name((uint32_t)it->type));
        output_print(it->name ? it->name : "without a name");
        if (it->holder_alive) {
            printf(" is held for %.1f s by process %u, and %u wait%s\n", (double)it->held / 1e9, (unsigned)it->holder,
                   (unsigned)it->sleepers, it->sleepers == 1 ? "s" : "");
        } else {
            printf(" is held by a dead process (kin unlock)\n");
        }
    }
}

static void check_waiter(const kin_waiter_info *it, void *context)
{
    if (it->deadlocked) {
        begin_problem(context);
        printf("process %u, thread %u is part of a deadlock\n", (unsigned)it->pid, (unsigned)it->thread);
    }
}

static void check_family(kin_family *family, void *context)
{
    kin_inspector inspector = KIN_INSPECTOR_INIT;
    inspector.family = note_family;
    inspector.member = check_member;
    inspector.object = check_object;
    inspector.sleeper = check_waiter;
    inspector.context = context;
    tool_check(kin_family_inspect_all(family, &inspector), "looking");
}

static int health_run(command_line *line)
{
    health it = {.longest = KIN_SECONDS(5)};
    while (command_next(line)) {
        it.longest = KIN_SECONDS(command_number(line, 0, 1e9));
    }
    tool_check(kin_family_list(check_family, &it, NULL), "kin_family_list");
    return it.problems > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static const command_option options[] = {
    {"held-longer", TOOL_REQUIRED, 'l', "SECONDS", NULL, "how long a lock may be held while others wait (5)"},
    COMMAND_OPTIONS_END,
};

const command health_command = {
    .name = "health",
    .arguments = "",
    .summary = "report dead members, deadlocks and locks held for long, for monitoring",
    .details =
        "Reports, one on each line: dead processes that have not been cleaned up after, locks of dead owners,\n"
        "deadlocks, and locks that others wait for and that have been held for long. Prints nothing if there is\n"
        "none of these.",
    .examples = "kin health\nkin health --held-longer 30 || echo 'look at kin ps'\n",
    .statuses = "something is wrong, or it could not be told",
    .options = options,
    .run = health_run,
};
