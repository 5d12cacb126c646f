/* Whether the death of a process is noticed, among processes that do not see each other's pids, that have closed their
 * descriptors, lost their first thread, or executed another program. For root only, because of the namespaces. The test
 * itself uses kin in children only. */
#include "support.h"
#include "posix/children.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "family/member.h"
#include "os.h"
#include "posix/robust.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

typedef struct board { /* shared by the test and its children, without kin */
    _Atomic int ready, go, pid;
    uint8_t id[16];
} board;

static board *shared;
static char name[32];

static void begin(void)
{
    static int number;
    snprintf(name, sizeof name, "life-%d-%d", (int)getpid(), number++);
    memset(shared, 0, sizeof *shared);
}

static void await(_Atomic int *word)
{
    for (int i = 0; i < 60000 && !atomic_load(word); i++) {
        usleep(500);
    }
}

static void close_descriptors(void)
{
    for (int fd = 3; fd < 1024; fd++) {
        close(fd);
    }
}

static int enter(kin_family **family, kin_lock **lock)
{
    kin_family_info info = KIN_FAMILY_INFO_INIT;
    void *found = NULL;
    CHECK(kin_family_open(family, name, 0, NULL) == KIN_OK);
    CHECK(kin_family_inspect(*family, &info) == KIN_OK);
    memcpy(shared->id, info.id, sizeof info.id);
    if (kin_name_get(&found, *family, "lock", KIN_TYPE_LOCK) != KIN_OK) {
        CHECK(kin_lock_create(lock, *family, 0) == KIN_OK && kin_name_set("lock", KIN_TYPE_LOCK, *lock) == KIN_OK);
    } else {
        *lock = found;
    }
    return 0;
}

/* ---- in which namespaces ---- */

typedef enum place { HERE, OTHER_PIDS, OTHER_PIDS_AND_PROC, OTHER_TIME, NO_PROC, PLACES } place;

/* On /proc: another namespace's own, or nothing. */
static bool mount_on_proc(const char *type)
{
    return unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount(type, "/proc", type, 0, NULL) == 0;
}

static bool leave_to(place where)
{
    static const char offset[] = "boottime 100000 0";
    if (where == OTHER_TIME) {
        int fd = unshare(CLONE_NEWTIME) == 0 ? open("/proc/self/timens_offsets", O_WRONLY) : -1;
        bool moved = fd >= 0 && write(fd, offset, sizeof offset - 1) == (ssize_t)sizeof offset - 1;
        close(fd);
        return moved;
    }
    return where == HERE || where == NO_PROC || unshare(CLONE_NEWPID) == 0;
}

/* A process there that does that. Its parent here waits for it, and ends as it does. */
static pid_t start(place where, int (*body)(void), _Atomic int *pid)
{
    pid_t outer = fork_child();
    if (outer > 0) {
        return outer;
    }
    if (!leave_to(where)) {
        _exit(90);
    }
    pid_t inner = fork();
    if (inner == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        alarm(100); /* not longer than this, if a test fails in the middle */
        bool there = where == OTHER_PIDS_AND_PROC ? mount_on_proc("proc") : where != NO_PROC || mount_on_proc("tmpfs");
        _exit(there ? body() : 91);
    }
    if (pid) {
        atomic_store(pid, inner);
    }
    int status = -1;
    waitpid(inner, &status, 0);
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 92);
}

/* ---- members ---- */

static int hold(void)
{
    kin_family *family;
    kin_lock *lock = NULL;
    CHECK(enter(&family, &lock) == 0 && kin_lock_acquire(lock, KIN_NOW) == KIN_OK);
    return 0;
}

static int stay(void)
{
    atomic_store(&shared->ready, 1);
    pause();
    return 1;
}

static int plain(void)
{
    return hold() == 0 ? stay() : 1;
}

static int closed(void)
{
    CHECK(hold() == 0);
    close_descriptors();
    return stay();
}

static int stopped(void)
{
    CHECK(hold() == 0);
    atomic_store(&shared->ready, 1);
    raise(SIGSTOP); /* the first process of a namespace ignores its own */
    return stay();
}

static int dropped(void)
{
    CHECK(hold() == 0 && setgid(61001) == 0 && setuid(61001) == 0);
    return stay();
}

