/* What is special about children that a fork server makes. What they have in common with others: test_process.c and
 * its like with KIN_START=forkserver.
 */
#include "support.h"
#include "posix/children.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os.h"

#define MANY 200

static pthread_mutex_t held_by_a_thread = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool done;

static kin_status start_by_server(kin_process **out, const char *entry, const kin_args *args, int bound)
{
    kin_process_options options = KIN_PROCESS_OPTIONS_INIT;
    options.method = KIN_START_FORKSERVER;
    options.die_with_parent = bound;
    return kin_process_start(out, entry, args, &options);
}

static kin_process *serve(const char *entry, const kin_args *args)
{
    kin_process *child = NULL;
    assert_ok(start_by_server(&child, entry, args, 0));
    return child;
}

/* ---- who there is ---- */

/* The living children of a process; returns how many, at most room. */
static size_t children_of(pid_t parent, pid_t *list, size_t room)
{
    DIR *dir = opendir("/proc");
    size_t count = 0;
    for (struct dirent *entry; dir && (entry = readdir(dir)) != NULL;) {
        char path[300], text[512] = "", state;
        int of;
        snprintf(path, sizeof path, "/proc/%s/stat", entry->d_name);
        int fd = atoi(entry->d_name) > 0 ? open(path, O_RDONLY | O_CLOEXEC) : -1;
        if (fd >= 0 && read(fd, text, sizeof text - 1) > 0 && strrchr(text, ')') &&
            sscanf(strrchr(text, ')'), ") %c %d", &state, &of) == 2 && of == parent && state != 'Z' && state != 'X' &&
            count < room) {
            list[count++] = atoi(entry->d_name);
        }
        if (fd >= 0) {
            close(fd);
        }
    }
    if (dir) {
        closedir(dir);
    }
    return count;
}

/* When there are no other children. 0: there is none. */
static pid_t server_pid(void)
{
    pid_t list[2];
    size_t count = children_of(getpid(), list, 2);
    assert_true(count <= 1);
    return count == 1 ? list[0] : 0;
}

static char state_of(pid_t pid)
{
    char path[32], text[512] = "", state = 'X';
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && read(fd, text, sizeof text - 1) > 0 && strrchr(text, ')')) {
        sscanf(strrchr(text, ')'), ") %c", &state);
    }
    if (fd >= 0) {
        close(fd);
    }
    return state;
}

static int lives(pid_t pid)
{
    return state_of(pid) != 'Z' && state_of(pid) != 'X';
}

/* Has a pidfd: the server, and its children until they begin. */
static int watches_a_process(pid_t pid)
{
    char path[300], link[64];
    int found = 0;
    snprintf(path, sizeof path, "/proc/%d/fd", pid);
    DIR *dir = opendir(path);
    for (struct dirent *entry; dir && !found && (entry = readdir(dir)) != NULL;) {
        memset(link, 0, sizeof link);
        snprintf(path, sizeof path, "/proc/%d/fd/%s", pid, entry->d_name);
        found = readlink(path, link, sizeof link - 1) > 0 && strstr(link, "pidfd");
    }
    if (dir) {
        closedir(dir);
    }
    return found;
}

/* Stopped first, so that it does not begin meanwhile. */
static int kill_if_it_watches(pid_t pid)
{
    kill(pid, SIGSTOP);
    while (lives(pid) && state_of(pid) != 'T') {
        sched_yield();
    }
    int found = watches_a_process(pid);
    kill(pid, found ? SIGKILL : SIGCONT);
    return found;
}

static void expect_to_be_left(const pid_t *list, size_t count, size_t expected)
{
    size_t left = count;
    for (int64_t until = kin_now() + PATIENCE; left > expected && kin_now() < until; usleep(1000)) {
        left = 0;
        for (size_t i = 0; i < count; i++) {
            left += (size_t)lives(list[i]);
        }
    }
    assert_int_equal(left, expected);
}

/* ---- children ---- */

static int child_count(const kin_args *args)
{
    kin_counter *counter = given(args, "counter", KIN_TYPE_COUNTER);
    CHECK(counter && kin_counter_add(counter, 1, NULL) == KIN_OK);
    return 0;
}

