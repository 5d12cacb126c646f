/* Families that are opened for reading only. Readers are this program once more, started without kin. The only member
 * is the test itself. What both have to tell each other goes by a second family, in which they are members. */
#include "support.h"

#include <stdlib.h>

#include "container/hash.h"
#include "container/hash_table.h"
#include "family/input.h"
#include "os.h"

#define ENTRIES 2000
#define ITEMS 10000

static char name[64]; /* of the family; another in each test and run */

typedef struct things { /* one object of each kind, each named as its field */
    kin_lock *lock;
    kin_rwlock *rwlock;
    kin_sem *sem, *leased;
    kin_event *event;
    kin_cond *cond;
    kin_barrier *barrier;
    kin_counter *counter;
    kin_value *value, *locked;
    kin_array *array;
    kin_queue *queue;
    kin_dict *dict;
    kin_list *list;
    void *memory;
} things;

/* Opens or creates them. Only the first process of a family creates. */
static kin_status find_things(things *out, kin_family *in)
{
    kin_queue_options plain = KIN_QUEUE_OPTIONS_INIT;
    kin_status all[] = {
        kin_named_lock(&out->lock, in, "lock", 0),
        kin_named_rwlock(&out->rwlock, in, "rwlock"),
        kin_named_sem(&out->sem, in, "sem", 3, 0),
        kin_named_sem_leased(&out->leased, in, "leased", 2),
        kin_named_event(&out->event, in, "event"),
        kin_named_cond(&out->cond, in, "cond"),
        kin_named_barrier(&out->barrier, in, "barrier", 2),
        kin_named_counter(&out->counter, in, "counter", 5),
        kin_named_value(&out->value, in, "value", KIN_ELEMENT_I64, 0),
        kin_named_value(&out->locked, in, "locked", KIN_ELEMENT_I64, KIN_VALUE_LOCKED),
        kin_named_array(&out->array, in, "array", KIN_ELEMENT_U32, 100, 0),
        kin_named_queue(&out->queue, in, "queue", &plain),
        kin_named_dict(&out->dict, in, "dict"),
        kin_named_list(&out->list, in, "list"),
        kin_named_memory(&out->memory, in, "memory", 256, NULL, NULL),
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (all[i] != KIN_OK) {
            return all[i];
        }
    }
    return KIN_OK;
}

/* The second family: how many readers are ready, and whether they may end. */
static kin_family *meeting;
static kin_sem *ready;
static kin_event *ended;

static kin_status open_meeting(void)
{
    char other[80];
    snprintf(other, sizeof other, "%s-meeting", name);
    kin_status status = kin_family_open(&meeting, other, 0, NULL);
    status = status == KIN_OK ? kin_named_sem(&ready, meeting, "ready", 0, 0) : status;
    return status == KIN_OK ? kin_named_event(&ended, meeting, "ended") : status;
}

static size_t make_key(char key[32], uint32_t number)
{
    return (size_t)snprintf(key, 32, "key %u", (unsigned)number);
}

/* ---- readers: "WHAT:NAME" ---- */

static kin_family *open_to_read(void)
{
    kin_family *family = NULL;
    kin_status status = kin_family_open(&family, name, KIN_FAMILY_READ_ONLY, NULL);
    if (status != KIN_OK) {
        fprintf(stderr, "%s: %s\n", kin_status_name(status), kin_last_error());
    }
    return family;
}

static kin_status count_visit(const void *key, size_t key_size, const void *value, size_t value_size, void *context)
{
    (void)key;
    (void)key_size;
    (void)value;
    *(size_t *)context += value_size == sizeof(uint32_t);
    return KIN_OK;
}

static kin_status sum_items(size_t index, const void *value, size_t size, void *context)
{
    uint32_t number = 0;
    (void)index;
    memcpy(&number, value, size < sizeof number ? size : sizeof number);
    *(uint64_t *)context += number;
    return KIN_OK;
}

static kin_status count_names_of(const char *text, kin_type type, kin_ref ref, void *context)
{
    (void)text;
    (void)type;
    (void)ref;
    ++*(size_t *)context;
    return KIN_OK;
}

typedef struct sight {
    int alive, named, held;
} sight;

static void see_member(const kin_member_info *member, void *context)
{
    ((sight *)context)->alive += member->alive && !member->unsure;
}

static void see_object(const kin_object_info *object, void *context)
{
    ((sight *)context)->named += object->name != NULL;
    ((sight *)context)->held += object->holders > 0 && object->holder_alive;
}

/* The member holds the lock. */
static int inspects(kin_family *family)
{
    sight seen = {0, 0, 0};
    kin_inspector inspector = KIN_INSPECTOR_INIT;
    inspector.member = see_member;
    inspector.object = see_object;
    inspector.context = &seen;
    CHECK(kin_family_inspect_all(family, &inspector) == KIN_OK);
    CHECK(seen.alive == 1 && seen.named == 14 && seen.held == 1);
    return 0;
}

