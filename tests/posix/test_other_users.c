/* Families that other users may join. Only root can become other users. Without root only the access rights are
 * checked.
 *
 * An actor is a forked child that has become another user before it calls anything of kin; the test itself uses no kin.
 */
#include "support.h"
#include "posix/children.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "park/slices.h"

#define OWNER 61001u
#define FRIEND 61002u
#define STRANGER 61003u
#define CLUB 61005u /* the group of the first two */

typedef int actor(void);

static char name[32];
static int word[2], go[2]; /* pipes: what an actor tells the test, and what actors are told */

static void new_name(void)
{
    static int number;
    snprintf(name, sizeof name, "users-%d-%d", (int)getpid(), number++);
}

static bool become(unsigned uid)
{
    const gid_t groups[] = {CLUB};
    return setgroups(uid == STRANGER ? 0 : 1, groups) == 0 && setresgid(uid, uid, uid) == 0 &&
           setresuid(uid, uid, uid) == 0 && prctl(PR_SET_DUMPABLE, 1) == 0;
}

static pid_t start(unsigned uid, actor *act)
{
    pid_t pid = fork();
    if (pid == 0) {
        alarm(100); /* not longer than this, if a test fails in the middle */
        exit(become(uid) ? act() : 99);
    }
    assert_true(pid > 0);
    return pid;
}

static int run(unsigned uid, actor *act)
{
    return end_of(start(uid, act));
}

static void tell(const int way[2])
{
    (void)!write(way[1], "!", 1);
}

static void hear(const int way[2])
{
    char byte = 0;
    (void)!read(way[0], &byte, 1);
}

static int count_files(unsigned uid)
{
    char path[64];
    int count = 0;
    snprintf(path, sizeof path, "/dev/shm/kin-%u", uid);
    DIR *dir = opendir(path); /* "." and "..", at least */
    while (dir && readdir(dir) != NULL) {
        count++;
    }
    if (dir) {
        closedir(dir);
    }
    return count;
}

/* ---- actors ---- */

typedef struct shared {
    kin_lock lock;
    kin_event event;
    int64_t sum;
} shared;

static kin_status open_as_owner(kin_family **out, const char *group)
{
    kin_family_options options = KIN_FAMILY_OPTIONS_INIT;
    options.group = group;
    return kin_family_open(out, name, 0, &options);
}

static kin_status open_as_other(kin_family **out)
{
    kin_family_options options = KIN_FAMILY_OPTIONS_INIT;
    options.owner = "61001";
    return kin_family_open(out, name, KIN_FAMILY_JOIN, &options);
}

static kin_status make_shared(shared **out, kin_family *family)
{
    kin_status status = kin_alloc((void **)out, family, sizeof **out);
    if (status == KIN_OK) {
        status = kin_lock_init(&(*out)->lock, 0);
    }
    if (status == KIN_OK) {
        status = kin_event_init(&(*out)->event);
    }
    return status == KIN_OK ? kin_name_set("shared", KIN_TYPE_MEMORY, *out) : status;
}

static kin_status join_as_other(kin_family **family, shared **out)
{
    kin_status status = open_as_other(family);
    return status == KIN_OK ? kin_name_get((void **)out, *family, "shared", KIN_TYPE_MEMORY) : status;
}

/* Stays until another process finds the event here and sets it. */
static int keep(const char *group)
{
    kin_family *family = NULL;
    shared *it = NULL;
    CHECK(open_as_owner(&family, group) == KIN_OK);
    CHECK(make_shared(&it, family) == KIN_OK);
    tell(word);
    CHECK(kin_event_wait(&it->event, PATIENCE) == KIN_OK);
    kin_family_close(family);
    return 0;
}

static int keep_for_club(void)
{
    return keep("61005");
}

static int keep_for_all(void)
{
    return keep("*");
}

static int keep_alone(void)
{
    return keep(NULL);
}

static int make_for_strangers_group(void)
{
    kin_family *family = NULL;
    kin_family_options options = KIN_FAMILY_OPTIONS_INIT;
    options.group = "61003";
    CHECK(kin_family_open(&family, name, 0, &options) == KIN_E_PERMISSION);
    options.group = "no-such-group";
    CHECK(kin_family_open(&family, name, 0, &options) == KIN_E_NOT_FOUND);
    return 0;
}

static int add(void)
{
    kin_family *family = NULL;
    shared *it = NULL;
    CHECK(join_as_other(&family, &it) == KIN_OK);
    for (int i = 0; i < 20000; i++) {
        CHECK(kin_lock_acquire(&it->lock, PATIENCE) == KIN_OK);
        it->sum++;
        CHECK(kin_lock_release(&it->lock) == KIN_OK);
    }
    kin_family_close(family);
    return 0;
}

