/* step_kill.c: kills a process after every single instruction of every operation, and sees whether the others go on.
 *
 * For each scenario and each k: a victim is stepped (ptrace) through k instructions of the operation and killed there. Where it
 * falls asleep in the kernel it is killed asleep, and the scenario is at its end. Then whoever slept for the victim has to get
 * on, every object has to work, and nothing of the dead may be left: within a second in all.
 *
 *     step_kill                    every instruction
 *     step_kill --sample 40        about 40 instructions of each scenario, chosen by --seed
 *     step_kill --only "lock"      scenarios whose name contains that
 *     step_kill --matrix           the result as rows of a table
 */
#include <getopt.h>
#include <kin/kin.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LIMIT KIN_SECONDS(1)
#define ASLEEP_MS 30            /* a step that takes longer is a sleep in the kernel */
#define PATIENCE KIN_SECONDS(1) /* stepped so slowly, some waits find their slices over before they sleep: no end */

typedef struct place {
    kin_lock lock, recursive;
    kin_sem sem;
    kin_event event;
    kin_cond cond;
    kin_barrier barrier;
    kin_rwlock rwlock;
    kin_counter counter;
    kin_queue *queue; /* joinable */
    kin_sem *leased;  /* two permits */
    void *block;
    const void *message;
    _Atomic int asleep, through; /* of the sleeper */
} place;

typedef void action(place *it);

typedef struct scenario {
    const char *object, *role;
    action *before;    /* the victim, not yet stepped; or null */
    action *operation; /* the victim, stepped */
    action *sleep;     /* another process, which sleeps for what the operation does; or null */
    action *finish;    /* afterwards: does for the sleeper what the victim may not have done; or null */
    bool held;         /* the tracer holds lock, and rwlock for writing, meanwhile */
} scenario;

static int64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void rest(int ms)
{
    nanosleep(&(struct timespec){0, ms * 1000000L}, NULL);
}

/* ---- operations ---- */

static void lock_acquire(place *it)
{
    if (kin_lock_acquire(&it->lock, KIN_FOREVER) == KIN_OWNER_DIED) {
        kin_lock_repair(&it->lock);
    }
}

static void lock_release(place *it)
{
    kin_lock_release(&it->lock);
}

static void lock_both(place *it)
{
    lock_acquire(it);
    lock_release(it);
}

static void recursive_twice(place *it)
{
    kin_lock_acquire(&it->recursive, KIN_FOREVER);
    kin_lock_acquire(&it->recursive, KIN_FOREVER);
    kin_lock_release(&it->recursive);
    kin_lock_release(&it->recursive);
}

static void lock_try(place *it)
{
    kin_lock_acquire(&it->lock, KIN_MS(1));
}

static void sem_acquire(place *it)
{
    kin_sem_acquire(&it->sem, 1, KIN_FOREVER);
}

static void sem_release(place *it)
{
    kin_sem_release(&it->sem, 1);
}

static void event_set(place *it)
{
    kin_event_set(&it->event);
}

static void event_clear(place *it)
{
    kin_event_clear(&it->event);
}

static void event_wait(place *it)
{
    kin_event_wait(&it->event, KIN_FOREVER);
}

static void cond_notify(place *it)
{
    kin_cond_notify(&it->cond, 1);
}

static void cond_wait(place *it)
{
    lock_acquire(it);
    if (kin_cond_wait(&it->cond, &it->lock, KIN_FOREVER) == KIN_OWNER_DIED) {
        kin_lock_repair(&it->lock);
    }
    lock_release(it);
}

static void barrier_wait(place *it)
{
    kin_barrier_wait(&it->barrier, NULL, NULL, NULL, KIN_FOREVER);
}

static void rw_acquire(place *it, kin_access access)
{
    if (kin_rwlock_acquire(&it->rwlock, access, KIN_FOREVER) == KIN_OWNER_DIED) {
        kin_rwlock_repair(&it->rwlock);
    }
}

