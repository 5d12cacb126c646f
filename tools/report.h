/* report.h: rows for people (an aligned table, as they come) or for programs (one JSON document, at the end). */
#ifndef REPORT_H
#define REPORT_H

#include <stddef.h>

struct json_t;

typedef enum report_kind {
    REPORT_TEXT,
    REPORT_NUMBER,
    REPORT_TRUTH,
} report_kind;

typedef struct report_column {
    const char *key; /* the member's name in JSON */
    const char *title;
    report_kind kind;
    int width;
} report_column;

/* By its column's kind: text (NULL: none), or number (NAN: none), as a truth 0 or not. */
typedef struct report_cell {
    const char *text;
    double number;
} report_cell;

typedef struct report {
    const report_column *columns;
    size_t count;
    struct json_t *document; /* NULL: a table is wanted */
    struct json_t *rows;     /* the document's */
    size_t shown;
} report;

/* Begins; columns must stay valid. */
void report_open(report *out, const char *command, const report_column *columns, size_t count, int json);
/* One cell for each column. */
void report_row(report *out, const report_cell *cells);
/* all: whether everything was as it should be. */
void report_close(report *out, int all);

#endif
