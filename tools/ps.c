/* ps.c: `kin ps`: the members of the families, the holders and the waiters of objects. `kin names`: names only. */
#include "commands.h"
#include "lines.h"
#include "output.h"
#include "terminal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void ps_filter(look_filter *out, const command_line *line, char option)
{
    switch (option) {
    case 'f':
        out->family = line->value;
        break;
    case 'p':
        out->pid = (uint32_t)command_number(line, 1, UINT32_MAX);
        break;
    case 't':
        out->type = look_type_at((size_t)command_choice(line));
        break;
    default:
        out->sort = (look_sort)command_choice(line);
    }
}

/* ---- JSON ---- */

static json_t *member_json(const look_member *it)
{
    json_t *member = json_object();
    output_set(member, "pid", json_integer(it->info.pid));
    output_set(member, "threads", json_integer(it->info.threads));
    output_set(member, "alive", json_boolean(it->info.alive));
    output_set(member, "unsure", json_boolean(it->info.unsure));
    output_set(member, "command", output_text(it->command[0] ? it->command : NULL));
    output_set(member, "started", it->started >= 0 ? json_integer((json_int_t)it->started) : json_null());
    return member;
}

static json_t *object_json(const look_object *it)
{
    json_t *object = json_object();
    output_set(object, "type", output_text(look_type_name((uint32_t)it->info.type)));
    output_set(object, "offset", json_integer((json_int_t)it->info.offset));
    output_set(object, "name", output_text(it->name[0] ? it->name : NULL));
    output_set(object, "value", json_integer(it->info.value));
    output_set(object, "holders", json_integer(it->info.holders));
    if (it->info.holders > 0) {
        output_set(object, "holder", json_integer(it->info.holder));
        output_set(object, "holder_alive", json_boolean(it->info.holder_alive));
    }
    if (it->held >= 0) {
        output_set(object, "held_ms", json_integer((json_int_t)it->held));
    }
    output_set(object, "sleepers", json_integer(it->info.sleepers));
    return object;
}

static json_t *waiter_json(const kin_waiter_info *it)
{
    json_t *waiter = json_object();
    output_set(waiter, "pid", json_integer(it->pid));
    output_set(waiter, "thread", json_integer(it->thread));
    output_set(waiter, "type", output_text(it->type ? look_type_name((uint32_t)it->type) : "several"));
    output_set(waiter, "offset", json_integer((json_int_t)it->offset));
    output_set(waiter, "deadlock", json_boolean(it->deadlocked));
    return waiter;
}

static void add_family(json_t *all, const look_family *it)
{
    char id[FAMILY_ID_TEXT];
    json_t *family = output_add(all, json_object());
    output_set(family, "id", output_text(look_id_text(it->view.id, id)));
    output_set(family, "name", output_text(it->view.name));
    output_set(family, "committed", json_integer((json_int_t)it->view.committed));
    output_set(family, "reserve", json_integer((json_int_t)it->view.reserve));
    json_t *members = output_set(family, "members", json_array());
    json_t *objects = output_set(family, "objects", json_array());
    json_t *waiters = output_set(family, "sleepers", json_array());
    for (size_t i = 0; i < it->member_count; i++) {
        output_add(members, member_json(&it->members[i]));
    }
    for (size_t i = 0; i < it->object_count; i++) {
        output_add(objects, object_json(&it->objects[i]));
    }
    for (size_t i = 0; i < it->waiter_count; i++) {
        output_add(waiters, waiter_json(&it->waiters[i]));
    }
}

static void print_json(const look *it)
{
    json_t *document = json_object();
    output_set(document, "time", json_integer((json_int_t)system_time()));
    json_t *all = output_set(document, "families", json_array());
    for (size_t i = 0; i < it->count; i++) {
        add_family(all, &it->families[i]);
    }
    output_document(document);
}

/* ---- text ---- */