static void read_acquire(place *it)
{
    rw_acquire(it, KIN_READ);
}

static void write_acquire(place *it)
{
    rw_acquire(it, KIN_WRITE);
}

static void rw_release(place *it)
{
    kin_rwlock_release(&it->rwlock);
}

static void read_both(place *it)
{
    read_acquire(it);
    rw_release(it);
}

static void write_both(place *it)
{
    write_acquire(it);
    rw_release(it);
}

static void counter_add(place *it)
{
    kin_counter_add(&it->counter, 1, NULL);
}

#define MESSAGE 100u

static void queue_put(place *it)
{
    char message[MESSAGE] = {1};
    kin_queue_put(it->queue, message, sizeof message, KIN_FOREVER);
}

static void queue_get(place *it)
{
    char message[MESSAGE];
    kin_queue_get(it->queue, message, sizeof message, NULL, KIN_FOREVER);
}

static void queue_deal(place *it)
{
    queue_get(it);
    kin_queue_task_done(it->queue);
}

static void queue_both(place *it)
{
    queue_put(it);
    queue_deal(it);
}

static void queue_fill(place *it)
{
    char message[MESSAGE] = {1};
    while (kin_queue_put(it->queue, message, sizeof message, KIN_NOW) == KIN_OK) {
    }
}

static void queue_put_two(place *it)
{
    queue_put(it);
    queue_put(it);
}

static void queue_got_one(place *it)
{
    queue_put_two(it);
    queue_get(it);
}

static void queue_reserve(place *it)
{
    kin_queue_reserve(it->queue, &it->block, MESSAGE, KIN_FOREVER);
}

static void queue_commit(place *it)
{
    kin_queue_commit(it->queue, it->block, MESSAGE);
}

static void queue_peek(place *it)
{
    size_t size;
    kin_queue_peek(it->queue, &it->message, &size, KIN_FOREVER);
}

static void queue_peek_one(place *it)
{
    queue_put(it);
    queue_peek(it);
}

static void queue_consume(place *it)
{
    kin_queue_consume(it->queue, it->message);
}

static void queue_close(place *it)
{
    kin_queue_close(it->queue);
}

static void queue_task_done(place *it)
{
    kin_queue_task_done(it->queue);
}

static void queue_join(place *it)
{
    kin_queue_join(it->queue, KIN_FOREVER);
}

static void wait_for_both(place *it)
{
    kin_wait_item items[] = {{KIN_TYPE_SEM, KIN_READABLE, &it->sem, 0, 0},
                             {KIN_TYPE_QUEUE, KIN_READABLE, it->queue, 0, 0}};
    kin_wait(items, 2, 0, KIN_FOREVER, NULL);
}

static void leased_acquire(place *it)
{
    kin_sem_acquire(it->leased, 1, KIN_FOREVER);
}

static void leased_release(place *it)
{
    kin_sem_release(it->leased, 1);
}

static void leased_acquire_two(place *it)
{
    kin_sem_acquire(it->leased, 2, KIN_FOREVER);
}

static void leased_both(place *it)
{
    leased_acquire_two(it);
    kin_sem_release(it->leased, 2);
}

static void alloc_small(place *it)
{
    kin_alloc(&it->block, NULL, 50);
}

static void alloc_large(place *it)
{
    kin_alloc(&it->block, NULL, 20000);
}

static void free_block(place *it)
{
    kin_free(it->block);
    it->block = NULL;
}

static void small_both(place *it)
{
    alloc_small(it);
    free_block(it);
}

static void large_both(place *it)
{
    alloc_large(it);
    free_block(it);
}

static void name_set(place *it)
{
    kin_name_set("stepped", KIN_TYPE_LOCK, &it->lock);
}

static void name_remove(place *it)
{
    (void)it;
    kin_name_remove(NULL, "stepped");
}

static void family_reap(place *it)
{
    (void)it;
    kin_family_reap(NULL, NULL);
}

