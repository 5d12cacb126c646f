/* kin.c: the kin command: finds the subcommand and runs it. */
#include "commands.h"
#include "terminal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const tool_name = "kin";

/* ---- the commands about the command ---- */

/* All commands, or those whose name begins with the word. */
static void print_commands(FILE *stream, const char *word)
{
    size_t length = strlen(word);
    fprintf(stream, "usage: kin COMMAND [OPTION]... [ARGUMENT]...\n\n");
    for (const command *const *each = commands; *each; each++) {
        if ((*each)->summary && strncmp((*each)->name, word, length) == 0) {
            fprintf(stream, "  %-14s %s\n", (*each)->name, (*each)->summary);
        }
    }
    fprintf(stream, "\n`kin COMMAND --help` lists a command's options and examples.\n");
}

static int help_run(command_line *line)
{
    int used;
    command_next(line);
    const command *asked = command_find(line->count, line->arguments, &used);
    if (line->count == 0) {
        print_commands(stdout, "");
    } else if (asked) {
        command_help(asked, stdout);
    } else if (line->count == 1 && strcmp(line->arguments[0], "manager") == 0) {
        print_commands(stdout, "manager ");
    } else {
        command_misused(line, "there is no command '%s'", line->arguments[0]);
    }
    return EXIT_SUCCESS;
}

static int version_run(command_line *line)
{
    command_next(line);
    printf("kin %d.%d.%d\n", KIN_VERSION_MAJOR, KIN_VERSION_MINOR, KIN_VERSION_PATCH);
    return EXIT_SUCCESS;
}

/* What demo runs as another program. Ends with the exit code that it is given. */
static int noop_run(command_line *line)
{
    command_next(line);
    return line->count > 0 ? atoi(line->arguments[0]) : EXIT_SUCCESS;
}

static const command help_command = {
    .name = "help",
    .arguments = "[COMMAND] [WORD]",
    .summary = "list the commands, or explain one",
    .details = "Lists the commands, or prints what kin COMMAND --help prints.",
    .examples = "kin help\nkin help set\n",
    .options = command_no_options,
    .run = help_run,
};

static const command version_command = {
    .name = "version",
    .arguments = "",
    .summary = "print the version",
    .details = "Prints the version of the command and of the library that it was built with.",
    .examples = "kin version\n",
    .options = command_no_options,
    .run = version_run,
};

static const command noop_command = {
    .name = "noop",
    .arguments = "[CODE]",
    .details = "Does nothing.",
    .examples = "kin noop 3\n",
    .options = command_no_options,
    .run = noop_run,
};

#define COMMAND_ADDRESS(name) &name##_command,
const command *const commands[] = {COMMANDS(COMMAND_ADDRESS) & help_command, &version_command, &noop_command, NULL};

/* ---- main ---- */

#define COMMAND_ENTRY(name) {#name, name},
static const kin_child_entry entries[] = {COMMAND_ENTRIES(COMMAND_ENTRY)};

#define COMMAND_FUNCTION(name) {#name, name},
static const kin_task_entry functions[] = {COMMAND_FUNCTIONS(COMMAND_FUNCTION)};

static int run(int argc, char **argv)
{
    static char help[] = "help", version[] = "version";
    int used = 0;
    if (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0) {
        argv[0] = help;
    } else if (strcmp(argv[0], "--version") == 0) {
        argv[0] = version;
    }
    const command *chosen = command_find(argc, argv, &used);
    if (!chosen) {
        bool manager = strcmp(argv[0], "manager") == 0, asked = manager && argc == 2 && strcmp(argv[1], "--help") == 0;
        if (!asked) {
            fprintf(stderr, "kin: there is no command '%s%s%s'\n\n", argv[0], manager && argc > 1 ? " " : "",
                    manager && argc > 1 ? argv[1] : "");
        }
        print_commands(asked ? stdout : stderr, manager ? "manager " : "");
        return asked ? EXIT_SUCCESS : EXIT_USAGE;
    }
    command_line line = command_line_of(chosen, argc - used + 1, argv + used - 1);
    return chosen->run(&line);
}

int main(int argc, char **argv)
{
    tool_check(kin_register_tasks(functions, sizeof functions / sizeof functions[0]), "kin_register_tasks");
    tool_check(kin_child_main(entries, sizeof entries / sizeof entries[0]), "kin_child_main");
    argv = terminal_arguments(&argc, argv);
    if (argc < 2) {
        print_commands(stderr, "");
        return EXIT_USAGE;
    }
    tool_path = argv[0];
    return command_finish(run(argc - 1, argv + 1));
}
