/* demo_locks.c: the programs of `kin demo` in which children count under locks, or without. */
#include "demo.h"

#include <stdio.h>

/* ---- a shared counter, with a lock and without ---- */

#define COUNTERS 10
#define COUNTS 50

/* Long enough between reading and writing that another process comes in between. */
static void dawdle(void)
{
    for (volatile int i = 0; i < 5000; i++) {
    }
}

int demo_count(const kin_args *args)
{
    volatile int *total = tool_given(args, "total", KIN_TYPE_MEMORY);
    kin_sem *ready = tool_given(args, "ready", KIN_TYPE_SEM);
    kin_sem *gate = tool_given(args, "gate", KIN_TYPE_SEM);
    void *lock = NULL;
    int locked = kin_args_get_object(&lock, args, "lock", KIN_TYPE_LOCK) == KIN_OK;
    tool_check(kin_sem_release(ready, 1), "ready");
    tool_check(kin_sem_acquire(gate, 1, PATIENCE), "gate");
    for (int i = 0; i < COUNTS; i++) {
        if (locked) {
            tool_check(kin_lock_acquire(lock, PATIENCE), "lock");
        }
        int value = *total;
        dawdle();
        *total = value + 1;
        if (locked) {
            tool_check(kin_lock_release(lock), "lock");
        }
    }
    return 0;
}

static void count(kin_start_method method, outcome *out, int locked)
{
    int *total = shared(sizeof *total);
    kin_sem *ready;
    kin_sem *gate;
    kin_lock *lock;
    tool_check(kin_sem_create(&ready, NULL, 0, 0), "kin_sem_create");
    tool_check(kin_sem_create(&gate, NULL, 0, 0), "kin_sem_create");
    tool_check(kin_lock_create(&lock, NULL, 0), "kin_lock_create");
    kin_args *args = arguments();
    add(args, "total", KIN_TYPE_MEMORY, total);
    add(args, "ready", KIN_TYPE_SEM, ready);
    add(args, "gate", KIN_TYPE_SEM, gate);
    if (locked) {
        add(args, "lock", KIN_TYPE_LOCK, lock);
    }
    kin_process *children[COUNTERS];
    for (int i = 0; i < COUNTERS; i++) {
        children[i] = start(method, "demo_count", args);
    }
    tool_check(kin_sem_acquire(ready, COUNTERS, PATIENCE), "the children");
    tool_check(kin_sem_release(gate, COUNTERS), "gate");
    for (int i = 0; i < COUNTERS; i++) {
        out->failed += tool_finish(children[i]);
    }
    say(out->expected, "%d", COUNTERS * COUNTS);
    say(out->got, "%d", *total);
    kin_args_destroy(args);
    kin_lock_destroy(lock);
    kin_sem_destroy(gate);
    kin_sem_destroy(ready);
    kin_free(total);
}

void demo_count_locked(kin_start_method method, outcome *out)
{
    count(method, out, 1);
}

void demo_count_unlocked(kin_start_method method, outcome *out)
{
    count(method, out, 0);
}

/* ---- a bank account ---- */

#define BALANCE 100
#define PAYMENTS 10000

static int pay(const kin_args *args, int amount)
{
    int *balance = tool_given(args, "balance", KIN_TYPE_MEMORY);
    kin_lock *lock = tool_given(args, "lock", KIN_TYPE_LOCK);
    for (int i = 0; i < PAYMENTS; i++) {
        tool_check(kin_lock_acquire(lock, PATIENCE), "lock");
        *balance += amount;
        tool_check(kin_lock_release(lock), "lock");
    }
    return 0;
}

int demo_deposit(const kin_args *args)
{
    return pay(args, 1);
}

int demo_withdraw(const kin_args *args)
{
    return pay(args, -1);
}