static _Atomic int holding;
static bool closes;

static void *hold_in_thread(void *unused)
{
    (void)unused;
    if (hold() == 0) {
        atomic_store(&holding, 1);
    }
    usleep(50000); /* until the first thread has ended */
    if (closes) {
        close_descriptors();
    }
    stay();
    return NULL;
}

/* The first thread has joined, and ends. */
static int first_thread_ends(void)
{
    kin_family *family;
    kin_lock *lock = NULL;
    pthread_t thread;
    CHECK(enter(&family, &lock) == 0);
    CHECK(pthread_create(&thread, NULL, hold_in_thread, NULL) == 0);
    await(&holding);
    pthread_exit(NULL);
}

/* Past the C library: the kernel marks the word, though the process lives. */
static int first_thread_ends_bare(void)
{
    kin_family *family;
    kin_lock *lock = NULL;
    pthread_t thread;
    CHECK(enter(&family, &lock) == 0);
    CHECK(pthread_create(&thread, NULL, hold_in_thread, NULL) == 0);
    await(&holding);
    syscall(SYS_exit, 0);
    return 1;
}

static int first_thread_ends_closed(void)
{
    closes = true;
    return first_thread_ends();
}

/* ---- askers ---- */

static kin_status try_for(int64_t time)
{
    kin_family *family;
    kin_lock *lock = NULL;
    return enter(&family, &lock) == 0 ? kin_lock_acquire(lock, time) : KIN_E_OS;
}

static int finds_it_alive(void)
{
    CHECK(kin_cleanup(NULL) == KIN_OK && kin_cleanup(NULL) == KIN_OK);
    CHECK(try_for(KIN_MS(120)) == KIN_E_TIMED_OUT);
    return 0;
}

static int finds_it_dead(void)
{
    CHECK(try_for(KIN_SECONDS(10)) == KIN_OWNER_DIED);
    return 0;
}

static const struct {
    const char *what;
    int (*body)(void);
} members[] = {{"plain", plain},
               {"closed", closed},
               {"dropped", dropped},
               {"stopped", stopped},
               {"first thread ends", first_thread_ends},
               {"first thread ends, closed", first_thread_ends_closed},
               {"first thread ends by a bare call", first_thread_ends_bare}};

/* One member of that kind, and one process that asks whether it lives; what is wrong, 0: nothing. */
typedef int ask(int (*member)(void), place of_member, place of_asker);

static void ask_from_each_place(ask *one)
{
    if (geteuid() != 0) {
        skip_because("only root can make the namespaces");
    }
    for (unsigned i = 0; i < sizeof members / sizeof members[0]; i++) {
        for (int n = 0; n < 2 * PLACES; n++) {
            place of_member = n / PLACES ? OTHER_PIDS_AND_PROC : HERE, of_asker = (place)(n % PLACES);
            begin();
            int wrong = one(members[i].body, of_member, of_asker);
            if (wrong != 0) {
                fail_msg("%s, member in %d, asker in %d: %d", members[i].what, of_member, of_asker, wrong);
            }
        }
    }
}

static pid_t start_member(place where, int (*body)(void))
{
    pid_t outer = start(where, body, &shared->pid);
    await(&shared->ready);
    await(&shared->pid);
    return outer;
}

static void kill_member(pid_t outer)
{
    kill(atomic_load(&shared->pid), SIGKILL);
    end_of(outer);
}

/* It stays a zombie until its parent goes on. */
static void kill_without_reaping(pid_t outer)
{
    int status = 0;
    kill(outer, SIGSTOP);
    waitpid(outer, &status, WUNTRACED);
    kill(atomic_load(&shared->pid), SIGKILL);
}

static int ask_of_the_living(int (*member)(void), place of_member, place of_asker)
{
    pid_t outer = start_member(of_member, member);
    int wrong = end_of(start(of_asker, finds_it_alive, NULL));
    kill_member(outer);
    return wrong;
}

static void each_member_from_each_place(void **state)
{
    (void)state;
    ask_from_each_place(ask_of_the_living);
}

static int keep_family(void)
{
    kin_family *family;
    kin_lock *lock = NULL;
    alarm(100); /* not longer than this, if a test fails in the middle */
    CHECK(enter(&family, &lock) == 0);
    atomic_store(&shared->go, 1);
    pause();
    return 1;
}

