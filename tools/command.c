/* command.c: see command.h. */
#include "command.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "program.h"

#define OPTIONS_MAX 16

const command_option command_no_options[] = {COMMAND_OPTIONS_END};

/* ---- words ---- */

const char *command_word(const char *words, int n, int *length)
{
    for (words += strspn(words, " "); n > 0; n--) {
        words += strcspn(words, " ");
        words += strspn(words, " ");
    }
    *length = (int)strcspn(words, " ");
    return *length > 0 ? words : NULL;
}

void command_counts(const command *it, int *least, int *most)
{
    int length;
    *least = *most = 0;
    for (const char *word; (word = command_word(it->arguments, *most, &length)) != NULL; (*most)++) {
        *least += word[0] != '[';
    }
}

const command *command_find(int argc, char **argv, int *used)
{
    for (const command *const *each = commands; *each; each++) {
        int length, n = 0;
        bool same = true;
        for (const char *word; same && (word = command_word((*each)->name, n, &length)) != NULL; n++) {
            same = n < argc && strncmp(argv[n], word, (size_t)length) == 0 && argv[n][length] == '\0';
        }
        if (same) {
            *used = n;
            return *each;
        }
    }
    return NULL;
}

/* ---- help ---- */

void command_usage(const command *it, FILE *stream)
{
    fprintf(stream, "kin %s", it->name);
    for (const command_option *each = it->options; each->name; each++) {
        const char *before = each->value == TOOL_OPTIONAL ? " [" : each->value == TOOL_REQUIRED ? " " : "";
        fprintf(stream, " [--%s%s%s%s]", each->name, before, each->argument ? each->argument : "",
                each->value == TOOL_OPTIONAL ? "]" : "");
    }
    fprintf(stream, "%s%s", it->arguments[0] ? " " : "", it->arguments);
}

static void print_option(const command_option *it, FILE *stream)
{
    char text[64];
    int length = snprintf(text, sizeof text, it->value == TOOL_OPTIONAL ? "--%s [%s]" : "--%s %s", it->name,
                          it->argument ? it->argument : "");
    fprintf(stream, "  %-20s %s%s%s%s\n", text, length > 20 ? "\n                       " : "", it->help,
            it->choices ? ": " : "", it->choices ? it->choices : "");
}

static void print_examples(const char *text, FILE *stream)
{
    fprintf(stream, "\nExamples:\n\n");
    while (*text) {
        int length = (int)strcspn(text, "\n");
        fprintf(stream, "    %.*s\n", length, text);
        text += length + (text[length] == '\n');
    }
}

void command_help(const command *it, FILE *stream)
{
    fprintf(stream, "usage: ");
    command_usage(it, stream);
    fprintf(stream, "\n\n%s\n\n", it->details);
    for (const command_option *each = it->options; each->name; each++) {
        print_option(each, stream);
    }
    fprintf(stream, "  %-20s print this\n", "--help");
    print_examples(it->examples, stream);
    fprintf(stream, "\nExit status: 0, 1 (%s), 2 (wrong use), 3 (not there).\n",
            it->statuses ? it->statuses : "failed");
}

/* ---- what was given ---- */

_Noreturn static void end(int status)
{
    exit(command_finish(status));
}

_Noreturn static void hint(const command_line *line)
{
    fprintf(stderr, "usage: ");
    command_usage(line->command, stderr);
    fprintf(stderr, "\n`kin %s --help` explains it.\n", line->command->name);
    end(EXIT_USAGE);
}

void command_misused(const command_line *line, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "%s %s: ", tool_name, line->command->name);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    hint(line);
}

command_line command_line_of(const command *it, int argc, char **argv)
{
    return (command_line){.command = it, .options = tool_arguments_of(argc, argv)};
}

static void check_count(command_line *line)
{
    int least, most;
    command_counts(line->command, &least, &most);
    line->arguments = line->options.argv + line->options.next;
    line->count = line->options.argc - line->options.next;
    if (line->count < least || line->count > most) {
        command_misused(line, line->count < least ? "an argument is missing" : "there are too many arguments");
    }
}

char command_next(command_line *line)
{
    tool_option known[OPTIONS_MAX + 2] = {{"help", TOOL_NONE, 'h'}};
    for (int i = 0; i < OPTIONS_MAX && line->command->options[i].name; i++) {
        const command_option *each = &line->command->options[i];
        known[i + 1] = (tool_option){each->name, each->value, each->mark};
    }
    char mark = tool_next_option(&line->options, known);
    line->value = line->options.value;
    line->option = line->command->options;
    while (line->option->name && line->option->mark != mark) {
        line->option++;
    }
    if (mark == 'h') {
        command_help(line->command, stdout);
        end(EXIT_SUCCESS);
    }
    if (mark == '?') {
        hint(line);
    }
    if (mark == 0) {
        check_count(line);
    }
    return mark;
}

double command_number(const command_line *line, double least, double most)
{
    char *rest = NULL;
    double number = strtod(line->value, &rest);
    if (rest == line->value || *rest != '\0' || !(number >= least && number <= most)) {
        command_misused(line, "--%s: '%s' is not a number from %g to %g", line->option->name, line->value, least, most);
    }
    return number;
}

int command_choice(const command_line *line)
{
    int length;
    const char *word;
    for (int n = 0; (word = command_word(line->option->choices, n, &length)) != NULL; n++) {
        if (strncmp(line->value, word, (size_t)length) == 0 && line->value[length] == '\0') {
            return n;
        }
    }
    command_misused(line, "--%s: '%s' is none of %s", line->option->name, line->value, line->option->choices);
}

int command_finish(int status)
{
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "%s: the output could not be written\n", tool_name);
        return EXIT_FAILURE;
    }
    return status;
}