static void family_leave(place *it)
{
    kin_family *family = NULL;
    kin_family_of(it, &family);
    kin_family_close(family);
}

static const scenario scenarios[] = {
    {"lock", "acquire", lock_both, lock_acquire, NULL, NULL, false},
    {"lock", "release", lock_acquire, lock_release, NULL, NULL, false},
    {"lock", "acquire, held by another", lock_try, lock_acquire, NULL, NULL, true},
    {"lock", "release, another sleeps for it", lock_acquire, lock_release, lock_both, NULL, false},
    {"lock", "recursive", recursive_twice, recursive_twice, NULL, NULL, false},
    {"semaphore", "acquire", sem_release, sem_acquire, NULL, NULL, false},
    {"semaphore", "release", sem_release, sem_release, NULL, NULL, false},
    {"semaphore", "acquire, none free", NULL, sem_acquire, NULL, sem_release, false},
    {"semaphore", "release, another sleeps for it", lock_both, sem_release, sem_acquire, sem_release, false},
    {"event", "set, another waits", lock_both, event_set, event_wait, event_set, false},
    {"event", "clear", event_set, event_clear, NULL, NULL, false},
    {"event", "wait", lock_both, event_wait, NULL, NULL, false},
    {"condition", "notify, another waits", lock_both, cond_notify, cond_wait, cond_notify, false},
    {"condition", "wait", lock_both, cond_wait, NULL, NULL, false},
    {"barrier", "come, another waits", lock_both, barrier_wait, barrier_wait, barrier_wait, false},
    {"barrier", "wait", lock_both, barrier_wait, NULL, NULL, false},
    {"readers-writer lock", "read", read_both, read_acquire, NULL, NULL, false},
    {"readers-writer lock", "end of reading", read_acquire, rw_release, NULL, NULL, false},
    {"readers-writer lock", "end of reading, a writer waits", read_acquire, rw_release, write_both, NULL, false},
    {"readers-writer lock", "write", write_both, write_acquire, NULL, NULL, false},
    {"readers-writer lock", "end of writing, a reader waits", write_acquire, rw_release, read_both, NULL, false},
    {"readers-writer lock", "read, held by a writer", lock_try, read_acquire, NULL, NULL, true},
    {"counter", "add", counter_add, counter_add, NULL, NULL, false},
    {"leased semaphore", "acquire", leased_both, leased_acquire_two, NULL, NULL, false},
    {"leased semaphore", "release", leased_acquire_two, leased_release, NULL, NULL, false},
    {"leased semaphore", "release, another sleeps for it", leased_acquire_two, leased_release, leased_acquire, NULL,
     false},
    {"queue", "put", queue_both, queue_put, NULL, NULL, false},
    {"queue", "put, another sleeps for it", queue_both, queue_put, queue_get, queue_put, false},
    {"queue", "put, no room", queue_fill, queue_put, NULL, NULL, false},
    {"queue", "get", queue_put_two, queue_get, NULL, NULL, false},
    {"queue", "get, another sleeps for room", queue_fill, queue_get, queue_put, queue_deal, false},
    {"queue", "get, nothing there", queue_both, queue_get, NULL, queue_put, false},
    {"queue", "reserve", queue_both, queue_reserve, NULL, NULL, false},
    {"queue", "commit, another sleeps for it", queue_reserve, queue_commit, queue_get, queue_put, false},
    {"queue", "peek", queue_put_two, queue_peek, NULL, NULL, false},
    {"queue", "consume", queue_peek_one, queue_consume, NULL, NULL, false},
    {"queue", "close, another sleeps for it", queue_both, queue_close, queue_get, queue_close, false},
    {"queue", "task_done, another joins", queue_got_one, queue_task_done, queue_join, queue_deal, false},
    {"wait", "for a semaphore and a queue", queue_both, wait_for_both, NULL, NULL, false},
    {"wait", "another does, put", queue_both, queue_put, wait_for_both, queue_put, false},
    {"memory", "allocate, small", small_both, alloc_small, NULL, NULL, false},
    {"memory", "free, small", alloc_small, free_block, NULL, NULL, false},
    {"memory", "allocate, large", large_both, alloc_large, NULL, NULL, false},
    {"memory", "free, large", alloc_large, free_block, NULL, NULL, false},
    {"name", "set", name_remove, name_set, NULL, NULL, false},
    {"name", "remove", name_set, name_remove, NULL, NULL, false},
    {"family", "first use: join", NULL, lock_acquire, NULL, NULL, false},
    {"family", "leave", lock_both, family_leave, NULL, NULL, false},
    {"family", "reap", lock_both, family_reap, NULL, NULL, false},
};

