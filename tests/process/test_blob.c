/* The blob for a child that the program starts by itself, and every way in which one can be wrong. */
#include "support.h"

#include "family/adopt.h"
#include "process/blob.h"

typedef struct parcel {
    kin_family *family; /* not the own one: what is wrong with a blob shows only in a process that could adopt it */
    kin_lock *lock;
    kin_counter *counter;
    intptr_t file;
    kin_args *args;
    unsigned char bytes[KIN_BLOB_MAX];
    size_t size;
} parcel;

static void make_parcel(parcel *out)
{
    assert_ok(kin_family_create(&out->family, NULL));
    assert_ok(kin_lock_create(&out->lock, out->family, 0));
    assert_ok(kin_counter_create(&out->counter, out->family, 5));
    out->file = open_file_with("hello");
    assert_ok(kin_args_create(&out->args, out->family));
    give(out->args, "lock", KIN_TYPE_LOCK, out->lock);
    give(out->args, "counter", KIN_TYPE_COUNTER, out->counter);
    assert_ok(kin_args_add_bytes(out->args, "bytes", "some bytes", 10));
    assert_ok(kin_args_add_handle(out->args, "file", out->file));
    out->size = sizeof out->bytes;
}

static void pack(parcel *it, kin_handle target)
{
    it->size = sizeof it->bytes;
    assert_ok(kin_blob_pack(it->bytes, &it->size, it->args, target));
}

static void forget(parcel *it)
{
    kin_args_destroy(it->args);
    close_handle(it->file);
    kin_family_close(it->family);
}

/* ---- the other process: ends with 0, or with minus the status that it got ---- */

static int use(const kin_args *args)
{
    kin_lock *lock = given(args, "lock", KIN_TYPE_LOCK);
    kin_counter *counter = given(args, "counter", KIN_TYPE_COUNTER);
    const void *bytes = NULL;
    size_t size = 0;
    kin_handle file = 0;
    char text[8] = "";
    CHECK(lock && counter);
    CHECK(kin_lock_acquire(lock, PATIENCE) == KIN_OK && kin_counter_add(counter, 1, NULL) == KIN_OK);
    CHECK(kin_lock_release(lock) == KIN_OK);
    CHECK(kin_args_get_bytes(&bytes, &size, args, "bytes") == KIN_OK && size == 10);
    CHECK(memcmp(bytes, "some bytes", 10) == 0);
    CHECK(kin_args_get_handle(&file, args, "file", KIN_HANDLE_FILE) == KIN_OK);
    CHECK(read_handle(file, text, sizeof text) == 5 && memcmp(text, "hello", 5) == 0);
    return 0;
}

static int adopt_input(void)
{
    unsigned char bytes[KIN_BLOB_MAX];
    size_t size = read_input(bytes, sizeof bytes);
    kin_args *args = NULL, *again = NULL;
    size_t handles = count_handles();
    kin_status status = kin_blob_adopt(&args, bytes, size);
    if (status != KIN_OK) { /* none is closed, and none left over but what kin opens once for itself */
        CHECK(count_handles() >= handles);
        handles = count_handles();
        CHECK(kin_blob_adopt(&args, bytes, size) == status);
        CHECK(count_handles() == handles);
        return -(int)status;
    }
    CHECK(kin_blob_adopt(&again, bytes, size) == KIN_E_STALE);
    int result = use(args);
    kin_args_destroy(args);
    return result;
}

/* Sends a blob to a new process, which has these handles; returns its exit code. */
static int send_to_another(const void *bytes, size_t size, const intptr_t *handles, size_t count)
{
    intptr_t ends[2];
    make_pipe(ends);
    intptr_t process = start_self("adopt", ends[0], handles, count);
    assert_true(write_handle(ends[1], bytes, size));
    close_handle(ends[1]);
    close_handle(ends[0]);
    return end_of_self(process);
}

/* ---- tests ---- */

