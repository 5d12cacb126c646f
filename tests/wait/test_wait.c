#include "support.h"

#include "family/thread_slot.h"
#include "os.h"
#include "park/slots.h"

typedef struct place {
    kin_lock lock;
    kin_sem sem, told, many;
    kin_event event;
} place;

static place *new_place(void)
{
    place *it = NULL;
    assert_ok(kin_alloc((void **)&it, NULL, sizeof *it));
    assert_ok(kin_lock_init(&it->lock, 0));
    assert_ok(kin_sem_init(&it->sem, 0, 0));
    assert_ok(kin_sem_init(&it->told, 0, 0));
    assert_ok(kin_sem_init(&it->many, 0, 0));
    assert_ok(kin_event_init(&it->event));
    return it;
}

static kin_process *start_with(const char *entry, place *it, kin_queue *queue, const char *what)
{
    kin_args *args = new_args();
    give(args, "place", KIN_TYPE_MEMORY, it);
    give(args, "queue", KIN_TYPE_QUEUE, queue);
    assert_ok(kin_args_add_bytes(args, "what", what, strlen(what) + 1));
    kin_process *process = start_child(entry, args);
    kin_args_destroy(args);
    return process;
}

/* ---- children ---- */

/* Does one thing, a little after it was told to. */
static int child_act(const kin_args *args)
{
    place *it = given(args, "place", KIN_TYPE_MEMORY);
    kin_queue *queue = given(args, "queue", KIN_TYPE_QUEUE);
    const void *what = NULL;
    size_t size = 0;
    char byte;
    CHECK(it && queue && kin_args_get_bytes(&what, &size, args, "what") == KIN_OK);
    int locks = strcmp(what, "lock") == 0;
    CHECK(!locks || kin_lock_acquire(&it->lock, PATIENCE) == KIN_OK);
    CHECK(kin_sem_release(&it->told, 1) == KIN_OK);
    kin_sem_acquire(&it->many, 1000, KIN_MS(30));
    CHECK(!locks || kin_lock_release(&it->lock) == KIN_OK);
    CHECK(strcmp(what, "sem") != 0 || kin_sem_release(&it->sem, 1) == KIN_OK);
    CHECK(strcmp(what, "event") != 0 || kin_event_set(&it->event) == KIN_OK);
    CHECK(strcmp(what, "put") != 0 || kin_queue_put(queue, "x", 1, PATIENCE) == KIN_OK);
    CHECK(strcmp(what, "get") != 0 || kin_queue_get(queue, &byte, 1, NULL, PATIENCE) == KIN_OK);
    CHECK(strcmp(what, "close") != 0 || kin_queue_close(queue) == KIN_OK);
    return 0;
}

static int child_hold_lock(const kin_args *args)
{
    place *it = given(args, "place", KIN_TYPE_MEMORY);
    CHECK(it && kin_lock_acquire(&it->lock, PATIENCE) == KIN_OK);
    CHECK(kin_sem_release(&it->told, 1) == KIN_OK);
    kin_sem_acquire(&it->many, 1000, PATIENCE);
    return 0;
}

static int child_take_permits(const kin_args *args)
{
    place *it = given(args, "place", KIN_TYPE_MEMORY);
    CHECK(it);
    for (int i = 0; i < 300; i++) {
        CHECK(kin_sem_acquire(&it->sem, 1, PATIENCE) == KIN_OK);
        CHECK(kin_sem_release(&it->told, 1) == KIN_OK);
    }
    return 0;
}

/* Answers each message, and ends without closing. */
static int child_answer(const kin_args *args)
{
    kin_pipe *pipe = NULL;
    char text[8];
    CHECK(kin_args_get_pipe(&pipe, args, "pipe") == KIN_OK);
    for (int i = 0; i < 3; i++) {
        CHECK(kin_pipe_recv(pipe, text, sizeof text, NULL, PATIENCE) == KIN_OK);
        CHECK(kin_pipe_send(pipe, "yes", 4, PATIENCE) == KIN_OK);
    }
    return 0;
}

/* Watches the semaphore and takes nothing. */
static int child_watch(const kin_args *args)
{
    place *it = given(args, "place", KIN_TYPE_MEMORY);
    CHECK(it && kin_sem_release(&it->many, 1) == KIN_OK);
    kin_wait_item items[] = {{KIN_TYPE_SEM, KIN_WAIT_READABLE, &it->sem, 0, 0},
                             {KIN_TYPE_EVENT, KIN_WAIT_READABLE, &it->event, 0, 0}};
    do {
        CHECK(kin_wait(items, 2, 0, PATIENCE, NULL) == KIN_OK);
    } while (!items[1].ready);
    return 0;
}