static int set_event(void)
{
    kin_family *family = NULL;
    shared *it = NULL;
    CHECK(join_as_other(&family, &it) == KIN_OK);
    CHECK(kin_event_set(&it->event) == KIN_OK);
    kin_family_close(family);
    return 0;
}

static int check_sum_and_set_event(void)
{
    kin_family *family = NULL;
    shared *it = NULL;
    CHECK(join_as_other(&family, &it) == KIN_OK);
    CHECK(it->sum == 40000);
    CHECK(kin_event_set(&it->event) == KIN_OK);
    kin_family_close(family);
    return 0;
}

static int hold_lock(void)
{
    kin_family *family = NULL;
    shared *it = NULL;
    CHECK(join_as_other(&family, &it) == KIN_OK);
    CHECK(kin_lock_acquire(&it->lock, PATIENCE) == KIN_OK);
    tell(word);
    pause();
    return 1;
}

static int inherit_lock(void)
{
    kin_family *family = NULL;
    shared *it = NULL;
    CHECK(join_as_other(&family, &it) == KIN_OK);
    CHECK(kin_lock_acquire(&it->lock, PATIENCE) == KIN_OWNER_DIED);
    CHECK(kin_lock_repair(&it->lock) == KIN_OK);
    CHECK(kin_lock_release(&it->lock) == KIN_OK);
    kin_family_close(family);
    return 0;
}

static int be_refused(void)
{
    kin_family *family = NULL;
    CHECK(open_as_other(&family) == KIN_E_PERMISSION);
    CHECK(kin_family_open(&family, name, KIN_FAMILY_JOIN, NULL) == KIN_E_NOT_FOUND);
    return 0;
}

static int find_none(void)
{
    kin_family *family = NULL;
    CHECK(open_as_other(&family) == KIN_E_NOT_FOUND);
    return 0;
}

static int stay_longer(void)
{
    kin_family *family = NULL;
    shared *it = NULL;
    kin_family_info info = KIN_FAMILY_INFO_INIT;
    CHECK(join_as_other(&family, &it) == KIN_OK);
    CHECK(kin_event_set(&it->event) == KIN_OK);
    hear(go);
    CHECK(kin_family_inspect(family, &info) == KIN_OK);
    CHECK(info.members == 1);
    kin_family_close(family);
    return 0;
}

static int sweep(void)
{
    uint32_t swept = 0;
    CHECK(kin_cleanup(&swept) == KIN_OK);
    CHECK(swept == 1);
    return 0;
}

#ifndef KIN_POSIX_PLAIN /* else semaphores have names, which are out of reach then, and slices have to do */

/* ---- actors with fewer rights than they began with ---- */

#define ROUNDS 50

typedef struct court {
    kin_event serve, back;
} court;

/* Joins as it was started; plays on as another user, where none of the system's names are to be seen. */
static int play_back(court *it)
{
    CHECK(kin_event_wait(&it->back, KIN_NOW) == KIN_E_TIMED_OUT);
    CHECK(chroot("/proc/self/fdinfo") == 0 && chdir("/") == 0 && become(OWNER));
    for (int i = 0; i < ROUNDS; i++) {
        CHECK(kin_event_wait(&it->serve, KIN_SECONDS(20)) == KIN_OK && kin_event_clear(&it->serve) == KIN_OK);
        CHECK(kin_event_set(&it->back) == KIN_OK);
    }
    return 0;
}

/* Without slices: nobody wakes up but by being woken. */
static int play(void)
{
    void *memory = NULL;
    atomic_store(&kin__slices_are, KIN__SLICES_OFF);
    CHECK(kin_alloc(&memory, NULL, sizeof(court)) == KIN_OK);
    court *it = memory;
    CHECK(kin_event_init(&it->serve) == KIN_OK && kin_event_init(&it->back) == KIN_OK);
    pid_t other = fork();
    if (other == 0) {
        _exit(play_back(it));
    }
    for (int i = 0; i < ROUNDS; i++) {
        usleep(1000); /* both sleep */
        CHECK(kin_event_set(&it->serve) == KIN_OK);
        CHECK(kin_event_wait(&it->back, KIN_SECONDS(20)) == KIN_OK && kin_event_clear(&it->back) == KIN_OK);
    }
    return end_of(other);
}

#endif

/* ---- actors that mean ill ---- */