static void inheriting_child_adopts(void **state)
{
    (void)state;
    parcel it;
    intptr_t handles[KIN_OS_HANDLES_MAX];
    size_t count = KIN_OS_HANDLES_MAX;
    int64_t value = 0;
    make_parcel(&it);
    pack(&it, KIN_BLOB_NO_TARGET);
    assert_ok(kin_blob_handles(it.bytes, it.size, handles, &count));
    assert_in_range(count, 2, 3);
    assert_int_equal(send_to_another(it.bytes, it.size, handles, count), 0);
    assert_ok(kin_counter_get(it.counter, &value));
    assert_int_equal(value, 6);
    forget(&it);
}

static void target_gets_its_handles_or_is_unsupported(void **state)
{
    (void)state;
    parcel it;
    intptr_t ends[2];
    make_parcel(&it);
    if (has_fork()) {
        assert_status(kin_blob_pack(it.bytes, &it.size, it.args, 1), KIN_E_UNSUPPORTED);
        forget(&it);
        return;
    }
    make_pipe(ends);
    intptr_t process = start_self("adopt", ends[0], NULL, 0);
    pack(&it, process);
    assert_true(write_handle(ends[1], it.bytes, it.size));
    close_handle(ends[1]);
    close_handle(ends[0]);
    assert_int_equal(end_of_self(process), 0);
    assert_status(kin_blob_pack(it.bytes, &it.size, it.args, it.file), KIN_E_HANDLE);
    forget(&it);
}

static void handles_that_did_not_come_are_noticed(void **state)
{
    (void)state;
    parcel it;
    intptr_t handles[KIN_OS_HANDLES_MAX];
    size_t count = KIN_OS_HANDLES_MAX;
    make_parcel(&it);
    pack(&it, KIN_BLOB_NO_TARGET);
    assert_ok(kin_blob_handles(it.bytes, it.size, handles, &count));
    assert_int_equal(send_to_another(it.bytes, it.size, handles, 0), -KIN_E_HANDLE);
    assert_int_equal(send_to_another(it.bytes, it.size, handles, count - 1), -KIN_E_HANDLE);
    forget(&it);
}

static void packer_cannot_adopt(void **state)
{
    (void)state;
    parcel it;
    kin_args *args = NULL;
    make_parcel(&it);
    pack(&it, KIN_BLOB_NO_TARGET);
    size_t handles = count_handles();
    assert_status(kin_blob_adopt(&args, it.bytes, it.size), KIN_E_BLOB_TARGET);
    assert_null(args);
    assert_true(count_handles() <= handles);
    forget(&it);
}

static void expect(const unsigned char *bytes, size_t size, kin_status expected)
{
    kin_args *args = NULL;
    size_t count = 0;
    kin_status listed = kin_blob_handles(bytes, size, NULL, &count);
    kin_status adopted = kin_blob_adopt(&args, bytes, size);
    assert_string_equal(kin_status_name(adopted), kin_status_name(expected));
    if (expected != KIN_E_BLOB_TARGET) {
        assert_int_equal(listed, expected);
    }
    assert_null(args);
}

static void every_length_short_is_truncated(void **state)
{
    (void)state;
    parcel it;
    make_parcel(&it);
    pack(&it, KIN_BLOB_NO_TARGET);
    size_t handles = count_handles();
    for (size_t size = 0; size < it.size; size++) {
        expect(it.bytes, size, KIN_E_BLOB_TRUNCATED);
    }
    expect(it.bytes, it.size + 1, KIN_E_BLOB_CORRUPT);
    assert_true(count_handles() <= handles);
    forget(&it);
}

static void every_bit_flipped_is_noticed(void **state)
{
    (void)state;
    parcel it;
    make_parcel(&it);
    pack(&it, KIN_BLOB_NO_TARGET);
    size_t handles = count_handles();
    for (size_t bit = 0; bit < 8 * it.size; bit++) {
        size_t byte = bit / 8;
        unsigned char mask = (unsigned char)(1u << bit % 8);
        it.bytes[byte] ^= mask;
        uint32_t total;
        memcpy(&total, it.bytes + 16, sizeof total);
        expect(it.bytes, it.size,
               byte >= 8 && byte < 16                       ? KIN_E_BLOB_VERSION
               : byte >= 16 && byte < 20 && total > it.size ? KIN_E_BLOB_TRUNCATED
                                                            : KIN_E_BLOB_CORRUPT);
        it.bytes[byte] ^= mask;
    }
    assert_true(count_handles() <= handles);
    forget(&it);
}

