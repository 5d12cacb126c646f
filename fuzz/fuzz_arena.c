/* fuzz_arena.c: memory that says it is an arena. It is what kin would have made, with the header, tables, objects and
 * blocks written over as the input says; then this process joins it as a stranger does, looks on, uses its objects by
 * name, cleans up after its members, and leaves.
 *
 * Held to: no memory is touched beside the arena (there is none) or where its file has none (SIGBUS), no call waits for
 * longer than it may: the time is made up, so that it costs none.
 */
#include "arena.h"
#include "family/adopt.h"
#include "family/layout.h"
#include "family/member.h"
#include "kin/kin.h"

enum { RESERVE = 1 << 20, MEMBERS = 8, THREADS = 64 };
#define LONGEST KIN_SECONDS(60) /* of a call without a timeout of its own: the patience with several locks */

typedef struct thing {
    kin_lock lock;
    kin_sem sem;
    kin_event event;
    kin_cond cond;
    kin_barrier barrier;
    kin_rwlock rwlock;
    kin_counter counter;
} thing;

static struct {
    unsigned char *bytes;
    uint64_t size;
    kin__layout layout;
    uint64_t objects; /* from where on they lie */
} model;

static void must(kin_status status)
{
    require(status >= 0);
}

static void name_all(kin_family *family, thing *it)
{
    kin_sem *leased;
    kin_queue *queue;
    kin_dict *dict;
    kin_list *list;
    kin_array *array;
    must(kin_lock_init(&it->lock, 0));
    must(kin_sem_init(&it->sem, 1, 0));
    must(kin_event_init(&it->event));
    must(kin_cond_init(&it->cond));
    must(kin_barrier_init(&it->barrier, 2));
    must(kin_rwlock_init(&it->rwlock));
    must(kin_counter_init(&it->counter, 1));
    must(kin_sem_create_leased(&leased, family, 20));
    must(kin_queue_create(&queue, family, &(kin_queue_options){.size = sizeof(kin_queue_options), .capacity = 500}));
    must(kin_dict_create(&dict, family));
    must(kin_list_create(&list, family));
    must(kin_array_create(&array, family, KIN_ELEMENT_I32, 20, KIN_VALUE_LOCKED));
    must(kin_queue_put(queue, "message", 7, KIN_NOW));
    must(kin_dict_set(dict, "key", 3, "value", 5));
    must(kin_list_append(list, "item", 4));
    const struct {
        const char *name;
        kin_type type;
        void *object;
    } all[] = {{"lock", KIN_TYPE_LOCK, &it->lock},
               {"sem", KIN_TYPE_SEM, &it->sem},
               {"event", KIN_TYPE_EVENT, &it->event},
               {"cond", KIN_TYPE_COND, &it->cond},
               {"barrier", KIN_TYPE_BARRIER, &it->barrier},
               {"rwlock", KIN_TYPE_RWLOCK, &it->rwlock},
               {"counter", KIN_TYPE_COUNTER, &it->counter},
               {"leased", KIN_TYPE_SEM, leased},
               {"queue", KIN_TYPE_QUEUE, queue},
               {"dict", KIN_TYPE_DICT, dict},
               {"list", KIN_TYPE_LIST, list},
               {"array", KIN_TYPE_ARRAY, array},
               {"memory", KIN_TYPE_MEMORY, it}};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        must(kin_name_set(all[i].name, all[i].type, all[i].object));
    }
}

/* A family as it is when its member was killed, holding a lock, with a thread asleep. */
static void make_model(void)
{
    kin_family_options options = KIN_FAMILY_OPTIONS_INIT;
    kin_family *family;
    thing *it;
    options.reserve = RESERVE;
    options.max_members = MEMBERS;
    options.max_threads = THREADS;
    must(kin_family_create(&family, &options));
    must(kin_alloc((void **)&it, family, sizeof *it));
    name_all(family, it);
    must(kin_lock_acquire(&it->lock, KIN_NOW));
    model.size = atomic_load(&family->known);
    model.layout = family->layout;
    model.objects = kin__offset(family, it) / 8 * 8;
    model.bytes = malloc((size_t)model.size);
    require(model.bytes != NULL);
    memcpy(model.bytes, family->base, (size_t)model.size);
    kin_lock_release(&it->lock);
    kin_family_close(family);
}