/* Of the one family that the owner has. */
static bool see_hex(char hex[33])
{
    bool seen = false;
    DIR *dir = opendir("/dev/shm/kin-61001");
    for (struct dirent *entry; dir && (entry = readdir(dir)) != NULL;) {
        if (strlen(entry->d_name) > 32 && strcmp(entry->d_name + 32, ".pulse") == 0) {
            memcpy(hex, entry->d_name, 32);
            hex[32] = '\0';
            seen = true;
        }
    }
    if (dir) {
        closedir(dir);
    }
    return seen;
}

/* Tries to put semaphores where the family's own will be if semaphores have names. */
static int squat_semaphores(void)
{
    char hex[33], path[128];
    CHECK(see_hex(hex));
    for (int i = 0; i < 8; i++) {
        snprintf(path, sizeof path, "/dev/shm/kin-61001/%s.sem%d", hex, i);
        CHECK(open(path, O_RDWR | O_CREAT, 0666) < 0 && errno == EACCES);
    }
    tell(go);
    return 0;
}

/* Links the files that it may write under other names of the owner's. */
static int link_elsewhere(void)
{
    static const char *const kinds[] = {"arena", "pulse"};
    char hex[33], from[128], to[128];
    CHECK(see_hex(hex));
    for (int i = 0; i < 2; i++) {
        snprintf(from, sizeof from, "/dev/shm/kin-61001/%s.%s", hex, kinds[i]);
        snprintf(to, sizeof to, "/dev/shm/kin-61001/%032d.%s", 7, kinds[i]);
        CHECK(link(from, to) != 0); /* the directory is not theirs */
        snprintf(to, sizeof to, "/dev/shm/%032d.%s", 7, kinds[i]);
        CHECK(link(from, to) == 0); /* the kernel allows it to a user who may write the file */
    }
    return 0;
}

/* While it is alone: sleeps, and is woken, and sleeps in vain. */
static int sleep_and_wake(void)
{
    kin_family *family = NULL;
    kin_event *event = NULL;
    CHECK(open_as_owner(&family, NULL) == KIN_OK);
    CHECK(kin_event_create(&event, family) == KIN_OK);
    tell(word);
    hear(go);
    CHECK(kin_event_wait(event, KIN_MS(500)) == KIN_E_TIMED_OUT);
    CHECK(kin_event_set(event) == KIN_OK);
    CHECK(kin_event_wait(event, KIN_MS(500)) == KIN_OK);
    kin_family_close(family);
    return 0;
}

static int forget_first(void)
{
    CHECK(kin_family_unlink(name) == KIN_OK);
    return 0;
}

static int sweep_what_is_there(void)
{
    CHECK(kin_cleanup(NULL) == KIN_OK);
    return 0;
}

static int take_directory(void)
{
    CHECK(mkdir("/dev/shm/kin-61001", 0777) == 0 && chmod("/dev/shm/kin-61001", 0777) == 0);
    return 0;
}

/* ---- tests ---- */

/* It does not matter which user left last. */
static void assert_nothing_left(void)
{
    assert_int_equal(run(OWNER, sweep_what_is_there), 0);
    assert_int_equal(count_files(OWNER), 0);
}

/* Contended, so that users wake each other. */
static void group_joins_and_others_do_not(void **state)
{
    (void)state;
    new_name();
    pid_t owner = start(OWNER, keep_for_club);
    hear(word);
    pid_t adders[] = {start(FRIEND, add), start(FRIEND, add)};
    assert_int_equal(end_of(adders[0]), 0);
    assert_int_equal(end_of(adders[1]), 0);
    assert_int_equal(run(STRANGER, be_refused), 0);
    assert_int_equal(run(FRIEND, check_sum_and_set_event), 0);
    assert_int_equal(end_of(owner), 0);
    assert_nothing_left();
    assert_int_equal(run(FRIEND, find_none), 0);
}

static void everybody_joins_if_asked(void **state)
{
    (void)state;
    new_name();
    pid_t owner = start(OWNER, keep_for_all);
    hear(word);
    assert_int_equal(run(STRANGER, add), 0);
    assert_int_equal(run(STRANGER, set_event), 0);
    assert_int_equal(end_of(owner), 0);
    assert_nothing_left();
}

static void nobody_joins_if_not_asked(void **state)
{
    (void)state;
    new_name();
    pid_t owner = start(OWNER, keep_alone);
    hear(word);
    assert_int_equal(run(FRIEND, be_refused), 0);
    assert_int_equal(run(STRANGER, be_refused), 0);
    kill(owner, SIGKILL);
    assert_int_equal(end_of(owner), -SIGKILL);
    assert_int_equal(run(OWNER, sweep), 0);
    assert_int_equal(count_files(OWNER), 0);
}