static void blob_for_another_process_is_refused(void **state)
{
    (void)state;
    parcel it;
    const uint32_t other = 0x7ffffff0;
    make_parcel(&it);
    pack(&it, KIN_BLOB_NO_TARGET);
    memcpy(it.bytes + 32, &other, sizeof other);
    kin__blob_seal(it.bytes, it.size);
    expect(it.bytes, it.size, KIN_E_BLOB_TARGET);
    assert_int_equal(send_to_another(it.bytes, it.size, NULL, 0), -KIN_E_BLOB_TARGET);
    forget(&it);
}

/* A parent that lies about its handles: a pipe for the arena, the arena for a file, one twice. */
static void handles_of_the_wrong_kind_are_refused(void **state)
{
    (void)state;
    parcel it;
    kin__blob parsed;
    intptr_t ends[2], handles[KIN_OS_HANDLES_MAX];
    unsigned char forged[KIN_BLOB_MAX];
    make_parcel(&it);
    make_pipe(ends);
    pack(&it, KIN_BLOB_NO_TARGET);
    assert_ok(kin__blob_parse(&parsed, it.bytes, it.size));
    size_t last = parsed.handle_count - 1;
    for (uint32_t i = 0; i < parsed.handle_count; i++) {
        handles[i] = (intptr_t)parsed.values[i];
    }
    for (uint32_t i = 0; i <= last; i += (uint32_t)last) {
        kin__blob wrong = parsed;
        intptr_t all[KIN_OS_HANDLES_MAX];
        memcpy(all, handles, sizeof all);
        all[i] = ends[0];
        wrong.values[i] = (uint64_t)ends[0];
        size_t size = kin__blob_write(&wrong, forged, sizeof forged);
        assert_int_equal(send_to_another(forged, size, all, last + 1), -KIN_E_HANDLE);
    }
    kin__blob twice = parsed;
    twice.values[last] = twice.values[0];
    size_t size = kin__blob_write(&twice, forged, sizeof forged);
    expect(forged, size, KIN_E_BLOB_CORRUPT);
    close_handle(ends[0]);
    close_handle(ends[1]);
    forget(&it);
}

static void family_that_is_another_is_refused(void **state)
{
    (void)state;
    parcel it;
    kin__blob parsed;
    intptr_t handles[KIN_OS_HANDLES_MAX];
    size_t count = KIN_OS_HANDLES_MAX;
    unsigned char forged[KIN_BLOB_MAX];
    make_parcel(&it);
    pack(&it, KIN_BLOB_NO_TARGET);
    assert_ok(kin_blob_handles(it.bytes, it.size, handles, &count));
    assert_ok(kin__blob_parse(&parsed, it.bytes, it.size));
    parsed.family.bytes[3] ^= 1;
    size_t size = kin__blob_write(&parsed, forged, sizeof forged);
    assert_int_equal(send_to_another(forged, size, handles, count), -KIN_E_BLOB_CORRUPT);
    forget(&it);
}

/* Sound bytes that nobody has packed name handles of this process: a file, the arena and the pulse of its own
 * family. */
