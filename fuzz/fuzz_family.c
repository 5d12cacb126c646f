/* fuzz_family.c: a family that lives, while its memory is written over: two threads call every function on objects of
 * all kinds, and this one writes words of all structures, as the input says, at the same time.
 *
 * Held to: no memory is touched beside the arena (there is none) or where its file has none (SIGBUS); what a call
 * gives is memory that may be touched; and when all words are put back to what they were, each call that still waits
 * comes to an end (libFuzzer's -timeout). Calls that have a timeout use one of a millisecond.
 *
 * A thread's native semaphore is the system's affair and is left alone.
 */
#include "arena.h"
#include "container/container.h"
#include "family/adopt.h"
#include "family/member.h"
#include "kin/kin.h"
#include "queue/ring.h"

#include <pthread.h>

enum { RESERVE = 4 << 20, MEMBERS = 8, THREADS = 64, USERS = 2, STEPS = 40 };
enum { LONG = 2100 }; /* items of a list whose index has segments */
#define MOMENT KIN_MS(1)
#define PATIENCE KIN_MS(30) /* then the words are put back */

typedef struct objects {
    kin_lock lock;
    kin_sem sem;
    kin_event event;
    kin_cond cond;
    kin_barrier barrier;
    kin_rwlock rwlock;
    kin_counter counter;
} objects;

typedef struct game {
    kin_family *family;
    objects *it;
    kin_sem *leased;
    kin_value *value;
    kin_array *array;
    kin_queue *queue, *tasks;
    kin_dict *dict;
    kin_list *list, *long_list;
    const uint8_t *data;
    size_t size;
    _Atomic uint32_t ready, done;
    _Atomic bool go, over;
} game;

typedef struct user {
    game *it;
    uint32_t number;
    pthread_t thread;
} user;

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

static void make(kin_status status)
{
    require(status == KIN_OK);
}

static void open_game(game *g)
{
    kin_family_options options = KIN_FAMILY_OPTIONS_INIT;
    kin_queue_options small = {.size = sizeof small, .capacity = 600};
    options.reserve = RESERVE;
    options.max_members = MEMBERS;
    options.max_threads = THREADS;
    make(kin_family_create(&g->family, &options));
    make(kin_alloc((void **)&g->it, g->family, sizeof *g->it));
    make(kin_lock_init(&g->it->lock, KIN_LOCK_RECURSIVE));
    make(kin_sem_init(&g->it->sem, 1, 0));
    make(kin_event_init(&g->it->event));
    make(kin_cond_init(&g->it->cond));
    make(kin_barrier_init(&g->it->barrier, 2));
    make(kin_rwlock_init(&g->it->rwlock));
    make(kin_counter_init(&g->it->counter, 0));
    make(kin_sem_create_leased(&g->leased, g->family, 10));
    make(kin_value_create(&g->value, g->family, KIN_ELEMENT_I64, KIN_VALUE_LOCKED));
    make(kin_array_create(&g->array, g->family, KIN_ELEMENT_I32, 30, KIN_VALUE_LOCKED));
    make(kin_queue_create(&g->queue, g->family, &small));
    small.flags = KIN_QUEUE_JOINABLE | KIN_QUEUE_LARGE;
    make(kin_queue_create(&g->tasks, g->family, &small));
    make(kin_dict_create(&g->dict, g->family));
    make(kin_list_create(&g->list, g->family));
    make(kin_dict_set(g->dict, "key", 3, "value", 5));
    make(kin_list_append(g->list, "item", 4));
    make(kin_list_create(&g->long_list, g->family));
    for (int i = 0; i < LONG; i++) {
        make(kin_list_append(g->long_list, "item", 4));
    }
}

/* ---- what the members do ---- */

static void act(void *context)
{
    (void)context;
}

static kin_status lengthen(void *value, size_t *size, size_t room, void *context)
{
    (void)context;
    memset(value, 3, room);
    *size = room;
    return KIN_OK;
}