static void other_users_death_is_noticed(void **state)
{
    (void)state;
    new_name();
    pid_t owner = start(OWNER, keep_for_all);
    hear(word);
    pid_t holder = start(STRANGER, hold_lock);
    hear(word);
    pid_t heirs[] = {start(OWNER, inherit_lock), 0};
    usleep(20000); /* it sleeps by now, most likely */
    kill(holder, SIGKILL);
    assert_int_equal(end_of(heirs[0]), 0);
    assert_int_equal(end_of(holder), -SIGKILL);
    holder = start(OWNER, hold_lock);
    hear(word);
    heirs[1] = start(FRIEND, inherit_lock);
    kill(holder, SIGKILL);
    assert_int_equal(end_of(holder), -SIGKILL);
    assert_int_equal(end_of(heirs[1]), 0);
    assert_int_equal(run(FRIEND, set_event), 0);
    assert_int_equal(end_of(owner), 0);
    assert_nothing_left();
}

static void names_are_the_owners_to_remove(void **state)
{
    (void)state;
    new_name();
    pid_t owner = start(OWNER, keep_for_all);
    hear(word);
    pid_t longer = start(FRIEND, stay_longer);
    assert_int_equal(end_of(owner), 0);
    tell(go);
    assert_int_equal(end_of(longer), 0);
    assert_true(count_files(OWNER) > 0);
    assert_int_equal(run(FRIEND, add), 0); /* it is still there to be joined */
    assert_int_equal(run(OWNER, sweep), 0);
    assert_int_equal(count_files(OWNER), 0);
    assert_int_equal(run(FRIEND, find_none), 0);
}

#ifndef KIN_POSIX_PLAIN
static void wake_ups_reach_who_has_dropped_its_rights(void **state)
{
    (void)state;
    assert_int_equal(run(0, play), 0);
}
#endif

static void group_must_be_ones_own(void **state)
{
    (void)state;
    new_name();
    assert_int_equal(run(OWNER, make_for_strangers_group), 0);
    assert_int_equal(count_files(OWNER), 0);
}

static void taking_the_owners_directory_is_in_vain(void **state)
{
    (void)state;
    struct stat info;
    new_name();
    assert_int_equal(run(STRANGER, take_directory), 0);
    pid_t owner = start(OWNER, keep_for_all);
    hear(word);
    assert_int_equal(stat("/tmp/kin-61001", &info), 0);
    assert_int_equal(run(STRANGER, add), 0);
    assert_int_equal(run(FRIEND, set_event), 0);
    assert_int_equal(end_of(owner), 0);
    assert_int_equal(run(OWNER, sweep_what_is_there), 0);
    assert_int_equal(stat("/tmp/kin-61001", &info), -1);
    assert_int_equal(rmdir("/dev/shm/kin-61001"), 0); /* empty: nothing was put into it */
}

/* Its maker was killed under a strange umask, or let others in by mistake. */
static void directory_gets_its_mode_back(void **state)
{
    (void)state;
    struct stat info;
    static const mode_t modes[] = {0, 0700, 0777};
    for (int i = 0; i < 3; i++) {
        new_name();
        assert_int_equal(mkdir("/dev/shm/kin-61001", 0700), 0);
        assert_int_equal(chmod("/dev/shm/kin-61001", modes[i]), 0);
        assert_int_equal(chown("/dev/shm/kin-61001", OWNER, OWNER), 0);
        pid_t owner = start(OWNER, keep_for_all);
        hear(word);
        assert_int_equal(stat("/dev/shm/kin-61001", &info), 0);
        assert_int_equal(info.st_mode & 0777, 0755);
        assert_int_equal(run(FRIEND, set_event), 0);
        assert_int_equal(end_of(owner), 0);
        assert_nothing_left();
    }
}

/* A stranger cannot create semaphores under the names that the family would use. */
static void semaphores_of_others_are_not_used(void **state)
{
    (void)state;
    new_name();
    pid_t owner = start(OWNER, sleep_and_wake);
    hear(word);
    pid_t stranger = start(STRANGER, squat_semaphores);
    assert_int_equal(end_of(stranger), 0);
    assert_int_equal(end_of(owner), 0);
    assert_nothing_left();
}