/* ---- a child and its parent in many rounds: in each the child does one thing, for which the parent waits ---- */

enum { LOCK, SEM, LEASED, EVENT, PUT, GET, DICT, LIST, KINDS };

typedef struct course {
    place *it; /* told: the child is about to act. many: the parent has seen it */
    kin_sem *leased;
    kin_queue *filled, *emptied; /* of one message each */
    kin_dict *dict;
    kin_list *list;
    kin_wait_change in_dict, in_list;
    uint32_t random;
} course;

/* Sooner or later each instruction of the one meets each of the other. */
static void pause_a_little(course *c)
{
    spin_for(KIN_US(next_number(&c->random) % 60));
}

static kin_status prepare(const course *c, int64_t round)
{
    switch (round % KINDS) {
    case LOCK:
        return kin_lock_acquire(&c->it->lock, PATIENCE);
    case LEASED:
        return kin_sem_acquire(c->leased, 1, PATIENCE);
    case EVENT:
        return kin_event_clear(&c->it->event);
    case GET:
        return kin_queue_put(c->emptied, "x", 1, PATIENCE);
    default:
        return KIN_OK;
    }
}

static kin_status act_in(const course *c, int64_t round)
{
    char byte;
    switch (round % KINDS) {
    case LOCK:
        return kin_lock_release(&c->it->lock);
    case SEM:
        return kin_sem_release(&c->it->sem, 1);
    case LEASED:
        return kin_sem_release(c->leased, 1);
    case EVENT:
        return kin_event_set(&c->it->event);
    case PUT:
        return kin_queue_put(c->filled, "x", 1, PATIENCE);
    case DICT:
        return kin_dict_set(c->dict, "key", 3, &round, sizeof round);
    case LIST:
        return kin_list_append(c->list, "x", 1);
    default:
        return kin_queue_get(c->emptied, &byte, 1, NULL, PATIENCE);
    }
}

static kin_wait_item item_of(course *c, int64_t round)
{
    const kin_wait_item items[KINDS] = {
        {KIN_TYPE_LOCK, KIN_WAIT_READABLE, &c->it->lock, 0, 0},
        {KIN_TYPE_SEM, KIN_WAIT_READABLE, &c->it->sem, 0, 0},
        {KIN_TYPE_SEM, KIN_WAIT_READABLE, c->leased, 0, 0},
        {KIN_TYPE_EVENT, KIN_WAIT_READABLE, &c->it->event, 0, 0},
        {KIN_TYPE_QUEUE, KIN_WAIT_READABLE, c->filled, 0, 0},
        {KIN_TYPE_QUEUE, KIN_WAIT_WRITABLE, c->emptied, 0, 0},
        {KIN_WAIT_CHANGE, KIN_WAIT_READABLE, &c->in_dict, 0, 0},
        {KIN_WAIT_CHANGE, KIN_WAIT_READABLE, &c->in_list, 0, 0},
    };
    return items[round % KINDS];
}

static kin_status consume(course *c, int64_t round)
{
    char byte;
    switch (round % KINDS) {
    case SEM:
        return kin_sem_acquire(&c->it->sem, 1, KIN_NOW);
    case PUT:
        return kin_queue_get(c->filled, &byte, 1, NULL, KIN_NOW);
    case DICT:
        return kin_dict_generation(c->dict, &c->in_dict.generation);
    case LIST:
        return kin_list_generation(c->list, &c->in_list.generation);
    default:
        return KIN_OK;
    }
}

static int child_run_course(const kin_args *args)
{
    course c = {.it = given(args, "place", KIN_TYPE_MEMORY),
                .leased = given(args, "leased", KIN_TYPE_SEM),
                .filled = given(args, "filled", KIN_TYPE_QUEUE),
                .emptied = given(args, "emptied", KIN_TYPE_QUEUE),
                .dict = given(args, "dict", KIN_TYPE_DICT),
                .list = given(args, "list", KIN_TYPE_LIST),
                .random = 1};
    int64_t rounds = given_number(args, "rounds");
    CHECK(c.it && c.leased && c.filled && c.emptied && c.dict && c.list);
    for (int64_t i = 0; i < rounds; i++) {
        CHECK(prepare(&c, i) == KIN_OK && kin_sem_release(&c.it->told, 1) == KIN_OK);
        pause_a_little(&c);
        CHECK(act_in(&c, i) == KIN_OK);
        CHECK(kin_sem_acquire(&c.it->many, 1, PATIENCE) == KIN_OK);
    }
    return 0;
}

