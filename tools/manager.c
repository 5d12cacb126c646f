/* manager.c: `kin manager`: managers started, listed, stopped. */
#include "commands.h"
#include "output.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATIENCE KIN_SECONDS(10)

/* ---- start ---- */

static int start(command_line *line)
{
    const char *group = NULL;
    while (command_next(line)) {
        group = line->value;
    }
    const char *name = line->arguments[0];
    kin_manager_options options = KIN_MANAGER_OPTIONS_INIT;
    kin_family_options family = KIN_FAMILY_OPTIONS_INIT;
    kin_manager *manager = NULL;
    family.group = group;
    options.family = &family;
    tool_check(kin_manager_open(&manager, name, &options), name);
    printf("%s is kept by process %u\n", name, (unsigned)kin_manager_pid(manager));
    kin_manager_close(manager);
    return EXIT_SUCCESS;
}

static const command_option start_options[] = {
    {"group", TOOL_REQUIRED, 'g', "GROUP", NULL, "users of that group may use the family, too; '*': all users"},
    COMMAND_OPTIONS_END,
};

const command manager_start_command = {
    .name = "manager start",
    .arguments = "NAME",
    .summary = "start a process that keeps the family NAME alive",
    .details =
        "Starts a process that keeps the family NAME alive, and creates the family if it is not there. Other users\n"
        "of the group that --group names give the option --owner to the commands that read and change the family.",
    .examples = "kin manager start shop\nkin manager start --group staff shop\n",
    .options = start_options,
    .run = start,
};

/* ---- list ---- */

static void list_family(const kin_family_view *it, void *context)
{
    if (it->name[0] != '\0') {
        output_print(it->name);
        printf(": %llu KiB\n", (unsigned long long)(it->committed / 1024));
        *(int *)context = 1;
    }
}

static void list_object(const kin_object_info *it, void *context)
{
    if (*(int *)context && it->name) {
        printf("  ");
        output_print(it->name);
        printf(it->holder ? ", held by process %u\n" : "\n", (unsigned)it->holder);
    }
}

static void list_one(kin_family *family, void *context)
{
    int named = 0;
    kin_inspector sight = {.size = sizeof sight, .family = list_family, .object = list_object, .context = &named};
    (void)context;
    tool_check(kin_family_inspect_all(family, &sight), "looking");
}

static int list(command_line *line)
{
    command_next(line);
    tool_check(kin_family_list(list_one, NULL, NULL), "kin_family_list");
    return EXIT_SUCCESS;
}

const command manager_list_command = {
    .name = "manager list",
    .arguments = "",
    .summary = "list the families that have a name, and their objects",
    .details = "Prints each family that has a name, and under it the objects that have one, with their holders.",
    .examples = "kin manager list\n",
    .options = command_no_options,
    .run = list,
};

/* ---- stop ---- */

static int stop(command_line *line)
{
    command_next(line);
    const char *name = line->arguments[0];
    kin_status status = kin_manager_stop(name, PATIENCE);
    if (status == KIN_E_NOT_FOUND) {
        fprintf(stderr, "%s: %s: %s\n", tool_name, name, kin_last_error());
        return EXIT_NOT_THERE;
    }
    tool_check(status, name);
    return EXIT_SUCCESS;
}

const command manager_stop_command = {
    .name = "manager stop",
    .arguments = "NAME",
    .summary = "end the process that keeps the family NAME alive",
    .details =
        "Ends the process that kin manager start has started. The family lives on while other processes are in it.",
    .examples = "kin manager stop shop\n",
    .options = command_no_options,
    .run = stop,
};
