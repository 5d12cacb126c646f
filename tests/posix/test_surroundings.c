/* What a system does to processes while they use kin: removes their names, stops them, interrupts them. */
#include "support.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "family/arena.h"

typedef struct shared {
    kin_lock lock;
    kin_sem here, there;
    kin_event event;
    int64_t count;
    _Atomic int64_t interrupts;
} shared;

static shared *new_shared(void)
{
    shared *it = NULL;
    assert_ok(kin_alloc((void **)&it, NULL, sizeof *it));
    assert_ok(kin_lock_init(&it->lock, 0));
    assert_ok(kin_sem_init(&it->here, 0, 0));
    assert_ok(kin_sem_init(&it->there, 0, 0));
    assert_ok(kin_event_init(&it->event));
    return it;
}

static kin_process *start_with(const char *entry, shared *it)
{
    kin_args *args = new_args();
    give(args, "shared", KIN_TYPE_MEMORY, it);
    kin_process *process = start_child(entry, args);
    kin_args_destroy(args);
    return process;
}

/* ---- children ---- */

static int child_echo(const kin_args *args)
{
    shared *it = given(args, "shared", KIN_TYPE_MEMORY);
    CHECK(it);
    for (int i = 0; i < 200; i++) {
        CHECK(kin_sem_acquire(&it->there, 1, PATIENCE) == KIN_OK);
        CHECK(kin_sem_release(&it->here, 1) == KIN_OK);
    }
    return 0;
}

static int child_hold(const kin_args *args)
{
    shared *it = given(args, "shared", KIN_TYPE_MEMORY);
    CHECK(it && kin_lock_acquire(&it->lock, PATIENCE) == KIN_OK);
    CHECK(kin_sem_release(&it->here, 1) == KIN_OK);
    CHECK(kin_sem_acquire(&it->there, 1, PATIENCE) == KIN_OK);
    CHECK(kin_lock_release(&it->lock) == KIN_OK);
    return 0;
}

static shared *interrupted;

static void on_alarm(int number)
{
    (void)number;
    atomic_fetch_add(&interrupted->interrupts, 1);
}

/* Under a signal each millisecond, whose handler restarts nothing. */
static int child_be_interrupted(const kin_args *args)
{
    struct sigaction action = {.sa_handler = on_alarm};
    struct itimerval often = {{0, 1000}, {0, 1000}};
    interrupted = given(args, "shared", KIN_TYPE_MEMORY);
    CHECK(interrupted && sigaction(SIGALRM, &action, NULL) == 0 && setitimer(ITIMER_REAL, &often, NULL) == 0);
    for (int i = 0; i < 100; i++) {
        void *memory = NULL;
        kin_wait_item item = {KIN_TYPE_SEM, KIN_WAIT_READABLE, &interrupted->there, 0, 0};
        CHECK(kin_event_wait(&interrupted->event, KIN_MS(2)) == KIN_E_TIMED_OUT);
        CHECK(kin_wait(&item, 1, 0, KIN_MS(2), NULL) == KIN_E_TIMED_OUT);
        CHECK(kin_alloc(&memory, NULL, 300000) == KIN_OK && kin_free(memory) == KIN_OK);
    }
    CHECK(kin_sem_release(&interrupted->here, 1) == KIN_OK);
    CHECK(kin_sem_acquire(&interrupted->there, 1, PATIENCE) == KIN_OK); /* asleep, and woken, all the same */
    return 0;
}

/* ---- tests ---- */

/* What systemd-logind does with RemoveIPC=yes when the user logs out (logind.conf(5)), and any cleaner of /dev/shm. */
static void remove_names(void)
{
    char hex[33];
    kin_family_info info = inspect_family();
    for (int i = 0; i < 16; i++) {
        snprintf(hex + 2 * i, 3, "%02x", info.id[i]);
    }
    char path[64];
    snprintf(path, sizeof path, "/dev/shm/kin-%u", (unsigned)geteuid());
    DIR *dir = opendir(path);
    for (struct dirent *entry; dir && (entry = readdir(dir)) != NULL;) {
        if (strstr(entry->d_name, hex)) {
            unlinkat(dirfd(dir), entry->d_name, 0);
        }
    }
    if (dir) {
        closedir(dir);
    }
    assert_int_equal(count_names(info.id), 0);
}

