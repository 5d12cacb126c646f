/* manager.c: `kin manager`: managers started, listed, stopped. */
#include "commands.h"
#include "options.h"
#include "output.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATIENCE KIN_SECONDS(10)

static int usage(FILE *stream, int status)
{
    fprintf(stream, "usage: kin manager start [--group GROUP] NAME   start a process that keeps the family NAME alive\n"
                    "       kin manager list                         the families with a name, and their objects\n"
                    "       kin manager stop NAME                    end that process\n\n"
                    "--group: users of that group may use the family, too; '*': all users. They give --owner.\n"
                    "Exit status: 0, 1 (failed), 2 (usage), 3 (stop: there is none).\n");
    return status;
}

/* False: there are others than --group, or not one argument. */
static bool choose(const char **group, const char **name, int argc, char **argv)
{
    static const tool_option known[] = {{"group", TOOL_REQUIRED, 'g'}, {NULL, TOOL_NONE, 0}};
    tool_arguments arguments = tool_arguments_of(argc, argv);
    for (char option; (option = tool_next_option(&arguments, known)) != 0;) {
        if (option == '?') {
            return false;
        }
        *group = arguments.value;
    }
    *name = argv[arguments.next];
    return argc - arguments.next == 1;
}

static int start(const char *name, const char *group)
{
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

static void list_family(const kin_family_view *it, void *context)
{
    if (it->name[0] != '\0') {
        output_print(it->name);
        printf(": %d KiB\n", (int)(it->committed / 1024));
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

static int list(void)
{
    tool_check(kin_family_list(list_one, NULL, NULL), "kin_family_list");
    return EXIT_SUCCESS;
}

static int stop(const char *name)
{
    kin_status status = kin_manager_stop(name, PATIENCE);
    if (status == KIN_E_NOT_FOUND) {
        fprintf(stderr, "%s: %s: %s\n", tool_name, name, kin_last_error());
        return EXIT_NOT_THERE;
    }
    tool_check(status, name);
    return EXIT_SUCCESS;
}

int manager_command(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    const char *group = NULL, *name = NULL;
    if (strcmp(what, "start") == 0 && choose(&group, &name, argc - 1, argv + 1)) {
        return start(name, group);
    }
    if (argc == 2 && strcmp(what, "list") == 0) {
        return list();
    }
    if (argc == 3 && strcmp(what, "stop") == 0) {
        return stop(argv[2]);
    }
    int help = argc == 2 && strcmp(what, "--help") == 0;
    return help ? usage(stdout, EXIT_SUCCESS) : usage(stderr, EXIT_USAGE);
}