void demo_bank(kin_start_method method, outcome *out)
{
    int *balance = shared(sizeof *balance);
    kin_lock *lock;
    tool_check(kin_lock_create(&lock, NULL, 0), "kin_lock_create");
    *balance = BALANCE;
    kin_args *args = arguments();
    add(args, "balance", KIN_TYPE_MEMORY, balance);
    add(args, "lock", KIN_TYPE_LOCK, lock);
    kin_process *withdraw = start(method, "demo_withdraw", args);
    kin_process *deposit = start(method, "demo_deposit", args);
    out->failed += tool_finish(withdraw) + tool_finish(deposit);
    say(out->expected, "%d", BALANCE + PAYMENTS - PAYMENTS);
    say(out->got, "%d", *balance);
    kin_args_destroy(args);
    kin_lock_destroy(lock);
    kin_free(balance);
}

/* ---- squares and their sum ---- */

static const int32_t bases[] = {5, 6, 7, 8};

#define BASES (sizeof bases / sizeof bases[0])

int demo_square(const kin_args *args)
{
    kin_array *squares = tool_given(args, "squares", KIN_TYPE_ARRAY);
    kin_value *sum = tool_given(args, "sum", KIN_TYPE_VALUE);
    const void *bytes = NULL;
    size_t size = 0;
    tool_check(kin_args_get_bytes(&bytes, &size, args, "bases"), "bases");
    int64_t total = 0;
    for (size_t i = 0; i < size / sizeof(int32_t); i++) {
        int32_t base = ((const int32_t *)bytes)[i];
        int32_t square = base * base;
        tool_check(kin_array_set(squares, i, 1, &square, sizeof square), "squares");
        total += square;
    }
    tool_check(kin_value_set(sum, &total, sizeof total), "sum");
    return 0;
}

static void say_squares(char *text, const int32_t *squares, int64_t sum)
{
    char word[32];
    for (size_t i = 0; i < BASES; i++) {
        snprintf(word, sizeof word, "%d", (int)squares[i]);
        append(text, word);
    }
    snprintf(word, sizeof word, "sum %d", (int)sum);
    append(text, word);
}

void demo_squares(kin_start_method method, outcome *out)
{
    kin_array *array;
    kin_value *value;
    tool_check(kin_array_create(&array, NULL, KIN_ELEMENT_I32, BASES, KIN_VALUE_LOCKED), "kin_array_create");
    tool_check(kin_value_create(&value, NULL, KIN_ELEMENT_I64, KIN_VALUE_LOCKED), "kin_value_create");
    kin_args *args = arguments();
    add(args, "squares", KIN_TYPE_ARRAY, array);
    add(args, "sum", KIN_TYPE_VALUE, value);
    tool_check(kin_args_add_bytes(args, "bases", bases, sizeof bases), "bases");
    out->failed += tool_finish(start(method, "demo_square", args));
    int32_t squares[BASES];
    int64_t sum = 0;
    for (size_t i = 0; i < BASES; i++) {
        squares[i] = bases[i] * bases[i];
        sum += squares[i];
    }
    say_squares(out->expected, squares, sum);
    tool_check(kin_array_get(array, 0, BASES, squares, sizeof squares), "squares");
    tool_check(kin_value_get(value, &sum, sizeof sum), "sum");
    say_squares(out->got, squares, sum);
    kin_args_destroy(args);
    kin_value_destroy(value);
    kin_array_destroy(array);
}

/* ---- the lock that arrives is the lock that was sent ---- */

int demo_wait(const kin_args *args)
{
    kin_lock *lock = tool_given(args, "lock", KIN_TYPE_LOCK);
    kin_sem *here = tool_given(args, "here", KIN_TYPE_SEM);
    kin_sem *seen = tool_given(args, "seen", KIN_TYPE_SEM);
    char *story = tool_given(args, "story", KIN_TYPE_MEMORY);
    append(story, "child-here");
    tool_check(kin_sem_release(here, 1), "here");
    tool_check(kin_lock_acquire(lock, PATIENCE), "lock");
    append(story, "child-goes-on");
    tool_check(kin_sem_release(here, 1), "here");
    tool_check(kin_sem_acquire(seen, 1, PATIENCE), "seen");
    tool_check(kin_lock_release(lock), "lock");
    return 0;
}

static kin_lock_info inspect(const kin_lock *lock)
{
    kin_lock_info info = KIN_LOCK_INFO_INIT;
    tool_check(kin_lock_inspect(lock, &info), "kin_lock_inspect");
    return info;
}

