/* report.c: see report.h. */
#include "report.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>

#include "kin/kin.h"

/* Neither NAN nor infinite. mingw's isfinite warns of a double. */
static int present(double number)
{
    return number - number == 0;
}

static void print_json_text(const char *text)
{
    putchar('"');
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\') {
            printf("\\%c", *c);
        } else if ((unsigned char)*c < 0x20) {
            printf("\\u%04x", (unsigned)*c);
        } else {
            putchar(*c);
        }
    }
    putchar('"');
}

static void print_json_cell(report_kind kind, const report_cell *cell)
{
    if (kind == REPORT_TEXT && cell->text != NULL) {
        print_json_text(cell->text);
    } else if (kind == REPORT_TEXT || !present(cell->number)) {
        printf("null");
    } else if (kind == REPORT_TRUTH) {
        printf("%s", cell->number != 0 ? "true" : "false");
    } else {
        printf("%.6g", cell->number);
    }
}

/* Whole numbers as they are; else three digits that count, and no exponent where one can do without. */
static const char *number_text(double number, char *buffer, size_t size)
{
    double magnitude = fabs(number);
    if (!present(number)) {
        return "-";
    }
    int whole = magnitude < 1e9 && magnitude == (double)(int64_t)magnitude;
    int decimals = magnitude >= 100 || whole ? 0 : magnitude >= 10 ? 1 : 2;
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

void report_open(report *out, const char *command, const report_column *columns, size_t count, int json)
{
    *out = (report){columns, count, json, 0};
    if (json) {
        printf("{\"command\": ");
        print_json_text(command);
        printf(", \"version\": \"%d.%d.%d\", \"rows\": [", KIN_VERSION_MAJOR, KIN_VERSION_MINOR, KIN_VERSION_PATCH);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        print_padded(&columns[i], columns[i].title, i + 1 == count);
    }
    fflush(stdout);
}

void report_row(report *out, const report_cell *cells)
{
    if (out->json) {
        printf("%s\n  {", out->rows > 0 ? "," : "");
    }
    for (size_t i = 0; i < out->count; i++) {
        const report_column *column = &out->columns[i];
        if (out->json) {
            printf("%s\"%s\": ", i > 0 ? ", " : "", column->key);
            print_json_cell(column->kind, &cells[i]);
        } else {
            char buffer[32];
            print_padded(column, cell_text(column->kind, &cells[i], buffer, sizeof buffer), i + 1 == out->count);
        }
    }
    if (out->json) {
        putchar('}');
    }
    out->rows++;
    fflush(stdout);
}

void report_close(report *out, int all)
{
    if (out->json) {
        printf("\n], \"all\": %s}\n", all ? "true" : "false");
    }
}
