/* A member gone mad writes garbage over the arena. The others may get errors, and wrong data; they must not crash,
 * and not hang. */
#include "support.h"

#include <signal.h>
#include <stdlib.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "container/container.h"
#include "family/adopt.h"
#include "family/layout.h"
#include "family/member.h"
#include "memory/spans.h"
#include "process/blob.h"
#include "queue/ring.h"

typedef struct things {
    kin_lock lock;
    kin_sem sem;
    kin_event event;
    kin_cond cond;
    kin_barrier barrier;
    kin_rwlock rwlock;
} things;

static kin_status lengthen(void *value, size_t *size, size_t room, void *context)
{
    (void)context;
    memset(value, 3, room);
    *size = room;
    return KIN_OK;
}

static volatile unsigned char touched;

static void touch(const void *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        touched = ((const unsigned char *)bytes)[i];
    }
}

static void read_items(kin_snapshot *items)
{
    kin_snapshot_item item;
    while (kin_snapshot_next(items, &item)) {
        touch(item.key, item.key_size);
        touch(item.value, item.value_size);
    }
    kin_snapshot_destroy(items);
}

static void use_containers(kin_dict *dict, kin_list *list)
{
    static char value[20000];
    kin_snapshot *items = NULL;
    size_t size;
    int done;
    for (int key = 0; key < 40; key++) {
        kin_dict_get(dict, &key, sizeof key, value, sizeof value, &size);
        kin_dict_set(dict, &key, sizeof key, value, key % 10 == 0 ? sizeof value : 10);
        kin_dict_compare_and_set(dict, &key, sizeof key, value, 10, "new", 3, &done);
        kin_dict_update(dict, &key, sizeof key, 30, lengthen, NULL);
        kin_list_insert(list, key % 3 ? (size_t)key : KIN_LIST_LAST, value, key % 10 == 0 ? sizeof value : 10);
        kin_list_get(list, (size_t)key, value, sizeof value, &size);
        kin_list_set(list, (size_t)key, value, 20);
    }
    if (kin_dict_snapshot(&items, dict) == KIN_OK) {
        read_items(items);
    }
    if (kin_list_snapshot(&items, list, 0, SIZE_MAX) == KIN_OK) {
        read_items(items);
    }
    for (int key = 0; key < 40; key += 2) {
        kin_dict_remove(dict, &key, sizeof key);
        kin_list_pop(list, key % 4 ? (size_t)key / 2 : 0, value, sizeof value, &size);
    }
    kin_dict_size(dict, &size);
    kin_list_size(list, &size);
}

/* Whatever they answer. */
static void use_all(things *it, kin_sem *leased)
{
    void *memory = NULL, *found = NULL;
    kin_ref ref = {{0, 0}};
    if (kin_lock_acquire(&it->lock, KIN_MS(1)) >= 0) {
        kin_cond_wait(&it->cond, &it->lock, KIN_MS(1));
        kin_lock_repair(&it->lock);
        kin_lock_release(&it->lock);
    }
    if (kin_sem_acquire(&it->sem, 1, KIN_MS(1)) == KIN_OK) {
        kin_sem_release(&it->sem, 1);
    }
    uint32_t value;
    kin_sem_value(leased, &value);
    if (kin_sem_acquire(leased, 1, KIN_MS(1)) == KIN_OK) {
        kin_sem_release(leased, 1);
    }
    kin_event_wait(&it->event, KIN_MS(1));
    kin_event_set(&it->event);
    kin_cond_notify(&it->cond, KIN_COND_ALL);
    kin_barrier_wait(&it->barrier, NULL, KIN_MS(1));
    kin_barrier_reset(&it->barrier);
    if (kin_rwlock_acquire(&it->rwlock, KIN_RWLOCK_READ, KIN_MS(1)) >= 0) {
        kin_rwlock_release(&it->rwlock);
    }
    for (size_t size = 20; size < 300000; size *= 20) {
        if (kin_alloc(&memory, NULL, size) == KIN_OK) {
            kin_free(memory);
        }
    }
    kin_ref_of(&ref, KIN_TYPE_LOCK, &it->lock);
    kin_ref_get(&found, KIN_TYPE_LOCK, ref);
    kin_name_set("name", KIN_TYPE_LOCK, &it->lock);
    kin_name_get(&found, NULL, "name", KIN_TYPE_LOCK);
    kin_name_remove(NULL, "name");
    kin_family_reap(NULL, NULL);
}

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

