/* top.c: `kin top`: what `kin ps` shows, on the full screen, again and again. */
#include "commands.h"
#include "lines.h"
#include "terminal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct top {
    look_filter filter;
    look_history *history;
    int64_t next;      /* when to look again, as kin_now */
    unsigned interval; /* milliseconds */
    line_list lines;
    size_t families, processes, troubles;
    char looked[SYSTEM_TIME_TEXT];
    char wanted[64]; /* what the lines have to contain */
    bool typing;     /* that text */
    bool help, paused, colour;
    size_t first; /* of the lines on the screen */
    int left;     /* columns to the left of the screen */
    int columns, rows;
} top;

/* ---- what is shown ---- */

static void look_again(top *it)
{
    look now;
    look_take(&now, &it->filter, it->history, it->interval);
    lines_free(&it->lines);
    it->lines = lines_of(&now);
    it->families = now.count;
    it->processes = it->troubles = 0;
    for (size_t i = 0; i < now.count; i++) {
        it->processes += now.families[i].member_count;
    }
    for (size_t i = 0; i < it->lines.count; i++) {
        it->troubles += it->lines.lines[i].style == LINE_TROUBLE;
    }
    if (it->wanted[0]) {
        lines_leave(&it->lines, it->wanted);
    }
    system_time_text(system_time(), it->looked);
    it->next = kin_now() + it->interval * KIN_MS(1);
    look_free(&now);
}

static size_t page(const top *it)
{
    return it->rows > 2 ? (size_t)it->rows - 2 : 0;
}

static void keep_in_range(top *it)
{
    size_t last = it->lines.count > page(it) ? it->lines.count - page(it) : 0;
    it->first = it->first < last ? it->first : last;
    it->left = it->left < 200 ? it->left : 200;
}

/* A row of the screen, cut off where it is too long, at the column of the screen's left edge. */
static void draw_row(const top *it, int row, line_style style, int left, const char *text)
{
    int used;
    text += line_fit(text, left, &used);
    size_t length = line_fit(text, it->columns, &used);
    if (text[length]) {
        length = line_fit(text, it->columns - 1, &used);
    }
    printf("\033[%d;1H%s%.*s", row, line_sequence(style, it->colour), (int)length, text);
    if (text[length]) {
        printf("\033[%d;%dH>", row, it->columns);
        used = it->columns;
    }
    fputs(line_sequence(LINE_PLAIN, it->colour), stdout);
    if (used < it->columns) {
        fputs("\033[K", stdout); /* at the right edge it would take the last character away */
    }
}

static void draw_text(const top *it, int row, line_style style, const char *format, ...)
{
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    draw_row(it, row, style, 0, text);
}

static const char *const help[] = {
    "q            end",
    "up down k j  one line",
    "PgUp PgDn    one page; also b, space",
    "Home End     first, last; also g G",
    "left right   what does not fit; also h l",
    "s            sort by something else",
    "t            show one type of object",
    "/            show lines with a text",
    "Esc          show all again",
    "p            pause, go on",
};
#define HELP_COUNT (sizeof help / sizeof help[0])

static void draw_body(const top *it)
{
    for (size_t i = 0; i < page(it); i++) {
        int row = (int)i + 2;
        size_t n = it->first + i;
        if (it->help) {
            draw_row(it, row, LINE_PLAIN, 0, i < HELP_COUNT ? help[i] : "");
        } else if (n < it->lines.count) {
            draw_row(it, row, it->lines.lines[n].style, it->left, it->lines.lines[n].text);
        } else {
            draw_row(it, row, LINE_PLAIN, 0, it->lines.count == 0 && i == 0 ? "no families" : "");
        }
    }
}

static void draw_status(const top *it)
{
    int length;
    const char *sorted = command_word(LOOK_SORTS, (int)it->filter.sort, &length);
    if (it->typing) {
        draw_text(it, it->rows, LINE_FAMILY, "/%s_", it->wanted);
    } else if (it->help) {
        draw_text(it, it->rows, LINE_FAMILY, "any key: back");
    } else {
        size_t last = it->first + page(it) < it->lines.count ? it->first + page(it) : it->lines.count;
        draw_text(it, it->rows, LINE_FAMILY, "%zu/%zu ?:help q:end s:%.*s%s%s%s%s", last, it->lines.count, length,
                  sorted, it->filter.type ? " t:" : "", it->filter.type ? look_type_name(it->filter.type) : "",
                  it->wanted[0] ? " /" : "", it->wanted);
    }
}

static void draw(top *it)
{
    terminal_size(&it->columns, &it->rows);
    keep_in_range(it);
    draw_text(it, 1, it->troubles > 0 ? LINE_TROUBLE : LINE_FAMILY, "kin top %s  %zu famil%s, %zu process%s%s",
              it->paused      ? "(paused)"
              : it->looked[0] ? it->looked + 11
                              : "",
              it->families, it->families == 1 ? "y" : "ies", it->processes, it->processes == 1 ? "" : "es",
              it->troubles > 0 ? ", TROUBLE" : "");
    draw_body(it);
    if (it->rows > 1) {
        draw_status(it);
    }
    fflush(stdout);
}

/* ---- keys ---- */

