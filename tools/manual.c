/* manual.c: `kin manual`: the man pages, from the table of each command. The build calls it; users have the pages. */
#include "commands.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* When their text was last changed in a way that readers notice. */
#define DATE "2026-11-27"

/* ---- groff(7): characters with a meaning of their own ---- */

static void write_text(FILE *out, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        bool begins = i == 0 || text[i - 1] == '\n';
        switch (text[i]) {
        case '\\':
            fputs("\\e", out);
            break;
        case '-':
            fputs("\\-", out);
            break;
        case '\'':
            fputs("\\(aq", out);
            break;
        case '^':
            fputs("\\(ha", out);
            break;
        case '.':
            fputs(begins ? "\\&." : ".", out);
            break;
        default:
            fputc(text[i], out);
        }
    }
}

static void write_all(FILE *out, const char *text)
{
    write_text(out, text, strlen(text));
}

static void write_paragraphs(FILE *out, const char *text)
{
    while (*text) {
        const char *end = strstr(text, "\n\n");
        size_t length = end ? (size_t)(end - text) : strlen(text);
        write_text(out, text, length);
        fprintf(out, "\n%s", end ? ".PP\n" : "");
        text += end ? length + 2 : length;
    }
}

/* ---- the parts of a page ---- */

/* "kin-manager-start". */
static const char *page_name(const command *it, char name[64])
{
    snprintf(name, 64, "kin-%s", it->name);
    for (char *at = name; *at; at++) {
        *at = *at == ' ' ? '-' : *at;
    }
    return name;
}

static void begin_page(FILE *out, const char *name, const char *summary)
{
    fputs(".TH ", out);
    for (const char *at = name; *at; at++) {
        fputc(toupper((unsigned char)*at), out);
    }
    fprintf(out, " 1 " DATE " \"kin %d.%d.%d\" \"kin\"\n.SH NAME\n", KIN_VERSION_MAJOR, KIN_VERSION_MINOR,
            KIN_VERSION_PATCH);
    write_all(out, name);
    fputs(" \\- ", out);
    write_all(out, summary);
    fputs("\n.SH SYNOPSIS\n", out);
}

static void write_synopsis(FILE *out, const command *it)
{
    fprintf(out, ".B kin %s\n", it->name);
    for (const command_option *each = it->options; each->name; each++) {
        fputs(".RB [ \\-\\-", out);
        write_all(out, each->name);
        if (each->value == TOOL_OPTIONAL) {
            fprintf(out, " \" [\\fI%s\\fP]]\"\n", each->argument);
        } else if (each->value == TOOL_REQUIRED) {
            fprintf(out, " \" \\fI%s\\fP]\"\n", each->argument);
        } else {
            fputs(" ]\n", out);
        }
    }
    if (it->arguments[0]) {
        fprintf(out, ".I %s\n", it->arguments);
    }
}

static void write_options(FILE *out, const command *it)
{
    fputs(".SH OPTIONS\n", out);
    for (const command_option *each = it->options; each->name; each++) {
        fputs(".TP\n.BR \\-\\-", out);
        write_all(out, each->name);
        if (each->value != TOOL_NONE) {
            fprintf(out, each->value == TOOL_OPTIONAL ? " \" [\\fI%s\\fP]\"" : " \" \\fI%s\\fP\"", each->argument);
        }
        fputc('\n', out);
        write_all(out, each->help);
        if (each->choices) {
            fputs(":\n", out);
            write_all(out, each->choices);
        }
        fputs(".\n", out);
    }
    fputs(".TP\n.B \\-\\-help\nprint a summary of this page.\n.PP\n"
          "Options come before the arguments. \\-\\- ends them. \\-\\-name=value is possible, and so is any beginning\n"
          "of an option's name that no other option of the command has.\n",
          out);
}

static void write_statuses(FILE *out, const char *failed)
{
    fputs(".SH EXIT STATUS\n.TP\n.B 0\nIt has been done.\n.TP\n.B 1\nIt ", out);
    write_all(out, failed ? failed : "failed");
    fputs(". That includes output that could not be written.\n.TP\n.B 2\nWrong use.\n.TP\n.B 3\n"
          "What was to be read, changed or waited for is not there.\n",
          out);
}

static void write_examples(FILE *out, const char *text)
{
    fputs(".SH EXAMPLES\n.EX\n", out);
    write_all(out, text);
    fputs(".EE\n", out);
}

/* ---- the pages ---- */

static void write_command(FILE *out, const command *it)
{
    char name[64];
    begin_page(out, page_name(it, name), it->summary);
    write_synopsis(out, it);
    fputs(".SH DESCRIPTION\n", out);
    write_paragraphs(out, it->details);
    write_options(out, it);
    write_statuses(out, it->statuses);
    write_examples(out, it->examples);
    fputs(".SH SEE ALSO\n.BR kin (1)\n", out);
}

static void write_overview(FILE *out)
{
    char name[64];
    begin_page(out, "kin", "look at what processes share, and change it");
    fputs(".B kin\n.I COMMAND\n.RI [ OPTION ]...\n.RI [ ARGUMENT ]...\n.SH DESCRIPTION\n", out);
    write_paragraphs(
        out, "Programs that use the library kin share locks, queues, dicts and other objects in a family of\n"
             "processes. This command shows the families of the user who calls it, cleans up after killed\n"
             "processes, and reads and changes the objects that have names.\n\n"
             "A command that reads creates nothing, and no command keeps a family alive but kin manager start.");
    fputs(".SH COMMANDS\n", out);
    for (const command *const *each = commands; *each; each++) {
        if ((*each)->summary) {
            fputs(".TP\n.BR ", out);
            write_all(out, page_name(*each, name));
            fputs(" (1)\n", out);
            write_all(out, (*each)->summary);
            fputs(".\n", out);
        }
    }
    write_statuses(out, NULL);
    fputs(".SH ENVIRONMENT\n.TP\n.B NO_COLOR\nIf it is set and not empty, nothing is printed in colour.\n", out);
    write_examples(out,
                   "kin top\nkin manager start shop\nkin set --create shop prices tea 3.20\nkin get shop prices tea\n"
                   "kin health || kin ps\n");
}

static int write_page(const char *directory, const command *it)
{
    char name[64], path[1024];
    snprintf(path, sizeof path, "%s/%s.1", directory, it ? page_name(it, name) : "kin");
    FILE *out = fopen(path, "wb");
    if (!out) {
        perror(path);
        return EXIT_FAILURE;
    }
    if (it) {
        write_command(out, it);
    } else {
        write_overview(out);
    }
    bool failed = ferror(out) != 0;
    if (fclose(out) != 0 || failed) {
        perror(path);
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}

static int manual_run(command_line *line)
{
    command_next(line);
    int status = write_page(line->arguments[0], NULL);
    for (const command *const *each = commands; *each && status == EXIT_SUCCESS; each++) {
        status = (*each)->summary ? write_page(line->arguments[0], *each) : EXIT_SUCCESS;
    }
    return status;
}

const command manual_command = {
    .name = "manual",
    .arguments = "DIRECTORY",
    .details = "Writes the man pages into the directory DIRECTORY.",
    .examples = "kin manual share/man/man1\n",
    .options = command_no_options,
    .run = manual_run,
};
