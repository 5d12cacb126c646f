/* command.h: a subcommand of `kin`. One table says what its options, arguments and examples are: the parser, the help,
 * the man pages and the completions read it. */
#ifndef COMMAND_H
#define COMMAND_H

#include <stdio.h>

#include "options.h"

typedef struct command_option {
    const char *name; /* without the dashes; NULL ends the list */
    tool_value value;
    char mark;            /* what command_next answers for it */
    const char *argument; /* what the help calls its value, or NULL */
    const char *choices;  /* all its values, with spaces between them; NULL: any */
    const char *help;
} command_option;

typedef struct command_line command_line;
struct request;

typedef struct command {
    const char *name;      /* a word, or two */
    const char *arguments; /* that follow the options: NAME or [NAME], with spaces between them */
    const char *summary;   /* a line; NULL: the command is not in the help */
    const char *details;   /* paragraphs, with empty lines between them */
    const char *examples;  /* command lines, each ended by a newline */
    const char *statuses;  /* what the exit status 1 says, or NULL: that it failed */
    const command_option *options;
    int (*run)(command_line *line);       /* answers the exit status */
    int (*in_family)(struct request *it); /* likewise, of a command whose run is data_run (data.h) */
} command;

/* The last of a command's options, and the options of a command that has none. */
#define COMMAND_OPTIONS_END                                                                                            \
    {                                                                                                                  \
        NULL, TOOL_NONE, 0, NULL, NULL, NULL                                                                           \
    }
extern const command_option command_no_options[];

/* The exit statuses of all commands: EXIT_SUCCESS, EXIT_FAILURE, EXIT_USAGE (program.h), and this: what it was to read
 * or change is not there. */
#define EXIT_NOT_THERE 3

struct command_line {
    const command *command;
    tool_arguments options;
    const command_option *option; /* the one just found */
    const char *value;            /* its value, or NULL */
    char **arguments; /* behind the options, when all of these have been found: as many as the command takes */
    int count;        /* of them */
};

/* All commands; the last has no name. kin.c has them. */
extern const command *const commands[];
/* The command whose name the first words are; *used: the number of these words. NULL: there is none. */
const command *command_find(int argc, char **argv, int *used);
command_line command_line_of(const command *it, int argc, char **argv);
/* The mark of the next option; 0: there is none left. --help and wrong use end the process. */
char command_next(command_line *line);
/* Says what is wrong, as printf, and ends the process with EXIT_USAGE. */
_Noreturn void command_misused(const command_line *line, const char *format, ...);
/* The number that the option's value is, which has to be in this range. */
double command_number(const command_line *line, double least, double most);
/* Which of the option's choices its value is; the first is 0. */
int command_choice(const command_line *line);

/* How many arguments it takes. */
void command_counts(const command *it, int *least, int *most);
/* The n-th word of a text of words with spaces between them, and its length; NULL: it has fewer. */
const char *command_word(const char *words, int n, int *length);
/* The usage line, without a newline. */
void command_usage(const command *it, FILE *stream);
void command_help(const command *it, FILE *stream);

/* To be called with the exit status before the process ends: EXIT_FAILURE where the output could not be written. */
int command_finish(int status);

#endif