static int child_work(const kin_args *args)
{
    CHECK(pthread_mutex_trylock(&held_by_a_thread) == 0);
    void *memory = malloc(100000);
    CHECK(memory && fputs("", stdout) >= 0 && fflush(NULL) == 0);
    free(memory);
    return child_count(args);
}

static int child_stay(const kin_args *args)
{
    kin_sem *told = given(args, "told", KIN_TYPE_SEM), *go = given(args, "go", KIN_TYPE_SEM);
    CHECK(told && go && kin_sem_release(told, 1) == KIN_OK);
    CHECK(kin_sem_acquire(go, 1, PATIENCE) == KIN_OK);
    return 42;
}

static int child_bound(const kin_args *args)
{
    kin_lock *lock = given(args, "lock", KIN_TYPE_LOCK);
    CHECK(lock && kin_lock_acquire(lock, PATIENCE) == KIN_OK);
    return child_stay(args);
}

/* Forked by a call that kin does not hear of: it has the socket of a server that is not its own. */
static int clone_that(int starts, const kin_args *args)
{
    pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (pid == 0) {
        kin_process *child = NULL;
        if (starts && start_by_server(&child, "stay", args, 0) != KIN_OK) {
            _exit(1);
        }
        kin_sem *leave = given(args, "leave", KIN_TYPE_SEM);
        _exit(!leave || kin_sem_acquire(leave, 1, PATIENCE) != KIN_OK);
    }
    return pid > 0;
}

static int child_caller(const kin_args *args)
{
    kin_process *bound = NULL, *other = NULL;
    CHECK(start_by_server(&bound, "bound", args, 1) == KIN_OK);
    CHECK(start_by_server(&other, "stay", args, 0) == KIN_OK);
    CHECK(clone_that(0, args) && clone_that(1, args));
    pause();
    return 0;
}

static int child_abort(const kin_args *args)
{
    (void)args;
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    abort();
}

static int child_count_handles(const kin_args *args)
{
    kin_counter *counter = given(args, "counter", KIN_TYPE_COUNTER);
    CHECK(counter && kin_counter_set(counter, (int64_t)count_handles()) == KIN_OK);
    return 0;
}

static int child_look_around(const kin_args *args)
{
    sigset_t mask;
    (void)args;
    CHECK(pthread_sigmask(SIG_BLOCK, NULL, &mask) == 0);
    CHECK(sigismember(&mask, SIGUSR2) == 1 && sigismember(&mask, SIGUSR1) == 0 && sigismember(&mask, SIGTERM) == 0);
    CHECK(fcntl(0, F_GETFD) < 0);
    CHECK(write(1, "to the new one", 14) == 14);
    return 0;
}

static int child_die_with_mutex(const kin_args *args)
{
    pthread_mutex_t *mutex = given(args, "mutex", KIN_TYPE_MEMORY);
    CHECK(mutex && pthread_mutex_lock(mutex) == 0);
    CHECK(pthread_mutex_lock(mutex) == EDEADLK); /* it knows its own thread */
    return 0;
}

static int child_start_another(const kin_args *args)
{
    kin_process *process = NULL;
    kin_exit result = {.code = 1, .signal = 1};
    CHECK(start_by_server(&process, "count", args, 0) == KIN_OK);
    CHECK(kin_process_join(process, PATIENCE, &result) == KIN_OK);
    kin_process_close(process);
    return result.code + result.signal;
}