static void use_locks(game *g, uint64_t how)
{
    objects *it = g->it;
    kin_lock_info info = KIN_LOCK_INFO_INIT;
    if (kin_lock_acquire(&it->lock, MOMENT) >= 0) {
        if (how % 4 == 0) {
            kin_cond_wait(&it->cond, &it->lock, MOMENT);
        } else if (how % 4 == 1) {
            kin_lock_acquire(&it->lock, MOMENT);
            kin_lock_release(&it->lock);
        }
        kin_lock_repair(&it->lock);
        kin_lock_release(&it->lock);
    }
    kin_lock_inspect(&it->lock, &info);
    kin_cond_notify(&it->cond, how % 3 ? KIN_COND_ALL : 1);
    if (kin_rwlock_acquire(&it->rwlock, how % 2 ? KIN_RWLOCK_READ : KIN_RWLOCK_WRITE, MOMENT) >= 0) {
        kin_rwlock_release(&it->rwlock);
    }
}

static void use_signals(game *g, uint64_t how)
{
    objects *it = g->it;
    uint32_t value;
    int64_t number;
    if (kin_sem_acquire(&it->sem, 1, MOMENT) == KIN_OK) {
        kin_sem_release(&it->sem, 1);
    }
    kin_sem_value(&it->sem, &value);
    if (how % 2) {
        kin_event_set(&it->event);
    } else {
        kin_event_clear(&it->event);
    }
    kin_event_wait(&it->event, MOMENT);
    kin_barrier_wait_with(&it->barrier, NULL, how % 3 ? act : NULL, NULL, MOMENT);
    if (how % 8 == 0) {
        kin_barrier_reset(&it->barrier);
    }
    kin_counter_add(&it->counter, 1, &number);
}

static void use_leased(game *g, uint64_t how)
{
    uint32_t value;
    kin_sem_acquire(g->leased, (uint32_t)how % 5 + 1, MOMENT);
    kin_sem_value(g->leased, &value);
    kin_sem_release(g->leased, (uint32_t)how % 5 + 1);
}

static void use_values(game *g, uint64_t how)
{
    int32_t few[8] = {0};
    int64_t number = 0;
    kin_value_get(g->value, &number, sizeof number);
    kin_value_set(g->value, &number, sizeof number);
    touch(kin_value_data(g->value), kin_value_data(g->value) ? 1 : 0);
    kin_array_set(g->array, (size_t)how, how % 9, few, (size_t)(how % 9) * sizeof few[0]);
    kin_array_get(g->array, (size_t)how % 40, 8, few, sizeof few);
    size_t count = kin_array_count(g->array);
    const void *data = kin_array_data(g->array);
    touch(data, data ? count : 0); /* of the smallest elements */
    if (kin_array_acquire(g->array, MOMENT) >= 0) {
        kin_array_release(g->array);
    }
}

static void use_queue(kin_queue *queue, uint64_t how)
{
    static char large[2000];
    char buffer[600] = "";
    kin_message many[3] = {{buffer, 10, 200}, {buffer + 200, 0, 200}, {buffer + 400, 100, 200}};
    kin_queue_info info = KIN_QUEUE_INFO_INIT;
    void *room = NULL;
    const void *message;
    size_t size = 0;
    int flag;
    kin_queue_put(queue, buffer, (size_t)how % 300, MOMENT);
    if (kin_queue_put_many(queue, many, how % 4, &size, MOMENT) == KIN_OK) {
        require(size == how % 4);
    }
    if (how % 4 == 1 && kin_queue_put_over(queue, large, sizeof large, NULL) == KIN_OK) {
        kin_queue_get(queue, large, sizeof large, &size, MOMENT);
    }
    if (how % 3 == 0 && kin_queue_reserve(&room, queue, (size_t)how % 200, MOMENT) == KIN_OK) {
        memset(room, 1, (size_t)how % 200);
        if (how % 2) {
            kin_queue_commit(queue, room, (size_t)how % 200);
        } else {
            kin_queue_discard(queue, room);
        }
    }
    if (kin_queue_get(queue, buffer, sizeof buffer, &size, MOMENT) == KIN_OK) {
        require(size <= sizeof buffer);
    }
    if (kin_queue_front(queue, buffer, sizeof buffer, &size) == KIN_OK) {
        require(size <= sizeof buffer);
    }
    kin_queue_task_done(queue);
    if (kin_queue_peek(&message, &size, queue, MOMENT) == KIN_OK) {
        touch(message, size);
        kin_queue_consume(queue, message);
    }
    many[0].capacity = many[1].capacity = many[2].capacity = 200;
    kin_queue_get_many(queue, many, 1 + how % 3, &size, KIN_NOW);
    kin_queue_inspect(queue, &info);
    kin_queue_size(queue, &size);
    kin_queue_empty(queue, &flag);
    kin_queue_full(queue, &flag);
    if (how % 16 == 0) {
        kin_queue_join(queue, MOMENT);
    }
}

