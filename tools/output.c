/* output.c: see output.h. */
#include "output.h"

#include <stdbool.h>
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
static json_t *latin1_text(const char *bytes, size_t size)
{
    char *utf8 = malloc(2 * size + 1);
    size_t length = 0;
    check(utf8 == NULL, "no memory");
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)bytes[i];
        if (byte < 0x80) {
            utf8[length++] = bytes[i];
        } else {
            utf8[length++] = (char)(0xc0 | byte >> 6);
            utf8[length++] = (char)(0x80 | (byte & 0x3f));
        }
    }
    json_t *value = json_stringn(utf8, length);
    free(utf8);
    return value;
}

json_t *output_bytes(const char *bytes, size_t size)
{
    json_t *value = json_stringn(bytes, size);
    return value != NULL ? value : latin1_text(bytes, size);
}

json_t *output_text(const char *text)
{
    return text == NULL ? json_null() : output_bytes(text, strlen(text));
}

/* How many bytes the UTF-8 sequence at the beginning has, of those left; 0: it is none, or a control character (C1:
 * U+0080 to U+009F), or one that changes the direction or the place of what follows (U+200E, U+200F, U+2028 to U+202E,
 * U+2066 to U+2069). */
static size_t printable(const unsigned char *at, size_t left)
{
    if (at[0] < 0x80) {
        return at[0] >= 0x20 && at[0] != 0x7f;
    }
    size_t length = at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
    unsigned long point = at[0] & (0xffu >> (length + 1));
    for (size_t i = 1; i < length; i++) {
        if (i >= left || (at[i] & 0xc0) != 0x80) {
            return 0;
        }
        point = point << 6 | (at[i] & 0x3f);
    }
    static const unsigned long least[] = {0, 0, 0xa0, 0x800, 0x10000};
    bool sound = at[0] >= 0xc2 && at[0] < 0xf5 && point >= least[length] && point < 0x110000 &&
                 (point < 0xd800 || point > 0xdfff);
    bool moves = point == 0x200e || point == 0x200f || (point >= 0x2028 && point <= 0x202e) ||
                 (point >= 0x2066 && point <= 0x2069);
    return sound && !moves ? length : 0;
}

size_t output_character(const char *text, size_t left, char out[OUTPUT_CHARACTER])
{
    size_t length = printable((const unsigned char *)text, left);
    if (length == 0 || *text == '\\' || *text == '"') {
        snprintf(out, OUTPUT_CHARACTER, length > 0 ? "\\%c" : "\\x%02x", (unsigned char)*text);
        return 1;
    }
    memcpy(out, text, length);
    out[length] = '\0';
    return length;
}

void output_print_bytes(const char *bytes, size_t size)
{
    char character[OUTPUT_CHARACTER];
    for (size_t i = 0; i < size;) {
        i += output_character(bytes + i, size - i, character);
        fputs(character, stdout);
    }
}

void output_print(const char *text)
{
    output_print_bytes(text, strlen(text));
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
    /* Three digits count in what is measured; six leave room for more. ASCII: a terminal obeys U+0080 to U+009F, too.
     * */
    int failed = json_dumpf(document, stdout, JSON_REAL_PRECISION(6) | JSON_ENSURE_ASCII) != 0;
    json_decref(document);
    check(failed || putchar('\n') == EOF || fflush(stdout) != 0, "cannot be printed");
}