static int child_with_few_descriptors(const kin_args *args)
{
    kin_process *process = NULL;
    kin_args *many;
    struct rlimit usual;
    CHECK(getrlimit(RLIMIT_NOFILE, &usual) == 0);
    CHECK(setrlimit(RLIMIT_NOFILE, &(struct rlimit){20, usual.rlim_max}) == 0);
    CHECK(start_by_server(&process, "count", args, 0) == KIN_OK);
    CHECK(kin_process_join(process, PATIENCE, NULL) == KIN_OK);
    kin_process_close(process);
    CHECK(setrlimit(RLIMIT_NOFILE, &usual) == 0);
    CHECK(kin_args_create(&many, kin_args_family(args)) == KIN_OK);
    for (int i = 0; i < 40; i++) {
        char name[16];
        snprintf(name, sizeof name, "%d", i);
        CHECK(kin_args_add_handle(many, name, open_file_with("x")) == KIN_OK);
    }
    for (int i = 0; i < 3; i++) {
        CHECK(start_by_server(&process, "count", many, 0) == KIN_E_LIMIT);
        CHECK(start_by_server(&process, "count", args, 0) == KIN_OK);
        CHECK(kin_process_join(process, PATIENCE, NULL) == KIN_OK);
        kin_process_close(process);
    }
    kin_args_destroy(many);
    return 0;
}

static const kin_child_entry entries[] = {
    {"count", child_count},
    {"work", child_work},
    {"stay", child_stay},
    {"bound", child_bound},
    {"caller", child_caller},
    {"abort", child_abort},
    {"count_handles", child_count_handles},
    {"look_around", child_look_around},
    {"die_with_mutex", child_die_with_mutex},
    {"start_another", child_start_another},
    {"with_few_descriptors", child_with_few_descriptors},
};

/* ---- what children get ---- */

typedef struct scene {
    kin_sem *told, *go;
    kin_lock *lock;
    kin_counter *counter;
    kin_args *args;
} scene;

static scene open_scene(void)
{
    scene it = {.args = new_args()};
    assert_ok(kin_sem_create(&it.told, NULL, 0, 0));
    assert_ok(kin_sem_create(&it.go, NULL, 0, 0));
    assert_ok(kin_lock_create(&it.lock, NULL, 0));
    assert_ok(kin_counter_create(&it.counter, NULL, 0));
    give(it.args, "told", KIN_TYPE_SEM, it.told);
    give(it.args, "go", KIN_TYPE_SEM, it.go);
    give(it.args, "lock", KIN_TYPE_LOCK, it.lock);
    give(it.args, "counter", KIN_TYPE_COUNTER, it.counter);
    return it;
}

static void close_scene(scene *it)
{
    kin_args_destroy(it->args);
    assert_ok(kin_sem_destroy(it->told));
    assert_ok(kin_sem_destroy(it->go));
    assert_ok(kin_lock_destroy(it->lock));
    assert_ok(kin_counter_destroy(it->counter));
}

static int64_t count_of(const scene *it)
{
    int64_t count = -1;
    assert_ok(kin_counter_get(it->counter, &count));
    return count;
}

/* ---- tests ---- */

static void *hold_and_churn(void *unused)
{
    pthread_mutex_lock(&held_by_a_thread);
    while (!atomic_load(&done)) {
        free(malloc(200000));
        fputs("", stdout);
    }
    pthread_mutex_unlock(&held_by_a_thread);
    return unused;
}

typedef struct starter {
    const kin_args *args;
    const char *entry;
    int times, started, well; /* well: ended with exit code 0 */
} starter;

static void *start_in_turn(void *argument)
{
    starter *it = argument;
    for (int i = 0; i < it->times; i++) {
        kin_process *child = NULL;
        kin_exit result = {.code = 1, .signal = 1};
        if (start_by_server(&child, it->entry, it->args, 0) != KIN_OK) {
            continue;
        }
        it->started++;
        it->well += kin_process_join(child, PATIENCE, &result) == KIN_OK && result.code == 0 && result.signal == 0;
        kin_process_close(child);
    }
    return NULL;
}

#define STARTERS 3

static void start_in_threads(starter *all, const scene *it, const char *entry, pthread_t *threads)
{
    for (int i = 0; i < STARTERS; i++) {
        all[i] = (starter){it->args, entry, 30, 0, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, start_in_turn, &all[i]), 0);
    }
}