/* Words of the kind that a table would hold, and of the kind that none would. */
static void scribble(char *base, size_t size, uint64_t seed)
{
    int count = 200 << seed % 8;
    for (int i = 0; i < count; i++) {
        uint64_t where = next_random(&seed) % (size / 8);
        uint64_t what = next_random(&seed);
        if (what % 4 == 0) {
            where %= 512; /* the header */
        }
        ((uint64_t *)(void *)base)[where] = what % 3 == 0 ? what : what % 3 == 1 ? what % 70000 : UINT64_MAX;
    }
}

static int suffer(uint64_t seed)
{
    things *it = NULL;
    kin_sem *leased = NULL;
    kin_dict *dict = NULL;
    kin_list *list = NULL;
    kin_family_info info = KIN_FAMILY_INFO_INIT;
    signal(SIGSEGV, SIG_DFL); /* not CMocka's */
    signal(SIGBUS, SIG_DFL);
    signal(SIGFPE, SIG_DFL);
    if (kin_alloc((void **)&it, NULL, sizeof *it) != KIN_OK || kin_sem_create_leased(&leased, NULL, 20) != KIN_OK ||
        kin_dict_create(&dict, NULL) != KIN_OK || kin_list_create(&list, NULL) != KIN_OK ||
        kin_family_inspect(NULL, &info) != KIN_OK) {
        return 1;
    }
    kin_lock_init(&it->lock, 0);
    kin_sem_init(&it->sem, 1, 0);
    kin_event_init(&it->event);
    kin_cond_init(&it->cond);
    kin_barrier_init(&it->barrier, 2);
    kin_rwlock_init(&it->rwlock);
    use_all(it, leased);
    use_containers(dict, list);
    kin_family_inspect(NULL, &info);
    pid_t mad = fork();
    if (mad == 0) {
        kin_ref ref = {{0, 0}};
        kin_ref_of(&ref, KIN_TYPE_LOCK, &it->lock);
        scribble((char *)it - (ref.opaque[0] & UINT64_C(0x00ffffffffffffff)), (size_t)info.committed, seed);
        _exit(0);
    }
    waitpid(mad, NULL, 0);
    for (int i = 0; i < 5; i++) {
        use_containers(dict, list);
        use_all(it, leased);
    }
    kin_dict_clear(dict);
    kin_list_clear(list);
    kin_dict_destroy(dict);
    kin_list_destroy(list);
    return 0;
}

/* ---- a dict and a list, written over while they are used ---- */

typedef struct range {
    uint64_t *words;
    uint64_t count;
} range;

#define RANGES 20

/* Where the containers' own words lie, and some entries; but for their locks, which are locks like others. */
static int find_ranges(kin_family *family, void *const containers[2], range *out)
{
    int count = 0;
    for (int i = 0; i < 2; i++) {
        kin__container *it = containers[i];
        uint64_t *table = kin__pointer(family, kin__block_offset(atomic_load(&it->root)));
        out[count++] = (range){(uint64_t *)(void *)&it->root, 1};
        out[count++] = (range){(uint64_t *)(void *)it->doubts, KIN__DOUBTS + 1};
        out[count++] = (range){table, 4};
        out[count++] = (range){table, 100};
        for (uint64_t k = 0; k < 100 && count < RANGES / 2 * (i + 1); k++) {
            uint64_t offset = kin__block_offset(table[k]);
            if (table[k] >> 32 != 0 && offset > 4096 && kin__family_covers(family, offset, 64)) {
                out[count++] = (range){kin__pointer(family, offset), 2};
            }
        }
    }
    return count;
}