/* ---- one kill ---- */

static place *new_place(void)
{
    place *it = NULL;
    if (kin_alloc((void **)&it, NULL, sizeof *it) != KIN_OK) {
        return NULL;
    }
    kin_lock_init(&it->lock, 0);
    kin_lock_init(&it->recursive, KIN_LOCK_RECURSIVE);
    kin_sem_init(&it->sem, 0, 0);
    kin_event_init(&it->event);
    kin_cond_init(&it->cond);
    kin_barrier_init(&it->barrier, 2);
    kin_rwlock_init(&it->rwlock);
    kin_counter_init(&it->counter, 0);
    kin_queue_options options = {sizeof options, 1000, 0, KIN_QUEUE_JOINABLE};
    kin_queue_create(&it->queue, NULL, &options);
    kin_sem_create_leased(&it->leased, NULL, 2);
    return it;
}

static pid_t start_sleeper(const scenario *what, place *it)
{
    pid_t pid = fork();
    if (pid == 0) {
        atomic_store(&it->asleep, 1);
        what->sleep(it);
        atomic_store(&it->through, 1);
        _exit(0);
    }
    while (!atomic_load(&it->asleep)) {
        rest(1);
    }
    rest(2); /* it sleeps now, mostly */
    return pid;
}

static pid_t start_victim(const scenario *what, place *it)
{
    pid_t pid = fork();
    if (pid == 0) {
        ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        if (what->before) {
            what->before(it);
        }
        raise(SIGSTOP);
        what->operation(it);
        raise(SIGSTOP);
        _exit(0);
    }
    waitpid(pid, NULL, 0);
    return pid;
}

/* One instruction. False: it sleeps in the kernel, or was at the end of the operation. */
static bool step(pid_t victim)
{
    int status = 0;
    if (ptrace(PTRACE_SINGLESTEP, victim, NULL, NULL) != 0) {
        return false;
    }
    int64_t end = now() + KIN_MS(ASLEEP_MS);
    while (waitpid(victim, &status, WNOHANG) == 0) {
        if (now() > end) {
            return false;
        }
    }
    return WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP;
}

static void kill_and_wait(pid_t pid)
{
    kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) != pid) {
    }
}

/* ---- what has to hold afterwards; each says what does not ---- */

static const char *await_sleeper(place *it, pid_t sleeper)
{
    int64_t end = now() + LIMIT;
    while (!atomic_load(&it->through) && now() < end) {
        rest(1);
    }
    bool through = atomic_load(&it->through) != 0;
    kill_and_wait(sleeper);
    return through ? NULL : "the sleeper sleeps on";
}

static bool acquired(kin_status status)
{
    return status == KIN_OK || status == KIN_OWNER_DIED;
}