/* Else the family would go with its only member. */
static pid_t start_keeper(void)
{
    pid_t keeper = fork_child();
    if (keeper == 0) {
        _exit(keep_family());
    }
    await(&shared->go);
    return keeper;
}

static void end_keeper(pid_t keeper)
{
    kill(keeper, SIGKILL);
    end_of(keeper);
}

static int ask_of_the_dead(int (*member)(void), place of_member, place of_asker)
{
    pid_t keeper = start_keeper();
    kill_member(start_member(of_member, member));
    int wrong = end_of(start(of_asker, finds_it_dead, NULL));
    end_keeper(keeper);
    return wrong;
}

static int ask_of_the_zombie(int (*member)(void), place of_member, place of_asker)
{
    pid_t keeper = start_keeper(), outer = start_member(of_member, member);
    kill_without_reaping(outer);
    int wrong = end_of(start(of_asker, finds_it_dead, NULL));
    kill(outer, SIGCONT);
    end_of(outer);
    end_keeper(keeper);
    return wrong;
}

static void each_zombie_is_dead_from_each_place(void **state)
{
    (void)state;
    ask_from_each_place(ask_of_the_zombie);
}

static void each_death_is_noticed_from_each_place(void **state)
{
    (void)state;
    ask_from_each_place(ask_of_the_dead);
}

/* A sweeper is no member: it reads the file. */
static int sweeps_it(void)
{
    CHECK(kin_cleanup(NULL) == KIN_OK);
    CHECK(count_names(shared->id) == 0);
    return 0;
}

static int sweep_the_dead(int (*member)(void), place of_member, place of_asker)
{
    kill_member(start_member(of_member, member));
    return end_of(start(of_asker, sweeps_it, NULL));
}

static void each_dead_family_is_swept_from_each_place(void **state)
{
    (void)state;
    ask_from_each_place(sweep_the_dead);
}

/* ---- what cannot be told ---- */

static void *enter_in_thread(void *unused)
{
    (void)unused;
    return hold() == 0 ? &holding : NULL;
}

/* No thread shows the word, and there is no lock: whether it lives, only its own namespaces can tell. */
static int without_threads(void)
{
    pthread_t thread;
    void *result = NULL;
    CHECK(pthread_create(&thread, NULL, enter_in_thread, NULL) == 0 && pthread_join(thread, &result) == 0 && result);
    close_descriptors();
    return stay();
}

static int count_unsure(void)
{
    kin_family *family;
    kin_lock *lock = NULL;
    kin_family_info info = KIN_FAMILY_INFO_INIT;
    CHECK(enter(&family, &lock) == 0 && kin_family_inspect(family, &info) == KIN_OK);
    return (int)info.unsure;
}

static void what_cannot_be_told_is_counted(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        skip_because("only root can make the namespaces");
    }
    begin();
    pid_t keeper = start_keeper();
    pid_t outer = start(HERE, without_threads, &shared->pid);
    await(&shared->ready);
    await(&shared->pid);
    assert_int_equal(end_of(start(HERE, count_unsure, NULL)), 0);
    assert_int_equal(end_of(start(OTHER_PIDS_AND_PROC, count_unsure, NULL)), 1);
    kill(atomic_load(&shared->pid), SIGKILL);
    end_of(outer);
    assert_int_equal(end_of(start(OTHER_PIDS_AND_PROC, count_unsure, NULL)), 1);
    assert_int_equal(end_of(start(HERE, count_unsure, NULL)), 0);
    end_keeper(keeper);
}

/* ---- exec ---- */

static void *exec_here(void *unused)
{
    (void)unused;
    if (hold() == 0) {
        atomic_store(&shared->ready, 1);
        execl("/proc/self/exe", "life", "again", name, (char *)NULL);
    }
    _exit(95);
}

/* After the exec, in the new program. */
static int again(void)
{
    CHECK(try_for(KIN_SECONDS(10)) == KIN_OWNER_DIED);
    return 0;
}

static int exec_by_first_thread(void)
{
    exec_here(NULL);
    return 1;
}

static int exec_by_another(void)
{
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, exec_here, NULL) == 0);
    pause();
    return 1;
}