static void echo(shared *it, int times)
{
    for (int i = 0; i < times; i++) {
        assert_ok(kin_sem_release(&it->there, 1));
        assert_ok(kin_sem_acquire(&it->here, 1, PATIENCE));
    }
}

static void names_may_vanish_from_under_a_family(void **state)
{
    (void)state;
    shared *it = new_shared();
    kin_process *before = start_with("echo", it);
    echo(it, 100); /* both have slept */
    remove_names();
    int64_t start = now_ns();
    echo(it, 100);
    join_child(before, 0);
    kin_process *after = start_with("echo", it); /* one that comes now goes without names */
    echo(it, 200);
    join_child(after, 0);
    assert_true(now_ns() - start < KIN_SECONDS(30));
    assert_int_equal(count_names(inspect_family().id), 0); /* and makes none, which nobody would remove */
    assert_ok(kin_free(it));
}

/* Of a file where kin keeps this user's; the directory is made. */
static void own_path(char path[128], const char *file, const char *suffix)
{
    snprintf(path, 128, "/dev/shm/kin-%u", (unsigned)geteuid());
    assert_true(mkdir(path, 0755) == 0 || errno == EEXIST);
    snprintf(path, 128, "/dev/shm/kin-%u/%s.%s", (unsigned)geteuid(), file, suffix);
}

/* What another program of this user has put where a family's name would be. */
static void squatted_name_is_refused(void **state)
{
    (void)state;
    char path[128], name[32], text[128];
    kin_family *family = NULL;
    struct stat info;
    snprintf(name, sizeof name, "squat-%d", (int)getpid());
    own_path(path, name, "family");
    for (int what = 0; what < 4; what++) {
        if (what == 0) {
            assert_int_equal(mkdir(path, 0700), 0);
        } else if (what == 1) {
            assert_int_equal(symlink("/etc/passwd", path), 0);
        } else if (what == 2) {
            assert_int_equal(mkfifo(path, 0600), 0);
        } else {
            int fd = open(path, O_RDWR | O_CREAT, 0666);
            assert_true(fd >= 0);
            close(fd);
            if (chown(path, 12345, 12345) != 0) { /* only root can */
                unlink(path);
                break;
            }
        }
        assert_status(kin_family_open(&family, name, 0, NULL), KIN_E_PERMISSION);
        assert_status(kin_family_unlink(name), KIN_E_PERMISSION);
        assert_int_equal(lstat(path, &info), 0); /* it is not touched */
        assert_int_equal(remove(path), 0);
    }
    snprintf(text, sizeof text, "%032d %s", 5, name); /* with no family behind it: a ruin */
    own_path(path, name, "family");
    assert_int_equal(symlink(text, path), 0);
    assert_ok(kin_family_open(&family, name, KIN_FAMILY_CREATE, NULL));
    assert_int_equal(lstat(path, &info), 0);
    kin_family_close(family);
    assert_int_equal(lstat(path, &info), -1);
    own_path(path, name, "family");
    snprintf(text, sizeof text, "%032d another", 5); /* another's name, linked here */
    assert_int_equal(symlink(text, path), 0);
    assert_status(kin_family_open(&family, name, 0, NULL), KIN_E_PERMISSION);
    assert_int_equal(unlink(path), 0);
}