/* Whatever is in it comes out whole, there is as much room as ever, and all permits come back. */
static const char *use_queue(kin_queue *queue)
{
    char message[1000];
    size_t size = 0;
    kin_queue_info info = {.size = sizeof info};
    kin_status status = KIN_OK;
    while (status == KIN_OK) {
        status = kin_queue_get(queue, message, sizeof message, &size, KIN_MS(120));
        if (status == KIN_OK && size != MESSAGE) {
            return "the queue's message";
        }
        if (status == KIN_OK && kin_queue_task_done(queue) != KIN_OK) {
            return "the queue's tasks";
        }
    }
    if (kin_queue_inspect(queue, &info) != KIN_OK || info.messages != 0 || info.lost_puts + info.lost_gets > 1) {
        return "the queue's count";
    }
    if (info.closed) {
        return status == KIN_E_CLOSED ? NULL : "the closed queue";
    }
    memset(message, 7, sizeof message);
    if (kin_queue_put(queue, message, sizeof message, LIMIT) != KIN_OK ||
        kin_queue_get(queue, message, sizeof message, &size, LIMIT) != KIN_OK || size != sizeof message ||
        kin_queue_task_done(queue) != KIN_OK || kin_queue_join(queue, LIMIT) != KIN_OK) {
        return "queue";
    }
    return NULL;
}

static const char *use_all(place *it)
{
    void *small = NULL, *large = NULL, *found = NULL;
    if (!acquired(kin_lock_acquire(&it->lock, LIMIT)) || kin_lock_repair(&it->lock) != KIN_OK ||
        kin_cond_notify(&it->cond, KIN_COND_ALL) != KIN_OK || kin_lock_release(&it->lock) != KIN_OK) {
        return "lock";
    }
    if (!acquired(kin_lock_acquire(&it->recursive, LIMIT)) || kin_lock_repair(&it->recursive) != KIN_OK ||
        kin_lock_release(&it->recursive) != KIN_OK) {
        return "recursive lock";
    }
    if (!acquired(kin_rwlock_acquire(&it->rwlock, KIN_WRITE, LIMIT)) || kin_rwlock_repair(&it->rwlock) != KIN_OK ||
        kin_rwlock_release(&it->rwlock) != KIN_OK) {
        return "readers-writer lock";
    }
    if (kin_sem_release(&it->sem, 1) != KIN_OK || kin_sem_acquire(&it->sem, 1, LIMIT) != KIN_OK) {
        return "semaphore";
    }
    if (kin_sem_acquire(it->leased, 2, LIMIT) != KIN_OK || kin_sem_release(it->leased, 2) != KIN_OK) {
        return "leased semaphore";
    }
    if (kin_event_set(&it->event) != KIN_OK || kin_event_wait(&it->event, LIMIT) != KIN_OK) {
        return "event";
    }
    if (kin_barrier_reset(&it->barrier) != KIN_OK ||
        kin_barrier_wait(&it->barrier, NULL, NULL, NULL, 0) != KIN_E_TIMED_OUT) {
        return "barrier";
    }
    if (kin_alloc(&small, NULL, 50) != KIN_OK || kin_alloc(&large, NULL, 20000) != KIN_OK ||
        kin_free(small) != KIN_OK || kin_free(large) != KIN_OK) {
        return "memory";
    }
    kin_name_remove(NULL, "stepped");
    if (kin_name_set("stepped", KIN_TYPE_LOCK, &it->lock) != KIN_OK ||
        kin_name_get(&found, NULL, KIN_TYPE_LOCK, "stepped") != KIN_OK || found != &it->lock ||
        kin_name_remove(NULL, "stepped") != KIN_OK) {
        return "name";
    }
    return use_queue(it->queue);
}

static const char *count_values(const place *it)
{
    uint32_t value = 0;
    int64_t count = 0;
    kin_sem_value(&it->sem, &value);
    kin_counter_get(&it->counter, &count);
    return value > 2 ? "the semaphore's value" : count > 2 ? "the counter's value" : NULL;
}

static const char *find_remains(void)
{
    kin_family_info info = {.size = sizeof info};
    kin_family_reap(NULL, NULL);
    kin_family_inspect(NULL, &info);
    return info.members != 1 ? "a member is left" : info.threads != 1 ? "a thread entry is left" : NULL;
}