/* ---- tests ---- */

static void bad_input_is_refused(void **state)
{
    (void)state;
    place *it = new_place();
    kin_wait_item item = {KIN_TYPE_SEM, KIN_WAIT_READABLE, &it->sem, 0, 0};
    assert_status(kin_wait(NULL, 1, 0, 0, NULL), KIN_E_ARGUMENT);
    assert_status(kin_wait(&item, 0, 0, 0, NULL), KIN_E_ARGUMENT);
    assert_status(kin_wait(&item, 1, 2, 0, NULL), KIN_E_ARGUMENT);
    assert_status(kin_wait(&item, 1, 0, -1, NULL), KIN_E_ARGUMENT);
    item.interest = 0;
    assert_status(kin_wait(&item, 1, 0, 0, NULL), KIN_E_ARGUMENT);
    item.interest = KIN_WAIT_WRITABLE; /* of a semaphore */
    assert_status(kin_wait(&item, 1, 0, 0, NULL), KIN_E_ARGUMENT);
    item = (kin_wait_item){KIN_TYPE_SEM, KIN_WAIT_READABLE, NULL, 0, 0};
    assert_status(kin_wait(&item, 1, 0, 0, NULL), KIN_E_ARGUMENT);
    item.object = &it->event;
    assert_status(kin_wait(&item, 1, 0, 0, NULL), KIN_E_TYPE);
    item.object = &item;
    assert_status(kin_wait(&item, 1, 0, 0, NULL), KIN_E_NOT_SHARED);
    item.type = KIN_TYPE_COUNTER;
    assert_status(kin_wait(&item, 1, 0, 0, NULL), KIN_E_ARGUMENT);
    item.type = 999;
    assert_status(kin_wait(&item, 1, 0, 0, NULL), KIN_E_ARGUMENT);
    kin_wait_change change = {NULL, NULL, 0};
    item = (kin_wait_item){KIN_WAIT_CHANGE, KIN_WAIT_READABLE, &change, 0, 0};
    assert_status(kin_wait(&item, 1, 0, 0, NULL), KIN_E_ARGUMENT);
    change.dict = (kin_dict *)&it->event;
    assert_status(kin_wait(&item, 1, 0, 0, NULL), KIN_E_TYPE);
    change.list = (kin_list *)&it->event;
    assert_status(kin_wait(&item, 1, 0, 0, NULL), KIN_E_ARGUMENT);
    item = (kin_wait_item){KIN_WAIT_PROCESS, KIN_WAIT_READABLE, NULL, 0, 0};
    assert_status(kin_wait(&item, 1, 0, 0, NULL), KIN_E_ARGUMENT);
    intptr_t closed = make_signal();
    close_handle(closed);
    item = (kin_wait_item){KIN_WAIT_HANDLE, KIN_WAIT_READABLE, NULL, closed, 0};
    assert_status(kin_wait(&item, 1, 0, KIN_MS(1), NULL), KIN_E_HANDLE);
    kin_family *other = NULL;
    kin_event *foreign = NULL;
    assert_ok(kin_family_create(&other, NULL));
    assert_ok(kin_event_create(&foreign, other));
    kin_wait_item both[] = {{KIN_TYPE_EVENT, KIN_WAIT_READABLE, &it->event, 0, 0},
                            {KIN_TYPE_EVENT, KIN_WAIT_READABLE, foreign, 0, 0}};
    assert_status(kin_wait(both, 2, 0, 0, NULL), KIN_E_FAMILY);
    kin_family_close(other);
    assert_ok(kin_free(it));
}