/* An arena of that name, but by another version of kin, or none at all. */
static void foreign_arena_is_refused(void **state)
{
    (void)state;
    static const char hex[] = "0123456789abcdef0123456789abcdef";
    char path[128], arena[128], pulse[128], text[128], name[32], page[8192] = {0};
    kin_family *family = NULL;
    snprintf(name, sizeof name, "foreign-%d", (int)getpid());
    own_path(path, name, "family");
    own_path(arena, hex, "arena");
    own_path(pulse, hex, "pulse");
    snprintf(text, sizeof text, "%s %s kept", hex, name); /* kept, so that the pulse may be nobody's */
    int held = open(pulse, O_RDWR | O_CREAT, 0600);
    assert_true(held >= 0);
    close(held);
    for (int version = 0; version < 2; version++) {
        kin__arena *head = (kin__arena *)(void *)page;
        atomic_store(&head->magic, version ? KIN__MAGIC : 0);
        head->version = KIN__LAYOUT + 1;
        int fd = open(arena, O_RDWR | O_CREAT, 0600);
        assert_true(write(fd, page, sizeof page) == sizeof page);
        close(fd);
        assert_int_equal(symlink(text, path), 0);
        if (version) {
            assert_status(kin_family_open(&family, name, 0, NULL), KIN_E_BLOB_VERSION);
        } else {
            assert_status(kin_family_open(&family, name, 0, NULL), KIN_E_DAMAGED);
        }
        unlink(path);
        unlink(arena);
    }
    unlink(pulse);
}

static void stopped_owner_lives(void **state)
{
    (void)state;
    shared *it = new_shared();
    kin_process *child = start_with("hold", it);
    assert_ok(kin_sem_acquire(&it->here, 1, PATIENCE));
    kill((pid_t)kin_process_pid(child), SIGSTOP);
    assert_status(kin_lock_acquire(&it->lock, KIN_MS(300)), KIN_E_TIMED_OUT);
    uint32_t reaped = 9;
    assert_ok(kin_family_reap(NULL, &reaped));
    assert_int_equal(reaped, 0);
    assert_true(kin_process_alive(child));
    kill((pid_t)kin_process_pid(child), SIGCONT);
    assert_ok(kin_sem_release(&it->there, 1));
    assert_ok(kin_lock_acquire(&it->lock, PATIENCE)); /* not KIN_OWNER_DIED */
    assert_ok(kin_lock_release(&it->lock));
    join_child(child, 0);
    assert_ok(kin_free(it));
}

static void interruptions_never_show(void **state)
{
    (void)state;
    shared *it = new_shared();
    kin_process *child = start_with("be_interrupted", it);
    assert_ok(kin_sem_acquire(&it->here, 1, PATIENCE));
    assert_ok(kin_sem_release(&it->there, 1));
    join_child(child, 0);
    assert_true(atomic_load(&it->interrupts) > 50);
    assert_ok(kin_free(it));
}

static void assert_link(const char *expected, uint32_t pid, const char *what)
{
    char path[64], target[4096] = "";
    snprintf(path, sizeof path, "/proc/%u/%s", (unsigned)pid, what);
    assert_true(readlink(path, target, sizeof target - 1) > 0);
    assert_string_equal(target, expected);
}

/* A file system that contains a keeper's current directory cannot be unmounted. A reader of its output would never see
 * the end. */
static void keeper_holds_nothing_of_its_starter(void **state)
{
    (void)state;
    char name[64];
    kin_manager *manager = NULL;
    snprintf(name, sizeof name, "surroundings-%u", (unsigned)getpid());
    assert_ok(kin_manager_open(&manager, name, NULL));
    uint32_t keeper = kin_manager_pid(manager);
    assert_true(keeper != 0);
    assert_link("/", keeper, "cwd");
    assert_link("/dev/null", keeper, "fd/0");
    assert_link("/dev/null", keeper, "fd/1");
    assert_link("/dev/null", keeper, "fd/2");
    assert_int_equal(getsid((pid_t)keeper), keeper); /* no terminal of its starter's */
    kin_manager_close(manager);
    assert_ok(kin_manager_stop(name, PATIENCE));
}

int main(void)
{
    static const kin_child_entry entries[] = {
        {"echo", child_echo},
        {"hold", child_hold},
        {"be_interrupted", child_be_interrupted},
    };
    kin_child_main(entries, sizeof entries / sizeof entries[0]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(squatted_name_is_refused),
        cmocka_unit_test(foreign_arena_is_refused),
        cmocka_unit_test(stopped_owner_lives),
        cmocka_unit_test(interruptions_never_show),
        cmocka_unit_test(keeper_holds_nothing_of_its_starter),
        cmocka_unit_test(names_may_vanish_from_under_a_family), /* the last: this program's family has none then */
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