static void print_lines(const look *it, bool styled, bool watched)
{
    char now[SYSTEM_TIME_TEXT];
    bool coloured = styled && terminal_has_colours();
    line_list all = lines_of(it);
    if (watched) {
        printf("%s\n", system_time_text(system_time(), now));
    }
    for (size_t i = 0; i < all.count; i++) {
        bool begins = coloured && all.lines[i].style != LINE_PLAIN;
        printf("%s%s%s\n", begins ? line_sequence(all.lines[i].style, true) : "", all.lines[i].text,
               begins ? line_sequence(LINE_PLAIN, true) : "");
    }
    printf("%s%s", all.count == 0 ? "no families\n" : "", watched ? "\n" : "");
    lines_free(&all);
}

/* ---- the commands ---- */

static int ps_run(command_line *line)
{
    look_filter filter = {.family = NULL};
    bool json = false, watch = false;
    double seconds = 1;
    size_t found;
    for (char option; (option = command_next(line)) != 0;) {
        if (option == 'j') {
            json = true;
        } else if (option == 'w') {
            watch = true;
            seconds = line->value ? command_number(line, 0.01, 86400) : 1;
        } else {
            ps_filter(&filter, line, option);
        }
    }
    look_history *history = look_history_create();
    unsigned interval = (unsigned)(seconds * 1000);
    bool styled = terminal_open();
    do {
        look now;
        look_take(&now, &filter, history, interval);
        found = now.count;
        if (json) {
            print_json(&now);
        } else {
            print_lines(&now, styled, watch);
        }
        look_free(&now);
        fflush(stdout);
        if (watch) {
            kin_sleep(interval * KIN_MS(1));
        }
    } while (watch && !ferror(stdout));
    free(history);
    bool asked = filter.family || filter.pid || filter.type;
    return found > 0 || !asked ? EXIT_SUCCESS : EXIT_NOT_THERE;
}

static const command_option ps_options[] = {
    {"json", TOOL_NONE, 'j', NULL, NULL, "print one JSON document, on one line"},
    {"watch", TOOL_OPTIONAL, 'w', "SECONDS", NULL, "look again every second, or every SECONDS, until Ctrl-C"},
    PS_FILTER_OPTIONS,
    COMMAND_OPTIONS_END,
};

const command ps_command = {
    .name = "ps",
    .arguments = "",
    .summary = "show families, their processes, and the holders and waiters of objects",
    .details =
        "Shows this user's families: their processes, the objects that have a name, are held or are waited for,\n"
        "and the threads that wait. It joins no family, takes no lock and changes nothing.\n\n"
        "Filters choose the families in which something passes all of them, and of these what passes. The exit\n"
        "status 3 then says that nothing does.\n\n"
        "JSON: times are seconds since 1970; a process's command and start are null where the system does not\n"
        "tell them. With --watch there is one document on each line.",
    .examples = "kin ps\nkin ps --family shop --type lock --sort held\nkin ps --pid 4711\n"
                "kin ps --watch 5 --json >>families.jsonl\n",
    .options = ps_options,
    .run = ps_run,
};

static int names_run(command_line *line)
{
    look_filter filter = {.family = NULL};
    look_history *history = look_history_create();
    look now;
    for (char option; (option = command_next(line)) != 0;) {
        ps_filter(&filter, line, option);
    }
    filter.family = line->count > 0 ? line->arguments[0] : NULL;
    filter.sort = LOOK_NAME;
    look_take(&now, &filter, history, 0);
    for (size_t i = 0; i < now.count; i++) {
        const look_family *each = &now.families[i];
        if (!filter.family && each->view.name[0]) {
            output_print(each->view.name);
            printf("\n");
        }
        for (size_t n = 0; filter.family && n < each->object_count; n++) {
            if (each->objects[n].name[0]) {
                output_print(each->objects[n].name);
                printf("\n");
            }
        }
    }
    bool found = now.count > 0;
    look_free(&now);
    free(history);
    return found || !filter.family ? EXIT_SUCCESS : EXIT_NOT_THERE;
}

static const command_option names_options[] = {
    {"type", TOOL_REQUIRED, 't', "TYPE", LOOK_TYPES, "only objects of that type"},
    COMMAND_OPTIONS_END,
};

const command names_command = {
    .name = "names",
    .arguments = "[NAME]",
    .summary = "print the names of families, or of a family's objects",
    .details = "Prints the names of this user's families, or of the objects of the family NAME, one on each line.",
    .examples = "kin names\nkin names shop\nkin names --type queue shop\n",
    .options = names_options,
    .run = names_run,
};
