/* Files that are not kin's, under names that look like kin's, in the directory where kin looks for them. */
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kin/inspect.h"

static const char hex[] = "00000000000000000000000000c0ffee";

/* ---- a file that must stay as it is ---- */

enum { FIFO, SOCKET, DIRECTORY, LINK, OTHER_NAME, KINDS };

static char elsewhere[64]; /* a file of the program's, of which it has the record lock */
static int locked = -1;

typedef struct planted {
    char path[128];
    struct stat info;
    int notices;
} planted;

static void plant(planted *it, const char *name, const char *suffix, int kind)
{
    snprintf(it->path, sizeof it->path, "/dev/shm/kin-%u", (unsigned)geteuid());
    assert_true(mkdir(it->path, 0755) == 0 || errno == EEXIST);
    snprintf(it->path, sizeof it->path, "/dev/shm/kin-%u/%s.%s", (unsigned)geteuid(), name, suffix);
    int made = kind == FIFO        ? mkfifo(it->path, 0600)
               : kind == SOCKET    ? mknod(it->path, S_IFSOCK | 0600, 0)
               : kind == DIRECTORY ? mkdir(it->path, 0700)
               : kind == LINK      ? symlink(elsewhere, it->path)
                                   : link(elsewhere, it->path);
    assert_int_equal(made, 0);
    assert_int_equal(lstat(it->path, &it->info), 0);
    it->notices = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    assert_true(inotify_add_watch(it->notices, it->path, IN_ALL_EVENTS) >= 0); /* of a link: its target */
}

static void expect_untouched(planted *it)
{
    char room[512];
    struct stat now;
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    assert_int_equal(lstat(it->path, &now), 0);
    assert_true(now.st_ino == it->info.st_ino && now.st_mode == it->info.st_mode);
    assert_memory_equal(&now.st_ctim, &it->info.st_ctim, sizeof now.st_ctim);
    assert_int_equal(read(it->notices, room, sizeof room), -1);
    assert_int_equal(fcntl(locked, F_OFD_GETLK, &lock), 0); /* shows this process's own, too */
    assert_int_equal(lock.l_type, F_WRLCK);
}

static void take_away(planted *it)
{
    close(it->notices);
    assert_int_equal(remove(it->path), 0);
}

/* In the same directory as /dev/shm/kin-UID, so that it can have another name there. */
static int make_elsewhere(void **state)
{
    (void)state;
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    snprintf(elsewhere, sizeof elsewhere, "/dev/shm/planted-%d", (int)getpid());
    locked = open(elsewhere, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0400);
    return locked >= 0 && fcntl(locked, F_SETLK, &lock) == 0 ? 0 : -1;
}

static int remove_elsewhere(void **state)
{
    (void)state;
    close(locked);
    return unlink(elsewhere);
}

/* ---- tests ---- */

static void sweep_leaves_what_is_not_kins(void **state)
{
    (void)state;
    static const char *const suffixes[] = {"pulse", "arena", "memory", "sem3", "sem3.4"};
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        for (int kind = 0; kind < KINDS; kind++) {
            planted it;
            plant(&it, hex, suffixes[i], kind);
            assert_ok(kin_cleanup(NULL));
            expect_untouched(&it);
            take_away(&it);
        }
    }
}

static void make_file(char path[128], const char *name, const char *suffix)
{
    snprintf(path, 128, "/dev/shm/kin-%u", (unsigned)geteuid());
    assert_true(mkdir(path, 0755) == 0 || errno == EEXIST);
    snprintf(path, 128, "/dev/shm/kin-%u/%s.%s", (unsigned)geteuid(), name, suffix);
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    close(fd);
}

/* The files of members that were killed, or whose pulse was removed. */
static void remnants_without_a_pulse_are_swept(void **state)
{
    (void)state;
    static const char *const left[] = {"arena", "memory", "sem0", "sem32767", "sem3.12345"};
    static const char *const other[] = {"sem", "semaphore", "sem3.", "sem3.x", "sem3.4.5", "sem.3", "arena2"};
    char path[128];
    struct stat info;
    for (size_t i = 0; i < sizeof left / sizeof left[0]; i++) {
        make_file(path, hex, left[i]);
        assert_ok(kin_cleanup(NULL));
        assert_int_equal(lstat(path, &info), -1);
    }
    for (size_t i = 0; i < sizeof other / sizeof other[0]; i++) {
        make_file(path, hex, other[i]);
        assert_ok(kin_cleanup(NULL));
        assert_int_equal(lstat(path, &info), 0);
        assert_int_equal(unlink(path), 0);
    }
}

