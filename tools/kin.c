/* kin.c: the kin command: finds the subcommand and runs it. */
#include "commands.h"
#include "terminal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct command {
    const char *name;
    const char *alias;
    const char *summary; /* NULL: not in the help */
    int (*run)(int argc, char **argv);
} command;

const char *const tool_name = "kin";

static int help_command(int argc, char **argv);

static int version_command(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    printf("kin %d.%d.%d\n", KIN_VERSION_MAJOR, KIN_VERSION_MINOR, KIN_VERSION_PATCH);
    return EXIT_SUCCESS;
}

/* What demo runs as another program. Ends with the exit code that it is given. */
static int noop_command(int argc, char **argv)
{
    return argc > 1 ? atoi(argv[1]) : EXIT_SUCCESS;
}

static const command commands[] = {
    {"demo", NULL, "run small programs under each start method and check what comes out", demo_command},
    {"ps", NULL, "show families, who holds what and who waits for what", ps_command},
    {"reap", NULL, "clean up what killed processes left", reap_command},
    {"manager", NULL, "start, list and stop processes that keep named families alive", manager_command},
    {"health", NULL, "report dead members, deadlocks and locks held for long, for monitoring", health_command},
    {"stat", NULL, "print what an object of a family is, who holds it and who waits", data_run},
    {"get", NULL, "print the value of a key of a dict", data_run},
    {"set", NULL, "set it", data_run},
    {"add", NULL, "add to it", data_run},
    {"rm", NULL, "remove a key", data_run},
    {"keys", NULL, "print the keys of a dict", data_run},
    {"dump", NULL, "print its keys and values", data_run},
    {"put", NULL, "put a message into a queue", data_run},
    {"take", NULL, "take a message out of a queue and print it", data_run},
    {"drain", NULL, "take out and print all messages", data_run},
    {"close", NULL, "close a queue", data_run},
    {"unlock", NULL, "free a lock whose owner has died", data_run},
    {"help", "--help", "print this", help_command},
    {"version", "--version", "print the version", version_command},
    {"noop", NULL, NULL, noop_command},
};

#define COMMAND_COUNT (sizeof commands / sizeof commands[0])

static void print_usage(FILE *stream)
{
    fprintf(stream, "usage: kin COMMAND [OPTION]...\n\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (commands[i].summary != NULL) {
            fprintf(stream, "  %-8s %s\n", commands[i].name, commands[i].summary);
        }
    }
    fprintf(stream, "\n`kin COMMAND --help` lists a command's options.\n");
}

static int help_command(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    print_usage(stdout);
    return EXIT_SUCCESS;
}

static const command *find_command(const char *name)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        const char *alias = commands[i].alias;
        if (strcmp(commands[i].name, name) == 0 || (alias != NULL && strcmp(alias, name) == 0)) {
            return &commands[i];
        }
    }
    return NULL;
}

#define COMMAND_ENTRY(name) {#name, name},
static const kin_child_entry entries[] = {COMMAND_ENTRIES(COMMAND_ENTRY)};

#define COMMAND_FUNCTION(name) {#name, name},
static const kin_task_entry functions[] = {COMMAND_FUNCTIONS(COMMAND_FUNCTION)};

int main(int argc, char **argv)
{
    tool_check(kin_register_tasks(functions, sizeof functions / sizeof functions[0]), "kin_register_tasks");
    tool_check(kin_child_main(entries, sizeof entries / sizeof entries[0]), "kin_child_main");
    argv = terminal_arguments(&argc, argv);
    if (argc < 2) {
        print_usage(stderr);
        return EXIT_USAGE;
    }
    const command *chosen = find_command(argv[1]);
    if (chosen == NULL) {
        fprintf(stderr, "kin: there is no command '%s'\n\n", argv[1]);
        print_usage(stderr);
        return EXIT_USAGE;
    }
    tool_path = argv[0];
    return chosen->run(argc - 1, argv + 1);
}