static void threads_and_their_locks_do_not_matter(void **state)
{
    (void)state;
    scene it = open_scene();
    starter all[STARTERS];
    pthread_t holder, threads[STARTERS];
    atomic_store(&done, false);
    assert_int_equal(pthread_create(&holder, NULL, hold_and_churn, NULL), 0);
    while (pthread_mutex_trylock(&held_by_a_thread) == 0) {
        pthread_mutex_unlock(&held_by_a_thread);
        usleep(1000);
    }
    start_in_threads(all, &it, "work", threads);
    for (int i = 0; i < STARTERS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(all[i].well, all[i].times);
    }
    atomic_store(&done, true);
    pthread_join(holder, NULL);
    assert_int_equal(count_of(&it), STARTERS * 30);
    close_scene(&it);
}

static void killed_server_is_replaced(void **state)
{
    (void)state;
    scene it = open_scene();
    join_child(serve("count", it.args), 0);
    pid_t first = server_pid();
    assert_true(first > 0);
    join_child(serve("count", it.args), 0);
    assert_int_equal(server_pid(), first);
    kin_process *stays = serve("stay", it.args);
    assert_ok(kin_sem_acquire(it.told, 1, PATIENCE));
    assert_int_equal(kill(first, SIGKILL), 0);
    join_child(serve("count", it.args), 0);
    assert_true(kin_process_alive(stays));
    assert_ok(kin_sem_release(it.go, 1));
    join_child(stays, 42);
    assert_true(server_pid() > 0 && server_pid() != first);
    assert_int_equal(count_of(&it), 3);
    close_scene(&it);
}

/* Whenever it is killed, or a child that has not begun: a start that succeeded has one child, one that failed has
 * none. */
static void server_killed_at_any_time_leaves_no_stray_child(void **state)
{
    (void)state;
    scene it = open_scene();
    starter all[STARTERS];
    pthread_t threads[STARTERS];
    int started = 0, well = 0, kills = 0;
    start_in_threads(all, &it, "count", threads);
    for (int i = 0; i < 40; i++) {
        pid_t list[16];
        usleep(500 + (useconds_t)i * 53);
        size_t count = children_of(getpid(), list, 16);
        for (size_t j = 0; j < count; j++) {
            kills += kill_if_it_watches(list[j]);
        }
    }
    for (int i = 0; i < STARTERS; i++) {
        pthread_join(threads[i], NULL);
        started += all[i].started;
        well += all[i].well;
    }
    assert_true(kills > 0 && started > 0);
    assert_int_equal(well, started);
    assert_int_equal(count_of(&it), started);
    assert_true(server_pid() >= 0); /* and nobody else is there */
    close_scene(&it);
}

static void signals_to_all_leave_the_server(void **state)
{
    (void)state;
    scene it = open_scene();
    join_child(serve("count", it.args), 0);
    pid_t server = server_pid();
    kill(server, SIGINT);
    kill(server, SIGTERM);
    kill(server, SIGHUP);
    join_child(serve("count", it.args), 0);
    assert_int_equal(server_pid(), server);
    close_scene(&it);
}

static void server_and_bound_children_end_with_the_caller(void **state)
{
    (void)state;
    scene it = open_scene();
    pid_t list[8];
    size_t count = 0;
    kin_sem *leave = NULL;
    assert_ok(kin_sem_create(&leave, NULL, 0, 0));
    give(it.args, "leave", KIN_TYPE_SEM, leave);
    kin_process_options options = KIN_PROCESS_OPTIONS_INIT;
    kin_process *caller = NULL;
    options.method = KIN_START_FORK; /* so that it has this process's server, and must not use it */
    options.die_with_parent = 1;
    assert_ok(kin_process_start(&caller, "caller", it.args, &options));
    assert_ok(kin_sem_acquire(it.told, 3, PATIENCE));
    assert_int_equal(children_of((pid_t)kin_process_pid(caller), list, 8), 5);
    for (size_t i = 0; i < 5; i++) { /* one clone has a server and a child */
        count += children_of(list[i], list + 5 + count, 3 - count);
    }
    assert_int_equal(count, 2);
    assert_status(kin_lock_acquire(it.lock, KIN_NOW), KIN_E_TIMED_OUT);
    kill_child(caller);
    assert_status(kin_lock_acquire(it.lock, PATIENCE), KIN_OWNER_DIED);
    assert_ok(kin_lock_repair(it.lock));
    assert_ok(kin_lock_release(it.lock));
    /* The child that is not bound, the clones, and what one of them has. */
    expect_to_be_left(list, 7, 5);
    assert_ok(kin_sem_release(it.go, 2));
    expect_to_be_left(list, 7, 3);
    assert_ok(kin_sem_release(leave, 2));
    expect_to_be_left(list, 7, 0);
    close_scene(&it);
    assert_ok(kin_sem_destroy(leave));
}

