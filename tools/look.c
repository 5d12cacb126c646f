/* look.c: see look.h. */
#include "look.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "program.h"

/* ---- names ---- */

/* In the order of LOOK_TYPES. */
static const struct {
    uint32_t type;
    const char *name;
} types[] = {
    {KIN_TYPE_MEMORY, "memory"},   {KIN_TYPE_LOCK, "lock"},      {KIN_TYPE_SEM, "semaphore"},
    {KIN_TYPE_COUNTER, "counter"}, {KIN_TYPE_VALUE, "value"},    {KIN_TYPE_ARRAY, "array"},
    {KIN_TYPE_EVENT, "event"},     {KIN_TYPE_COND, "condition"}, {KIN_TYPE_BARRIER, "barrier"},
    {KIN_TYPE_RWLOCK, "rwlock"},   {KIN_TYPE_QUEUE, "queue"},    {KIN_TYPE_DICT, "dict"},
    {KIN_TYPE_LIST, "list"},
};
#define TYPE_COUNT (sizeof types / sizeof types[0])

uint32_t look_type_at(size_t n)
{
    return n < TYPE_COUNT ? types[n].type : 0;
}

const char *look_type_name(uint32_t type)
{
    for (size_t i = 0; i < TYPE_COUNT; i++) {
        if (types[i].type == type) {
            return types[i].name;
        }
    }
    return type == 0 ? "nothing" : "object";
}

bool look_has_value(uint32_t type)
{
    return type == KIN_TYPE_SEM || type == KIN_TYPE_EVENT || type == KIN_TYPE_QUEUE || type == KIN_TYPE_COUNTER;
}

const char *look_id_text(const uint8_t id[16], char text[FAMILY_ID_TEXT])
{
    for (int i = 0; i < 16; i++) {
        snprintf(text + 2 * i, 3, "%02x", id[i]);
    }
    return text;
}

/* ---- how long a lock has been seen with its holder ---- */

#define MEMORIES 256

typedef struct memory {
    uint8_t family[16];
    uint64_t offset;
    uint32_t holder;
    unsigned first, last; /* numbers of looks */
} memory;

struct look_history {
    unsigned number;   /* of this look */
    unsigned interval; /* milliseconds between two */
    memory memories[MEMORIES];
};

look_history *look_history_create(void)
{
    look_history *it = tool_resize(NULL, sizeof *it, "looking");
    memset(it, 0, sizeof *it);
    return it;
}

static const memory *remember(look_history *history, const uint8_t family[16], const kin_object_info *it)
{
    memory *found = &history->memories[0];
    for (int i = 0; i < MEMORIES; i++) {
        memory *each = &history->memories[i];
        if (each->offset == it->offset && memcmp(each->family, family, sizeof each->family) == 0) {
            found = each;
            break;
        }
        found = each->last < found->last ? each : found;
    }
    bool same = found->offset == it->offset && found->holder == it->holder && found->last + 1 == history->number &&
                memcmp(found->family, family, sizeof found->family) == 0;
    if (!same) {
        *found = (memory){.offset = it->offset, .holder = it->holder, .first = history->number};
        memcpy(found->family, family, sizeof found->family);
    }
    found->last = history->number;
    return found;
}

static int64_t held_for(look_history *history, const uint8_t family[16], const kin_object_info *it)
{
    if (it->holder == 0) {
        return -1;
    }
    const memory *known = remember(history, family, it);
    int64_t seen = (int64_t)(history->number - known->first) * history->interval;
    int64_t told = it->held >= 0 ? it->held / KIN_MS(1) : -1;
    return known->first < history->number && seen > told ? seen : told;
}

/* ---- what is asked for ---- */

static bool wants_family(const look_filter *filter, const kin_family_view *view)
{
    char id[FAMILY_ID_TEXT];
    return !filter->family || strcmp(filter->family, view->name) == 0 ||
           (filter->family[0] != '\0' &&
            strncmp(filter->family, look_id_text(view->id, id), strlen(filter->family)) == 0);
}