static kin_status see_entry(const void *key, size_t key_size, const void *value, size_t value_size, void *context)
{
    (void)context;
    touch(key, key_size);
    touch(value, value_size);
    return KIN_OK;
}

static kin_status see_item(size_t index, const void *value, size_t size, void *context)
{
    (void)index;
    (void)context;
    touch(value, size);
    return KIN_OK;
}

static kin_status see_name(const char *name, kin_type type, kin_ref ref, void *context)
{
    void *found;
    (void)context;
    require(strlen(name) <= KIN_NAME_MAX);
    kin_ref_get(&found, type, ref);
    return KIN_OK;
}

static void see_items(kin_snapshot *items)
{
    kin_snapshot_item item;
    while (kin_snapshot_next(items, &item)) {
        touch(item.key, item.key_size);
        touch(item.value, item.value_size);
    }
    kin_snapshot_destroy(items);
}

static void use_dict(game *g, uint64_t how)
{
    static const char bytes[9000];
    char buffer[500];
    kin_snapshot *items = NULL;
    size_t size = 0;
    int done;
    uint64_t generation;
    uint8_t key = how % 20;
    kin_dict_set(g->dict, &key, 1, bytes, how % 7 ? 20 : sizeof bytes);
    if (kin_dict_get(g->dict, "key", 3, buffer, sizeof buffer, &size) == KIN_OK) {
        require(size <= sizeof buffer);
    }
    kin_dict_get(g->dict, &key, 1, buffer, sizeof buffer, &size);
    kin_dict_compare_and_set(g->dict, &key, 1, bytes, 20, "new", 3, &done);
    kin_dict_update(g->dict, &key, 1, 30, lengthen, NULL);
    kin_dict_contains(g->dict, &key, 1, &done);
    if (how % 4 == 0) {
        kin_dict_remove(g->dict, &key, 1);
    }
    kin_dict_size(g->dict, &size);
    if (how % 8 == 1 && kin_dict_snapshot(&items, g->dict) == KIN_OK) {
        see_items(items);
    }
    if (how % 8 == 3 && kin_dict_generation(g->dict, &generation) == KIN_OK) {
        kin_dict_for_each(g->dict, see_entry, NULL);
        kin_dict_wait(g->dict, generation, MOMENT);
    }
    if (how % 32 == 2) {
        kin_dict_clear(g->dict);
    }
}

static void use_list(game *g, uint64_t how)
{
    static const char bytes[9000];
    char buffer[500];
    kin_snapshot *items = NULL;
    kin_list *list = how % 3 ? g->list : g->long_list;
    uint64_t generation;
    size_t size = 0, index = how % 5 ? (size_t)how % 20 : KIN_LIST_LAST;
    kin_list_insert(list, index, bytes, how % 7 ? 20 : sizeof bytes);
    kin_list_append(list, bytes, 30);
    if (kin_list_get(list, index, buffer, sizeof buffer, &size) == KIN_OK) {
        require(size <= sizeof buffer);
    }
    kin_list_set(list, index, bytes, 10);
    if (how % 2) {
        kin_list_pop(list, index, buffer, sizeof buffer, &size);
    }
    kin_list_size(list, &size);
    if (how % 8 == 1 && kin_list_snapshot(&items, list, index, 100) == KIN_OK) {
        see_items(items);
    }
    if (how % 8 == 3 && kin_list_generation(list, &generation) == KIN_OK) {
        kin_list_for_each(list, see_item, NULL);
        kin_list_wait(list, generation, MOMENT);
    }
    if (how % 32 == 2) {
        kin_list_clear(list);
    }
}