static void handles_that_a_refused_blob_names_stay_open(void **state)
{
    (void)state;
    kin__blob forged;
    kin_args *args = NULL;
    kin_family *family = NULL;
    kin_lock *lock = NULL;
    kin__family_ticket own;
    unsigned char bytes[KIN_BLOB_MAX];
    assert_ok(kin_family_default(&family));
    assert_ok(kin_lock_create(&lock, NULL, 0)); /* it is a member */
    assert_ok(kin__family_ticket_of(family, &own));
    intptr_t file = open_file_with("mine"), other = open_file_with("mine, too");
    const struct {
        uint64_t value;
        uint32_t kind;
    } claimed[] = {{(uint64_t)file, KIN_OS_KIND_FILE},
                   {(uint64_t)other, KIN_OS_KIND_FILE},
                   {kin_os_handle_value(own.shm), KIN_OS_KIND_SHM},
                   {kin_os_handle_value(own.pulse), KIN_OS_KIND_FILE}};
    size_t before = count_handles(), count = sizeof claimed / sizeof claimed[0] - (own.pulse == KIN_OS_NO_HANDLE);
    for (size_t first = 0; first < count; first++) {
        for (unsigned mode = KIN__BLOB_INTO; mode <= KIN__BLOB_INHERIT; mode++) {
            memset(&forged, 0, sizeof forged);
            forged.mode = (kin__blob_mode)mode;
            forged.has_pulse = true;
            forged.reserve = KIN__SPAN_SIZE;
            forged.block.opaque[0] = forged.block_size = 16;
            forged.handle_count = (uint32_t)count;
            memset(forged.family.bytes, 0xab, sizeof forged.family.bytes);
            for (size_t i = 0; i < count; i++) {
                forged.values[i] = claimed[(first + i) % count].value;
                forged.kinds[i] = claimed[(first + i) % count].kind;
            }
            size_t size = kin__blob_write(&forged, bytes, sizeof bytes);
            assert_true(kin_blob_adopt(&args, bytes, size) < 0);
            assert_int_equal(count_handles(), before);
        }
    }
    char text[8] = "";
    assert_int_equal(read_handle(file, text, sizeof text), 4);
    close_handle(file);
    close_handle(other);
}

/* A member can make a blob that is sound in every respect, but for the values of the handles. They are files of this
 * process, or what its family has in use. */
static void handles_that_a_lying_member_names_stay_open(void **state)
{
    (void)state;
    parcel it;
    kin__blob forged;
    kin_args *args = NULL;
    unsigned char bytes[KIN_BLOB_MAX];
    void *memory = NULL;
    make_parcel(&it);
    intptr_t file = open_file_with("mine"), other = open_file_with("mine, too");
    for (int own = 0; own < 2; own++) {
        pack(&it, KIN_BLOB_NO_TARGET);
        assert_ok(kin__blob_parse(&forged, it.bytes, it.size));
        forged.mode = KIN__BLOB_INTO;
        forged.packer = 0;
        forged.target = kin_os_pid();
        if (own == 0) {
            forged.values[0] = (uint64_t)file;
            forged.kinds[0] = KIN_OS_KIND_FILE;
        }
        if (forged.has_pulse) {
            forged.values[1] = (uint64_t)other;
            forged.kinds[1] = KIN_OS_KIND_FILE;
        }
        size_t before = count_handles();
        kin_status status = kin_blob_adopt(&args, bytes, kin__blob_write(&forged, bytes, sizeof bytes));
        assert_int_equal(status, has_fork() ? KIN_E_BLOB_CORRUPT : KIN_OK); /* nobody packs such a blob on POSIX */
        assert_int_equal(count_handles(), before);
        kin_args_destroy(args);
        args = NULL;
        assert_ok(kin_alloc(&memory, it.family, 5 << 20)); /* more than there is: by the family's own handle */
    }
    char text[8] = "";
    assert_int_equal(read_handle(file, text, sizeof text), 4);
    close_handle(file);
    close_handle(other);
    forget(&it);
}

static void file_that_is_named_as_an_end_stays_open(void **state)
{
    (void)state;
    parcel it;
    kin__blob forged;
    kin_args *args = NULL;
    kin_pipe *ends[2] = {NULL, NULL};
    unsigned char bytes[KIN_BLOB_MAX];
    char text[8] = "";
    make_parcel(&it);
    assert_ok(kin_pipe_create(ends, 0));
    assert_ok(kin_args_add_pipe(it.args, "end", ends[0]));
    pack(&it, KIN_BLOB_NO_TARGET);
    intptr_t file = open_file_with("mine");
    for (uint32_t i = 1; i <= KIN_OS_PIPE_HANDLES; i++) {
        assert_ok(kin__blob_parse(&forged, it.bytes, it.size));
        forged.packer = 0;
        forged.values[forged.handle_count - i] = (uint64_t)file;
        forged.kinds[forged.handle_count - i] = KIN_OS_KIND_FILE;
        size_t before = count_handles(), size = kin__blob_write(&forged, bytes, sizeof bytes);
        assert_status(kin_blob_adopt(&args, bytes, size), KIN_E_HANDLE);
        assert_int_equal(count_handles(), before);
    }
    assert_int_equal(read_handle(file, text, sizeof text), 4);
    close_handle(file);
    kin_pipe_close(ends[0]);
    kin_pipe_close(ends[1]);
    forget(&it);
}