static bool wants_type(const look_filter *filter, kin_type type)
{
    return filter->type == 0 || filter->type == (uint32_t)type;
}

static bool waited_for_by(const look_family *it, uint64_t offset, uint32_t pid)
{
    for (size_t i = 0; i < it->waiter_count; i++) {
        if (it->waiters[i].offset == offset && it->waiters[i].pid == pid) {
            return true;
        }
    }
    return false;
}

/* Leaves what is asked for in place; false: nothing. */
static bool leave_wanted(look_family *it, const look_filter *filter)
{
    size_t members = 0, objects = 0, waiters = 0;
    if (!wants_family(filter, &it->view)) {
        return false;
    }
    for (size_t i = 0; i < it->object_count; i++) {
        const kin_object_info *each = &it->objects[i].info;
        bool its = filter->pid == 0 || each->holder == filter->pid || waited_for_by(it, each->offset, filter->pid);
        if (its && wants_type(filter, each->type)) {
            it->objects[objects++] = it->objects[i];
        }
    }
    for (size_t i = 0; i < it->waiter_count; i++) {
        const kin_waiter_info *each = &it->waiters[i];
        if ((filter->pid == 0 || each->pid == filter->pid) && wants_type(filter, each->type)) {
            it->waiters[waiters++] = *each;
        }
    }
    for (size_t i = 0; i < it->member_count; i++) {
        if (filter->pid == 0 || it->members[i].info.pid == filter->pid) {
            it->members[members++] = it->members[i];
        }
    }
    it->member_count = members;
    it->object_count = objects;
    it->waiter_count = waiters;
    return (filter->type == 0 || objects + waiters > 0) && (filter->pid == 0 || members > 0);
}

/* ---- sorting: qsort has no context ---- */

static look_sort sort;