static void write_over(kin_family *family, void *const containers[2], uint64_t seed)
{
    range ranges[RANGES];
    int count = find_ranges(family, containers, ranges);
    for (int64_t end = now_ns() + KIN_MS(25); now_ns() < end;) {
        range into = ranges[next_random(&seed) % (uint64_t)count], from = ranges[next_random(&seed) % (uint64_t)count];
        uint64_t what = next_random(&seed), there = from.words[next_random(&seed) % from.count];
        _Atomic uint64_t *word = (_Atomic uint64_t *)(void *)&into.words[next_random(&seed) % into.count];
        const uint64_t kinds[] = {there, what, what % 70000, UINT64_C(1) << what / 8 % 60,
                                  there + what % 64 * (UINT64_C(1) << what % 50)};
        atomic_store(word, kinds[what / 1024 % 5]);
        for (volatile int i = 0; i < (int)(what >> 50); i++) {
        }
    }
}

static int suffer_meanwhile(uint64_t seed)
{
    kin_family *family = NULL;
    kin_dict *dict = NULL;
    kin_list *list = NULL;
    signal(SIGSEGV, SIG_DFL); /* not CMocka's */
    signal(SIGBUS, SIG_DFL);
    if (kin_dict_create(&dict, NULL) != KIN_OK || kin_list_create(&list, NULL) != KIN_OK ||
        kin_family_default(&family) != KIN_OK) {
        return 1;
    }
    use_containers(dict, list);
    pid_t mad = fork();
    if (mad == 0) {
        write_over(family, (void *const[2]){dict, list}, seed);
        _exit(0);
    }
    while (waitpid(mad, NULL, WNOHANG) == 0) {
        use_containers(dict, list);
    }
    for (int i = 0; i < 3; i++) {
        use_containers(dict, list);
    }
    kin_dict_clear(dict);
    kin_list_clear(list);
    kin_dict_destroy(dict);
    kin_list_destroy(list);
    return 0;
}