static int child_sleep(const kin_args *args)
{
    kin_event *event = NULL;
    CHECK(kin_args_get_object((void **)&event, args, "event", KIN_TYPE_EVENT) == KIN_OK);
    CHECK(kin_event_wait(event, PATIENCE) == KIN_OK);
    return 0;
}

/* With KIN_POSIX_PLAIN there are semaphores beside the pulse. */
static void names_of_a_living_family_stay(void **state)
{
    (void)state;
    kin_event *event = NULL;
    kin_args *args = new_args();
    assert_ok(kin_event_create(&event, NULL));
    give(args, "event", KIN_TYPE_EVENT, event);
    kin_process *child = start_child("sleep", args);
    await_asleep(event, 64, 1);
    size_t before = count_names(inspect_family().id);
    assert_ok(kin_cleanup(NULL));
    assert_int_equal(count_names(inspect_family().id), before);
    assert_ok(kin_event_set(event));
    join_child(child, 0);
    kin_args_destroy(args);
}

/* A name whose family is gone cannot be taken while a foreign file is at the place of the remover's lock. */
static void lock_of_a_name_is_not_taken_for_kins(void **state)
{
    (void)state;
    char name[32], ruin[128], text[128];
    kin_family *family = NULL;
    snprintf(name, sizeof name, "planted-%d", (int)getpid());
    snprintf(text, sizeof text, "%s %s", hex, name);
    snprintf(ruin, sizeof ruin, "/dev/shm/kin-%u/%s.family", (unsigned)geteuid(), name);
    for (int kind = 0; kind < KINDS; kind++) {
        planted it;
        plant(&it, name, "removing", kind);
        assert_int_equal(symlink(text, ruin), 0);
        assert_ok(kin_cleanup(NULL));
        assert_status(kin_family_open(&family, name, KIN_FAMILY_CREATE, NULL), KIN_E_PERMISSION);
        assert_status(kin_family_open(&family, name, 0, NULL), KIN_E_PERMISSION); /* at once */
        expect_untouched(&it);
        assert_int_equal(unlink(ruin), 0);
        take_away(&it);
    }
}

/* What the name of a family leads to is a file with another name. */
static void arena_with_another_name_is_not_opened(void **state)
{
    (void)state;
    char name[32], link[128], text[128], pulse[128];
    kin_family *family = NULL;
    planted it;
    snprintf(name, sizeof name, "planted-%d", (int)getpid());
    snprintf(text, sizeof text, "%s %s kept", hex, name);
    snprintf(link, sizeof link, "/dev/shm/kin-%u/%s.family", (unsigned)geteuid(), name);
    plant(&it, hex, "arena", OTHER_NAME);
    make_file(pulse, hex, "pulse");
    assert_int_equal(symlink(text, link), 0);
    assert_status(kin_family_open(&family, name, KIN_FAMILY_JOIN, NULL), KIN_E_PERMISSION);
    expect_untouched(&it);
    assert_int_equal(unlink(link), 0);
    assert_int_equal(unlink(pulse), 0);
    take_away(&it);
}

static void count_family(kin_family *family, void *context)
{
    (void)family;
    ++*(int *)context;
}

/* A process of this user has a fifo open that is called like a family's memory. */
static void looking_on_opens_plain_files_only(void **state)
{
    (void)state;
    char top[] = "/tmp/kin-test-XXXXXX", dir[64], path[128], room[512];
    int seen = 0;
    assert_non_null(mkdtemp(top));
    snprintf(dir, sizeof dir, "%s/kin-%u", top, (unsigned)geteuid());
    snprintf(path, sizeof path, "%s/%s.memory", dir, hex);
    assert_true(mkdir(dir, 0700) == 0 && mkfifo(path, 0600) == 0);
    int fifo = open(path, O_RDWR | O_CLOEXEC), notices = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    assert_true(fifo >= 0 && inotify_add_watch(notices, path, IN_OPEN) >= 0);
    assert_ok(kin_family_list(count_family, &seen, NULL));
    assert_int_equal(read(notices, room, sizeof room), -1);
    close(fifo);
    close(notices);
    assert_true(unlink(path) == 0 && rmdir(dir) == 0 && rmdir(top) == 0);
}

int main(void)
{
    static const kin_child_entry entries[] = {{"sleep", child_sleep}};
    kin_child_main(entries, 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sweep_leaves_what_is_not_kins),         cmocka_unit_test(remnants_without_a_pulse_are_swept),
        cmocka_unit_test(names_of_a_living_family_stay),         cmocka_unit_test(lock_of_a_name_is_not_taken_for_kins),
        cmocka_unit_test(arena_with_another_name_is_not_opened), cmocka_unit_test(looking_on_opens_plain_files_only),
    };
    return cmocka_run_group_tests(tests, make_elsewhere, remove_elsewhere);
}