static void files_linked_elsewhere_lead_nowhere(void **state)
{
    (void)state;
    new_name();
    pid_t owner = start(OWNER, keep_for_all);
    hear(word);
    assert_int_equal(run(STRANGER, link_elsewhere), 0);
    assert_int_equal(run(FRIEND, be_refused), 0); /* a file with other links may be another user's */
    assert_int_equal(run(OWNER, forget_first), 0);
    kill(owner, SIGKILL);
    assert_int_equal(end_of(owner), -SIGKILL);
    char path[128];
    static const char *const kinds[] = {"arena", "pulse"};
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "/dev/shm/%032d.%s", 7, kinds[i]);
        assert_int_equal(unlink(path), 0); /* not kin's */
    }
    assert_nothing_left();
}

static mode_t mode_of(const char *suffix)
{
    char path[64];
    mode_t mode = 0;
    snprintf(path, sizeof path, "/dev/shm/kin-%u", (unsigned)geteuid());
    DIR *dir = opendir(path);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        struct stat info;
        size_t end = strlen(entry->d_name);
        if (end > strlen(suffix) && strcmp(entry->d_name + end - strlen(suffix), suffix) == 0 &&
            fstatat(dirfd(dir), entry->d_name, &info, 0) == 0) {
            mode |= info.st_mode & 0777;
        }
    }
    closedir(dir);
    return mode;
}

static void modes_are_what_was_asked_whatever_the_umask(void **state)
{
    (void)state;
    static const struct {
        bool group, all;
        mode_t mode;
    } cases[] = {{false, false, 0600}, {true, false, 0660}, {false, true, 0666}};
    char own_group[16];
    snprintf(own_group, sizeof own_group, "%u", (unsigned)getegid());
    for (int i = 0; i < 6; i++) {
        kin_family *family = NULL;
        kin_family_options options = KIN_FAMILY_OPTIONS_INIT;
        options.group = cases[i / 2].group ? own_group : cases[i / 2].all ? "*" : NULL;
        new_name();
        mode_t before = umask(i % 2 ? 0777 : 0);
        assert_ok(kin_family_open(&family, name, KIN_FAMILY_CREATE, &options));
        umask(before);
        assert_int_equal(mode_of(".arena"), cases[i / 2].mode);
        assert_int_equal(mode_of(".pulse"), cases[i / 2].mode);
        kin_family_close(family);
    }
}

static void bad_groups_and_owners_are_refused(void **state)
{
    (void)state;
    kin_family *family = NULL;
    kin_family_options options = KIN_FAMILY_OPTIONS_INIT;
    new_name();
    options.group = "";
    assert_status(kin_family_open(&family, name, 0, &options), KIN_E_NOT_FOUND);
    options.group = "4294967295";
    assert_status(kin_family_open(&family, name, 0, &options), KIN_E_NOT_FOUND);
    options.group = "*";
    assert_status(kin_family_create(&family, &options), KIN_E_ARGUMENT);
    options.group = NULL;
    options.owner = "no-such-user";
    assert_status(kin_family_open(&family, name, 0, &options), KIN_E_ARGUMENT); /* nobody makes it for another */
    assert_status(kin_family_open(&family, name, KIN_FAMILY_JOIN, &options), KIN_E_NOT_FOUND);
    options.owner = "../../root";
    assert_status(kin_family_open(&family, name, KIN_FAMILY_JOIN, &options), KIN_E_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest own_tests[] = {
        cmocka_unit_test(modes_are_what_was_asked_whatever_the_umask),
        cmocka_unit_test(bad_groups_and_owners_are_refused),
    };
    const struct CMUnitTest others_tests[] = {
        cmocka_unit_test(group_joins_and_others_do_not),
        cmocka_unit_test(everybody_joins_if_asked),
        cmocka_unit_test(nobody_joins_if_not_asked),
        cmocka_unit_test(other_users_death_is_noticed),
        cmocka_unit_test(names_are_the_owners_to_remove),
#ifndef KIN_POSIX_PLAIN
        cmocka_unit_test(wake_ups_reach_who_has_dropped_its_rights),
#endif
        cmocka_unit_test(group_must_be_ones_own),
        cmocka_unit_test(taking_the_owners_directory_is_in_vain),
        cmocka_unit_test(directory_gets_its_mode_back),
        cmocka_unit_test(semaphores_of_others_are_not_used),
        cmocka_unit_test(files_linked_elsewhere_lead_nowhere),
    };
    if (pipe(word) != 0 || pipe(go) != 0) {
        return 1;
    }
    int failed = 0;
    if (geteuid() == 0) { /* first: for these, the test itself uses no kin */
        failed = cmocka_run_group_tests_name("others", others_tests, NULL, NULL);
    } else {
        print_message("not root: nobody else to be\n");
    }
    return failed + cmocka_run_group_tests_name("own", own_tests, NULL, NULL);
}
