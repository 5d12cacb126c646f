/* lines.c: see lines.h. */
#include "lines.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"
#include "program.h"

/* ---- a line, piece by piece ---- */

static void begin(line_list *out, line_style style)
{
    out->lines = tool_resize(out->lines, (out->count + 1) * sizeof *out->lines, "a line");
    char *text = tool_resize(NULL, 1, "a line");
    text[0] = '\0';
    out->lines[out->count++] = (text_line){style, text};
}

static void add(line_list *out, const char *text)
{
    text_line *line = &out->lines[out->count - 1];
    size_t length = strlen(line->text), more = strlen(text) + 1;
    line->text = tool_resize(line->text, length + more, "a line");
    memcpy(line->text + length, text, more);
}

static void addf(line_list *out, const char *format, ...)
{
    char text[128];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    add(out, text);
}

/* A text that others have written. exact: what comes from an escape can be told from what is there. */
static void add_text(line_list *out, const char *text, bool exact)
{
    char character[OUTPUT_CHARACTER];
    for (size_t left = strlen(text); left > 0;) {
        size_t length = output_character(text, left, character);
        add(out, !exact && (text[0] == '\\' || text[0] == '"') ? character + 1 : character);
        text += length;
        left -= length;
    }
}

static void trouble(line_list *out)
{
    out->lines[out->count - 1].style = LINE_TROUBLE;
}

/* ---- what is shown, the most important first: a narrow terminal shows the beginnings ---- */

static void add_size(line_list *out, uint64_t bytes)
{
    if (bytes < 10 * UINT64_C(1048576)) {
        addf(out, "%" PRIu64 " KiB", bytes / 1024);
    } else {
        addf(out, "%" PRIu64 " MiB", bytes / 1048576);
    }
}

static void add_family(line_list *out, const kin_family_view *it)
{
    char id[FAMILY_ID_TEXT];
    begin(out, LINE_FAMILY);
    add(out, "family ");
    add_text(out, it->name, true);
    addf(out, "%s%s  ", it->name[0] ? "  " : "", look_id_text(it->id, id));
    add_size(out, it->committed);
    add(out, " of ");
    add_size(out, it->reserve);
}

static void add_member(line_list *out, const look_member *it)
{
    char started[SYSTEM_TIME_TEXT];
    begin(out, LINE_MEMBER);
    addf(out, "  process %-7u ", (unsigned)it->info.pid);
    if (!it->info.alive) {
        trouble(out);
        add(out, "DEAD, not cleaned up after  ");
    } else if (it->info.unsure) {
        add(out, "unsure whether it lives  ");
    }
    addf(out, "%u thread%s", (unsigned)it->info.threads, it->info.threads == 1 ? " " : "s");
    if (it->started >= 0) {
        addf(out, "  %s", system_time_text(it->started, started));
    }
    add(out, it->command[0] ? "  " : "");
    add_text(out, it->command, false);
}

/* "lock till", or "lock @1f40" where it has no name. */
static void add_which(line_list *out, uint32_t type, uint64_t offset, const char *name)
{
    addf(out, "%s ", look_type_name(type));
    if (name[0]) {
        add_text(out, name, true);
    } else {
        addf(out, "@%" PRIx64, offset);
    }
}

static void add_holder(line_list *out, const look_object *it)
{
    if (it->info.holder) {
        addf(out, "  held by %u", (unsigned)it->info.holder);
    } else {
        add(out, "  held by a process that is gone");
    }
    if (!it->info.holder_alive) {
        trouble(out);
        add(out, it->info.holder ? " (DEAD)" : "");
    }
    if (it->info.holders > 1) {
        addf(out, " and %u more", (unsigned)it->info.holders - 1);
    }
    if (it->held >= 0) {
        addf(out, " for %.1f s", (double)it->held / 1000);
    }
}

static void add_object(line_list *out, const look_object *it)
{
    begin(out, LINE_OBJECT);
    add(out, "  ");
    add_which(out, (uint32_t)it->info.type, it->info.offset, it->name);
    if (look_has_value((uint32_t)it->info.type)) {
        addf(out, "  value %" PRId64, it->info.value);
    }
    if (it->info.holders > 0) {
        add_holder(out, it);
    }
    if (it->info.sleepers > 0) {
        addf(out, "  %u wait%s", (unsigned)it->info.sleepers, it->info.sleepers == 1 ? "s" : "");
    }
}

static void add_waiter(line_list *out, const look_family *family, const kin_waiter_info *it)
{
    begin(out, LINE_WAITER);
    addf(out, "  process %u, thread %u waits for ", (unsigned)it->pid, (unsigned)it->thread);
    if (it->type) {
        const look_object *object = look_object_at(family, it->offset);
        add_which(out, (uint32_t)it->type, it->offset, object ? object->name : "");
    } else {
        add(out, "several things");
    }
    if (it->deadlocked) {
        trouble(out);
        add(out, "  DEADLOCK: in a cycle of owners");
    }
}

line_list lines_of(const look *it)
{
    line_list out = {NULL, 0};
    for (size_t i = 0; i < it->count; i++) {
        const look_family *family = &it->families[i];
        if (i > 0) {
            begin(&out, LINE_PLAIN);
        }
        add_family(&out, &family->view);
        for (size_t n = 0; n < family->member_count; n++) {
            add_member(&out, &family->members[n]);
        }
        for (size_t n = 0; n < family->object_count; n++) {
            add_object(&out, &family->objects[n]);
        }
        for (size_t n = 0; n < family->waiter_count; n++) {
            add_waiter(&out, family, &family->waiters[n]);
        }
    }
    return out;
}

void lines_leave(line_list *it, const char *text)
{
    char *heading = NULL; /* of a family of which no line has been left yet */
    bool all = false;
    size_t left = 0;
    for (size_t i = 0; i < it->count; i++) {
        text_line line = it->lines[i];
        bool has = strstr(line.text, text) != NULL;
        if (line.style == LINE_FAMILY) {
            free(heading);
            heading = has ? NULL : line.text;
            all = has;
            if (!has) {
                continue;
            }
        } else if (line.style == LINE_PLAIN || (!has && !all)) {
            free(line.text);
            continue;
        }
        if (heading) {
            it->lines[left++] = (text_line){LINE_FAMILY, heading};
            heading = NULL;
        }
        it->lines[left++] = line;
    }
    free(heading);
    it->count = left;
}

void lines_free(line_list *it)
{
    for (size_t i = 0; i < it->count; i++) {
        free(it->lines[i].text);
    }
    free(it->lines);
    *it = (line_list){NULL, 0};
}

/* ---- how it looks ---- */

const char *line_sequence(line_style style, bool colour)
{
    static const char *const colours[] = {"\033[0m", "\033[1;36m", "\033[0m", "\033[32m", "\033[33m", "\033[1;31m"};
    static const char *const without[] = {"\033[0m", "\033[1m", "\033[0m", "\033[0m", "\033[0m", "\033[1m"};
    return colour ? colours[style] : without[style];
}

/* Columns of the character that begins there. Where a terminal may need two, two: a line must never be too long. */
static int columns_of(const char *text)
{
    unsigned char first = (unsigned char)text[0];
    return first < 0xe1 ? 1 : 2; /* from U+1000 on */
}

size_t line_fit(const char *text, int columns, int *used)
{
    size_t length = 0;
    *used = 0;
    while (text[length] && *used + columns_of(text + length) <= columns) {
        *used += columns_of(text + length);
        for (length++; ((unsigned char)text[length] & 0xc0) == 0x80; length++) {
        }
    }
    return length;
}
