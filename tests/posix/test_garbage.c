/* A member gone mad writes garbage over the arena. The others may get errors, and wrong data; they must not crash, and not
 * hang. */
#include "support.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os.h"

typedef struct things {
    kin_lock lock;
    kin_sem sem;
    kin_event event;
    kin_cond cond;
    kin_barrier barrier;
    kin_rwlock rwlock;
} things;

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
    kin_barrier_wait(&it->barrier, NULL, NULL, NULL, KIN_MS(1));
    kin_barrier_reset(&it->barrier);
    if (kin_rwlock_acquire(&it->rwlock, KIN_READ, KIN_MS(1)) >= 0) {
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
    kin_name_get(&found, NULL, KIN_TYPE_LOCK, "name");
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
    kin_family_info info = {.size = sizeof info};
    signal(SIGSEGV, SIG_DFL); /* not CMocka's */
    signal(SIGBUS, SIG_DFL);
    signal(SIGFPE, SIG_DFL);
    if (kin_alloc((void **)&it, NULL, sizeof *it) != KIN_OK || kin_sem_create_leased(&leased, NULL, 20) != KIN_OK ||
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
    pid_t mad = fork();
    if (mad == 0) {
        kin_ref ref = {{0, 0}};
        kin_ref_of(&ref, KIN_TYPE_LOCK, &it->lock);
        scribble((char *)it - (ref.opaque[0] & UINT64_C(0x00ffffffffffffff)), (size_t)info.committed, seed);
        _exit(0);
    }
    waitpid(mad, NULL, 0);
    for (int i = 0; i < 5; i++) {
        use_all(it, leased);
    }
    return 0;
}

static void others_neither_crash_nor_hang(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        int status = 0;
        pid_t pid = fork();
        if (pid == 0) {
            alarm(60);
            _exit(suffer(seed * UINT64_C(0x9e3779b97f4a7c15)));
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (status != 0) {
            print_message("seed %d: %s %d\n", (int)seed, WIFSIGNALED(status) ? "signal" : "exit code",
                          WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
        }
        assert_int_equal(status, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(others_neither_crash_nor_hang)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