/* ---- one arena ---- */

static void write_over(kin__reader *in, char *base)
{
    const kin__layout *at = &model.layout;
    const place places[] = {
        {base + 8, (sizeof(kin__arena) - 8) / 8},
        {base + offsetof(kin__arena, layout), sizeof(kin__layout) / 8},
        {base + offsetof(kin__arena, next_ticket), (sizeof(kin__arena) - offsetof(kin__arena, next_ticket)) / 8},
        {base + at->members, 3 * sizeof(kin__member) / 8},
        {base + at->threads, 3 * offsetof(kin__thread, place) / 8},
        {base + at->buckets, 64},
        {base + at->names, sizeof(kin__container) / 8},
        {base + offsetof(kin__arena, heap) + offsetof(kin__heap, span_end), 3},
        {base + offsetof(kin__arena, heap) + offsetof(kin__heap, runs), 2},
        {base + at->sheets, KIN__CLASSES},
        {base + at->rows + offsetof(kin__row, spans), 16},
        {base + at->rows + offsetof(kin__row, groups), 16},
        {base + at->rows + offsetof(kin__row, marks), KIN__CLASSES + 1},
        {base + model.objects - 16, 64},
        {base + model.objects, 4096},
        {base + model.size - 64, 8},
    };
    /* Consistent numbers of its own, so that what lies behind the checks of the header is reached. */
    kin__layout *layout = (kin__layout *)(void *)(base + offsetof(kin__arena, layout));
    if (choose(in, 1) % 4 == 0) {
        layout->reserve = (choose(in, 1) + 1) * KIN__SPAN_SIZE;
        layout->max_members = (uint32_t)choose(in, 2) % (KIN__MEMBERS_MAX + 2);
        layout->max_threads = (uint32_t)choose(in, 2) % (KIN__THREADS_MAX + 64) / 64 * 64;
        kin__layout_compute(layout);
    }
    for (uint64_t left = choose(in, 1) % 16; left > 0 && !is_done(in); left--) {
        scribble(in, places, sizeof places / sizeof places[0]);
    }
}

static bool make_arena(kin__reader *in, kin__family_ticket *ticket, kin_os_pulse *pulse)
{
    static const kin_os_access own;
    void *base;
    must(kin_os_random(&ticket->id, sizeof ticket->id));
    *pulse = (kin_os_pulse)KIN_OS_NO_PULSE;
    if (kin_os_pulse_create(pulse, &ticket->id, &own) != KIN_OK) {
        return false;
    }
    must(kin_os_shm_create(&ticket->shm, &ticket->id, RESERVE, false, &own));
    must(kin_os_shm_map(&base, ticket->shm, RESERVE, KIN_OS_TO_WRITE));
    must(kin_os_shm_commit(ticket->shm, base, 0, (size_t)model.size));
    memcpy(base, model.bytes, (size_t)model.size);
    ((kin__arena *)base)->id = ticket->id;
    write_over(in, base);
    kin_os_shm_unmap(base, RESERVE);
    return true;
}

static volatile unsigned char touched;

static void touch(const void *bytes, size_t size)
{
    for (size_t i = 0; i < size; i += 64) {
        touched = ((const unsigned char *)bytes)[i];
    }
    if (size > 0) {
        touched = ((const unsigned char *)bytes)[size - 1];
    }
}

