/* data.h: what the commands share that scripts use to read and change a named family's objects. Reading creates
 * nothing, and no command makes this process a manager: the family and the object must exist, except where --create
 * says otherwise. */
#ifndef DATA_H
#define DATA_H

#include "commands.h"

#include <stdbool.h>

typedef struct request {
    command_line *line;
    const char *owner;
    bool create, raw, json, escaped;
    int64_t wait;   /* nanoseconds; -1: not said */
    uint64_t count; /* of lines or messages after which the command ends */
    char **rest;    /* the arguments behind the options: of all these commands the family's name comes first */
    kin_family *family;
} request;

/* Their options; a command has of them what it needs. */
#define DATA_OWNER                                                                                                     \
    {                                                                                                                  \
        "owner", TOOL_REQUIRED, 'o', "USER", NULL, "the family is that user's (kin manager start --group)"             \
    }
#define DATA_CREATE                                                                                                    \
    {                                                                                                                  \
        "create", TOOL_NONE, 'c', NULL, NULL, "create the object if the family has none of that name"                  \
    }
#define DATA_RAW                                                                                                       \
    {                                                                                                                  \
        "raw", TOOL_NONE, 'r', NULL, NULL, "print the bytes as they are, and no newline"                               \
    }
#define DATA_ESCAPED                                                                                                   \
    {                                                                                                                  \
        "escaped", TOOL_NONE, 'e', NULL, NULL, "KEY and VALUE have escapes: \\\\ \\\" \\x00"                           \
    }
#define DATA_WAIT(help)                                                                                                \
    {                                                                                                                  \
        "wait", TOOL_REQUIRED, 'w', "SECONDS", NULL, help                                                              \
    }
#define DATA_COUNT(help)                                                                                               \
    {                                                                                                                  \
        "count", TOOL_REQUIRED, 'n', "NUMBER", NULL, help                                                              \
    }
#define DATA_JSON(help)                                                                                                \
    {                                                                                                                  \
        "json", TOOL_NONE, 'j', NULL, NULL, help                                                                       \
    }

/* For command.run: reads options and arguments, joins the family, calls command.in_family, and leaves the family. */
int data_run(command_line *line);

/* Returns if the status is no failure. Otherwise it prints the failure and ends the process: with EXIT_NOT_THERE if the
 * family, object or key does not exist, else as tool_check does. */
void data_check(kin_status status, const char *what);

typedef struct data_bytes {
    char *bytes; /* of the caller, who frees them */
    size_t size;
} data_bytes;

/* A key: the argument's bytes, with escapes where --escaped says so. */
data_bytes data_key(const request *it, const char *argument);
/* A value or message, likewise; "-": the bytes of the standard input. */
data_bytes data_value(const request *it, const char *argument);
/* Prints a value or message: with a newline, and for a terminal with escapes, unless --raw. */
void data_print(const request *it, const void *bytes, size_t size);

#endif