static int reads_plain_objects(kin_family *family, const things *t)
{
    int64_t value = 0, count = 0;
    uint32_t element = 0, permits = 0;
    int set = 0;
    kin_barrier_info barrier = KIN_BARRIER_INFO_INIT;
    kin_family_info info = KIN_FAMILY_INFO_INIT;
    uint64_t blocks = 0, bytes = 0;
    CHECK(kin_value_get(t->value, &value, sizeof value) == KIN_OK && value == 1234567890123);
    CHECK(*(const int64_t *)kin_value_data(t->value) == value);
    CHECK(kin_array_count(t->array) == 100);
    CHECK(kin_array_get(t->array, 99, 1, &element, sizeof element) == KIN_OK && element == 99);
    CHECK(kin_counter_get(t->counter, &count) == KIN_OK && count == 5);
    CHECK(kin_event_is_set(t->event, &set) == KIN_OK && set);
    CHECK(kin_sem_value(t->sem, &permits) == KIN_OK && permits == 3);
    CHECK(kin_sem_value(t->leased, &permits) == KIN_OK && permits == 2);
    CHECK(kin_barrier_inspect(t->barrier, &barrier) == KIN_OK && barrier.parties == 2);
    CHECK(strcmp(t->memory, "plain bytes") == 0);
    CHECK(kin_family_inspect(family, &info) == KIN_OK && info.members == 1 && info.committed > 0);
    CHECK(kin_alloc_total(family, &blocks, &bytes) == KIN_OK && blocks > ENTRIES);
    return 0;
}

static int reads_containers(kin_family *family, const things *t)
{
    size_t size = 0, count = 0;
    uint64_t generation = 0, sum = 0;
    CHECK(kin_dict_size(t->dict, &count) == KIN_OK && count == ENTRIES);
    CHECK(kin_dict_generation(t->dict, &generation) == KIN_OK && generation == ENTRIES);
    for (uint32_t i = 0; i < ENTRIES; i++) {
        char key[32];
        uint32_t number = 0;
        size_t length = make_key(key, i);
        CHECK(kin_dict_get(t->dict, key, length, &number, sizeof number, &size) == KIN_OK && number == i);
    }
    int found = 1;
    CHECK(kin_dict_contains(t->dict, "none", 4, &found) == KIN_OK && !found);
    CHECK(kin_dict_get(t->dict, "none", 4, NULL, 0, NULL) == KIN_E_NOT_FOUND);
    CHECK(kin_dict_get(t->dict, "key 1", 5, NULL, 0, &size) == KIN_E_BUFFER && size == sizeof(uint32_t));
    count = 0;
    CHECK(kin_dict_for_each(t->dict, count_visit, &count) == KIN_OK && count == ENTRIES);
    CHECK(kin_list_size(t->list, &count) == KIN_OK && count == ITEMS);
    uint32_t item = 0;
    CHECK(kin_list_get(t->list, KIN_LIST_LAST, &item, sizeof item, &size) == KIN_OK && item == ITEMS - 1);
    CHECK(kin_list_get(t->list, ITEMS, &item, sizeof item, &size) == KIN_E_NOT_FOUND);
    CHECK(kin_list_for_each(t->list, sum_items, &sum) == KIN_OK && sum == (uint64_t)ITEMS * (ITEMS - 1) / 2);
    CHECK(kin_list_generation(t->list, &generation) == KIN_OK && generation == ITEMS);
    count = 0;
    CHECK(kin_name_for_each(family, count_names_of, &count) == KIN_OK && count == 15);
    return 0;
}

static int be_reader_of_all(void)
{
    things t = {0};
    kin_family *family = open_to_read(), *again = NULL, *found = NULL;
    void *none = NULL;
    CHECK(family);
    CHECK(find_things(&t, family) == KIN_OK); /* all are there, so it creates none */
    CHECK(reads_plain_objects(family, &t) == 0 && reads_containers(family, &t) == 0 && inspects(family) == 0);
    CHECK(kin_name_get(&none, family, "no such name", KIN_TYPE_LOCK) == KIN_E_NOT_FOUND);
    kin_ref ref;
    CHECK(kin_ref_of(&ref, KIN_TYPE_DICT, t.dict) == KIN_OK && kin_ref_get(&none, KIN_TYPE_DICT, ref) == KIN_OK);
    CHECK(kin_family_of(&found, t.dict) == KIN_OK && found == family);
    CHECK(kin_family_open(&again, name, KIN_FAMILY_READ_ONLY | KIN_FAMILY_JOIN, NULL) == KIN_OK && again == family);
    kin_family_close(again);
    CHECK(kin_counter_get(t.counter, &(int64_t){0}) == KIN_OK);
    kin_family_close(family);
    return 0;
}