static void use(kin_family *family, unsigned which)
{
    static char buffer[4096];
    void *p = NULL;
    size_t size = 0;
    switch (which % 14) {
    case 0:
        if (kin_name_get(&p, family, "lock", KIN_TYPE_LOCK) == KIN_OK && kin_lock_acquire(p, KIN_MS(5)) >= 0) {
            kin_lock_release(p);
        }
        break;
    case 1:
        if (kin_name_get(&p, family, "leased", KIN_TYPE_SEM) == KIN_OK) {
            kin_sem_acquire(p, 2, KIN_MS(5));
            kin_sem_release(p, 1);
        }
        break;
    case 2:
        if (kin_name_get(&p, family, "event", KIN_TYPE_EVENT) == KIN_OK) {
            kin_event_wait(p, KIN_MS(5));
            kin_event_set(p);
        }
        break;
    case 3:
        if (kin_name_get(&p, family, "barrier", KIN_TYPE_BARRIER) == KIN_OK) {
            kin_barrier_wait(p, NULL, KIN_MS(5));
        }
        break;
    case 4:
        if (kin_name_get(&p, family, "rwlock", KIN_TYPE_RWLOCK) == KIN_OK &&
            kin_rwlock_acquire(p, KIN_RWLOCK_WRITE, KIN_MS(5)) >= 0) {
            kin_rwlock_release(p);
        }
        break;
    case 5:
        if (kin_name_get(&p, family, "queue", KIN_TYPE_QUEUE) == KIN_OK) {
            kin_queue_get(p, buffer, sizeof buffer, &size, KIN_MS(5));
            kin_queue_put(p, buffer, 100, KIN_MS(5));
        }
        break;
    case 6:
        if (kin_name_get(&p, family, "dict", KIN_TYPE_DICT) == KIN_OK) {
            kin_dict_get(p, "key", 3, buffer, sizeof buffer, &size);
        }
        break;
    case 7:
        if (kin_name_get(&p, family, "list", KIN_TYPE_LIST) == KIN_OK) {
            kin_list_get(p, 0, buffer, sizeof buffer, &size);
        }
        break;
    case 8:
        if (kin_name_get(&p, family, "array", KIN_TYPE_ARRAY) == KIN_OK) {
            touch(kin_array_data(p), kin_array_data(p) ? kin_array_count(p) : 0);
        }
        break;
    case 9:
        if (kin_name_get(&p, family, "memory", KIN_TYPE_MEMORY) == KIN_OK) {
            touch(p, kin_alloc_size(p, &size) == KIN_OK ? size : 0);
        }
        break;
    case 10:
        if (kin_alloc(&p, family, (which % 5 + 1) * 9000) == KIN_OK) {
            memset(p, 1, (which % 5 + 1) * 9000);
            kin_free(p);
        }
        break;
    case 11:
        kin_family_reap(family, NULL);
        break;
    case 12:
        if (kin_counter_create((kin_counter **)&p, family, 1) == KIN_OK) {
            kin_name_set("another", KIN_TYPE_COUNTER, p);
            kin_name_remove(family, "lock");
        }
        break;
    default: {
        uint64_t blocks, bytes;
        kin_alloc_total(family, &blocks, &bytes);
        break;
    }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    kin__reader in = {data, size, 0, false};
    kin__family_ticket ticket = {.stranger = true, .reserve = RESERVE};
    kin_family *family;
    kin_os_id id;
    kin_os_pulse pulse;
    kin_os_handle own;
    fuzz_time_is_made_up = true;
    if (!model.bytes) {
        make_model();
    }
    if (!make_arena(&in, &ticket, &pulse)) {
        return 0;
    }
    kin_status status = kin__family_header(ticket.shm, &id, &ticket.reserve);
    if (status != KIN_OK) {
        kin_os_handle_close(ticket.shm);
        kin_os_pulse_close(&pulse);
        return 0;
    }
    must(kin_os_pulse_handle(&own, &pulse));
    must(kin_os_handle_duplicate(&ticket.pulse, own));
    kin_os_pulse_close(&pulse);
    if (kin__family_adopt(&family, &ticket) != KIN_OK) {
        return 0;
    }
    if (size % 4 == 0) {
        must(kin_family_inspect_all(family, &fuzz_sight));
    }
    for (int calls = 0; calls < 20 && !is_done(&in); calls++) {
        int64_t start = kin_os_now();
        use(family, (unsigned)choose(&in, 1));
        require(kin_os_now() - start < LONGEST);
    }
    if (size % 4 == 1) {
        must(kin_family_inspect_all(family, &fuzz_sight));
    }
    kin_os_pulse_retire(&family->pulse, &family->id, KIN_OS_PULSE_MAX);
    kin_family_close(family);
    return 0;
}
