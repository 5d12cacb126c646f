/* report.h: rows as they come, for people (an aligned table) or for programs (one JSON document). */
#ifndef REPORT_H
#define REPORT_H

#include <stddef.h>

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
    int json;
    size_t rows;
} report;

/* Begins on stdout; columns must stay valid. */
void report_open(report *out, const char *command, const report_column *columns, size_t count, int json);
/* One cell for each column. */
void report_row(report *out, const report_cell *cells);
/* all: whether everything was as it should be. */
void report_close(report *out, int all);

#endif