typedef struct tally {
    int steps; /* of the whole operation, as far as it goes */
    int kills;
    int64_t worst; /* ns until all was in order again */
    const char *wrong;
    int wrong_at;
} tally;

/* Kills after at most k steps. Whether the operation is longer. */
static bool kill_at(const scenario *what, int k, tally *out)
{
    place *it = new_place();
    pid_t sleeper = 0;
    if (!it) {
        out->wrong = "no memory";
        return false;
    }
    if (what->held) {
        lock_acquire(it);
        write_acquire(it);
    }
    pid_t victim = start_victim(what, it);
    if (what->sleep) {
        sleeper = start_sleeper(what, it);
    }
    int done = 0;
    int64_t end = now() + PATIENCE;
    while (done < k && now() < end && step(victim)) {
        done++;
    }
    kill_and_wait(victim);
    int64_t killed = now();
    if (what->held) {
        lock_release(it);
        rw_release(it);
    }
    if (what->finish) {
        if (what->finish == barrier_wait) {
            kin_barrier_abort(&it->barrier);
        } else {
            what->finish(it);
        }
    }
    const char *wrong = what->sleep ? await_sleeper(it, sleeper) : NULL;
    wrong = wrong ? wrong : count_values(it);
    wrong = wrong ? wrong : use_all(it);
    int64_t took = now() - killed;
    wrong = wrong ? wrong : find_remains();
    wrong = wrong ? wrong : took > LIMIT ? "it took too long" : NULL;
    if (it->block && kin_alloc_size(it->block, &(size_t){0}) == KIN_OK) {
        kin_free(it->block);
    }
    kin_queue_destroy(it->queue);
    kin_sem_destroy(it->leased);
    kin_free(it);
    out->kills++;
    out->steps = done > out->steps ? done : out->steps;
    out->worst = took > out->worst ? took : out->worst;
    if (wrong && !out->wrong) {
        out->wrong = wrong;
        out->wrong_at = k;
    }
    return done == k;
}

/* ---- the whole ---- */

/* How many steps the operation has. */
static int measure(const scenario *what)
{
    tally unused = {0};
    kill_at(what, 1 << 20, &unused);
    return unused.steps;
}

static tally run(const scenario *what, int sample)
{
    tally out = {0};
    int length = measure(what);
    if (sample > 0 && length > sample) {
        for (int i = 0; i < sample && !out.wrong; i++) {
            int width = length / sample;
            kill_at(what, i * width + rand() % width, &out);
        }
        kill_at(what, length + 1, &out);
    } else {
        for (int k = 0; k <= length + 1 && !out.wrong; k++) {
            kill_at(what, k, &out);
        }
    }
    out.steps = length;
    return out;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"sample", required_argument, NULL, 's'},
                                            {"seed", required_argument, NULL, 'r'},
                                            {"only", required_argument, NULL, 'o'},
                                            {"matrix", no_argument, NULL, 'm'},
                                            {NULL, 0, NULL, 0}};
    int sample = 0, matrix = 0, failed = 0, option;
    const char *only = "";
    srand(1);
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 's':
            sample = atoi(optarg);
            break;
        case 'r':
            srand((unsigned)atoi(optarg));
            break;
        case 'o':
            only = optarg;
            break;
        case 'm':
            matrix = 1;
            break;
        default:
            return 2;
        }
    }
    for (size_t i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++) {
        const scenario *what = &scenarios[i];
        if (!strstr(what->object, only)) {
            continue;
        }
        tally result = run(what, sample);
        printf(matrix ? "| %s | %s | %d | %d | %.0f | %s" : "%s, %s: %d steps, %d kills, worst %.0f ms, %s",
               what->object, what->role, result.steps, result.kills, (double)result.worst / 1e6,
               result.wrong ? result.wrong : "all went on");
        if (result.wrong) {
            printf(" (after step %d)", result.wrong_at);
        }
        printf(matrix ? " |\n" : "\n");
        fflush(stdout);
        failed |= result.wrong != NULL;
    }
    return failed;
}