#define REFUSED(call)                                                                                                  \
    do {                                                                                                               \
        kin_status refused_by = (call);                                                                                \
        if (refused_by != KIN_E_READ_ONLY || !strstr(kin_last_error(), "KIN_FAMILY_READ_ONLY")) {                      \
            fprintf(stderr, "%s: %s\n", #call, kin_status_name(refused_by));                                           \
            wrong = 1;                                                                                                 \
        }                                                                                                              \
    } while (0)

static kin_status change_nothing(void *value, size_t *size, size_t room, void *context)
{
    (void)value;
    (void)size;
    (void)room;
    (void)context;
    return KIN_OK;
}

static int always_ready(void *context)
{
    (void)context;
    return 1;
}

static void act(void *context)
{
    (void)context;
}

static int refuses_of_sync(const things *t)
{
    int wrong = 0, done = 0;
    int64_t number = 0;
    kin_lock_info info = KIN_LOCK_INFO_INIT;
    REFUSED(kin_lock_acquire(t->lock, KIN_NOW));
    REFUSED(kin_lock_release(t->lock));
    REFUSED(kin_lock_repair(t->lock));
    REFUSED(kin_lock_poison(t->lock));
    REFUSED(kin_lock_inspect(t->lock, &info));
    REFUSED(kin_lock_init(t->memory, 0));
    REFUSED(kin_lock_fini(t->lock));
    REFUSED(kin_lock_destroy(t->lock));
    REFUSED(kin_rwlock_acquire(t->rwlock, KIN_RWLOCK_READ, KIN_NOW));
    REFUSED(kin_rwlock_acquire(t->rwlock, KIN_RWLOCK_WRITE, KIN_NOW));
    REFUSED(kin_rwlock_release(t->rwlock));
    REFUSED(kin_rwlock_repair(t->rwlock));
    REFUSED(kin_rwlock_poison(t->rwlock));
    REFUSED(kin_rwlock_init(t->memory));
    REFUSED(kin_rwlock_fini(t->rwlock));
    REFUSED(kin_rwlock_destroy(t->rwlock));
    REFUSED(kin_sem_acquire(t->sem, 1, KIN_NOW));
    REFUSED(kin_sem_release(t->sem, 1));
    REFUSED(kin_sem_acquire(t->leased, 1, KIN_NOW));
    REFUSED(kin_sem_release(t->leased, 1));
    REFUSED(kin_sem_init(t->memory, 1, 0));
    REFUSED(kin_sem_fini(t->sem));
    REFUSED(kin_sem_destroy(t->sem));
    REFUSED(kin_sem_destroy(t->leased));
    REFUSED(kin_event_set(t->event));
    REFUSED(kin_event_clear(t->event));
    REFUSED(kin_event_wait(t->event, KIN_NOW));
    REFUSED(kin_event_init(t->memory));
    REFUSED(kin_event_fini(t->event));
    REFUSED(kin_event_destroy(t->event));
    REFUSED(kin_counter_add(t->counter, 1, NULL));
    REFUSED(kin_counter_set(t->counter, 1));
    REFUSED(kin_counter_compare_exchange(t->counter, &number, 1, &done));
    REFUSED(kin_counter_init(t->memory, 1));
    REFUSED(kin_counter_fini(t->counter));
    REFUSED(kin_counter_destroy(t->counter));
    return wrong;
}

static int refuses_of_meetings(const things *t)
{
    int wrong = 0;
    REFUSED(kin_cond_wait(t->cond, t->lock, KIN_NOW));
    REFUSED(kin_cond_wait_for(t->cond, t->lock, always_ready, NULL, KIN_NOW));
    REFUSED(kin_cond_notify(t->cond, 1));
    REFUSED(kin_cond_init(t->memory));
    REFUSED(kin_cond_fini(t->cond));
    REFUSED(kin_cond_destroy(t->cond));
    REFUSED(kin_barrier_wait(t->barrier, NULL, KIN_NOW));
    REFUSED(kin_barrier_wait_with(t->barrier, NULL, act, NULL, KIN_NOW));
    REFUSED(kin_barrier_abort(t->barrier));
    REFUSED(kin_barrier_reset(t->barrier));
    REFUSED(kin_barrier_init(t->memory, 2));
    REFUSED(kin_barrier_fini(t->barrier));
    REFUSED(kin_barrier_destroy(t->barrier));
    return wrong;
}

static int refuses_of_values(const things *t)
{
    int wrong = 0;
    int64_t number = 1;
    uint32_t element = 1;
    REFUSED(kin_value_set(t->value, &number, sizeof number));
    REFUSED(kin_value_get(t->locked, &number, sizeof number));
    REFUSED(kin_value_set(t->locked, &number, sizeof number));
    REFUSED(kin_value_acquire(t->locked, KIN_NOW));
    REFUSED(kin_value_release(t->locked));
    REFUSED(kin_lock_acquire(kin_value_lock(t->locked), KIN_NOW));
    REFUSED(kin_value_destroy(t->value));
    REFUSED(kin_array_set(t->array, 0, 1, &element, sizeof element));
    REFUSED(kin_array_destroy(t->array));
    return wrong;
}

static int refuses_of_containers(const things *t)
{
    int wrong = 0, done = 0;
    int64_t number = 1;
    kin_snapshot *snapshot = NULL;
    REFUSED(kin_dict_set(t->dict, "a", 1, "b", 1));
    REFUSED(kin_dict_set_if_absent(t->dict, "a", 1, "b", 1));
    REFUSED(kin_dict_compare_and_set(t->dict, "a", 1, NULL, 0, "b", 1, &done));
    REFUSED(kin_dict_update(t->dict, "key 1", 5, 4, change_nothing, NULL));
    REFUSED(kin_dict_update_or_insert(t->dict, "key 1", 5, 4, change_nothing, NULL));
    REFUSED(kin_dict_pop(t->dict, "key 1", 5, NULL, 0, NULL));
    REFUSED(kin_dict_remove(t->dict, "key 1", 5));
    REFUSED(kin_dict_clear(t->dict));
    REFUSED(kin_dict_snapshot(&snapshot, t->dict));
    REFUSED(kin_dict_wait(t->dict, ENTRIES, KIN_NOW));
    REFUSED(kin_dict_wait(t->dict, 0, KIN_NOW));
    REFUSED(kin_dict_set_string(t->dict, "a", "b"));
    REFUSED(kin_dict_set_i64(t->dict, "a", 1));
    REFUSED(kin_dict_add_i64(t->dict, "a", 1, &number));
    REFUSED(kin_dict_remove_string(t->dict, "key 1"));
    REFUSED(kin_dict_destroy(t->dict));
    REFUSED(kin_list_append(t->list, "a", 1));
    REFUSED(kin_list_insert(t->list, 0, "a", 1));
    REFUSED(kin_list_set(t->list, 0, "a", 1));
    REFUSED(kin_list_pop(t->list, 0, NULL, 0, NULL));
    REFUSED(kin_list_clear(t->list));
    REFUSED(kin_list_snapshot(&snapshot, t->list, 0, 1));
    REFUSED(kin_list_wait(t->list, ITEMS, KIN_NOW));
    REFUSED(kin_list_destroy(t->list));
    return wrong;
}

static int refuses_of_queues(const things *t)
{
    int wrong = 0, flag = 0;
    char buffer[16];
    uint64_t getter;
    size_t size = 0;
    void *memory = NULL;
    const void *peeked = NULL;
    kin_message message = {.data = buffer, .size = 1};
    kin_queue_info info = KIN_QUEUE_INFO_INIT;
    REFUSED(kin_queue_put(t->queue, "a", 1, KIN_NOW));
    REFUSED(kin_queue_put_over(t->queue, "a", 1, NULL));
    REFUSED(kin_queue_put_many(t->queue, &message, 1, &size, KIN_NOW));
    REFUSED(kin_queue_get(t->queue, buffer, sizeof buffer, &size, KIN_NOW));
    REFUSED(kin_queue_get_many(t->queue, &message, 1, &size, KIN_NOW));
    REFUSED(kin_queue_front(t->queue, buffer, sizeof buffer, &size));
    REFUSED(kin_queue_reserve(&memory, t->queue, 1, KIN_NOW));
    REFUSED(kin_queue_commit(t->queue, t->memory, 1));
    REFUSED(kin_queue_discard(t->queue, t->memory));
    REFUSED(kin_queue_peek(&peeked, &size, t->queue, KIN_NOW));
    REFUSED(kin_queue_consume(t->queue, t->memory));
    REFUSED(kin_queue_close(t->queue));
    REFUSED(kin_queue_size(t->queue, &size));
    REFUSED(kin_queue_empty(t->queue, &flag));
    REFUSED(kin_queue_full(t->queue, &flag));
    REFUSED(kin_queue_inspect(t->queue, &info));
    REFUSED(kin_queue_task_done(t->queue));
    REFUSED(kin_queue_getter(t->queue, &getter));
    REFUSED(kin_queue_task_done_for(t->queue, 1));
    REFUSED(kin_queue_join(t->queue, KIN_NOW));
    REFUSED(kin_queue_destroy(t->queue));
    return wrong;
}

static int refuses_of_creators(kin_family *in)
{
    int wrong = 0;
    things t = {0};
    void *memory = NULL;
    kin_queue_options plain = KIN_QUEUE_OPTIONS_INIT;
    REFUSED(kin_alloc(&memory, in, 1));
    REFUSED(kin_alloc_array(&memory, in, 1, 1));
    REFUSED(kin_lock_create(&t.lock, in, 0));
    REFUSED(kin_rwlock_create(&t.rwlock, in));
    REFUSED(kin_sem_create(&t.sem, in, 1, 0));
    REFUSED(kin_sem_create_leased(&t.leased, in, 1));
    REFUSED(kin_event_create(&t.event, in));
    REFUSED(kin_cond_create(&t.cond, in));
    REFUSED(kin_barrier_create(&t.barrier, in, 2));
    REFUSED(kin_counter_create(&t.counter, in, 0));
    REFUSED(kin_value_create(&t.value, in, KIN_ELEMENT_I8, 0));
    REFUSED(kin_array_create(&t.array, in, KIN_ELEMENT_I8, 10, 0));
    REFUSED(kin_queue_create(&t.queue, in, &plain));
    REFUSED(kin_dict_create(&t.dict, in));
    REFUSED(kin_list_create(&t.list, in));
    REFUSED(kin_named_lock(&t.lock, in, "new", 0));
    REFUSED(kin_named_rwlock(&t.rwlock, in, "new"));
    REFUSED(kin_named_sem(&t.sem, in, "new", 1, 0));
    REFUSED(kin_named_sem_leased(&t.leased, in, "new", 1));
    REFUSED(kin_named_event(&t.event, in, "new"));
    REFUSED(kin_named_cond(&t.cond, in, "new"));
    REFUSED(kin_named_barrier(&t.barrier, in, "new", 2));
    REFUSED(kin_named_counter(&t.counter, in, "new", 0));
    REFUSED(kin_named_value(&t.value, in, "new", KIN_ELEMENT_I8, 0));
    REFUSED(kin_named_array(&t.array, in, "new", KIN_ELEMENT_I8, 10, 0));
    REFUSED(kin_named_queue(&t.queue, in, "new", &plain));
    REFUSED(kin_named_dict(&t.dict, in, "new"));
    REFUSED(kin_named_list(&t.list, in, "new"));
    REFUSED(kin_named_memory(&memory, in, "new", 8, NULL, NULL));
    return wrong;
}

/* Forked by a reader, so it is one, too. */
static int child_read(const kin_args *args)
{
    uint32_t number = 0;
    kin_dict *dict = given(args, "dict", KIN_TYPE_DICT);
    CHECK(dict && kin_dict_get(dict, "key 7", 5, &number, sizeof number, NULL) == KIN_OK && number == 7);
    CHECK(kin_dict_set(dict, "key 7", 5, &number, sizeof number) == KIN_E_READ_ONLY);
    return 0;
}

static int forks_readers(const kin_args *args)
{
    kin_exit how = {.code = -1};
    kin_process *process = NULL;
    kin_process_options fork = KIN_PROCESS_OPTIONS_INIT;
    fork.method = KIN_START_FORK;
    CHECK(kin_process_start(&process, "read", args, &fork) == KIN_OK);
    CHECK(kin_process_join(process, PATIENCE, &how) == KIN_OK && how.code == 0);
    kin_process_close(process);
    return 0;
}

static int refuses_of_the_rest(kin_family *in, const things *t)
{
    int wrong = 0;
    size_t size = 4096;
    uint32_t reaped = 0;
    char blob[4096];
    kin_args *args = NULL;
    kin_pool *pool = NULL;
    kin_watch *watch = NULL;
    kin_process *process = NULL;
    kin_process_options spawn = KIN_PROCESS_OPTIONS_INIT;
    spawn.method = KIN_START_SPAWN;
    kin_wait_item item = {.type = KIN_TYPE_LOCK, .interest = KIN_WAIT_READABLE, .object = t->lock};
    REFUSED(kin_free(t->memory));
    REFUSED(kin_name_set("alias", KIN_TYPE_DICT, t->dict));
    REFUSED(kin_name_remove(in, "dict"));
    REFUSED(kin_family_reap(in, &reaped));
    REFUSED(kin_wait(&item, 1, 0, KIN_NOW, &size));
    REFUSED(kin_watch_create(&watch, &item, 1));
    REFUSED(kin_pool_create(&pool, in, NULL));
    CHECK(kin_args_create(&args, in) == KIN_OK);
    CHECK(kin_args_add_object(args, "dict", KIN_TYPE_DICT, t->dict) == KIN_OK);
    REFUSED(kin_process_start(&process, "read", args, &spawn));
    size = sizeof blob;
    REFUSED(kin_blob_pack(blob, &size, args, KIN_BLOB_NO_TARGET));
    wrong |= has_fork() ? forks_readers(args) : 0;
    kin_args_destroy(args);
    return wrong;
}

static int be_meddler(void)
{
    things t = {0};
    kin_family *family = open_to_read(), *again = NULL;
    static const kin_child_entry entries[] = {{"read", child_read}};
    kin_child_main(entries, 1);
    CHECK(family && find_things(&t, family) == KIN_OK);
    int wrong = refuses_of_sync(&t) | refuses_of_meetings(&t) | refuses_of_values(&t) | refuses_of_containers(&t) |
                refuses_of_queues(&t) | refuses_of_creators(family) | refuses_of_the_rest(family, &t);
    CHECK(kin_family_open(&again, name, KIN_FAMILY_JOIN, NULL) == KIN_E_READ_ONLY);
    CHECK(strstr(kin_last_error(), "close it first"));
    CHECK(reads_plain_objects(family, &t) == 0 && reads_containers(family, &t) == 0);
    kin_family_close(family);
    CHECK(kin_family_open(&again, name, KIN_FAMILY_JOIN, NULL) == KIN_OK); /* now a member */
    CHECK(find_things(&t, again) == KIN_OK && kin_lock_acquire(t.lock, PATIENCE) == KIN_OK);
    CHECK(kin_lock_release(t.lock) == KIN_OK);
    kin_family_close(again);
    return wrong;
}

static int be_storer(void)
{
    things t = {0};
    kin_family *family = open_to_read();
    if (!family || find_things(&t, family) != KIN_OK) {
        return 3;
    }
    *(volatile char *)t.memory = 'X';
    return 4;
}

/* The list has consecutive numbers at any moment: each is its index and the first one. Items that are gone by now are
 * left out. */
typedef struct run {
    uint32_t first;
    bool begun, broken;
} run;

static kin_status see_number(size_t index, const void *value, size_t size, void *context)
{
    run *it = context;
    uint32_t number = 0;
    memcpy(&number, value, size < sizeof number ? size : sizeof number);
    it->first = it->begun ? it->first : number - (uint32_t)index;
    it->begun = true;
    it->broken = it->broken || size != sizeof number || number - (uint32_t)index != it->first;
    return KIN_OK;
}

static int reads_while_others_write(const things *t)
{
    unsigned char bytes[5000];
    size_t size = 0, count = 0;
    run numbers = {0, false, false};
    for (uint32_t i = 0; i < 50; i++) {
        char key[32];
        size_t length = make_key(key, i);
        kin_status status = kin_dict_get(t->dict, key, length, bytes, sizeof bytes, &size);
        CHECK(status == KIN_OK || status == KIN_E_NOT_FOUND || status == KIN_E_BUSY);
        CHECK(status != KIN_OK || is_pattern(bytes, size));
    }
    kin_status status = kin_dict_for_each(t->dict, count_visit, &count);
    CHECK(status == KIN_OK || status == KIN_E_BUSY);
    status = kin_list_size(t->list, &count);
    CHECK(status == KIN_OK || status == KIN_E_BUSY);
    status = kin_list_for_each(t->list, see_number, &numbers);
    CHECK((status == KIN_OK || status == KIN_E_BUSY) && !numbers.broken);
    status = kin_list_get(t->list, 0, bytes, sizeof bytes, &size);
    CHECK(status == KIN_OK || status == KIN_E_NOT_FOUND || status == KIN_E_BUSY);
    CHECK(status != KIN_OK || size == sizeof(uint32_t));
    return 0;
}

static int be_follower(void)
{
    things t = {0};
    kin_family *family = open_to_read();
    int64_t round = 0, seen = 0;
    int end = 0;
    CHECK(family && find_things(&t, family) == KIN_OK);
    CHECK(open_meeting() == KIN_OK && kin_sem_release(ready, 1) == KIN_OK);
    while (!end) {
        CHECK(kin_event_is_set(ended, &end) == KIN_OK);
        CHECK(kin_counter_get(t.counter, &round) == KIN_OK && round >= seen);
        CHECK(reads_while_others_write(&t) == 0);
        seen = round;
    }
    uint32_t last = 0;
    CHECK(kin_dict_get(t.dict, "last", 4, &last, sizeof last, NULL) == KIN_OK && last == 77);
    kin_family_close(family);
    return 0;
}

static int be_stayer(void)
{
    things t = {0};
    int64_t value = 0;
    kin_family *family = open_to_read();
    CHECK(family && find_things(&t, family) == KIN_OK);
    CHECK(open_meeting() == KIN_OK && kin_sem_release(ready, 1) == KIN_OK);
    CHECK(kin_event_wait(ended, PATIENCE) == KIN_OK);
    CHECK(kin_counter_get(t.counter, &value) == KIN_OK && value == 5);
    kin_family_close(family);
    return 0;
}

/* The dict's words say that entries are being moved, for ever. */
static int be_patient_reader(void)
{
    things t = {0};
    size_t count = 0;
    kin_family *family = open_to_read();
    CHECK(family && find_things(&t, family) == KIN_OK);
    CHECK(kin_dict_get(t.dict, "none", 4, NULL, 0, NULL) == KIN_E_BUSY);
    CHECK(strstr(kin_last_error(), "in the middle of a change"));
    CHECK(kin_dict_for_each(t.dict, count_visit, &count) == KIN_E_BUSY);
    kin_family_close(family);
    return 0;
}

static int be_stranger(const char *argument)
{
    static const struct {
        const char *what;
        int (*be)(void);
    } kinds[] = {{"all", be_reader_of_all}, {"meddle", be_meddler}, {"store", be_storer},
                 {"follow", be_follower},   {"stay", be_stayer},    {"patient", be_patient_reader}};
    const char *colon = strchr(argument, ':');
    snprintf(name, sizeof name, "%s", colon + 1);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strncmp(argument, kinds[i].what, (size_t)(colon - argument)) == 0) {
            return kinds[i].be();
        }
    }
    return 2;
}

