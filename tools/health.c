/* health.c: `kin health`: whether something is wrong in the families of this user, for monitoring. */
#include "commands.h"
#include "options.h"
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
    snprintf(out->family, sizeof out->family, "%s", it->name[0] != '\0' ? it->name : family_id_text(it->id, id));
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
        printf("%s ", type_name(it->type));
        output_print(it->name ? it->name : "without a name");
        if (it->holder_alive) {
            printf(" is held for %.1f s by process %u, and %u wait\n", (double)it->held / 1e9, (unsigned)it->holder,
                   (unsigned)it->sleepers);
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

static int usage(FILE *stream, int status)
{
    fprintf(stream,
            "usage: kin health [--held-longer SECONDS]\n\n"
            "Reports, one on each line: dead processes that nobody has cleaned up after, locks of dead owners,\n"
            "deadlocks, and locks that others wait for and that have been held longer than SECONDS (5).\n\n"
            "Exit status: 0 (nothing is wrong), 1 (something is), 2 (usage).\n");
    return status;
}

int health_command(int argc, char **argv)
{
    static const tool_option known[] = {
        {"held-longer", TOOL_REQUIRED, 'l'}, {"help", TOOL_NONE, 'h'}, {NULL, TOOL_NONE, 0}};
    health it = {.longest = KIN_SECONDS(5)};
    tool_arguments arguments = tool_arguments_of(argc, argv);
    for (char option; (option = tool_next_option(&arguments, known)) != 0;) {
        if (option == 'h') {
            return usage(stdout, EXIT_SUCCESS);
        }
        it.longest = option == 'l' ? KIN_SECONDS(atof(arguments.value)) : -1;
    }
    if (it.longest < 0 || arguments.next < argc) {
        return usage(stderr, EXIT_USAGE);
    }
    tool_check(kin_family_list(check_family, &it, NULL), "kin_family_list");
    return it.problems > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