static void survive(int (*body)(uint64_t seed), uint64_t seeds)
{
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        int status = 0;
        pid_t pid = fork();
        if (pid == 0) {
            alarm(60);
            _exit(body(seed * UINT64_C(0x9e3779b97f4a7c15)));
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (status != 0) {
            print_message("seed %d: %s %d\n", (int)seed, WIFSIGNALED(status) ? "signal" : "exit code",
                          WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
        }
        assert_int_equal(status, 0);
    }
}

static void others_neither_crash_nor_hang(void **state)
{
    (void)state;
    survive(suffer, 300);
}

static void nor_in_containers_that_change_under_them(void **state)
{
    (void)state;
    survive(suffer_meanwhile, 100);
}

/* ---- what a thread sleeps on ---- */

/* A wait of 50 ms, again and again. Twice the longest slice, and more, is left for a loaded machine. */
static int time_waits(kin_sem *sem)
{
    for (int i = 0; i < 20; i++) {
        int64_t start = kin_os_now();
        kin_status status = kin_sem_acquire(sem, 1, KIN_MS(50));
        if (status != KIN_E_TIMED_OUT || kin_os_now() - start > KIN_SECONDS(3)) {
            print_message("%s after %d ms\n", kin_status_name(status), (int)((kin_os_now() - start) / KIN_MS(1)));
            return 1;
        }
    }
    return 0;
}

static void write_over_places(kin_family *family, uint64_t *seed)
{
    const uint64_t bits = next_random(seed) & next_random(seed);
    for (uint32_t i = 0; i < 16; i++) {
        kin_os_sem_place *place = &kin__thread_at(family, i)->place;
        for (size_t word = 0; word < sizeof place->words / sizeof place->words[0]; word++) {
            __atomic_store_n(&place->words[word], next_random(seed) & bits, __ATOMIC_RELAXED);
        }
    }
}

static void sleeper_keeps_its_time_whatever_is_written_where_it_sleeps(void **state)
{
    (void)state;
    kin_sem *sem;
    uint64_t seed = 1;
    int status = -1;
    assert_ok(kin_sem_create(&sem, NULL, 0, 0));
    pid_t pid = fork();
    if (pid == 0) {
        alarm(60);
        _exit(time_waits(sem));
    }
    while (waitpid(pid, &status, WNOHANG) == 0) {
        write_over_places(kin__family_default(), &seed);
        usleep(500);
    }
    assert_int_equal(status, 0);
    assert_ok(kin_sem_release(sem, 1));
    assert_ok(kin_sem_acquire(sem, 1, 0));
    assert_ok(kin_sem_destroy(sem));
}

/* ---- arenas that are made to mislead ---- */

static kin_family *small_family(uint32_t threads, uint64_t reserve)
{
    kin_family_options options = KIN_FAMILY_OPTIONS_INIT;
    kin_family *family = NULL;
    options.reserve = reserve;
    options.max_members = 4;
    options.max_threads = threads;
    assert_ok(kin_family_create(&family, &options));
    return family;
}

/* What another process answers that joins by what the header says by now: a status, or 1: it crashed. */
static int status_of_joining(kin_family *family, uint64_t reserve)
{
    int status = -1;
    pid_t pid = fork();
    if (pid == 0) {
        kin_family *joined = NULL;
        kin_lock *lock = NULL;
        kin__family_ticket ticket = {.id = family->id,
                                     .reserve = reserve,
                                     .shm = dup(family->shm),
                                     .pulse = dup(family->pulse.fd),
                                     .stranger = true};
        signal(SIGSEGV, SIG_DFL);
        signal(SIGBUS, SIG_DFL);
        signal(SIGFPE, SIG_DFL);
        atomic_store(&family->stage, 1); /* not known here: it is looked at anew */
        kin_status got = kin__family_adopt(&joined, &ticket);
        if (got == KIN_OK) {
            kin_lock_create(&lock, joined, 0);
            kin_name_set("name", KIN_TYPE_LOCK, lock);
        }
        _exit(-(int)got);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? -WEXITSTATUS(status) : 1;
}

static void forge_layout(kin_family *family, uint64_t reserve, uint32_t members, uint32_t threads)
{
    kin__layout *forged = &family->arena->layout;
    *forged = (kin__layout){.reserve = reserve, .max_members = members, .max_threads = threads};
    kin__layout_compute(forged);
}

/* Consistent headers whose tables end behind the file, behind the reserve, or that leave no room for a heap. The table
 * of spans alone may grow: a larger reserve is nothing wrong. */
static void tables_outside_of_the_file_are_refused(void **state)
{
    (void)state;
    kin_family *family = small_family(64, 1 << 20);
    const kin__layout sound = family->layout;
    const struct {
        uint64_t reserve;
        uint32_t members, threads;
    } wrong[] = {{1 << 20, 4096, 64}, {1 << 20, 4, 32768}, {1 << 20, 4096, 32768},
                 {1 << 20, 4, 65},    {1 << 20, 4, 0},     {1 << 20, 0, 64},
                 {65536, 4, 64},      {4096, 4, 64},       {UINT64_C(65) << 30, 4, 64}};
    assert_int_equal(status_of_joining(family, sound.reserve), KIN_OK);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        forge_layout(family, wrong[i].reserve, wrong[i].members, wrong[i].threads);
        uint64_t reserve = family->arena->layout.reserve;
        if (reserve > SIZE_MAX) {
            continue; /* with 32 bits the ticket is refused before this */
        }
        assert_int_equal(status_of_joining(family, reserve), KIN_E_BLOB_CORRUPT);
    }
    if (SIZE_MAX > UINT32_MAX) {
        forge_layout(family, UINT64_C(8) << 30, 4, 64);
        assert_int_equal(status_of_joining(family, UINT64_C(8) << 30), KIN_OK);
    }
    family->arena->layout = sound;
    assert_int_equal(status_of_joining(family, sound.reserve), KIN_OK);
    kin_family_close(family);
}

static void count_object(const kin_object_info *it, void *context)
{
    (void)it;
    ++*(int *)context;
}

/* A file that was made longer without being filled: looking on must not fill it. */
static void looking_on_allocates_nothing(void **state)
{
    (void)state;
    struct stat before, after;
    int count = 0;
    kin_inspector sight = {.size = sizeof sight, .object = count_object, .context = &count};
    kin_family *family = small_family(64, UINT64_C(1) << 30);
    kin_lock *lock = NULL;
    assert_ok(kin_lock_create(&lock, family, 0));
    assert_ok(kin_lock_acquire(lock, KIN_NOW));
    assert_ok(kin_family_inspect_all(family, &sight));
    assert_int_equal(count, 1);
    assert_int_equal(ftruncate(family->shm, 256 << 20), 0);
    for (int claimed = 0; claimed < 2; claimed++) {
        assert_int_equal(fstat(family->shm, &before), 0);
        assert_ok(kin_family_inspect_all(family, &sight));
        assert_int_equal(fstat(family->shm, &after), 0);
        assert_int_equal(after.st_blocks, before.st_blocks);
        for (uint32_t i = 1; i < 1000; i++) { /* in the next turn the table says that all of it is used */
            atomic_store(kin__span_at(family, i), kin__span_word(KIN__SPAN_LARGE, 1, 1));
        }
        atomic_store(&family->arena->heap.span_end, 1000);
    }
    assert_int_equal(count, 3);
    kin_family_close(family);
}

/* Each word an object's head, and each thread asleep on one, all threads' names in the directory: the time is in
 * proportion. */
static void looking_on_takes_as_long_as_there_is_memory(void **state)
{
    (void)state;
    enum { THREADS = 8192, BYTES = 65536 };
    int count = 0;
    kin_inspector sight = {.size = sizeof sight, .object = count_object, .context = &count};
    kin_family *family = small_family(THREADS, 16 << 20);
    char *memory = NULL;
    assert_ok(kin_alloc((void **)&memory, family, 2 * BYTES));
    uint64_t start = (kin__offset(family, memory) + 7) / 8 * 8;
    for (uint64_t at = start; at < start + BYTES; at += 8) {
        atomic_store(&((kin__object *)kin__pointer(family, at))->tag, KIN__TAG(KIN_TYPE_EVENT, at));
    }
    atomic_store(&family->arena->thread_end, THREADS);
    for (uint32_t i = 1; i < THREADS; i++) {
        kin__thread *thread = kin__thread_at(family, i);
        atomic_store(&thread->lease, kin__lease_of(1, 0, KIN__LIVE));
        atomic_store(&thread->state, 5);
        atomic_store(&thread->address, start + i * 8);
    }
    int64_t begun = now_ns();
    assert_ok(kin_family_inspect_all(family, &sight));
    assert_in_range(count, 1, THREADS);
    assert_true(now_ns() - begun < KIN_SECONDS(3));
    for (uint32_t i = 1; i < THREADS; i++) {
        atomic_store(&kin__thread_at(family, i)->lease, 0);
    }
    kin_family_close(family);
}

/* ---- records that change while they are read ---- */

static void change_records(char *records)
{
    for (;;) {
        for (uint64_t at = 0; at < 128; at += 32) {
            kin__record *record = (kin__record *)(void *)(records + at);
            atomic_store_explicit(&record->length, 900000, memory_order_relaxed);
            atomic_store_explicit(&record->units, 100000, memory_order_relaxed);
            atomic_store_explicit(&record->units, 2, memory_order_relaxed);
        }
    }
}

static void message_is_no_longer_than_its_record(void **state)
{
    (void)state;
    static char buffer[1 << 20];
    kin_queue *queue = NULL;
    kin__ring ring;
    kin__seat *seat;
    size_t size, got = 0, longest = 0;
    const void *peeked;
    assert_ok(kin_queue_create(&queue, NULL, NULL));
    assert_ok(kin__seat_find(&seat, queue, KIN_TYPE_QUEUE));
    assert_ok(kin__ring_open(&ring, seat, (kin__queue *)(void *)queue));
    pid_t mad = fork();
    if (mad == 0) {
        alarm(30); /* also if the test fails */
        change_records(ring.records);
    }
    int64_t end = now_ns() + KIN_SECONDS(2);
    for (int round = 0; now_ns() < end; round++) {
        kin_queue_put(queue, "text", 4, KIN_NOW);
        if (kin_queue_get(queue, buffer, sizeof buffer, &size, KIN_NOW) == KIN_OK) {
            got++;
            longest = size > longest ? size : longest;
        }
        kin_queue_put(queue, "text", 4, KIN_NOW);
        if (kin_queue_peek(&peeked, &size, queue, KIN_NOW) == KIN_OK) {
            longest = size > longest ? size : longest;
            kin_queue_consume(queue, peeked);
        }
        if (round % 2 == 0) { /* stay where records change */
            kin__ring_init((kin__queue *)(void *)queue, ring.units, 0, UINT64_MAX);
        }
    }
    kill(mad, SIGKILL);
    waitpid(mad, NULL, 0);
    assert_true(got > 0 && longest <= 65536);
    kin_queue_destroy(queue);
}

/* ---- what is refused touches nothing ---- */

/* Whether another process sees a record lock of this one on the family's pulse. */
static bool has_record_lock(kin_family *family)
{
    int status = -1;
    pid_t pid = fork();
    if (pid == 0) {
        struct flock any = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        fcntl(family->pulse.fd, F_GETLK, &any);
        _exit(any.l_type != F_UNLCK);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WEXITSTATUS(status) == 1;
}

/* A blob that nobody packed names this process's pulse, of which no descriptor may be closed, not even a duplicate. */
static void refused_blob_leaves_the_sign_of_life(void **state)
{
    (void)state;
    kin_family *family = NULL;
    kin_lock *lock = NULL;
    kin__blob forged;
    kin_args *args = NULL;
    unsigned char bytes[KIN_BLOB_MAX];
    assert_ok(kin_family_default(&family));
    assert_ok(kin_lock_create(&lock, NULL, 0));
    assert_true(has_record_lock(family));
    for (int as = 0; as < 2; as++) {
        memset(&forged, 0, sizeof forged);
        forged.mode = KIN__BLOB_INHERIT;
        forged.has_pulse = true;
        forged.reserve = KIN__SPAN_SIZE;
        forged.block.opaque[0] = forged.block_size = 16;
        forged.handle_count = 2;
        memset(forged.family.bytes, 0xab, sizeof forged.family.bytes);
        forged.values[as] = kin_os_handle_value(family->pulse.fd);
        forged.values[!as] = kin_os_handle_value(family->shm);
        forged.kinds[as] = KIN_OS_KIND_FILE;
        forged.kinds[!as] = KIN_OS_KIND_SHM;
        assert_true(kin_blob_adopt(&args, bytes, kin__blob_write(&forged, bytes, sizeof bytes)) < 0);
        assert_true(has_record_lock(family));
    }
    assert_ok(kin_lock_destroy(lock));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        /* First: their children each make a default family of their own, as long as this process has none. */
        cmocka_unit_test(others_neither_crash_nor_hang),
        cmocka_unit_test(nor_in_containers_that_change_under_them),
        cmocka_unit_test(sleeper_keeps_its_time_whatever_is_written_where_it_sleeps),
        cmocka_unit_test(tables_outside_of_the_file_are_refused),
        cmocka_unit_test(looking_on_allocates_nothing),
        cmocka_unit_test(looking_on_takes_as_long_as_there_is_memory),
        cmocka_unit_test(message_is_no_longer_than_its_record),
        cmocka_unit_test(refused_blob_leaves_the_sign_of_life),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