static int exec_another_program(void)
{
    CHECK(hold() == 0);
    atomic_store(&shared->ready, 1);
    execl("/bin/sleep", "sleep", "100", (char *)NULL);
    return 1;
}

static void another_program_is_another_life_from_each_place(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        skip_because("only root can make the namespaces");
    }
    for (int n = 0; n < 2 * PLACES; n++) {
        begin();
        pid_t keeper = start_keeper();
        pid_t outer = start_member(n / PLACES ? OTHER_PIDS_AND_PROC : HERE, exec_another_program);
        int wrong = end_of(start((place)(n % PLACES), finds_it_dead, NULL));
        kill_member(outer);
        end_keeper(keeper);
        assert_int_equal(wrong, 0);
    }
}

static int told[2]; /* a pipe: what comes after an exec is told by it */

static void *exec_reader_here(void *unused)
{
    char end[16];
    (void)unused;
    snprintf(end, sizeof end, "%d", told[1]);
    if (hold() == 0) {
        atomic_store(&shared->ready, 1);
        execl("/proc/self/exe", "life", "read", name, end, (char *)NULL);
    }
    _exit(95);
}

static int exec_reader(void)
{
    exec_reader_here(NULL);
    return 1;
}

static int exec_reader_by_another(void)
{
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, exec_reader_here, NULL) == 0);
    pause();
    return 1;
}

/* After the exec, in the new program: it has the family's memory mapped, but is no member. */
static int read_only(int end)
{
    kin_family *family = NULL;
    char opened = kin_family_open(&family, name, KIN_FAMILY_READ_ONLY, NULL) == KIN_OK;
    CHECK(write(end, &opened, 1) == 1);
    pause();
    return 1;
}

static void program_that_reads_the_family_is_no_member_from_each_place(void **state)
{
    (void)state;
    int (*const bodies[])(void) = {exec_reader, exec_reader_by_another};
    if (geteuid() != 0) {
        skip_because("only root can make the namespaces");
    }
    for (int n = 0; n <= PLACES; n++) { /* an exec by another thread is told from the process alone, so here only */
        char opened = 0;
        begin();
        assert_int_equal(pipe(told), 0);
        pid_t keeper = start_keeper();
        pid_t outer = start_member(HERE, bodies[n / PLACES]);
        close(told[1]);
        assert_int_equal(read(told[0], &opened, 1), 1);
        assert_int_equal(opened, 1);
        int wrong = end_of(start((place)(n % PLACES), finds_it_dead, NULL));
        kill_member(outer);
        end_keeper(keeper);
        close(told[0]);
        assert_int_equal(wrong, 0);
    }
}

static void executed_anew_it_finds_its_own_death(void **state)
{
    (void)state;
    int (*const bodies[])(void) = {exec_by_first_thread, exec_by_another};
    for (int i = 0; i < 2; i++) {
        begin();
        pid_t keeper = start_keeper();
        assert_int_equal(end_of(start(HERE, bodies[i], NULL)), 0);
        end_keeper(keeper);
    }
}

/* ---- joining ---- */

static int join_without_descriptors(void)
{
    kin_family *family;
    kin_lock *lock = NULL;
    char path[128];
    CHECK(enter(&family, &lock) == 0);
    snprintf(path, sizeof path, "/dev/shm/kin-%u/", (unsigned)geteuid());
    for (int i = 0; i < 16; i++) {
        size_t used = strlen(path);
        snprintf(path + used, sizeof path - used, "%02x", shared->id[i]);
    }
    strcat(path, ".pulse");
    CHECK(unlink(path) == 0); /* nor is it found by name again */
    pid_t pid = fork();
    if (pid == 0) {
        close_descriptors();
        bool held = kin_lock_acquire(lock, PATIENCE) == KIN_OK;
        atomic_store(&shared->ready, held ? 1 : 2);
        pause();
    }
    await(&shared->ready);
    CHECK(atomic_load(&shared->ready) == 1);
    CHECK(kin_lock_acquire(lock, KIN_MS(120)) == KIN_E_TIMED_OUT);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    CHECK(kin_lock_acquire(lock, KIN_SECONDS(10)) == KIN_OWNER_DIED);
    return 0;
}