static int by_number(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int by_text(const char *a, const char *b)
{
    return a[0] && b[0] ? strcmp(a, b) : (a[0] == '\0') - (b[0] == '\0'); /* without a name: last */
}

static int compare_families(const void *a, const void *b)
{
    const look_family *one = a, *two = b;
    switch (sort) {
    case LOOK_NAME:
        return by_text(one->view.name, two->view.name);
    case LOOK_MEMORY:
        return by_number((int64_t)two->view.committed, (int64_t)one->view.committed);
    default:
        return memcmp(one->view.id, two->view.id, sizeof one->view.id);
    }
}

static int compare_members(const void *a, const void *b)
{
    const look_member *one = a, *two = b;
    int order = sort == LOOK_NAME      ? by_text(one->command, two->command)
                : sort == LOOK_STARTED ? by_number(two->started, one->started)
                                       : 0;
    return order ? order : by_number(one->info.pid, two->info.pid);
}

static int compare_objects(const void *a, const void *b)
{
    const look_object *one = a, *two = b;
    int order = 0;
    switch (sort) {
    case LOOK_NAME:
        order = by_text(one->name, two->name);
        break;
    case LOOK_PID:
        order = by_number(one->info.holder, two->info.holder);
        break;
    case LOOK_TYPE:
        order = strcmp(look_type_name((uint32_t)one->info.type), look_type_name((uint32_t)two->info.type));
        break;
    case LOOK_HELD:
        order = by_number(two->held, one->held);
        break;
    case LOOK_WAITERS:
        order = by_number(two->info.sleepers, one->info.sleepers);
        break;
    default:
        break;
    }
    return order ? order : by_number((int64_t)one->info.offset, (int64_t)two->info.offset);
}

static int compare_waiters(const void *a, const void *b)
{
    const kin_waiter_info *one = a, *two = b;
    int order = sort == LOOK_TYPE ? strcmp(look_type_name((uint32_t)one->type), look_type_name((uint32_t)two->type))
                                  : by_number(one->pid, two->pid);
    return order ? order : by_number(one->thread, two->thread);
}

static void sort_list(void *list, size_t count, size_t size, int (*compare)(const void *, const void *))
{
    if (count > 1) {
        qsort(list, count, size, compare);
    }
}

static void sort_all(look *it)
{
    sort = it->filter->sort;
    if (sort == LOOK_UNSORTED) {
        return;
    }
    sort_list(it->families, it->count, sizeof *it->families, compare_families);
    for (size_t i = 0; i < it->count; i++) {
        look_family *each = &it->families[i];
        sort_list(each->members, each->member_count, sizeof *each->members, compare_members);
        sort_list(each->objects, each->object_count, sizeof *each->objects, compare_objects);
        sort_list(each->waiters, each->waiter_count, sizeof *each->waiters, compare_waiters);
    }
}

/* ---- looking ---- */

/* Room for one more element of a list of count: its sizes are powers of 2. */
static void *room_for(void *list, size_t count, size_t size)
{
    bool full = (count & (count - 1)) == 0;
    return full ? tool_resize(list, (count > 0 ? 2 * count : 1) * size, "looking") : list;
}

static look_family *last_of(look *it)
{
    return &it->families[it->count - 1];
}

static void add_family(const kin_family_view *view, void *context)
{
    look *out = context;
    out->families = room_for(out->families, out->count, sizeof *out->families);
    out->families[out->count++] = (look_family){.view = *view};
}

static void add_member(const kin_member_info *info, void *context)
{
    look_family *family = last_of(context);
    family->members = room_for(family->members, family->member_count, sizeof *family->members);
    look_member *it = &family->members[family->member_count++];
    *it = (look_member){.info = *info, .started = -1};
    if (info->alive && !info->unsure) { /* else the number may be another process's by now, or another namespace's */
        system_process(info->pid, it->command, &it->started);
    }
}

static void add_object(const kin_object_info *info, void *context)
{
    look *out = context;
    look_family *family = last_of(out);
    family->objects = room_for(family->objects, family->object_count, sizeof *family->objects);
    look_object *it = &family->objects[family->object_count++];
    *it = (look_object){.info = *info, .held = held_for(out->history, family->view.id, info)};
    it->info.name = NULL;
    snprintf(it->name, sizeof it->name, "%s", info->name ? info->name : "");
}

static void add_waiter(const kin_waiter_info *info, void *context)
{
    look_family *family = last_of(context);
    family->waiters = room_for(family->waiters, family->waiter_count, sizeof *family->waiters);
    family->waiters[family->waiter_count++] = *info;
}

static void free_family(look_family *it)
{
    free(it->members);
    free(it->objects);
    free(it->waiters);
}

static void visit(kin_family *family, void *context)
{
    look *out = context;
    kin_inspector inspector = KIN_INSPECTOR_INIT;
    inspector.family = add_family;
    inspector.member = add_member;
    inspector.object = add_object;
    inspector.sleeper = add_waiter;
    inspector.context = out;
    tool_check(kin_family_inspect_all(family, &inspector), "looking");
}

void look_take(look *out, const look_filter *filter, look_history *history, unsigned interval)
{
    *out = (look){.filter = filter, .history = history};
    history->number++;
    history->interval = interval;
    tool_check(kin_family_list(visit, out, NULL), "kin_family_list");
    size_t left = 0;
    for (size_t i = 0; i < out->count; i++) {
        if (leave_wanted(&out->families[i], filter)) {
            out->families[left++] = out->families[i];
        } else {
            free_family(&out->families[i]);
        }
    }
    out->count = left;
    sort_all(out);
}

void look_free(look *it)
{
    for (size_t i = 0; i < it->count; i++) {
        free_family(&it->families[i]);
    }
    free(it->families);
    *it = (look){.filter = it->filter, .history = it->history};
}

const look_object *look_object_at(const look_family *it, uint64_t offset)
{
    for (size_t i = 0; i < it->object_count; i++) {
        if (it->objects[i].info.offset == offset) {
            return &it->objects[i];
        }
    }
    return NULL;
}
