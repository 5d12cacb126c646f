#include "options.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

tool_arguments tool_arguments_of(int argc, char **argv)
{
    return (tool_arguments){argc, argv, 1, NULL};
}

static char complain(const tool_arguments *it, const char *what, const char *option)
{
    fprintf(stderr, "%s: %s '%s'\n", it->argv[0], what, option);
    return '?';
}

/* The one of that name, or the only one that begins so; NULL: none or several. */
static const tool_option *find(const tool_option *known, const char *name, size_t length)
{
    const tool_option *found = NULL;
    size_t count = 0;
    for (; known->name; known++) {
        if (strncmp(known->name, name, length) == 0) {
            found = known;
            count++;
            if (known->name[length] == '\0') {
                return known;
            }
        }
    }
    return count == 1 ? found : NULL;
}

static bool is_plain(const tool_arguments *it)
{
    return it->next < it->argc && it->argv[it->next][0] != '-';
}

char tool_next_option(tool_arguments *it, const tool_option *known)
{
    static char help[] = "help";
    it->value = NULL;
    char *text = it->next < it->argc ? it->argv[it->next] : NULL;
    if (!text || text[0] != '-' || text[1] == '\0') {
        return 0;
    }
    it->next++;
    if (strcmp(text, "--") == 0) {
        return 0;
    }
    char *name = strcmp(text, "-h") == 0 ? help : text + 2;
    size_t length = strcspn(name, "=");
    const tool_option *option = name == help || text[1] == '-' ? find(known, name, length) : NULL;
    if (!option) {
        return complain(it, "unrecognized option", text);
    }
    bool has_value = name[length] == '=';
    if (has_value && option->value == TOOL_NONE) {
        return complain(it, "a value for option", text);
    }
    if (!has_value && option->value == TOOL_REQUIRED && it->next == it->argc) {
        return complain(it, "no value for option", text);
    }
    if (has_value) {
        it->value = name + length + 1;
    } else if (option->value == TOOL_REQUIRED || (option->value == TOOL_OPTIONAL && is_plain(it))) {
        it->value = it->argv[it->next++];
    }
    return option->mark;
}
