/* output.h: JSON documents on the standard output, by Jansson. The functions end the process with status 1 where
 * memory or the output fails. */
#ifndef OUTPUT_H
#define OUTPUT_H

#include <jansson.h>

/* A text that may come from any process. NULL becomes null. Text that is not UTF-8 is taken as Latin 1, since JSON has
 * no other bytes. */
json_t *output_text(const char *text);
json_t *output_bytes(const char *bytes, size_t size);
/* The same as text, for a terminal: what is not UTF-8, and control characters, with which it could write over what is
 * there, are printed as escapes as in C. */
void output_print(const char *text);
void output_print_bytes(const char *bytes, size_t size);
/* The first character of left bytes, at least 1, as output_print prints it. Returns how many bytes it has in text. */
#define OUTPUT_CHARACTER 8
size_t output_character(const char *text, size_t left, char out[OUTPUT_CHARACTER]);
/* Adds a value, which is the array's then. Returns it. */
json_t *output_add(json_t *array, json_t *value);
/* Adds a member, which is the object's then. Returns it. */
json_t *output_set(json_t *object, const char *key, json_t *value);
/* Prints the document on a line of its own, and frees it. */
void output_document(json_t *document);

#endif