/* ---- the family ---- */

static kin_family *new_named_family(things *t)
{
    static int number;
    kin_family *family = NULL;
    snprintf(name, sizeof name, "readers-%u-%d", (unsigned)kin_os_pid(), number++);
    assert_ok(kin_family_open(&family, name, KIN_FAMILY_CREATE, NULL));
    assert_ok(find_things(t, family));
    assert_ok(open_meeting());
    return family;
}

static void fill(const things *t)
{
    int64_t value = 1234567890123;
    assert_ok(kin_value_set(t->value, &value, sizeof value));
    assert_ok(kin_event_set(t->event));
    memcpy(t->memory, "plain bytes", 12);
    for (uint32_t i = 0; i < 100; i++) {
        assert_ok(kin_array_set(t->array, i, 1, &i, sizeof i));
    }
    for (uint32_t i = 0; i < ENTRIES; i++) {
        char key[32];
        size_t length = make_key(key, i);
        assert_ok(kin_dict_set(t->dict, key, length, &i, sizeof i));
    }
    for (uint32_t i = 0; i < ITEMS; i++) {
        assert_ok(kin_list_append(t->list, &i, sizeof i));
    }
}

static int run_reader(const char *what)
{
    return end_of_self(start_stranger(what, name));
}

static void close_both(kin_family *family)
{
    kin_family_close(family);
    kin_family_close(meeting);
}

