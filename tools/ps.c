/* ps.c: `kin ps`: who is in which family, who holds what, who waits for what. */
#include "commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "output.h"
#include "terminal.h"

const char *type_name(kin_type type)
{
    static const char *const names[] = {"nothing", "memory", "lock",      "semaphore", "counter", "value",
                                        "array",   "event",  "condition", "barrier",   "rwlock",  "queue"};
    switch ((uint32_t)type) {
    case KIN_TYPE_DICT:
        return "dict";
    case KIN_TYPE_LIST:
        return "list";
    default:
        return (size_t)type < sizeof names / sizeof names[0] ? names[type] : "object";
    }
}

/* ---- how long a lock has been seen with its holder, when `kin ps` looks on ---- */

#define MEMORIES 256

typedef struct memory {
    uint8_t family[16];
    uint64_t offset;
    uint32_t holder;
    unsigned first, last; /* numbers of looks */
} memory;

typedef struct screen {
    int json;
    unsigned look;     /* this one's number */
    unsigned interval; /* milliseconds between two */
    memory memories[MEMORIES];
    kin_family_view family;               /* the one being shown */
    int families;                         /* so far */
    json_t *document, *all;               /* of JSON: all of its families */
    json_t *members, *objects, *sleepers; /* of the family */
} screen;

static memory *remember(screen *out, const kin_object_info *it)
{
    memory *oldest = &out->memories[0];
    for (int i = 0; i < MEMORIES; i++) {
        memory *each = &out->memories[i];
        if (each->offset == it->offset && memcmp(each->family, out->family.id, sizeof each->family) == 0) {
            oldest = each;
            break;
        }
        oldest = each->last < oldest->last ? each : oldest;
    }
    int same = oldest->offset == it->offset && oldest->holder == it->holder && oldest->last + 1 == out->look &&
               memcmp(oldest->family, out->family.id, sizeof oldest->family) == 0;
    if (!same) {
        *oldest = (memory){.offset = it->offset, .holder = it->holder, .first = out->look};
        memcpy(oldest->family, out->family.id, sizeof oldest->family);
    }
    oldest->last = out->look;
    return oldest;
}

/* Milliseconds, -1: not known. */
static int64_t held_for(screen *out, const kin_object_info *it)
{
    if (it->holder == 0) {
        return -1;
    }
    const memory *known = remember(out, it);
    int64_t seen = (int64_t)(out->look - known->first) * out->interval;
    int64_t told = it->held >= 0 ? it->held / KIN_MS(1) : -1;
    return known->first < out->look && seen > told ? seen : told;
}

/* ---- text ---- */

const char *family_id_text(const uint8_t id[16], char text[FAMILY_ID_TEXT])
{
    for (int i = 0; i < 16; i++) {
        snprintf(text + 2 * i, 3, "%02x", id[i]);
    }
    return text;
}

static void text_family(const kin_family_view *it, void *context)
{
    screen *out = context;
    char id[FAMILY_ID_TEXT];
    out->family = *it;
    printf("%sfamily %s", out->families++ > 0 ? "\n" : "", family_id_text(it->id, id));
    printf("%s", it->name[0] != '\0' ? "  " : "");
    output_print(it->name);
    printf("  %" PRIu64 " KiB of %" PRIu64 " MiB\n", it->committed / 1024, it->reserve / 1048576);
}

static void text_member(const kin_member_info *it, void *context)
{
    (void)context;
    printf("  process %-8u %u thread%s%s\n", it->pid, it->threads, it->threads == 1 ? "" : "s",
           !it->alive   ? "  DEAD, not cleaned up after"
           : it->unsure ? "  unsure whether it lives"
                        : "");
}

static void print_object(kin_type type, uint64_t offset)
{
    printf("%s @%" PRIx64, type_name(type), offset);
}

static int has_value(kin_type type)
{
    return type == KIN_TYPE_SEM || type == KIN_TYPE_EVENT || type == KIN_TYPE_QUEUE || type == KIN_TYPE_COUNTER;
}

static void text_object(const kin_object_info *it, void *context)
{
    int64_t held = held_for(context, it);
    printf("  ");
    print_object(it->type, it->offset);
    if (it->name) {
        printf(" \"");
        output_print(it->name);
        printf("\"");
    }
    if (has_value(it->type)) {
        printf("  value %" PRId64, it->value);
    }
    if (it->holders > 0) {
        printf("  held by %u%s", it->holder, it->holder_alive ? "" : " (DEAD)");
    }
    if (it->holders > 1) {
        printf(" and %u more", it->holders - 1);
    }
    if (held >= 0) {
        printf(" for at least %" PRId64 " ms", held);
    }
    if (it->sleepers > 0) {
        printf("  %u wait%s", it->sleepers, it->sleepers == 1 ? "s" : "");
    }
    printf("\n");
}

static void text_sleeper(const kin_waiter_info *it, void *context)
{
    (void)context;
    printf("  process %u, thread %u waits for ", it->pid, it->thread);
    if (it->type) {
        print_object(it->type, it->offset);
    } else {
        printf("several things");
    }
    printf("%s\n", it->deadlocked ? "  DEADLOCK: in a cycle of owners" : "");
}

