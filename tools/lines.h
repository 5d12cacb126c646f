/* lines.h: a look as lines of text, for `kin ps` and `kin top`. */
#ifndef LINES_H
#define LINES_H

#include "look.h"

typedef enum line_style {
    LINE_PLAIN,
    LINE_FAMILY,
    LINE_MEMBER,
    LINE_OBJECT,
    LINE_WAITER,
    LINE_TROUBLE, /* something that died, or a deadlock */
} line_style;

typedef struct text_line {
    line_style style;
    char *text; /* without a newline and control characters */
} text_line;

typedef struct line_list {
    text_line *lines;
    size_t count;
} line_list;

/* The lines of a look. A failure ends the process. Freed by lines_free. */
line_list lines_of(const look *it);
/* Leaves the families whose own line contains the text, and of the others the lines that contain it, with the family's
 * line above them. */
void lines_leave(line_list *it, const char *text);
void lines_free(line_list *it);

/* The escape sequence that begins a style, in colour or not; LINE_PLAIN's ends all. */
const char *line_sequence(line_style style, bool colour);
/* How many bytes of the text take at most that many columns of a terminal; *used: how many. */
size_t line_fit(const char *text, int columns, int *used);

#endif