/* POSIX: the number stands for the process; Windows: it is a handle. */
static void kill_reader(intptr_t reader)
{
    uint32_t pid = kin_os_handle_pid(kin_os_handle_from((uint64_t)reader));
    kill_pid(pid != 0 ? pid : (uint32_t)reader);
    assert_int_not_equal(end_of_self(reader), 0);
}

static void assert_alone(kin_family *family)
{
    kin_family_info info = KIN_FAMILY_INFO_INIT;
    uint32_t reaped = 0;
    assert_ok(kin_family_inspect(family, &info));
    assert_int_equal(info.members, 1);
    assert_int_equal(info.threads, 1);
    assert_ok(kin_family_reap(family, &reaped));
    assert_int_equal(reaped, 0);
}

/* ---- tests ---- */

static void reader_reads_all_kinds(void **state)
{
    (void)state;
    things t = {0};
    kin_family *family = new_named_family(&t);
    fill(&t);
    assert_ok(kin_lock_acquire(t.lock, KIN_NOW));
    assert_int_equal(run_reader("all"), 0);
    assert_ok(kin_lock_release(t.lock));
    assert_alone(family);
    close_both(family);
}

static void reader_changes_nothing(void **state)
{
    (void)state;
    things t = {0};
    kin_family *family = new_named_family(&t);
    fill(&t);
    assert_int_equal(run_reader("meddle"), 0);
    assert_alone(family);
    close_both(family);
}

