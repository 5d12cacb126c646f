/* Blocking calls under a storm of signals, with and without SA_RESTART at random: none ends because of one, none fails,
 * none is over before its time. SIGALRM comes from a timer to the process, SIGUSR1 from a thread to the one that waits.
 */
#include "support.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

#include "os.h"

/* What both use. */
typedef struct scene {
    kin_queue *orders, *queue;
    kin_sem *sem;
    kin_event *event;
    kin_lock *lock;
    kin_cond *cond;
    kin_rwlock *rwlock;
    kin_barrier *barrier;
    kin_pipe *pipe;
    _Atomic int64_t *flag;
} scene;

enum { SEM, EVENT, QUEUE, PIPE, COND, LOCK, RWLOCK, BARRIER, WAIT, KINDS, STOP };

/* ---- the partner, whom no signal reaches ---- */

static void pause_a_little(void)
{
    kin_os_sleep_until(kin_os_now() + KIN_US(500 + rand() % 3000));
}

static bool is_done(scene *it, int order)
{
    char byte = 'x';
    switch (order) {
    case SEM:
        return kin_sem_release(it->sem, 1) == KIN_OK;
    case WAIT:
    case EVENT:
        return kin_event_set(it->event) == KIN_OK;
    case QUEUE:
        return kin_queue_put(it->queue, &byte, 1, PATIENCE) == KIN_OK;
    case PIPE:
        return kin_pipe_send(it->pipe, &byte, 1, PATIENCE) == KIN_OK;
    case COND:
        if (kin_lock_acquire(it->lock, PATIENCE) != KIN_OK) {
            return false;
        }
        atomic_store(it->flag, 1);
        return kin_cond_notify(it->cond, 1) == KIN_OK && kin_lock_release(it->lock) == KIN_OK;
    case LOCK:
        return kin_lock_release(it->lock) == KIN_OK;
    case RWLOCK:
        return kin_rwlock_release(it->rwlock) == KIN_OK;
    default:
        return kin_barrier_wait(it->barrier, NULL, PATIENCE) == KIN_OK;
    }
}

/* Holds what the caller is to wait for before it says that the order has come. */
static bool is_prepared(scene *it, int order)
{
    return (order != LOCK || kin_lock_acquire(it->lock, PATIENCE) == KIN_OK) &&
           (order != RWLOCK || kin_rwlock_acquire(it->rwlock, KIN_RWLOCK_WRITE, PATIENCE) == KIN_OK);
}

static bool get_scene(scene *out, const kin_args *args)
{
    void *flag = given(args, "flag", KIN_TYPE_MEMORY);
    *out = (scene){.orders = given(args, "orders", KIN_TYPE_QUEUE),
                   .queue = given(args, "queue", KIN_TYPE_QUEUE),
                   .sem = given(args, "sem", KIN_TYPE_SEM),
                   .event = given(args, "event", KIN_TYPE_EVENT),
                   .lock = given(args, "lock", KIN_TYPE_LOCK),
                   .cond = given(args, "cond", KIN_TYPE_COND),
                   .rwlock = given(args, "rwlock", KIN_TYPE_RWLOCK),
                   .barrier = given(args, "barrier", KIN_TYPE_BARRIER),
                   .flag = flag};
    return flag && kin_args_get_pipe(&out->pipe, args, "pipe") == KIN_OK;
}

static int child_partner(const kin_args *args)
{
    scene it;
    int order = 0;
    CHECK(get_scene(&it, args));
    while (order != STOP) {
        size_t size = 0;
        CHECK(kin_queue_get(it.orders, &order, sizeof order, &size, PATIENCE) == KIN_OK && size == sizeof order);
        if (order != STOP) {
            CHECK(is_prepared(&it, order) && kin_sem_release(it.sem, 1) == KIN_OK);
            pause_a_little();
            CHECK(is_done(&it, order));
        }
    }
    return 0;
}

static int child_nap(const kin_args *args)
{
    (void)args;
    pause_a_little();
    return 0;
}

static const kin_child_entry entries[] = {{"partner", child_partner}, {"nap", child_nap}};

/* ---- the storm ---- */

static _Atomic int64_t alarms, others;
static _Atomic bool over;
static pthread_t target;

static void on_signal(int number)
{
    (number == SIGALRM ? &alarms : &others)[0]++;
}