static void child_without_descriptors_joins(void **state)
{
    (void)state;
    begin();
    assert_int_equal(end_of(start(HERE, join_without_descriptors, NULL)), 0);
}

static int have_many_children(void)
{
    kin_family *family;
    kin_lock *lock = NULL;
    kin_family_info info = KIN_FAMILY_INFO_INIT;
    CHECK(enter(&family, &lock) == 0);
    for (int i = 0; i < 50; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            bool held = kin_lock_acquire(lock, PATIENCE) == KIN_OK && kin_lock_release(lock) == KIN_OK;
            _exit(!held);
        }
        int status = -1;
        CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    }
    CHECK(kin_family_inspect(family, &info) == KIN_OK);
    CHECK(info.members <= 2);
    return 0;
}

static void dead_children_do_not_pile_up(void **state)
{
    (void)state;
    begin();
    assert_int_equal(end_of(start(HERE, have_many_children, NULL)), 0);
}

/* ---- the end ---- */

static void *wait_for_ever(void *lock)
{
    kin_lock_acquire(lock, KIN_FOREVER);
    return NULL;
}

static int exit_with_a_thread(void)
{
    kin_family *family;
    kin_lock *lock = NULL;
    pthread_t thread;
    CHECK(hold() == 0 && enter(&family, &lock) == 0);
    CHECK(pthread_create(&thread, NULL, wait_for_ever, lock) == 0 && pthread_detach(thread) == 0);
    usleep(50000);
    exit(0);
}

static void nothing_is_left_after_exit(void **state)
{
    (void)state;
    char path[128];
    struct stat info;
    begin();
    assert_int_equal(end_of(start(HERE, exit_with_a_thread, NULL)), 0);
    assert_int_equal(count_names(shared->id), 0);
    snprintf(path, sizeof path, "/dev/shm/kin-%u/%s.family", (unsigned)geteuid(), name);
    assert_true(lstat(path, &info) != 0);
}

/* ---- the fence ---- */

static void who_lost_its_sign_is_told(void **state)
{
    (void)state;
    static const kin_os_id id = {{9, 9, 9}};
    static const kin_os_access nobody = {{""}, {""}};
    kin_os_pulse pulse;
    kin_os_process_id me;
    size_t size = kin_os_page_size();
    assert_ok(kin_os_pulse_create(&pulse, &id, &nobody));
    assert_ok(kin_os_self(&me));
    assert_ok(kin_os_pulse_start(&pulse, 3, kin_os_pulse_look(&pulse, 3), &me, &id, &nobody));
    assert_true(kin_os_pulse_check(&pulse, 3));
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        kin_os_self(&me);
        kin_os_process_id unknown = {0, 0, 0, 0};
        bool lives = kin_os_pulse_life(&pulse, 3, &unknown, &id) == KIN_OS_LIVES;
        uint64_t seen = kin_os_pulse_look(&pulse, 3);
        _exit(!lives || kin_os_pulse_start(&pulse, 3, seen, &me, &id, &nobody) != KIN_E_BUSY);
    }
    assert_int_equal(end_of(pid), 0);
    /* As if this thread had ended past the C library, and all descriptors had been closed. */
    close(pulse.fd);
    char *page = pulse.pages + 3 * size;
    kin_posix_word word = kin_posix_word_read(page);
    assert_true(kin_posix_word_change(page, &word, KIN_POSIX_DIED, word.serial));
    uint64_t seen = kin_os_pulse_look(&pulse, 3);
    pid = fork();
    if (pid == 0) {
        kin_os_self(&me);
        _exit(kin_os_pulse_start(&pulse, 3, seen, &me, &id, &nobody) != KIN_OK);
    }
    assert_int_equal(end_of(pid), 0);
    assert_false(kin_os_pulse_check(&pulse, 3));
    assert_false(kin_os_pulse_check(&pulse, 3));
    kin_os_pulse_stop(&pulse, 3);
    kin_os_pulse_close(&pulse);
    kin_cleanup(NULL);
}

/* ---- a process that was wrongly taken for dead ---- */

static kin_sem *leased;
static kin_event *event;