static void store_of_a_reader_is_a_fault(void **state)
{
    (void)state;
    things t = {0};
    kin_family *family = new_named_family(&t);
    fill(&t);
    int code = run_reader("store");
    assert_true(code != 0 && code != 3 && code != 4);
    assert_string_equal(t.memory, "plain bytes");
    assert_ok(kin_lock_acquire(t.lock, KIN_NOW));
    assert_ok(kin_lock_release(t.lock));
    assert_alone(family);
    close_both(family);
}

/* The list stays as long as it is, of several segments. */
static void move_on(const things *t, uint32_t *next)
{
    for (int i = 0; i < 100; i++, ++*next) {
        assert_ok(kin_list_append(t->list, next, sizeof *next));
        if (*next >= 3 * ITEMS) {
            assert_ok(kin_list_pop(t->list, 0, NULL, 0, NULL));
        }
    }
}

static void write_at_random(const things *t, uint32_t *numbers)
{
    char key[32];
    unsigned char bytes[5000];
    uint32_t random = next_number(numbers);
    size_t length = make_key(key, random % 500), size = write_pattern(bytes, 1 + random % 4999, random);
    if (random % 5 > 0) {
        assert_ok(kin_dict_set(t->dict, key, length, bytes, size));
    } else {
        kin_status status = kin_dict_remove(t->dict, key, length);
        assert_true(status == KIN_OK || status == KIN_E_NOT_FOUND);
    }
}