static void says_what_is_ready_now(void **state)
{
    (void)state;
    place *it = new_place();
    kin_queue_options options = KIN_QUEUE_OPTIONS_INIT;
    kin_queue *queue = NULL;
    size_t ready = 99;
    options.max_messages = 1;
    assert_ok(kin_queue_create(&queue, NULL, &options));
    assert_ok(kin_lock_acquire(&it->lock, KIN_NOW));
    intptr_t signal = make_signal();
    kin_wait_item items[] = {
        {KIN_TYPE_SEM, KIN_WAIT_READABLE, &it->sem, 0, 0},
        {KIN_TYPE_EVENT, KIN_WAIT_READABLE, &it->event, 0, 0},
        {KIN_TYPE_QUEUE, KIN_WAIT_READABLE, queue, 0, 0},
        {KIN_WAIT_HANDLE, KIN_WAIT_READABLE, NULL, signal, 0},
    };
    int64_t start = now_ns();
    assert_status(kin_wait(items, 4, 0, KIN_NOW, NULL), KIN_E_TIMED_OUT);
    assert_status(kin_wait(items, 4, 0, KIN_MS(20), NULL), KIN_E_TIMED_OUT);
    assert_true(now_ns() - start >= KIN_MS(20));
    kin_wait_item mine = {KIN_TYPE_LOCK, KIN_WAIT_READABLE, &it->lock, 0, 0};
    assert_ok(kin_wait(&mine, 1, 0, KIN_NOW, NULL)); /* an acquire would say so at once */
    assert_ok(kin_sem_release(&it->sem, 1));
    assert_ok(kin_wait(items, 4, 0, KIN_NOW, &ready));
    assert_true(ready == 1 && items[0].ready == KIN_WAIT_READABLE && !items[1].ready && !items[2].ready &&
                !items[3].ready);
    assert_ok(kin_event_set(&it->event));
    assert_ok(kin_queue_put(queue, "x", 1, KIN_NOW));
    assert_status(kin_wait(items, 4, KIN_WAIT_ALL, KIN_MS(5), NULL), KIN_E_TIMED_OUT);
    raise_signal(signal);
    assert_ok(kin_wait(items, 4, KIN_WAIT_ALL, KIN_NOW, &ready));
    assert_int_equal(ready, 4);
    items[2].interest = KIN_WAIT_READABLE | KIN_WAIT_WRITABLE;
    assert_ok(kin_wait(&items[2], 1, 0, KIN_NOW, NULL));
    assert_int_equal(items[2].ready, KIN_WAIT_READABLE); /* full */
    assert_ok(kin_lock_release(&it->lock));
    close_handle(signal);
    assert_ok(kin_queue_destroy(queue));
    assert_ok(kin_free(it));
}

static void each_kind_wakes(void **state)
{
    (void)state;
    static const char *const acts[] = {"lock", "sem", "event", "put", "get", "close", "end"};
    place *it = new_place();
    kin_queue_options options = KIN_QUEUE_OPTIONS_INIT;
    intptr_t never = make_signal();
    options.max_messages = 1;
    for (int native = 0; native < 2; native++) {
        for (size_t i = 0; i < sizeof acts / sizeof acts[0]; i++) {
            kin_queue *queue = NULL;
            int full = strcmp(acts[i], "get") == 0, ends = strcmp(acts[i], "end") == 0;
            assert_ok(kin_queue_create(&queue, NULL, &options));
            assert_ok(full ? kin_queue_put(queue, "x", 1, KIN_NOW) : KIN_OK);
            assert_ok(kin_event_clear(&it->event));
            kin_process *child = start_with("act", it, queue, acts[i]);
            assert_ok(kin_sem_acquire(&it->told, 1, PATIENCE));
            kin_wait_item items[] = {
                {KIN_TYPE_SEM, KIN_WAIT_READABLE, &it->sem, 0, 0},
                {KIN_TYPE_EVENT, KIN_WAIT_READABLE, &it->event, 0, 0},
                {KIN_TYPE_QUEUE, full ? KIN_WAIT_WRITABLE : KIN_WAIT_READABLE, queue, 0, 0},
                {i == 0 ? KIN_TYPE_LOCK : KIN_TYPE_SEM, KIN_WAIT_READABLE, i == 0 ? (void *)&it->lock : &it->many, 0,
                 0},
                {ends ? KIN_WAIT_PROCESS : KIN_WAIT_HANDLE, KIN_WAIT_READABLE, child, never, 0},
            };
            static const int which[] = {3, 0, 1, 2, 2, 2, 4};
            int64_t start = now_ns();
            size_t ready = 0;
            assert_ok(kin_wait(items, native || ends ? 5 : 4, 0, PATIENCE, &ready));
            assert_true(now_ns() - start < KIN_SECONDS(10));
            assert_int_equal(ready, 1);
            assert_true(items[which[i]].ready);
            join_child(child, 0);
            kin_sem_acquire(&it->sem, 1, KIN_NOW);
            assert_ok(kin_queue_destroy(queue));
        }
    }
    close_handle(never);
    assert_ok(kin_free(it));
}