/* Looks at the lock until a thread waits for it. pause is a semaphore that is not released meanwhile. */
static int has_waiter(const kin_lock *lock, kin_sem *pause)
{
    for (int64_t waited = 0; waited < PATIENCE; waited += KIN_MS(1)) {
        if (inspect(lock).contended) {
            return 1;
        }
        kin_sem_acquire(pause, 1, KIN_MS(1));
    }
    return 0;
}

static void watch_child(kin_process *child, kin_lock *lock, kin_sem *here, kin_sem *seen, char *story)
{
    tool_check(kin_sem_acquire(here, 1, PATIENCE), "the child");
    append(story, has_waiter(lock, here) ? "child-waits" : "nobody-waits");
    append(story, "parent-releases");
    tool_check(kin_lock_release(lock), "lock");
    tool_check(kin_sem_acquire(here, 1, PATIENCE), "the child");
    append(story, inspect(lock).owner_pid == kin_process_pid(child) ? "child-owns" : "another-owns");
    tool_check(kin_sem_release(seen, 1), "seen");
}

void demo_pass(kin_start_method method, outcome *out)
{
    char *story = shared(TEXT_MAX);
    kin_lock *lock;
    kin_sem *here;
    kin_sem *seen;
    tool_check(kin_lock_create(&lock, NULL, 0), "kin_lock_create");
    tool_check(kin_sem_create(&here, NULL, 0, 0), "kin_sem_create");
    tool_check(kin_sem_create(&seen, NULL, 0, 0), "kin_sem_create");
    kin_args *args = arguments();
    add(args, "lock", KIN_TYPE_LOCK, lock);
    add(args, "here", KIN_TYPE_SEM, here);
    add(args, "seen", KIN_TYPE_SEM, seen);
    add(args, "story", KIN_TYPE_MEMORY, story);
    tool_check(kin_lock_acquire(lock, PATIENCE), "lock");
    kin_process *child = start(method, "demo_wait", args);
    watch_child(child, lock, here, seen, story);
    out->failed += tool_finish(child);
    say(out->expected, "child-here child-waits parent-releases child-goes-on child-owns");
    say(out->got, "%s", story);
    kin_args_destroy(args);
    kin_sem_destroy(seen);
    kin_sem_destroy(here);
    kin_lock_destroy(lock);
    kin_free(story);
}

/* ---- a counter that carries its own lock ---- */

#define CLICKERS 8
#define CLICKS 100000

typedef struct clicker {
    kin_lock lock;
    int value;
} clicker;

static void clicker_increment(clicker *it)
{
    tool_check(kin_lock_acquire(&it->lock, PATIENCE), "lock");
    it->value++;
    tool_check(kin_lock_release(&it->lock), "lock");
}

static int clicker_value(clicker *it)
{
    tool_check(kin_lock_acquire(&it->lock, PATIENCE), "lock");
    int value = it->value;
    tool_check(kin_lock_release(&it->lock), "lock");
    return value;
}

int demo_click(const kin_args *args)
{
    clicker *it = tool_given(args, "clicker", KIN_TYPE_MEMORY);
    for (int i = 0; i < CLICKS; i++) {
        clicker_increment(it);
    }
    return 0;
}

void demo_clicks(kin_start_method method, outcome *out)
{
    clicker *it = shared(sizeof *it);
    tool_check(kin_lock_init(&it->lock, 0), "kin_lock_init");
    kin_args *args = arguments();
    add(args, "clicker", KIN_TYPE_MEMORY, it);
    kin_process *children[CLICKERS];
    for (int i = 0; i < CLICKERS; i++) {
        children[i] = start(method, "demo_click", args);
    }
    for (int i = 0; i < CLICKERS; i++) {
        out->failed += tool_finish(children[i]);
    }
    say(out->expected, "%d", CLICKERS * CLICKS);
    say(out->got, "%d", clicker_value(it));
    kin_args_destroy(args);
    kin_lock_fini(&it->lock);
    kin_free(it);
}