/* The family grows meanwhile, by what the values of the dict need. */
static void reader_follows_writers_and_growth(void **state)
{
    (void)state;
    things t = {0};
    kin_family *family = new_named_family(&t);
    kin_family_info info = KIN_FAMILY_INFO_INIT;
    intptr_t readers[2] = {start_stranger("follow", name), start_stranger("follow", name)};
    assert_ok(kin_sem_acquire(ready, 2, PATIENCE));
    assert_ok(kin_family_inspect(family, &info));
    uint64_t committed = info.committed;
    uint32_t numbers = 1, last = 77, next = 0;
    int64_t end = now_ns() + KIN_MS(700);
    for (int64_t round = 6; now_ns() < end; round++) {
        for (int i = 0; i < 10; i++) {
            write_at_random(&t, &numbers);
            move_on(&t, &next);
        }
        assert_ok(kin_counter_set(t.counter, round));
    }
    assert_ok(kin_dict_set(t.dict, "last", 4, &last, sizeof last));
    assert_ok(kin_event_set(ended));
    assert_int_equal(end_of_self(readers[0]), 0);
    assert_int_equal(end_of_self(readers[1]), 0);
    assert_alone(family);
    assert_ok(kin_family_inspect(family, &info));
    assert_true(info.committed > committed);
    close_both(family);
}

