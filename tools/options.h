/* options.h: a command's options, --name and --name=value. getopt_long(3) is not in every C library. */
#ifndef TOOL_OPTIONS_H
#define TOOL_OPTIONS_H

/* Whether a value follows, as the next argument or behind a "=". */
typedef enum tool_value {
    TOOL_NONE,
    TOOL_REQUIRED,
    TOOL_OPTIONAL /* the next argument, if it does not begin with a dash */
} tool_value;

typedef struct tool_option {
    const char *name; /* without the dashes; NULL ends the list */
    tool_value value;
    char mark; /* what tool_next_option answers for it */
} tool_option;

typedef struct tool_arguments {
    int argc;
    char **argv; /* of the command: argv[0] is its name */
    int next;    /* the first that has not been looked at; after the last option, the first that is none */
    char *value; /* of the option just found, or NULL */
} tool_arguments;

/* The command's arguments, to go through their options. */
tool_arguments tool_arguments_of(int argc, char **argv);
/* The mark of the next option; a name may be shortened as long as one option begins so. -h is --help. 0: none is left;
 * "--" ends them, and so does the first argument that is none. '?': unknown, or with a value too many or too few, as
 * standard error says. */
char tool_next_option(tool_arguments *it, const tool_option *known);

#endif
