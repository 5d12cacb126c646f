/* output.c: see output.h. */
#include "output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check(int failed, const char *what)
{
    if (failed) {
        fprintf(stderr, "JSON: %s\n", what);
        exit(EXIT_FAILURE);
    }
}

/* Each byte from 0x80 on becomes two. */
static json_t *latin1_text(const char *text)
{
    char *utf8 = malloc(2 * strlen(text) + 1);
    size_t length = 0;
    check(utf8 == NULL, "no memory");
    for (const char *c = text; *c != '\0'; c++) {
        unsigned char byte = (unsigned char)*c;
        if (byte < 0x80) {
            utf8[length++] = *c;
        } else {
            utf8[length++] = (char)(0xc0 | byte >> 6);
            utf8[length++] = (char)(0x80 | (byte & 0x3f));
        }
    }
    json_t *value = json_stringn(utf8, length);
    free(utf8);
    return value;
}

json_t *output_text(const char *text)
{
    if (text == NULL) {
        return json_null();
    }
    json_t *value = json_string(text);
    return value != NULL ? value : latin1_text(text);
}

json_t *output_add(json_t *array, json_t *value)
{
    check(json_array_append_new(array, value) != 0, "no memory");
    return value;
}

json_t *output_set(json_t *object, const char *key, json_t *value)
{
    check(json_object_set_new(object, key, value) != 0, "no memory");
    return value;
}

void output_document(json_t *document)
{
    /* Three digits count in what is measured; six leave room for more. */
    int failed = json_dumpf(document, stdout, JSON_REAL_PRECISION(6)) != 0;
    json_decref(document);
    check(failed || putchar('\n') == EOF || fflush(stdout) != 0, "cannot be printed");
}