static void native_things_wake(void **state)
{
    (void)state;
    enum { COUNT = 150 }; /* more than one WaitForMultipleObjects takes */
    static kin_wait_item items[COUNT + 1];
    place *it = new_place();
    kin_queue *queue = NULL;
    size_t ready = 0;
    assert_ok(kin_queue_create(&queue, NULL, NULL));
    for (int i = 0; i < COUNT; i++) {
        items[i] = (kin_wait_item){KIN_WAIT_HANDLE, KIN_WAIT_READABLE, NULL, make_signal(), 0};
    }
    items[COUNT] = (kin_wait_item){KIN_TYPE_EVENT, KIN_WAIT_READABLE, &it->event, 0, 0};
    assert_status(kin_wait(items, COUNT + 1, 0, KIN_MS(5), NULL), KIN_E_TIMED_OUT);
    raise_signal(items[COUNT - 1].handle);
    assert_ok(kin_wait(items, COUNT, 0, PATIENCE, &ready));
    assert_int_equal(ready, 1);
    assert_int_equal(items[COUNT - 1].ready, KIN_WAIT_READABLE);
    close_handle(items[COUNT - 1].handle);
    items[COUNT - 1] = items[COUNT];
    kin_process *child = start_with("act", it, queue, "event"); /* among so many natives, kin's own still wakes */
    assert_ok(kin_wait(items, COUNT, 0, PATIENCE, &ready));
    assert_true(ready == 1 && items[COUNT - 1].ready);
    join_child(child, 0);
    for (int i = 0; i < COUNT - 1; i++) {
        raise_signal(items[i].handle);
    }
    assert_ok(kin_wait(items, COUNT, KIN_WAIT_ALL, PATIENCE, &ready));
    assert_int_equal(ready, COUNT);
    for (int i = 0; i < COUNT - 1; i++) {
        close_handle(items[i].handle);
    }
    assert_ok(kin_queue_destroy(queue));
    assert_ok(kin_free(it));
}

/* Alone, beside something native, or together with it: a third of the rounds each. */
static size_t list_items(kin_wait_item items[2], course *c, int64_t round, intptr_t never, intptr_t always)
{
    items[0] = item_of(c, round);
    items[1] = (kin_wait_item){KIN_WAIT_HANDLE, KIN_WAIT_READABLE, NULL, round / KINDS % 3 == 1 ? never : always, 0};
    return round / KINDS % 3 == 0 ? 1 : 2;
}

/* Nobody dies, so no wake-up may wait for a slice's end: forgotten sleepers are counted, and without slices it would
 * hang. */
static void each_kind_wakes_at_any_moment(void **state)
{
    (void)state;
    enum { ROUNDS = 3000 };
    kin_queue_options options = KIN_QUEUE_OPTIONS_INIT;
    course c = {.it = new_place(), .random = 7};
    intptr_t never = make_signal(), always = make_signal();
    options.max_messages = 1;
    raise_signal(always);
    assert_ok(kin_sem_create_leased(&c.leased, NULL, 1));
    assert_ok(kin_queue_create(&c.filled, NULL, &options));
    assert_ok(kin_queue_create(&c.emptied, NULL, &options));
    assert_ok(kin_dict_create(&c.dict, NULL));
    assert_ok(kin_list_create(&c.list, NULL));
    c.in_dict.dict = c.dict;
    c.in_list.list = c.list;
    kin_args *args = new_args();
    give(args, "place", KIN_TYPE_MEMORY, c.it);
    give(args, "leased", KIN_TYPE_SEM, c.leased);
    give(args, "filled", KIN_TYPE_QUEUE, c.filled);
    give(args, "emptied", KIN_TYPE_QUEUE, c.emptied);
    give(args, "dict", KIN_TYPE_DICT, c.dict);
    give(args, "list", KIN_TYPE_LIST, c.list);
    give_number(args, "rounds", ROUNDS);
    kin_process *child = start_child("run_course", args);
    kin_args_destroy(args);
    for (int64_t i = 0; i < ROUNDS; i++) {
        kin_wait_item items[2];
        size_t count = list_items(items, &c, i, never, always);
        bool all = count == 2 && items[1].handle == always;
        assert_ok(kin_sem_acquire(&c.it->told, 1, PATIENCE));
        pause_a_little(&c);
        assert_ok(kin_wait(items, count, all ? KIN_WAIT_ALL : 0, PATIENCE, NULL));
        assert_true(items[0].ready);
        assert_ok(consume(&c, i));
        assert_ok(kin_sem_release(&c.it->many, 1));
    }
    join_child(child, 0);
    close_handle(never);
    close_handle(always);
    assert_ok(kin_queue_destroy(c.filled));
    assert_ok(kin_queue_destroy(c.emptied));
    assert_ok(kin_sem_destroy(c.leased));
    assert_ok(kin_dict_destroy(c.dict));
    assert_ok(kin_list_destroy(c.list));
    assert_ok(kin_free(c.it));
}