/* Who makes a family of its own for that may name a file of the other process as the family's pulse. */
static void pulse_that_is_another_file_is_refused(void **state)
{
    (void)state;
    parcel it;
    kin__blob forged;
    unsigned char bytes[KIN_BLOB_MAX];
    intptr_t handles[KIN_OS_HANDLES_MAX];
    char text[8] = "";
    make_parcel(&it);
    pack(&it, KIN_BLOB_NO_TARGET);
    assert_ok(kin__blob_parse(&forged, it.bytes, it.size));
    if (forged.has_pulse) {
        intptr_t file = open_file_with("mine");
        forged.values[1] = (uint64_t)file;
        forged.kinds[1] = KIN_OS_KIND_FILE;
        for (uint32_t i = 0; i < forged.handle_count; i++) {
            handles[i] = (intptr_t)forged.values[i];
        }
        size_t size = kin__blob_write(&forged, bytes, sizeof bytes);
        assert_int_equal(send_to_another(bytes, size, handles, forged.handle_count), -KIN_E_HANDLE);
        assert_int_equal(read_handle(file, text, sizeof text), 4); /* and no more: it has not grown */
        close_handle(file);
    }
    forget(&it);
}

static void bad_input_is_refused(void **state)
{
    (void)state;
    parcel it;
    kin_args *args = NULL;
    size_t count = 0, needed = 10;
    make_parcel(&it);
    uint64_t committed = inspect_family().committed;
    assert_status(kin_blob_pack(NULL, &it.size, it.args, KIN_BLOB_NO_TARGET), KIN_E_ARGUMENT);
    assert_status(kin_blob_pack(it.bytes, NULL, it.args, KIN_BLOB_NO_TARGET), KIN_E_ARGUMENT);
    assert_status(kin_blob_pack(it.bytes, &needed, it.args, KIN_BLOB_NO_TARGET), KIN_E_BUFFER);
    assert_true(needed > KIN__BLOB_FIXED && needed < KIN_BLOB_MAX);
    assert_ok(kin_blob_pack(it.bytes, &needed, it.args, KIN_BLOB_NO_TARGET));
    assert_status(kin_blob_adopt(NULL, it.bytes, needed), KIN_E_ARGUMENT);
    assert_status(kin_blob_adopt(&args, NULL, needed), KIN_E_ARGUMENT);
    assert_status(kin_blob_handles(NULL, needed, NULL, &count), KIN_E_ARGUMENT);
    assert_status(kin_blob_handles(it.bytes, needed, NULL, NULL), KIN_E_ARGUMENT);
    intptr_t one[1];
    count = 1;
    assert_status(kin_blob_handles(it.bytes, needed, one, &count), KIN_E_BUFFER);
    assert_true(count > 1);
    assert_true(inspect_family().committed == committed);
    forget(&it);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "adopt") == 0) {
        return adopt_input();
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inheriting_child_adopts),
        cmocka_unit_test(target_gets_its_handles_or_is_unsupported),
        cmocka_unit_test(handles_that_did_not_come_are_noticed),
        cmocka_unit_test(packer_cannot_adopt),
        cmocka_unit_test(every_length_short_is_truncated),
        cmocka_unit_test(every_bit_flipped_is_noticed),
        cmocka_unit_test(blob_for_another_process_is_refused),
        cmocka_unit_test(handles_of_the_wrong_kind_are_refused),
        cmocka_unit_test(family_that_is_another_is_refused),
        cmocka_unit_test(handles_that_a_refused_blob_names_stay_open),
        cmocka_unit_test(handles_that_a_lying_member_names_stay_open),
        cmocka_unit_test(file_that_is_named_as_an_end_stays_open),
        cmocka_unit_test(pulse_that_is_another_file_is_refused),
        cmocka_unit_test(bad_input_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