/* All that may wait says so from then on, but what is free is still had. */
static int is_told(kin_lock *lock, bool has_entry)
{
    kin_wait_item item = {KIN_TYPE_EVENT, KIN_WAIT_READABLE, event, 0, 0};
    CHECK(kin_event_clear(event) == KIN_OK); /* takes a seat */
    CHECK(kin_sem_acquire(leased, 1, KIN_NOW) == KIN_OK);
    atomic_store(&shared->ready, 1);
    CHECK(kin_lock_acquire(lock, KIN_SECONDS(30)) == KIN_E_STALE);
    CHECK(kin_event_wait(event, KIN_SECONDS(30)) == KIN_E_STALE);
    CHECK(kin_wait(&item, 1, 0, KIN_SECONDS(30), NULL) == KIN_E_STALE);
    CHECK(kin_sem_acquire(leased, 2, KIN_SECONDS(30)) == KIN_E_STALE);
    CHECK(has_entry || kin_sem_acquire(leased, 1, KIN_NOW) == KIN_E_STALE);
    return 0;
}

/* As its reaper, or the next one to take its sign, would do. */
static int take_for_dead(kin_family *family, pid_t pid, bool entry)
{
    for (uint32_t i = 0; i < kin__member_end(family); i++) {
        _Atomic uint64_t *state = &kin__member_at(family, i)->state;
        uint64_t now = atomic_load(state);
        if (KIN__MEMBER_PHASE(now) == KIN__LIVE && KIN__MEMBER_PID(now) == (uint32_t)pid) {
            char *page = family->pulse.pages + i * kin_os_page_size();
            kin_posix_word word = kin_posix_word_read(page);
            atomic_store(state, entry ? kin__member_state(KIN__MEMBER_GENERATION(now), 0, KIN__FREE) : now);
            return !entry && !kin_posix_word_change(page, &word, KIN_POSIX_NOBODY, kin_posix_word_next(word.serial));
        }
    }
    return 1;
}

static int lose(bool entry)
{
    kin_family *family;
    kin_lock *lock = NULL;
    CHECK(enter(&family, &lock) == 0 && kin_lock_acquire(lock, KIN_NOW) == KIN_OK);
    CHECK(kin_sem_create_leased(&leased, family, 2) == KIN_OK && kin_event_create(&event, family) == KIN_OK);
    pid_t pid = fork();
    if (pid == 0) {
        alarm(100);
        _exit(is_told(lock, !entry));
    }
    await(&shared->ready);
    usleep(20000); /* until it sleeps */
    CHECK(take_for_dead(family, pid, entry) == 0);
    int status = -1;
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    return 0;
}

static int lose_entry(void)
{
    return lose(true);
}

static int lose_sign(void)
{
    return lose(false);
}

static void who_was_taken_for_dead_is_told(void **state)
{
    (void)state;
    begin();
    assert_int_equal(end_of(start(HERE, lose_entry, NULL)), 0);
    begin();
    assert_int_equal(end_of(start(HERE, lose_sign, NULL)), 0);
    assert_ok(kin_cleanup(NULL));
    assert_int_equal(count_names(shared->id), 0);
}

int main(int argc, char **argv)
{
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (argc == 3 && strcmp(argv[1], "again") == 0) {
        snprintf(name, sizeof name, "%s", argv[2]);
        return again();
    }
    if (argc == 4 && strcmp(argv[1], "read") == 0) {
        snprintf(name, sizeof name, "%s", argv[2]);
        return read_only(atoi(argv[3]));
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_member_from_each_place),
        cmocka_unit_test(each_death_is_noticed_from_each_place),
        cmocka_unit_test(each_zombie_is_dead_from_each_place),
        cmocka_unit_test(each_dead_family_is_swept_from_each_place),
        cmocka_unit_test(another_program_is_another_life_from_each_place),
        cmocka_unit_test(program_that_reads_the_family_is_no_member_from_each_place),
        cmocka_unit_test(what_cannot_be_told_is_counted),
        cmocka_unit_test(executed_anew_it_finds_its_own_death),
        cmocka_unit_test(child_without_descriptors_joins),
        cmocka_unit_test(dead_children_do_not_pile_up),
        cmocka_unit_test(nothing_is_left_after_exit),
        cmocka_unit_test(who_lost_its_sign_is_told),
        cmocka_unit_test(who_was_taken_for_dead_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