static void type(top *it, int key)
{
    size_t length = strlen(it->wanted);
    if (key == TERMINAL_ENTER || key == TERMINAL_ESCAPE) {
        it->typing = false;
        it->wanted[key == TERMINAL_ESCAPE ? 0 : length] = '\0';
    } else if (key == TERMINAL_BACKSPACE && length > 0) {
        while ((it->wanted[--length] & 0xc0) == 0x80 && length > 0) {
        }
        it->wanted[length] = '\0';
    } else if (key >= ' ' && key < TERMINAL_NOTHING && length + 1 < sizeof it->wanted) {
        it->wanted[length] = (char)key;
        it->wanted[length + 1] = '\0';
    }
    it->next = 0;
}

static void next_type(top *it)
{
    size_t next = 0;
    while (it->filter.type && look_type_at(next++) != it->filter.type) {
    }
    it->filter.type = look_type_at(next); /* behind the last one: 0, which is all types */
    it->next = 0;
}

static void scroll(top *it, int key)
{
    size_t step = page(it) > 1 ? page(it) - 1 : 1, one = 1;
    switch (key) {
    case TERMINAL_UP:
    case 'k':
        it->first -= it->first < one ? it->first : one;
        break;
    case TERMINAL_DOWN:
    case 'j':
        it->first++;
        break;
    case TERMINAL_PAGE_UP:
    case 'b':
        it->first -= it->first < step ? it->first : step;
        break;
    case TERMINAL_PAGE_DOWN:
    case ' ':
        it->first += step;
        break;
    case TERMINAL_HOME:
    case 'g':
        it->first = 0;
        break;
    case TERMINAL_END:
    case 'G':
        it->first = it->lines.count;
        break;
    case TERMINAL_LEFT:
    case 'h':
        it->left -= it->left < 10 ? it->left : 10;
        break;
    case TERMINAL_RIGHT:
    case 'l':
        it->left += 10;
        break;
    default:
        break;
    }
}

static void obey(top *it, int key)
{
    if (it->typing) {
        type(it, key);
    } else if (it->help) {
        it->help = key >= TERMINAL_NOTHING && key <= TERMINAL_RESIZED;
    } else if (key == '?') {
        it->help = true;
    } else if (key == 's') {
        it->filter.sort = (look_sort)((it->filter.sort + 1) % LOOK_SORT_COUNT);
        it->next = 0;
    } else if (key == 't') {
        next_type(it);
    } else if (key == '/') {
        it->typing = true;
    } else if (key == TERMINAL_ESCAPE) {
        it->wanted[0] = '\0';
        it->filter.type = 0;
        it->next = 0;
    } else if (key == 'p') {
        it->paused = !it->paused;
    } else {
        scroll(it, key);
    }
}

static void watch(top *it)
{
    int key = TERMINAL_NOTHING;
    while (key != TERMINAL_ENDED && (key != 'q' || it->typing) && !ferror(stdout)) {
        int64_t left = it->next - kin_now();
        if (it->next == 0 || (left <= 0 && !it->paused)) {
            look_again(it);
            left = it->next - kin_now();
        }
        draw(it);
        key = terminal_key(it->paused ? 1000 : left > 0 ? (unsigned)(left / KIN_MS(1)) + 1 : 1);
        if (key != 'q' || it->typing) {
            obey(it, key);
        }
    }
}

static int top_run(command_line *line)
{
    top it = {.interval = 1000};
    for (char option; (option = command_next(line)) != 0;) {
        if (option == 'i') {
            it.interval = (unsigned)(command_number(line, 0.05, 86400) * 1000);
        } else {
            ps_filter(&it.filter, line, option);
        }
    }
    it.history = look_history_create();
    it.colour = terminal_has_colours();
    if (!terminal_open() || !terminal_enter()) {
        fprintf(stderr, "kin top: the standard input and output have to be a terminal; `kin ps --watch` needs none\n");
        return EXIT_FAILURE;
    }
    tool_before_failing = terminal_leave;
    watch(&it);
    terminal_leave();
    lines_free(&it.lines);
    free(it.history);
    int status = command_finish(EXIT_SUCCESS);
    terminal_obey();
    return status;
}

static const command_option options[] = {
    {"interval", TOOL_REQUIRED, 'i', "SECONDS", NULL, "look again after so long (1)"},
    PS_FILTER_OPTIONS,
    COMMAND_OPTIONS_END,
};

const command top_command = {
    .name = "top",
    .arguments = "",
    .summary = "show on the full screen what kin ps shows, every second",
    .details =
        "Shows on the full screen what kin ps shows, and looks again every second. It needs at least 40 columns\n"
        "and 12 rows to be useful, and uses no colours where NO_COLOR is set.\n\n"
        "Keys: q ends it. The arrow keys, PgUp, PgDn, Home, End and j, k, h, l move. s sorts by something else,\n"
        "t shows one type of object after the other, / asks for a text that lines have to contain, Esc shows\n"
        "all again, p pauses, ? lists the keys.",
    .examples = "kin top\nkin top --family shop --sort waiters\nNO_COLOR=1 kin top --interval 0.2\n",
    .options = options,
    .run = top_run,
};