static int64_t handles_of_a_child(const scene *it, kin_start_method method)
{
    kin_process_options options = KIN_PROCESS_OPTIONS_INIT;
    kin_process *child = NULL;
    options.method = method;
    assert_ok(kin_process_start(&child, "count_handles", it->args, &options));
    join_child(child, 0);
    return count_of(it);
}

static void nobody_has_a_descriptor_too_many(void **state)
{
    (void)state;
    scene it = open_scene();
    intptr_t file = open_file_with("x");
    assert_ok(kin_args_add_handle(it.args, "file", file));
    join_child(serve("count", it.args), 0);
    size_t before = count_handles();
    for (int i = 0; i < 20; i++) {
        assert_int_equal(handles_of_a_child(&it, KIN_START_FORKSERVER), handles_of_a_child(&it, KIN_START_SPAWN));
        if (i % 5 == 4) {
            kill(server_pid(), SIGKILL);
        }
    }
    assert_int_equal(count_handles(), before);
    close_handle(file);
    close_scene(&it);
}

static void many_at_once(void **state)
{
    (void)state;
    static kin_process *children[MANY];
    scene it = open_scene();
    for (int i = 0; i < MANY; i++) {
        children[i] = serve("stay", it.args);
    }
    assert_ok(kin_sem_acquire(it.told, MANY, PATIENCE));
    assert_int_equal(kin_process_children(NULL, 0), MANY);
    assert_ok(kin_sem_release(it.go, MANY));
    for (int i = 0; i < MANY; i++) {
        join_child(children[i], 42);
    }
    close_scene(&it);
}

static void signals_end_children_and_are_told(void **state)
{
    (void)state;
    scene it = open_scene();
    kin_exit result = {.code = 0, .signal = 0};
    kin_process *child = serve("abort", NULL);
    assert_ok(kin_process_join(child, PATIENCE, &result));
    assert_true(result.how == KIN_END_SIGNAL && result.code == -1 && result.signal == SIGABRT);
    kin_process_close(child);
    child = serve("stay", it.args);
    assert_ok(kin_sem_acquire(it.told, 1, PATIENCE));
    assert_ok(kin_process_stop(child, PATIENCE, PATIENCE, &result));
    assert_int_equal(result.signal, SIGTERM);
    kin_process_close(child);
    close_scene(&it);
}

static void streams_and_signals_are_those_of_now(void **state)
{
    (void)state;
    char text[32] = "";
    kill(server_pid(), SIGKILL); /* the new one is started with these streams, and is not to keep them */
    intptr_t ends[2];
    sigset_t two, before;
    make_pipe(ends);
    int in = fcntl(0, F_DUPFD_CLOEXEC, 10), out = fcntl(1, F_DUPFD_CLOEXEC, 10);
    fflush(stdout);
    sigemptyset(&two);
    sigaddset(&two, SIGUSR2);
    pthread_sigmask(SIG_BLOCK, &two, &before);
    close(0);
    dup2((int)ends[1], 1);
    kin_process *child = NULL;
    kin_status status = start_by_server(&child, "look_around", NULL, 0);
    dup2(out, 1);
    if (in >= 0) {
        dup2(in, 0);
        close(in);
    }
    close(out);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    assert_ok(status);
    join_child(child, 0);
    close_handle(ends[1]);
    assert_int_equal(read_handle(ends[0], text, sizeof text), 14);
    assert_string_equal(text, "to the new one");
    assert_true(handle_is_ready(ends[0], 10000));
    assert_int_equal(read_handle(ends[0], text, sizeof text), 0);
    close_handle(ends[0]);
}