static void use_memory(game *g, uint64_t how)
{
    void *memory = NULL, *found = NULL;
    kin_ref ref = {{0, 0}};
    uint64_t blocks, bytes;
    size_t size = how % 4 ? (size_t)how * 10 + 1 : (size_t)how * 1000 + 1, there;
    if (kin_alloc(&memory, g->family, size) == KIN_OK) {
        memset(memory, 1, size);
        if (kin_ref_of(&ref, KIN_TYPE_MEMORY, memory) == KIN_OK) {
            ref.opaque[how % 2] ^= how % 8 == 7 ? UINT64_C(1) << how % 64 : 0;
            if (kin_ref_get(&found, KIN_TYPE_MEMORY, ref) == KIN_OK && kin_alloc_size(found, &there) == KIN_OK) {
                touch(found, there);
            }
        }
        kin_free(memory);
    }
    kin_alloc_total(g->family, &blocks, &bytes);
    kin_name_set("queue", KIN_TYPE_QUEUE, g->queue);
    if (kin_name_get(&found, g->family, "queue", KIN_TYPE_QUEUE) == KIN_OK) {
        use_queue(found, how);
    }
    if (how % 8 == 5) {
        kin_name_for_each(g->family, see_name, NULL);
    }
    if (how % 2) {
        kin_name_remove(g->family, "queue");
    }
    if (how % 16 == 3) {
        kin_family_reap(g->family, NULL);
    }
}

static void wait_for_many(game *g, uint64_t how)
{
    kin_wait_item items[] = {{KIN_TYPE_LOCK, KIN_WAIT_READABLE, &g->it->lock, 0, 0},
                             {KIN_TYPE_SEM, KIN_WAIT_READABLE, g->leased, 0, 0},
                             {KIN_TYPE_SEM, KIN_WAIT_READABLE, &g->it->sem, 0, 0},
                             {KIN_TYPE_EVENT, KIN_WAIT_READABLE, &g->it->event, 0, 0},
                             {KIN_TYPE_QUEUE, KIN_WAIT_READABLE | KIN_WAIT_WRITABLE, g->queue, 0, 0}};
    size_t first = (size_t)how % 5;
    kin_wait(items + first, 5 - first, how % 2 ? KIN_WAIT_ALL : 0, MOMENT, NULL);
}

static void look_on(game *g, uint64_t how)
{
    if (how % 16 == 0) {
        kin_family_inspect_all(g->family, &fuzz_sight);
    }
}

static void use(game *g, uint64_t what, uint64_t how)
{
    static void (*const uses[])(game *, uint64_t) = {use_locks, use_signals, use_leased, use_values,   use_dict,
                                                     use_list,  use_memory,  look_on,    wait_for_many};
    what %= sizeof uses / sizeof uses[0] + 2;
    if (what < sizeof uses / sizeof uses[0]) {
        uses[what](g, how);
    } else {
        use_queue(what % 2 ? g->queue : g->tasks, how);
    }
}

static void *run(void *context)
{
    user *me = context;
    game *g = me->it;
    kin__reader in = {g->data, g->size / 2, 0, false};
    kin_lock_acquire(&g->it->lock, MOMENT); /* takes its slot */
    kin_lock_release(&g->it->lock);
    atomic_fetch_add(&g->ready, 1);
    while (!atomic_load(&g->go)) {
        kin_os_yield();
    }
    for (int step = 0; step < STEPS && !is_done(&in) && !atomic_load(&g->over); step++) {
        uint64_t what = choose(&in, 1);
        use(g, what + me->number, choose(&in, 1));
    }
    atomic_fetch_add(&g->done, 1);
    return NULL;
}

/* ---- what is written over ---- */

static place at_offset(game *g, uint64_t offset, uint64_t bytes)
{
    return (place){kin__pointer(g->family, offset), bytes / 8};
}