/* ---- JSON ---- */

static void add_family(const kin_family_view *it, void *context)
{
    screen *out = context;
    char id[FAMILY_ID_TEXT];
    out->family = *it;
    json_t *family = output_add(out->all, json_object());
    output_set(family, "id", output_text(family_id_text(it->id, id)));
    output_set(family, "name", output_text(it->name));
    output_set(family, "committed", json_integer((json_int_t)it->committed));
    output_set(family, "reserve", json_integer((json_int_t)it->reserve));
    out->members = output_set(family, "members", json_array());
    out->objects = output_set(family, "objects", json_array());
    out->sleepers = output_set(family, "sleepers", json_array());
}

static void add_member(const kin_member_info *it, void *context)
{
    json_t *member = output_add(((screen *)context)->members, json_object());
    output_set(member, "pid", json_integer(it->pid));
    output_set(member, "threads", json_integer(it->threads));
    output_set(member, "alive", json_boolean(it->alive));
    output_set(member, "unsure", json_boolean(it->unsure));
}

static void add_object(const kin_object_info *it, void *context)
{
    int64_t held = held_for(context, it);
    json_t *object = output_add(((screen *)context)->objects, json_object());
    output_set(object, "type", output_text(type_name(it->type)));
    output_set(object, "offset", json_integer((json_int_t)it->offset));
    output_set(object, "name", output_text(it->name));
    output_set(object, "value", json_integer(it->value));
    output_set(object, "holders", json_integer(it->holders));
    if (it->holders > 0) {
        output_set(object, "holder", json_integer(it->holder));
        output_set(object, "holder_alive", json_boolean(it->holder_alive));
    }
    if (held >= 0) {
        output_set(object, "held_ms", json_integer(held));
    }
    output_set(object, "sleepers", json_integer(it->sleepers));
}

static void add_sleeper(const kin_waiter_info *it, void *context)
{
    json_t *sleeper = output_add(((screen *)context)->sleepers, json_object());
    output_set(sleeper, "pid", json_integer(it->pid));
    output_set(sleeper, "thread", json_integer(it->thread));
    output_set(sleeper, "type", output_text(it->type ? type_name(it->type) : "several"));
    output_set(sleeper, "offset", json_integer((json_int_t)it->offset));
    output_set(sleeper, "deadlock", json_boolean(it->deadlocked));
}

/* ---- the commands ---- */

static void show_family(kin_family *family, void *context)
{
    screen *out = context;
    kin_inspector sight = {.size = sizeof sight,
                           .family = out->json ? add_family : text_family,
                           .member = out->json ? add_member : text_member,
                           .object = out->json ? add_object : text_object,
                           .sleeper = out->json ? add_sleeper : text_sleeper,
                           .context = out};
    tool_check(kin_family_inspect_all(family, &sight), "looking");
}

static void show(screen *out)
{
    out->look++;
    out->families = 0;
    if (out->json) {
        out->document = json_object();
        out->all = output_set(out->document, "families", json_array());
    }
    tool_check(kin_family_list(show_family, out, NULL), "kin_family_list");
    if (out->json) {
        output_document(out->document);
    } else if (out->families == 0) {
        printf("no families\n");
    }
    fflush(stdout);
}

static int ps_usage(FILE *stream, int status)
{
    fprintf(stream,
            "usage: kin ps [--json] [--watch [SECONDS]]\n\n"
            "Shows this user's families: their processes, the objects that have a name, are held or are waited for,\n"
            "and who waits for what. It disturbs nobody.\n\n"
            "  --json             one JSON document, on one line; with --watch one after the other\n"
            "  --watch [SECONDS]  again and again, every second or so many; ends with Ctrl-C\n");
    return status;
}

int ps_command(int argc, char **argv)
{
    static const tool_option known[] = {
        {"json", TOOL_NONE, 'j'},
        {"watch", TOOL_OPTIONAL, 'w'},
        {"help", TOOL_NONE, 'h'},
        {NULL, TOOL_NONE, 0},
    };
    static screen out;
    double seconds = 1;
    int watch = 0;
    tool_arguments arguments = tool_arguments_of(argc, argv);
    for (char option; (option = tool_next_option(&arguments, known)) != 0;) {
        if (option == 'j') {
            out.json = 1;
        } else if (option == 'w') {
            watch = 1;
            seconds = arguments.value ? strtod(arguments.value, NULL) : 1;
        } else {
            return option == 'h' ? ps_usage(stdout, EXIT_SUCCESS) : ps_usage(stderr, EXIT_USAGE);
        }
    }
    if (arguments.next != argc || !(seconds >= 0.01 && seconds <= 86400)) {
        return ps_usage(stderr, EXIT_USAGE);
    }
    out.interval = (unsigned)(seconds * 1000);
    int terminal = watch && terminal_open() && !out.json;
    do {
        if (terminal) {
            printf("\033[H\033[2J");
        }
        show(&out);
        if (watch) {
            terminal_rest(out.interval);
        }
    } while (watch && !ferror(stdout));
    return EXIT_SUCCESS;
}