static void all_means_each_of_them(void **state)
{
    (void)state;
    place *it = new_place();
    kin_queue *queue = NULL;
    intptr_t first = make_signal(), second = make_signal();
    size_t ready = 99;
    kin_wait_item natives[] = {{KIN_WAIT_HANDLE, KIN_WAIT_READABLE, NULL, first, 0},
                               {KIN_WAIT_HANDLE, KIN_WAIT_READABLE, NULL, second, 0}};
    raise_signal(first);
    assert_status(kin_wait(natives, 2, KIN_WAIT_ALL, KIN_MS(30), NULL), KIN_E_TIMED_OUT);
    assert_true(natives[0].ready && !natives[1].ready);
    raise_signal(second);
    assert_ok(kin_wait(natives, 2, KIN_WAIT_ALL, PATIENCE, &ready));
    assert_int_equal(ready, 2);
    assert_ok(kin_queue_create(&queue, NULL, NULL));
    kin_process *ends = start_with("act", it, queue, "end"), *stays = start_with("hold_lock", it, queue, "");
    kin_wait_item processes[] = {{KIN_WAIT_PROCESS, KIN_WAIT_READABLE, ends, 0, 0},
                                 {KIN_WAIT_PROCESS, KIN_WAIT_READABLE, stays, 0, 0}};
    assert_ok(kin_wait(processes, 2, 0, PATIENCE, &ready));
    assert_true(ready == 1 && processes[0].ready);
    assert_status(kin_wait(processes, 2, KIN_WAIT_ALL, KIN_MS(30), NULL), KIN_E_TIMED_OUT);
    assert_ok(kin_sem_release(&it->many, 1000));
    assert_ok(kin_wait(processes, 2, KIN_WAIT_ALL, PATIENCE, &ready));
    assert_int_equal(ready, 2);
    join_child(ends, 0);
    join_child(stays, 0);
    close_handle(first);
    close_handle(second);
    assert_ok(kin_queue_destroy(queue));
    assert_ok(kin_free(it));
}

/* How often the calling thread has begun a wait in the own family. */
static uint64_t count_sleeps(void)
{
    kin_family *family = NULL;
    kin__seat *seat;
    assert_ok(kin_family_default(&family));
    assert_ok(kin__seat_take(&seat, family));
    return atomic_load(&seat->thread->state) >> 2;
}

/* Or releasers would look at this thread, and post it, for ever. */
static void watches_nothing_afterwards(void **state)
{
    (void)state;
    place *it = new_place();
    kin_family *family = NULL;
    kin__seat *seat;
    kin_wait_item item = {KIN_TYPE_EVENT, KIN_WAIT_READABLE, &it->event, 0, 0};
    assert_ok(kin_family_default(&family));
    assert_status(kin_wait(&item, 1, 0, KIN_MS(5), NULL), KIN_E_TIMED_OUT);
    assert_ok(kin__seat_take(&seat, family));
    assert_int_equal(KIN__SLOT_PHASE(atomic_load(&seat->thread->state)), KIN__SLOT_IDLE);
    uint32_t index = kin__token_index(seat->token);
    for (uint32_t i = 0; i < KIN__BUCKETS; i++) {
        assert_false(atomic_load(&kin__bucket_at(family, i)[index / 64]) >> index % 64 & 1);
    }
    assert_ok(kin_free(it));
}

