/* data.c: see data.h. */
#include "data.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"
#include "terminal.h"

void data_check(kin_status status, const char *what)
{
    if (status == KIN_E_NOT_FOUND || status == KIN_E_STALE) {
        fprintf(stderr, "%s: %s: %s\n", tool_name, what, kin_last_error());
        exit(command_finish(EXIT_NOT_THERE));
    }
    tool_check(status, what);
}

/* ---- bytes in ---- */

static data_bytes read_input(void)
{
    data_bytes out = {NULL, 0};
    size_t room = 4096;
    terminal_binary_input();
    for (out.bytes = tool_resize(NULL, room, "a value"); !feof(stdin) && !ferror(stdin);) {
        if (out.size == room) {
            room *= 2;
            out.bytes = tool_resize(out.bytes, room, "a value");
        }
        out.size += fread(out.bytes + out.size, 1, room - out.size, stdin);
    }
    if (ferror(stdin)) {
        fprintf(stderr, "%s: the standard input could not be read\n", tool_name);
        exit(EXIT_FAILURE);
    }
    return out;
}

static int digit_of(char it)
{
    return it >= '0' && it <= '9'   ? it - '0'
           : it >= 'a' && it <= 'f' ? it - 'a' + 10
           : it >= 'A' && it <= 'F' ? it - 'A' + 10
                                    : -1;
}

/* The byte that an escape stands for, at *at, which is moved behind it. */
static char unescape(const request *it, const char **at)
{
    const char *escape = *at;
    int high, low;
    if (escape[1] == '\\' || escape[1] == '"') {
        *at += 2;
        return escape[1];
    }
    if (escape[1] != 'x' || (high = digit_of(escape[2])) < 0 || (low = digit_of(escape[3])) < 0) {
        command_misused(it->line, "'%s' is no escape: \\\\, \\\" or \\x and two digits are", escape);
    }
    *at += 4;
    return (char)(high * 16 + low);
}

data_bytes data_key(const request *it, const char *argument)
{
    data_bytes out = {tool_resize(NULL, strlen(argument) + 1, "a value"), 0};
    while (*argument) {
        out.bytes[out.size++] = it->escaped && *argument == '\\' ? unescape(it, &argument) : *argument++;
    }
    return out;
}

data_bytes data_value(const request *it, const char *argument)
{
    return strcmp(argument, "-") == 0 ? read_input() : data_key(it, argument);
}

/* ---- bytes out ---- */

void data_print(const request *it, const void *bytes, size_t size)
{
    if (!it->raw && terminal_open()) {
        output_print_bytes(bytes, size);
    } else {
        fwrite(bytes, 1, size, stdout);
    }
    if (!it->raw) {
        putchar('\n');
    }
}

/* ---- the request ---- */

static void read_option(request *out, const command_line *line, char option)
{
    switch (option) {
    case 'o':
        out->owner = line->value;
        break;
    case 'c':
        out->create = true;
        break;
    case 'r':
        out->raw = true;
        break;
    case 'e':
        out->escaped = true;
        break;
    case 'j':
        out->json = true;
        break;
    case 'w':
        out->wait = KIN_SECONDS(command_number(line, 0, 1e9));
        break;
    case 'n':
        out->count = (uint64_t)command_number(line, 1, 1e15);
        break;
    default: /* unlock --owner-dead */
        break;
    }
}

int data_run(command_line *line)
{
    request it = {.line = line, .wait = -1, .count = UINT64_MAX};
    kin_family_options options = KIN_FAMILY_OPTIONS_INIT;
    for (char option; (option = command_next(line)) != 0;) {
        read_option(&it, line, option);
    }
    it.rest = line->arguments;
    options.owner = it.owner;
    data_check(kin_family_open(&it.family, it.rest[0], KIN_FAMILY_JOIN, &options), it.rest[0]);
    int status = line->command->in_family(&it);
    kin_family_close(it.family);
    return status;
}