/* The C library knows the child's thread, and the kernel its list of mutexes. */
static void mutexes_of_the_system_work_in_the_child(void **state)
{
    (void)state;
    pthread_mutexattr_t attributes;
    void *memory = NULL;
    kin_args *args = new_args();
    assert_ok(kin_alloc(&memory, NULL, sizeof(pthread_mutex_t)));
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutex_init(memory, &attributes);
    give(args, "mutex", KIN_TYPE_MEMORY, memory);
    join_child(serve("die_with_mutex", args), 0);
    assert_int_equal(pthread_mutex_trylock(memory), EOWNERDEAD);
    assert_int_equal(pthread_mutex_consistent(memory), 0);
    assert_int_equal(pthread_mutex_unlock(memory), 0);
    kin_args_destroy(args);
    assert_ok(kin_free(memory));
}

static void forked_child_has_a_server_of_its_own(void **state)
{
    (void)state;
    scene it = open_scene();
    join_child(serve("count", it.args), 0);
    pid_t server = server_pid();
    kin_process_options options = KIN_PROCESS_OPTIONS_INIT;
    for (kin_start_method method = KIN_START_FORK; method <= KIN_START_FORKSERVER; method++) {
        kin_process *child = NULL;
        options.method = method;
        assert_ok(kin_process_start(&child, "start_another", it.args, &options));
        join_child(child, 0);
    }
    assert_int_equal(server_pid(), server);
    assert_int_equal(count_of(&it), 4);
    close_scene(&it);
}

static void too_few_descriptors_are_an_error(void **state)
{
    (void)state;
    scene it = open_scene();
    kin_process_options options = KIN_PROCESS_OPTIONS_INIT;
    kin_process *child = NULL;
    options.method = KIN_START_SPAWN;
    assert_ok(kin_process_start(&child, "with_few_descriptors", it.args, &options));
    join_child(child, 0);
    assert_int_equal(count_of(&it), 4);
    close_scene(&it);
}

static void not_with_a_program(void **state)
{
    (void)state;
    kin_process_options options = KIN_PROCESS_OPTIONS_INIT;
    kin_process *child = NULL;
    options.method = KIN_START_FORKSERVER;
    options.program = "/bin/true";
    assert_status(kin_process_start(&child, "count", NULL, &options), KIN_E_ARGUMENT);
    assert_null(child);
}

/* A default that says forkserver gives a child by spawn then. */
static void without_a_server_it_is_said(void **state)
{
    (void)state;
    scene it = open_scene();
    kin_process *child = NULL;
    assert_status(start_by_server(&child, "count", it.args, 0), KIN_E_UNSUPPORTED);
    assert_null(child);
    set_variable("KIN_START", "forkserver");
    run_child("count", it.args);
    assert_int_equal(count_of(&it), 1);
    close_scene(&it);
}

int main(void)
{
    kin_child_main(entries, sizeof entries / sizeof entries[0]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_and_their_locks_do_not_matter),
        cmocka_unit_test(killed_server_is_replaced),
        cmocka_unit_test(server_killed_at_any_time_leaves_no_stray_child),
        cmocka_unit_test(signals_to_all_leave_the_server),
        cmocka_unit_test(server_and_bound_children_end_with_the_caller),
        cmocka_unit_test(nobody_has_a_descriptor_too_many),
        cmocka_unit_test(many_at_once),
        cmocka_unit_test(signals_end_children_and_are_told),
        cmocka_unit_test(streams_and_signals_are_those_of_now),
        cmocka_unit_test(mutexes_of_the_system_work_in_the_child),
        cmocka_unit_test(forked_child_has_a_server_of_its_own),
        cmocka_unit_test(too_few_descriptors_are_an_error),
        cmocka_unit_test(not_with_a_program),
    };
    const struct CMUnitTest without[] = {
        cmocka_unit_test(without_a_server_it_is_said),
        cmocka_unit_test(not_with_a_program),
    };
    return has_fork_server() ? cmocka_run_group_tests(tests, NULL, NULL) : cmocka_run_group_tests(without, NULL, NULL);
}