static void what_is_ready_already_does_not_keep_it_awake(void **state)
{
    (void)state;
    place *it = new_place();
    kin_queue *queue = NULL;
    intptr_t always = make_signal();
    raise_signal(always);
    assert_ok(kin_queue_create(&queue, NULL, NULL));
    kin_process *ended = start_with("act", it, queue, "end");
    kin_wait_item items[] = {{KIN_TYPE_EVENT, KIN_WAIT_READABLE, &it->event, 0, 0},
                             {KIN_WAIT_HANDLE, KIN_WAIT_READABLE, NULL, always, 0},
                             {KIN_WAIT_PROCESS, KIN_WAIT_READABLE, ended, 0, 0}};
    assert_ok(kin_wait(&items[2], 1, 0, PATIENCE, NULL));
    uint64_t before = count_sleeps();
    assert_status(kin_wait(items, 3, KIN_WAIT_ALL, KIN_MS(300), NULL), KIN_E_TIMED_OUT);
    assert_true(count_sleeps() - before < 12); /* 300 ms in slices */
    before = count_sleeps();
    assert_status(kin_wait(items, 1, 0, KIN_MS(300), NULL), KIN_E_TIMED_OUT);
    assert_true(count_sleeps() - before < 12);
    kin_process *child = start_with("act", it, queue, "event");
    assert_ok(kin_wait(items, 3, KIN_WAIT_ALL, PATIENCE, NULL));
    join_child(child, 0);
    join_child(ended, 0);
    close_handle(always);
    assert_ok(kin_queue_destroy(queue));
    assert_ok(kin_free(it));
}

static void pipe_wakes_with_messages_and_with_its_end(void **state)
{
    (void)state;
    place *it = new_place();
    kin_pipe *ends[2];
    char text[8];
    assert_ok(kin_pipe_create(ends, 0));
    kin_args *args = new_args();
    assert_ok(kin_args_add_pipe(args, "pipe", ends[1]));
    kin_process *child = start_child("answer", args);
    kin_args_destroy(args);
    kin_pipe_close(ends[1]);
    kin_wait_item items[] = {{KIN_TYPE_EVENT, KIN_WAIT_READABLE, &it->event, 0, 0},
                             {KIN_WAIT_PIPE, KIN_WAIT_READABLE, ends[0], 0, 0}};
    for (int i = 0; i < 3; i++) {
        assert_status(kin_wait(items, 2, 0, KIN_MS(5), NULL), KIN_E_TIMED_OUT);
        assert_ok(kin_pipe_send(ends[0], "well?", 6, PATIENCE));
        assert_ok(kin_wait(items, 2, 0, PATIENCE, NULL));
        assert_true(!items[0].ready && items[1].ready == KIN_WAIT_READABLE);
        assert_status(kin_pipe_recv(ends[0], text, 1, NULL, KIN_NOW), KIN_E_BUFFER);
        assert_ok(kin_wait(&items[1], 1, 0, KIN_NOW, NULL)); /* what lies in this process counts, too */
        assert_ok(kin_pipe_recv(ends[0], text, sizeof text, NULL, KIN_NOW));
    }
    assert_ok(kin_wait(items, 2, 0, PATIENCE, NULL));
    assert_true(items[1].ready);
    assert_status(kin_pipe_recv(ends[0], text, sizeof text, NULL, KIN_NOW), KIN_E_CLOSED);
    join_child(child, 0);
    kin_pipe_close(ends[0]);
    assert_ok(kin_free(it));
}

static void sending_end_is_not_waited_for(void **state)
{
    (void)state;
    kin_pipe *ends[2];
    assert_ok(kin_pipe_create(ends, KIN_PIPE_ONE_WAY));
    kin_wait_item item = {KIN_WAIT_PIPE, KIN_WAIT_READABLE, ends[0], 0, 0};
    assert_status(kin_wait(&item, 1, 0, KIN_NOW, NULL), KIN_E_UNSUPPORTED);
    item.object = ends[1];
    assert_status(kin_wait(&item, 1, 0, KIN_NOW, NULL), KIN_E_TIMED_OUT);
    item.interest = KIN_WAIT_WRITABLE;
    assert_status(kin_wait(&item, 1, 0, KIN_NOW, NULL), KIN_E_ARGUMENT);
    kin_pipe_close(ends[0]);
    kin_pipe_close(ends[1]);
}

