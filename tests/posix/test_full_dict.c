/* A dict in a full family, whose writers are killed: its table is purged in place all the time. */
#include "support.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

#include "container/hash_table.h"
#include "family/input.h"
#include "family/thread_slot.h"
#include "posix/children.h"

#define KEYS 40000u /* more than there is room for */
#define SWAY 25000u

typedef struct window { /* of keys, modulo KEYS; shared by the writers, of which there is one at a time */
    _Atomic uint32_t next, oldest;
} window;

static window *new_window(void)
{
    void *memory = mmap(NULL, sizeof(window), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(memory != MAP_FAILED);
    return memory;
}

/* Adds for ever; drops the oldest where there is no room. */
static void churn(kin_dict *dict, window *keys)
{
    for (;;) {
        uint32_t key = atomic_load(&keys->next) % KEYS;
        if (kin_dict_set(dict, &key, sizeof key, &key, sizeof key) == KIN_OK) {
            atomic_fetch_add(&keys->next, 1);
        } else {
            key = atomic_fetch_add(&keys->oldest, 1) % KEYS;
            kin_dict_remove(dict, &key, sizeof key);
        }
    }
}

/* Grows to as many as there is room for, shrinks to none, for ever. */
static void sway(kin_dict *dict, window *keys)
{
    for (bool grows = true;; grows = !grows) {
        for (uint32_t left = SWAY; left > 0; left--) {
            uint32_t key = atomic_load(grows ? &keys->next : &keys->oldest) % KEYS;
            if (grows ? kin_dict_set(dict, &key, sizeof key, &key, sizeof key) == KIN_OK
                      : kin_dict_remove(dict, &key, sizeof key) >= 0) {
                atomic_fetch_add(grows ? &keys->next : &keys->oldest, 1);
            }
        }
    }
}

/* Each entry is there once, and is found. */
static size_t check_whole(kin_dict *dict)
{
    static unsigned char seen[KEYS];
    size_t count = 0, size = 0;
    kin_snapshot *items = NULL;
    kin_snapshot_item item;
    memset(seen, 0, sizeof seen);
    assert_ok(kin_dict_snapshot(&items, dict));
    while (kin_snapshot_next(items, &item)) {
        uint32_t key, value = KEYS;
        memcpy(&key, item.key, sizeof key);
        assert_true(key < KEYS && !seen[key]);
        seen[key] = 1;
        assert_ok(kin_dict_get(dict, &key, sizeof key, &value, sizeof value, NULL));
        assert_int_equal(value, key);
        count++;
    }
    kin_snapshot_destroy(items);
    assert_ok(kin_dict_size(dict, &size));
    assert_int_equal(size, count);
    return count;
}

static uint64_t blocks_of(kin_family *family)
{
    uint64_t blocks = 0, bytes = 0;
    assert_ok(kin_alloc_total(family, &blocks, &bytes));
    return blocks;
}

/* Sets the keys [from, to), each to itself. */
static void set_keys(kin_dict *dict, uint32_t from, uint32_t to)
{
    for (uint32_t key = from; key < to; key++) {
        assert_ok(kin_dict_set(dict, &key, sizeof key, &key, sizeof key));
    }
}

/* So many writers, each of them killed. */
static void check_killed(uint64_t reserve, unsigned rounds, void (*writer)(kin_dict *dict, window *keys))
{
    kin_family *family = new_family(reserve);
    kin_dict *dict = NULL;
    window *keys = new_window();
    size_t most = 0;
    assert_ok(kin_dict_create(&dict, family));
    for (unsigned round = 0; round < rounds; round++) {
        pid_t pid = fork_child();
        if (pid == 0) {
            alarm(60); /* not longer, if a test fails */
            writer(dict, keys);
        }
        usleep((useconds_t)(1 + round * 37 % 20) * 1000);
        kill(pid, SIGKILL);
        assert_int_equal(end_of(pid), -SIGKILL);
        size_t count = check_whole(dict);
        most = count > most ? count : most;
    }
    print_message("%zu entries at most\n", most);
    assert_ok(kin_dict_clear(dict));
    assert_int_equal(check_whole(dict), 0);
    assert_int_equal(blocks_of(family), 1);
    kin_family_close(family);
    munmap(keys, sizeof *keys);
}

static void killed_while_it_is_purged_it_stays_whole(void **state)
{
    (void)state;
    check_killed(1 << 20, 300, churn);
}

static void killed_while_it_grows_and_shrinks_it_stays_whole(void **state)
{
    (void)state;
    check_killed(8 << 20, 100, sway);
}

/* ---- by hand ---- */

typedef struct move { /* of an entry, from a slot to one that had another entry, on its way */
    kin__seat *seat;
    kin__container *it;
    kin__segment_view in;
    kin__slot *from, *to;
} move;

/* Holding the dict's lock, which has a directory. In its first segment. */
static int begin_move(move *out, kin_dict *dict)
{
    kin__words words;
    CHECK(kin__container_open(&out->seat, dict, &kin__dict_kind) == KIN_OK);
    out->it = (kin__container *)dict;
    CHECK(kin__container_enter(out->seat, out->it, &kin__dict_kind) == KIN_OK);
    const uint64_t root = atomic_load(&out->it->root);
    CHECK(kin__dict_kind.parts(out->seat->family, root) > 1);
    CHECK(kin__dict_kind.words(out->seat->family, root, 0, &words));
    CHECK(kin__segment_open(out->seat->family, words.block, &out->in));
    atomic_store(&out->it->changing, words.block);
    return 0;
}

static void put_into(kin__slot *slot, uint64_t hash, uint64_t word)
{
    atomic_store(&slot->hash, hash);
    atomic_store(&slot->word, word);
}

static uint64_t home_of(const move *it, uint64_t slot)
{
    return (atomic_load(&it->in.slots[slot].hash) & UINT32_MAX) * it->in.capacity >> 32;
}

static int find_move(move *it)
{
    kin__slot *slots = it->in.slots;
    for (uint64_t i = 0; i < it->in.capacity; i++) {
        uint64_t word = atomic_load(&slots[i].word);
        for (uint64_t at = home_of(it, i); word > KIN__NO_ENTRY && at != i; at = (at + 1) % it->in.capacity) {
            if (atomic_load(&slots[at].word) == KIN__NO_ENTRY) {
                it->from = &slots[i];
                it->to = &slots[at];
                return 0;
            }
        }
    }
    return 1;
}

static kin_dict *dict_with_gaps(kin_family **family)
{
    kin_dict *dict = NULL;
    *family = new_family(1 << 20);
    assert_ok(kin_dict_create(&dict, *family));
    set_keys(dict, 0, 5000);
    for (uint32_t key = 0; key < 5000; key += 5) {
        assert_ok(kin_dict_remove(dict, &key, sizeof key));
    }
    return dict;
}

static int die_between_two_stores(kin_dict *dict)
{
    move it;
    CHECK(begin_move(&it, dict) == 0 && find_move(&it) == 0);
    atomic_fetch_add(&it.in.segment->moves, 1);
    put_into(it.to, atomic_load(&it.from->hash), atomic_load(&it.from->word));
    return raise(SIGKILL);
}

static void entry_that_is_there_twice_is_put_right(void **state)
{
    (void)state;
    kin_family *family = NULL;
    kin_dict *dict = dict_with_gaps(&family);
    uint32_t key = 0, value;
    pid_t pid = fork_child();
    if (pid == 0) {
        alarm(60); /* not longer, if a test fails */
        _exit(die_between_two_stores(dict));
    }
    assert_int_equal(end_of(pid), -SIGKILL);
    assert_int_equal(check_whole(dict), 4000);
    assert_status(kin_dict_get(dict, &key, sizeof key, &value, sizeof value, NULL), KIN_E_NOT_FOUND);
    kin_family_close(family);
}

static int move_to_and_fro(kin_dict *dict, _Atomic uint32_t *key)
{
    move it;
    CHECK(begin_move(&it, dict) == 0 && find_move(&it) == 0);
    const uint64_t hash = atomic_load(&it.from->hash), word = atomic_load(&it.from->word);
    const kin__entry *entry = kin__pointer(it.seat->family, kin__block_offset(word));
    uint32_t number;
    memcpy(&number, entry->bytes, sizeof number);
    kin__container_leave(it.seat, it.it);
    atomic_store(key, number);
    for (;;) {
        kin__slot *from = it.from;
        CHECK(begin_move(&it, dict) == 0);
        atomic_fetch_add(&it.in.segment->moves, 1);
        put_into(it.to, hash, word);
        atomic_store(&from->word, KIN__NO_ENTRY);
        atomic_fetch_add(&it.in.segment->moves, 1);
        kin__container_leave(it.seat, it.it);
        it.from = it.to;
        it.to = from;
    }
}

static void readers_miss_nothing_that_moves(void **state)
{
    (void)state;
    kin_family *family = NULL;
    kin_dict *dict = dict_with_gaps(&family);
    _Atomic uint32_t *key = mmap(NULL, sizeof *key, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true((void *)key != MAP_FAILED);
    atomic_store(key, KEYS);
    pid_t pid = fork_child();
    if (pid == 0) {
        alarm(60); /* not longer, if a test fails */
        _exit(move_to_and_fro(dict, key));
    }
    while (atomic_load(key) == KEYS) {
        usleep(100);
    }
    const uint32_t number = atomic_load(key);
    for (int i = 0; i < 300000; i++) {
        uint32_t value = KEYS;
        assert_ok(kin_dict_get(dict, &number, sizeof number, &value, sizeof value, NULL));
        assert_int_equal(value, number);
    }
    kill(pid, SIGKILL);
    assert_int_equal(end_of(pid), -SIGKILL);
    munmap((void *)key, sizeof *key);
    kin_family_close(family);
}

/* ---- a segment that is split, by hand ---- */

typedef struct halves {
    kin__seat *seat;
    kin__container *it;
    uint64_t part, depth;
    kin__segment_view whole, half[2];
} halves;

/* A segment that two words of the directory name, beside each other. */
static int find_twice_named(halves *it)
{
    kin__words words, next;
    const uint64_t root = atomic_load(&it->it->root);
    const uint64_t parts = kin__dict_kind.parts(it->seat->family, root);
    for (it->part = 0; it->part + 1 < parts; it->part++) {
        CHECK(kin__dict_kind.words(it->seat->family, root, it->part, &words));
        CHECK(kin__dict_kind.words(it->seat->family, root, it->part + 1, &next));
        if (words.block == next.block) {
            CHECK(kin__segment_open(it->seat->family, words.block, &it->whole));
            it->depth = atomic_load(&it->whole.segment->depth);
            kin__container_doubt(it->it, KIN__TABLE_GONE, words.block);
            return 0;
        }
    }
    return 1;
}

static int die_after_stores(kin_dict *dict, uint64_t stores)
{
    halves it;
    CHECK(kin__container_open(&it.seat, dict, &kin__dict_kind) == KIN_OK);
    it.it = (kin__container *)dict;
    CHECK(kin__container_enter(it.seat, it.it, &kin__dict_kind) == KIN_OK);
    CHECK(find_twice_named(&it) == 0);
    for (uint64_t odd = 0; odd < 2; odd++) {
        CHECK(kin__segment_make(&it.half[odd], it.seat, it.it, odd ? KIN__TABLE_MADE_TOO : KIN__TABLE_MADE,
                                KIN__SEGMENT_MAX, it.depth + 1) == KIN_OK);
        CHECK(kin__segment_copy(&it.whole, &it.half[odd], 63 - (uint32_t)it.depth, odd));
    }
    kin__directory *directory = kin__pointer(it.seat->family, kin__block_offset(atomic_load(&it.it->root)));
    CHECK(it.depth + 1 == atomic_load(&directory->depth));
    _Atomic uint64_t *words = (_Atomic uint64_t *)(void *)(directory + 1);
    for (uint64_t i = 0; i < stores; i++) {
        atomic_store(&words[it.part + i], kin__container_taken(it.it, i ? KIN__TABLE_MADE_TOO : KIN__TABLE_MADE));
    }
    return raise(SIGKILL);
}

static uint64_t part_count(kin_family *family, kin_dict *dict)
{
    return kin__dict_kind.parts(family, atomic_load(&((kin__container *)dict)->root));
}

static void split_that_is_begun_is_finished(void **state)
{
    (void)state;
    for (uint64_t stores = 0; stores <= 2; stores++) {
        kin_family *family = new_family(8 << 20);
        kin_dict *dict = NULL;
        uint32_t count = 0;
        assert_ok(kin_dict_create(&dict, family));
        for (; part_count(family, dict) < 8; count++) { /* one segment of four has been split: see find_twice_named */
            set_keys(dict, count, count + 1);
        }
        const uint64_t before = blocks_of(family);
        pid_t pid = fork_child();
        if (pid == 0) {
            alarm(60); /* not longer, if a test fails */
            _exit(die_after_stores(dict, stores));
        }
        assert_int_equal(end_of(pid), -SIGKILL);
        assert_int_equal(check_whole(dict), count);
        assert_int_equal(blocks_of(family), before + (stores > 0));
        while (count > 0) {
            count--;
            assert_ok(kin_dict_remove(dict, &count, sizeof count));
        }
        assert_int_equal(blocks_of(family), 2); /* the dict, and a segment */
        kin_family_close(family);
    }
}

/* ---- two that are merged, by hand ---- */

/* Of the entries of the second of two segments, the first has `part` of 3 when its writer dies; and its word, if
 * `published`. */
static int die_in_merge(kin_dict *dict, uint64_t part, bool published)
{
    kin__words words[2];
    kin__segment_view in[2];
    kin__seat *seat;
    kin__container *it = (kin__container *)dict;
    CHECK(kin__container_open(&seat, dict, &kin__dict_kind) == KIN_OK);
    CHECK(kin__container_enter(seat, it, &kin__dict_kind) == KIN_OK);
    const uint64_t root = atomic_load(&it->root);
    for (uint64_t i = 0; i < 2; i++) {
        CHECK(kin__dict_kind.words(seat->family, root, i, &words[i]));
        CHECK(kin__segment_open(seat->family, words[i].block, &in[i]));
    }
    atomic_store(&it->changing, words[0].block);
    kin__container_doubt(it, KIN__TABLE_MADE, words[0].block);
    kin__container_doubt(it, KIN__TABLE_GONE, words[1].block);
    in[1].capacity = in[1].capacity * part / 3;
    CHECK(kin__segment_absorb(&in[1], &in[0]));
    if (published) {
        kin__directory *directory = kin__pointer(seat->family, kin__block_offset(root));
        atomic_store((_Atomic uint64_t *)(void *)(directory + 1) + 1, words[0].block);
    }
    return raise(SIGKILL);
}

static void merge_that_is_begun_is_finished(void **state)
{
    (void)state;
    for (uint64_t part = 0; part <= 4; part++) {
        kin_family *family = new_family(8 << 20);
        kin_dict *dict = NULL;
        const uint32_t count = 3300, more = 10000;
        assert_ok(kin_dict_create(&dict, family));
        set_keys(dict, 0, count);
        assert_int_equal(part_count(family, dict), 2);
        const uint64_t before = blocks_of(family);
        pid_t pid = fork_child();
        if (pid == 0) {
            alarm(60); /* not longer, if a test fails */
            _exit(die_in_merge(dict, part < 3 ? part : 3, part == 4));
        }
        assert_int_equal(end_of(pid), -SIGKILL);
        assert_int_equal(check_whole(dict), count);
        assert_int_equal(blocks_of(family), before - 1);
        set_keys(dict, count, more);
        assert_int_equal(check_whole(dict), more);
        kin_family_close(family);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed_while_it_is_purged_it_stays_whole),
        cmocka_unit_test(killed_while_it_grows_and_shrinks_it_stays_whole),
        cmocka_unit_test(entry_that_is_there_twice_is_put_right),
        cmocka_unit_test(readers_miss_nothing_that_moves),
        cmocka_unit_test(split_that_is_begun_is_finished),
        cmocka_unit_test(merge_that_is_begun_is_finished),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
