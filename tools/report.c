/* report.c: see report.h. */
#include "report.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>

#include "kin/kin.h"
#include "output.h"

/* Neither NAN nor infinite. mingw's isfinite warns of a double. */
static int present(double number)
{
    return number - number == 0;
}

/* A counted thing, that a double holds exactly. */
static int whole(double number)
{
    return fabs(number) < 1e15 && number == (double)(int64_t)number;
}

static json_t *json_cell(report_kind kind, const report_cell *cell)
{
    if (kind == REPORT_TEXT) {
        return output_text(cell->text);
    }
    if (!present(cell->number)) {
        return json_null();
    }
    if (kind == REPORT_TRUTH) {
        return json_boolean(cell->number != 0);
    }
    return whole(cell->number) ? json_integer((json_int_t)cell->number) : json_real(cell->number);
}

/* Whole numbers as they are; else three digits that count, and no exponent where one can do without. */
static const char *number_text(double number, char *buffer, size_t size)
{
    double magnitude = fabs(number);
    if (!present(number)) {
        return "-";
    }
    int decimals = magnitude >= 100 || whole(number) ? 0 : magnitude >= 10 ? 1 : 2;
    if (magnitude > 0 && magnitude < 0.1) {
        snprintf(buffer, size, "%.2g", number);
    } else {
        snprintf(buffer, size, "%.*f", decimals, number);
    }
    return buffer;
}

static const char *cell_text(report_kind kind, const report_cell *cell, char *buffer, size_t size)
{
    switch (kind) {
    case REPORT_TEXT:
        return cell->text != NULL ? cell->text : "-";
    case REPORT_TRUTH:
        return !present(cell->number) ? "-" : cell->number != 0 ? "yes" : "NO";
    case REPORT_NUMBER:
    default:
        return number_text(cell->number, buffer, size);
    }
}

static void print_padded(const report_column *column, const char *text, int last)
{
    int width = column->kind == REPORT_NUMBER ? column->width : -column->width;
    printf("%*s%s", last && width < 0 ? 0 : width, text, last ? "\n" : "  ");
}

static void open_document(report *out, const char *command)
{
    char version[32];
    snprintf(version, sizeof version, "%d.%d.%d", KIN_VERSION_MAJOR, KIN_VERSION_MINOR, KIN_VERSION_PATCH);
    out->document = json_object();
    output_set(out->document, "command", output_text(command));
    output_set(out->document, "version", output_text(version));
    out->rows = output_set(out->document, "rows", json_array());
}

void report_open(report *out, const char *command, const report_column *columns, size_t count, int json)
{
    *out = (report){.columns = columns, .count = count};
    if (json) {
        open_document(out, command);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        print_padded(&columns[i], columns[i].title, i + 1 == count);
    }
    fflush(stdout);
}

static void add_row(report *out, const report_cell *cells)
{
    json_t *row = output_add(out->rows, json_object());
    for (size_t i = 0; i < out->count; i++) {
        output_set(row, out->columns[i].key, json_cell(out->columns[i].kind, &cells[i]));
    }
}

static void print_row(const report *out, const report_cell *cells)
{
    for (size_t i = 0; i < out->count; i++) {
        char buffer[32];
        const report_column *column = &out->columns[i];
        print_padded(column, cell_text(column->kind, &cells[i], buffer, sizeof buffer), i + 1 == out->count);
    }
    fflush(stdout);
}

void report_row(report *out, const report_cell *cells)
{
    out->shown++;
    if (out->document != NULL) {
        add_row(out, cells);
    } else {
        print_row(out, cells);
    }
}

void report_close(report *out, int all)
{
    if (out->document != NULL) {
        output_set(out->document, "all", json_boolean(all));
        output_document(out->document);
    }
}