static void change_weather(void)
{
    for (int i = 0; i < 2; i++) {
        struct sigaction action = {.sa_handler = on_signal, .sa_flags = rand() % 2 ? SA_RESTART : 0};
        sigaction(i == 0 ? SIGALRM : SIGUSR1, &action, NULL);
    }
}

static void *send_signals(void *unused)
{
    unsigned seed = 7;
    sigset_t all;
    (void)unused;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    while (!atomic_load(&over)) {
        pthread_kill(target, SIGUSR1);
        usleep((unsigned)rand_r(&seed) % 400);
    }
    return NULL;
}

/* ---- the calls ---- */

static scene open_scene(kin_args *args, kin_pipe **theirs)
{
    scene it = {.flag = NULL};
    kin_pipe *ends[2] = {NULL, NULL};
    void *flag = NULL;
    assert_ok(kin_queue_create(&it.orders, NULL, NULL));
    assert_ok(kin_queue_create(&it.queue, NULL, NULL));
    assert_ok(kin_sem_create(&it.sem, NULL, 0, 0));
    assert_ok(kin_event_create(&it.event, NULL));
    assert_ok(kin_lock_create(&it.lock, NULL, 0));
    assert_ok(kin_cond_create(&it.cond, NULL));
    assert_ok(kin_rwlock_create(&it.rwlock, NULL));
    assert_ok(kin_barrier_create(&it.barrier, NULL, 2));
    assert_ok(kin_alloc(&flag, NULL, sizeof *it.flag));
    assert_ok(kin_pipe_create(ends, 0));
    it.flag = flag;
    it.pipe = ends[0];
    *theirs = ends[1];
    give(args, "orders", KIN_TYPE_QUEUE, it.orders);
    give(args, "queue", KIN_TYPE_QUEUE, it.queue);
    give(args, "sem", KIN_TYPE_SEM, it.sem);
    give(args, "event", KIN_TYPE_EVENT, it.event);
    give(args, "lock", KIN_TYPE_LOCK, it.lock);
    give(args, "cond", KIN_TYPE_COND, it.cond);
    give(args, "rwlock", KIN_TYPE_RWLOCK, it.rwlock);
    give(args, "barrier", KIN_TYPE_BARRIER, it.barrier);
    give(args, "flag", KIN_TYPE_MEMORY, flag);
    assert_ok(kin_args_add_pipe(args, "pipe", ends[1]));
    return it;
}

static void await_condition(scene *it)
{
    assert_ok(kin_lock_acquire(it->lock, PATIENCE));
    while (!atomic_load(it->flag)) {
        assert_ok(kin_cond_wait(it->cond, it->lock, PATIENCE));
    }
    atomic_store(it->flag, 0);
    assert_ok(kin_lock_release(it->lock));
}

static void await_any(scene *it)
{
    kin_wait_item items[] = {
        {KIN_TYPE_EVENT, KIN_WAIT_READABLE, it->event, 0, 0},
        {KIN_WAIT_PIPE, KIN_WAIT_READABLE, it->pipe, 0, 0},
    };
    assert_ok(kin_wait(items, 2, 0, PATIENCE, NULL));
    assert_true(items[0].ready && !items[1].ready);
    assert_ok(kin_event_clear(it->event));
}

static void await(scene *it, int order)
{
    char byte = 0;
    size_t size = 0;
    switch (order) {
    case SEM:
        assert_ok(kin_sem_acquire(it->sem, 1, PATIENCE));
        break;
    case EVENT:
        assert_ok(kin_event_wait(it->event, PATIENCE));
        assert_ok(kin_event_clear(it->event));
        break;
    case QUEUE:
        assert_ok(kin_queue_get(it->queue, &byte, 1, &size, PATIENCE));
        break;
    case PIPE:
        assert_ok(kin_pipe_recv(it->pipe, &byte, 1, &size, PATIENCE));
        break;
    case COND:
        await_condition(it);
        break;
    case LOCK:
        assert_ok(kin_lock_acquire(it->lock, PATIENCE));
        assert_ok(kin_lock_release(it->lock));
        break;
    case RWLOCK:
        assert_ok(kin_rwlock_acquire(it->rwlock, KIN_RWLOCK_READ, PATIENCE));
        assert_ok(kin_rwlock_release(it->rwlock));
        break;
    case BARRIER:
        assert_ok(kin_barrier_wait(it->barrier, NULL, PATIENCE));
        break;
    default:
        await_any(it);
        break;
    }
}