static void many_processes_are_waited_for(void **state)
{
    (void)state;
    enum { COUNT = 5 };
    kin_wait_item items[COUNT];
    kin_process *children[COUNT];
    place *it = new_place();
    kin_queue *queue = NULL;
    size_t left = COUNT;
    assert_ok(kin_queue_create(&queue, NULL, NULL));
    for (int i = 0; i < COUNT; i++) {
        children[i] = start_with("act", it, queue, "end");
        items[i] = (kin_wait_item){KIN_WAIT_PROCESS, KIN_WAIT_READABLE, children[i], 0, 0};
    }
    while (left > 0) {
        size_t ready = 0;
        assert_ok(kin_wait(items, left, 0, PATIENCE, &ready));
        assert_true(ready > 0);
        for (size_t i = left; i-- > 0;) {
            if (items[i].ready) {
                join_child(items[i].object, 0);
                items[i] = items[--left];
            }
        }
    }
    assert_ok(kin_queue_destroy(queue));
    assert_ok(kin_free(it));
}

static void dead_owner_is_noticed(void **state)
{
    (void)state;
    place *it = new_place();
    kin_queue *queue = NULL;
    assert_ok(kin_queue_create(&queue, NULL, NULL));
    kin_process *child = start_with("hold_lock", it, queue, "");
    assert_ok(kin_sem_acquire(&it->told, 1, PATIENCE));
    kin_wait_item item = {KIN_TYPE_LOCK, KIN_WAIT_READABLE, &it->lock, 0, 0};
    assert_status(kin_wait(&item, 1, 0, KIN_MS(60), NULL), KIN_E_TIMED_OUT);
    kill_child(child);
    int64_t start = now_ns();
    assert_ok(kin_wait(&item, 1, 0, PATIENCE, NULL));
    assert_true(now_ns() - start < KIN_SECONDS(1));
    assert_status(kin_lock_acquire(&it->lock, KIN_NOW), KIN_OWNER_DIED);
    assert_ok(kin_lock_repair(&it->lock));
    assert_ok(kin_lock_release(&it->lock));
    assert_ok(kin_queue_destroy(queue));
    assert_ok(kin_free(it));
}

static void watchers_take_no_wake_up_from_others(void **state)
{
    (void)state;
    place *it = new_place();
    kin_queue *queue = NULL;
    assert_ok(kin_queue_create(&queue, NULL, NULL));
    kin_process *watcher = start_with("watch", it, queue, "");
    assert_ok(kin_sem_acquire(&it->many, 1, PATIENCE));
    kin_process *killed = start_with("watch", it, queue, "");
    assert_ok(kin_sem_acquire(&it->many, 1, PATIENCE));
    kin_process *taker = start_with("take_permits", it, queue, "");
    int64_t start = now_ns();
    for (int i = 0; i < 300; i++) {
        assert_ok(kin_sem_release(&it->sem, 1));
        assert_ok(kin_sem_acquire(&it->told, 1, PATIENCE));
        if (i == 100) {
            kill_child(killed);
        }
    }
    assert_true(now_ns() - start < KIN_SECONDS(10)); /* had each wake-up waited for a slice: a minute */
    join_child(taker, 0);
    assert_ok(kin_event_set(&it->event));
    join_child(watcher, 0);
    assert_ok(kin_family_reap(NULL, NULL));
    assert_int_equal(inspect_family().threads, 1);
    assert_ok(kin_queue_destroy(queue));
    assert_ok(kin_free(it));
}

int main(void)
{
    static const kin_child_entry entries[] = {
        {"act", child_act},
        {"answer", child_answer},
        {"hold_lock", child_hold_lock},
        {"run_course", child_run_course},
        {"take_permits", child_take_permits},
        {"watch", child_watch},
    };
    kin_child_main(entries, sizeof entries / sizeof entries[0]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_input_is_refused),
        cmocka_unit_test(says_what_is_ready_now),
        cmocka_unit_test(each_kind_wakes),
        cmocka_unit_test(each_kind_wakes_at_any_moment),
        cmocka_unit_test(native_things_wake),
        cmocka_unit_test(all_means_each_of_them),
        cmocka_unit_test(watches_nothing_afterwards),
        cmocka_unit_test(what_is_ready_already_does_not_keep_it_awake),
        cmocka_unit_test(pipe_wakes_with_messages_and_with_its_end),
        cmocka_unit_test(sending_end_is_not_waited_for),
        cmocka_unit_test(many_processes_are_waited_for),
        unit_test_with_deaths(dead_owner_is_noticed),
        unit_test_with_deaths(watchers_take_no_wake_up_from_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