static void killed_reader_leaves_nothing(void **state)
{
    (void)state;
    things t = {0};
    kin_family *family = new_named_family(&t);
    kin_family_info info = KIN_FAMILY_INFO_INIT;
    assert_ok(kin_family_inspect(family, &info));
    size_t names = count_names(info.id);
    intptr_t reader = start_stranger("stay", name);
    assert_ok(kin_sem_acquire(ready, 1, PATIENCE));
    assert_alone(family);
    kill_reader(reader);
    assert_alone(family);
    assert_int_equal(count_names(info.id), names);
    close_both(family);
    assert_int_equal(count_names(info.id), 0);
}

static void reader_keeps_no_family(void **state)
{
    (void)state;
    things t = {0};
    kin_family *family = new_named_family(&t), *other = NULL;
    intptr_t reader = start_stranger("stay", name);
    assert_ok(kin_sem_acquire(ready, 1, PATIENCE));
    kin_family_info info = KIN_FAMILY_INFO_INIT;
    assert_ok(kin_family_inspect(family, &info));
    kin_family_close(family);
    assert_int_equal(count_names(info.id), 0);
    assert_status(kin_family_open(&other, name, KIN_FAMILY_READ_ONLY, NULL), KIN_E_NOT_FOUND);
    assert_ok(kin_family_open(&other, name, KIN_FAMILY_CREATE, NULL));
    assert_ok(kin_event_set(ended));
    assert_int_equal(end_of_self(reader), 0); /* it had the memory as the last member left it */
    close_both(other);
}

static void unfinished_change_is_busy(void **state)
{
    (void)state;
    things t = {0};
    kin_family *family = new_named_family(&t);
    uint32_t number = 1;
    assert_ok(kin_dict_set(t.dict, "key", 3, &number, sizeof number));
    kin__way way;
    kin__container *it = (kin__container *)t.dict;
    assert_true(kin__table_way(family, it, kin__hash(it->seed, "none", 4), &way));
    atomic_fetch_add(&way.in.segment->moves, 1);
    assert_int_equal(run_reader("patient"), 0);
    atomic_fetch_add(&way.in.segment->moves, 1);
    close_both(family);
}

static void bad_input_is_refused(void **state)
{
    (void)state;
    things t = {0};
    kin_family *family = new_named_family(&t), *other = NULL;
    assert_status(kin_family_open(&other, name, KIN_FAMILY_READ_ONLY | KIN_FAMILY_CREATE, NULL), KIN_E_ARGUMENT);
    assert_status(kin_family_open(&other, name, KIN_FAMILY_READ_ONLY | KIN_FAMILY_KEEP, NULL), KIN_E_ARGUMENT);
    assert_status(kin_family_open(&other, name, KIN_FAMILY_READ_ONLY, NULL), KIN_E_EXISTS);
    assert_non_null(strstr(kin_last_error(), "member"));
    assert_status(kin_family_open(&other, "no such family", KIN_FAMILY_READ_ONLY, NULL), KIN_E_ARGUMENT);
    assert_status(kin_family_open(&other, "no-such-family", KIN_FAMILY_READ_ONLY, NULL), KIN_E_NOT_FOUND);
    close_both(family);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strchr(argv[1], ':')) {
        return be_stranger(argv[1]);
    }
    kin_child_main(NULL, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reader_reads_all_kinds),       cmocka_unit_test(reader_changes_nothing),
        cmocka_unit_test(store_of_a_reader_is_a_fault), cmocka_unit_test(reader_follows_writers_and_growth),
        cmocka_unit_test(killed_reader_leaves_nothing), cmocka_unit_test(reader_keeps_no_family),
        cmocka_unit_test(unfinished_change_is_busy),    cmocka_unit_test(bad_input_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