#define LASTS(expression)                                                                                              \
    do {                                                                                                               \
        int64_t begun = now_ns();                                                                                      \
        assert_status(expression, KIN_E_TIMED_OUT);                                                                    \
        assert_true(now_ns() - begun >= KIN_MS(3));                                                                    \
    } while (0)

static void time_out(scene *it, int which)
{
    char byte;
    size_t size;
    kin_wait_item item = {KIN_TYPE_EVENT, KIN_WAIT_READABLE, it->event, 0, 0};
    switch (which) {
    case 0:
        LASTS(kin_sem_acquire(it->sem, 1, KIN_MS(3)));
        break;
    case 1:
        LASTS(kin_event_wait(it->event, KIN_MS(3)));
        break;
    case 2:
        LASTS(kin_queue_get(it->queue, &byte, 1, &size, KIN_MS(3)));
        break;
    case 3:
        LASTS(kin_pipe_recv(it->pipe, &byte, 1, &size, KIN_MS(3)));
        break;
    default:
        LASTS(kin_wait(&item, 1, 0, KIN_MS(3), NULL));
        break;
    }
}

static void run_programs(void)
{
    static const char *const echo[] = {"echo one; echo two; exit 3", NULL};
    kin_run_options options = KIN_RUN_OPTIONS_INIT;
    kin_run_result result = KIN_RUN_RESULT_INIT;
    kin_program *program = NULL;
    const char *line = NULL;
    size_t length = 0;
    kin_exit end = {.code = -1};
    options.flags = KIN_RUN_SHELL;
    assert_ok(kin_run_output(echo, &options, &result));
    assert_true(result.exit.code == 3 && strcmp(result.output, "one\ntwo\n") == 0);
    kin_run_free(&result);
    options.output = KIN_RUN_PIPE;
    options.flags |= KIN_RUN_BOUND;
    assert_ok(kin_run_start(&program, echo, &options));
    assert_ok(kin_run_read_line(&line, &length, program, 1, PATIENCE));
    assert_true(length == 3 && memcmp(line, "one", 3) == 0);
    assert_ok(kin_run_wait(program, PATIENCE, &end));
    assert_int_equal(end.code, 3);
    kin_run_close(program);
}

static void no_call_ends_because_of_a_signal(void **state)
{
    (void)state;
    const struct itimerval often = {{0, 300}, {0, 300}}, never = {{0, 0}, {0, 0}};
    kin_pipe *theirs = NULL;
    kin_args *args = new_args();
    scene it = open_scene(args, &theirs);
    kin_process *partner = start_child("partner", args);
    pthread_t sender;
    target = pthread_self();
    kin_pipe_close(theirs);
    change_weather();
    assert_int_equal(pthread_create(&sender, NULL, send_signals, NULL), 0);
    int64_t end = now_ns() + KIN_SECONDS(4);
    for (int round = 0; now_ns() < end; round++) {
        int order = round % KINDS;
        change_weather();
        assert_int_equal(setitimer(ITIMER_REAL, &often, NULL), 0);
        assert_ok(kin_queue_put(it.orders, &order, sizeof order, PATIENCE));
        assert_ok(kin_sem_acquire(it.sem, 1, PATIENCE));
        await(&it, order);
        time_out(&it, round % 5);
        if (round % 20 == 0) {
            run_programs();
            run_child("nap", NULL);
        }
    }
    setitimer(ITIMER_REAL, &never, NULL);
    atomic_store(&over, true);
    assert_int_equal(pthread_join(sender, NULL), 0);
    int order = STOP;
    assert_ok(kin_queue_put(it.orders, &order, sizeof order, PATIENCE));
    join_child(partner, 0);
    assert_true(atomic_load(&alarms) > 100 && atomic_load(&others) > 100);
    kin_pipe_close(it.pipe);
    kin_args_destroy(args);
}

int main(void)
{
    kin_child_main(entries, sizeof entries / sizeof entries[0]);
    const struct CMUnitTest tests[] = {cmocka_unit_test(no_call_ends_because_of_a_signal)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