static void write_over(game *g)
{
    const kin__layout *at = &g->family->layout;
    kin__reader in = {g->data + g->size / 2, g->size - g->size / 2, 0, false};
    char *queue = (char *)g->queue, *tasks = (char *)g->tasks;
    uint64_t known = atomic_load(&g->family->known), heap = offsetof(kin__arena, heap);
    const place places[] = {
        {g->it, sizeof *g->it / 8},
        {g->leased, (sizeof(kin__lease) + 80) / 8},
        {g->value, 9},
        {g->array, 20},
        {queue, 24},
        {queue + kin__ring_ends((kin__queue *)(void *)queue), sizeof(kin__queue_ends) / 8 + 40},
        {tasks + kin__ring_ends((kin__queue *)(void *)tasks), sizeof(kin__queue_ends) / 8 + 60},
        {g->dict, sizeof(kin__container) / 8},
        {g->list, sizeof(kin__container) / 8},
        {g->long_list, sizeof(kin__container) / 8},
        at_offset(g, offsetof(kin__arena, next_ticket), sizeof(kin__arena) - offsetof(kin__arena, next_ticket)),
        at_offset(g, at->members, 2 * sizeof(kin__member)),
        at_offset(g, at->threads, 3 * sizeof(kin__thread)),
        at_offset(g, at->buckets, 512),
        at_offset(g, at->names, sizeof(kin__container)),
        at_offset(g, heap + offsetof(kin__heap, span_end), 24),
        at_offset(g, heap + offsetof(kin__heap, marks), sizeof g->family->arena->heap.marks),
        at_offset(g, heap + offsetof(kin__heap, runs), 16),
        at_offset(g, at->sheets, KIN__CLASSES * 8),
        at_offset(g, at->rows + offsetof(kin__row, spans), 128),
        at_offset(g, at->rows + offsetof(kin__row, groups), 128),
        at_offset(g, at->rows + offsetof(kin__row, marks), (KIN__CLASSES + 1) * 8),
        at_offset(g, kin__block_offset(atomic_load(&((kin__container *)(void *)g->dict)->root)) % (known - 512) / 8 * 8,
                  512),
        at_offset(g, kin__block_offset(atomic_load(&((kin__container *)(void *)g->list)->root)) % (known - 512) / 8 * 8,
                  512),
        at_offset(
            g, kin__block_offset(atomic_load(&((kin__container *)(void *)g->long_list)->root)) % (known - 512) / 8 * 8,
            32),
        at_offset(g, at->heap_start, known - at->heap_start),
    };
    while (!is_done(&in) && atomic_load(&g->done) < USERS) {
        scribble(&in, places, sizeof places / sizeof places[0]);
        for (uint64_t pause = choose(&in, 1); pause > 0; pause--) {
            kin_os_cpu_relax();
        }
    }
}

static void await(game *g, _Atomic uint32_t *number, int64_t end)
{
    (void)g;
    while (atomic_load(number) < USERS && kin_os_now() < end) {
        kin_os_sleep_until(kin_os_now() + KIN_US(50));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    game g = {.data = data, .size = size};
    user users[USERS];
    open_game(&g);
    for (uint32_t i = 0; i < USERS; i++) {
        users[i] = (user){&g, i, 0};
        require(pthread_create(&users[i].thread, NULL, run, &users[i]) == 0);
    }
    await(&g, &g.ready, KIN_OS_NEVER);
    uint64_t known = atomic_load(&g.family->known);
    unsigned char *before = malloc((size_t)known);
    require(before != NULL);
    memcpy(before, g.family->base, (size_t)known); /* while nobody has anything */
    atomic_store(&g.go, true);
    write_over(&g);
    await(&g, &g.done, kin_os_now() + PATIENCE);
    atomic_store(&g.over, true);
    while (atomic_load(&g.done) < USERS) { /* again and again: those who come to an end write, too */
        memcpy(g.family->base, before, (size_t)known);
        await(&g, &g.done, kin_os_now() + PATIENCE);
    }
    for (uint32_t i = 0; i < USERS; i++) {
        pthread_join(users[i].thread, NULL);
    }
    free(before);
    kin_family_close(g.family);
    return 0;
}
