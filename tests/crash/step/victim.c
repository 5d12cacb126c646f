/* victim.c: one victim: its start, its end, the objects that it and the others use, the sleeper that waits for it. */
#include "step.h"

#include "../step_os.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WHOLE (1 << 20)

step_kind step_by = STEP_INSTRUCTION;

/* The heap has free blocks of every size that an operation may need: that it prepares a span for such blocks, hundreds
 * of steps, has a scenario of its own ("allocate in a converted span"). */
static void make_room(void)
{
    void *blocks[4];
    for (size_t size = 16; size <= 32768; size += size / 4) {
        for (int i = 0; i < 4; i++) {
            blocks[i] = NULL;
            kin_alloc(&blocks[i], NULL, size);
        }
        for (int i = 0; i < 4; i++) {
            kin_free(blocks[i]);
        }
    }
}

static place *new_place(void)
{
    place *it = NULL;
    make_room();
    if (kin_alloc((void **)&it, NULL, sizeof *it) != KIN_OK) {
        return NULL;
    }
    kin_lock_init(&it->lock, 0);
    kin_lock_init(&it->recursive, KIN_LOCK_RECURSIVE);
    kin_lock_init(&it->worn, 0);
    kin_rwlock_init(&it->worn_rw);
    kin_sem_init(&it->sem, 0, 0);
    kin_event_init(&it->event);
    kin_cond_init(&it->cond);
    kin_barrier_init(&it->barrier, 2);
    kin_rwlock_init(&it->rwlock);
    kin_counter_init(&it->counter, 0);
    kin_sem_init(&it->ready, 0, 0);
    kin_sem_init(&it->go, 0, 0);
    kin_queue_options options = {sizeof options, 1000, 0, KIN_QUEUE_JOINABLE | KIN_QUEUE_LARGE};
    kin_queue *queue = NULL;
    kin_sem *leased = NULL;
    kin_value *value = NULL;
    kin_dict *dict = NULL;
    kin_list *list = NULL;
    if (kin_dict_create(&dict, NULL) != KIN_OK || kin_list_create(&list, NULL) != KIN_OK) {
        return NULL;
    }
    if (kin_queue_create(&queue, NULL, &options) != KIN_OK || kin_sem_create_leased(&leased, NULL, 2) != KIN_OK ||
        kin_value_create(&value, NULL, KIN_ELEMENT_I64, KIN_VALUE_LOCKED) != KIN_OK) {
        return NULL;
    }
    it->value_at = (char *)value - (char *)it;
    it->dict_at = (char *)dict - (char *)it;
    it->list_at = (char *)list - (char *)it;
    it->queue_at = (char *)queue - (char *)it;
    it->leased_at = (char *)leased - (char *)it;
    return it;
}

static kin_process *start(const char *entry, int which, int64_t last, place *it)
{
    kin_args *args = NULL;
    kin_process *process = NULL;
    int64_t numbers[3] = {which, last, step_by};
    kin_args_create(&args, NULL);
    kin_args_add_object(args, "place", KIN_TYPE_MEMORY, it);
    kin_args_add_bytes(args, "numbers", numbers, sizeof numbers);
    if (kin_process_start(&process, entry, args, NULL) != KIN_OK) {
        fprintf(stderr, "cannot start %s\n", entry);
        exit(2);
    }
    kin_args_destroy(args);
    return process;
}

kin_process *start_helper(const char *entry, place *it)
{
    return start(entry, 0, 0, it);
}

void run_helper(const char *entry, place *it)
{
    kin_process *process = start_helper(entry, it);
    kin_process_join(process, KIN_FOREVER, NULL);
    kin_process_close(process);
}

static place *given(const kin_args *args, const scenario **what, int64_t *last)
{
    void *it = NULL;
    const void *bytes = NULL;
    size_t size = 0;
    if (kin_args_get_object(&it, args, "place", KIN_TYPE_MEMORY) != KIN_OK ||
        kin_args_get_bytes(&bytes, &size, args, "numbers") != KIN_OK) {
        exit(2);
    }
    *what = scenario_at((int)((const int64_t *)bytes)[0]);
    *last = ((const int64_t *)bytes)[1];
    step_by = (step_kind)((const int64_t *)bytes)[2];
    return it;
}

/* ---- the children ---- */

int child_sleep(const kin_args *args)
{
    const scenario *what;
    int64_t last;
    place *it = given(args, &what, &last);
    atomic_store(&it->asleep, 1);
    what->sleep(it);
    atomic_store(&it->through, 1);
    return 0;
}

/* A victim that is to join by its operation uses nothing before it. */
int child_be_killed(const kin_args *args)
{
    const scenario *what;
    int64_t last;
    place *it = given(args, &what, &last);
    if (what->before) {
        what->before(it);
    }
    if (what->sleep) {
        kin_sem_release(&it->ready, 1);
        kin_sem_acquire(&it->go, 1, KIN_FOREVER);
    }
    step_begin(step_by, last);
    what->operation(it);
    step_end();
    return 0;
}

/* Another victim, which puts in order what the first one left. */
int child_recover(const kin_args *args)
{
    const scenario *what;
    int64_t last;
    place *it = given(args, &what, &last);
    uint32_t value;
    kin_sem_release(&it->ready, 1); /* it joins the family by that */
    kin_sem_value(&it->ready, &value);
    step_begin(step_by, last);
    recover(what, it);
    step_end();
    return 0;
}

/* ---- one kill ---- */

static kin_process *start_sleeper(int which, place *it)
{
    kin_process *sleeper = start("sleep", which, 0, it);
    while (!atomic_load(&it->asleep)) {
        step_rest(1);
    }
    step_rest(2); /* it sleeps now, mostly */
    return sleeper;
}

static void kill_and_wait(kin_process *process)
{
    kin_process_kill(process);
    kin_process_join(process, KIN_FOREVER, NULL);
    kin_process_close(process);
}

static const char *await_sleeper(place *it, kin_process *sleeper)
{
    int64_t end = step_now() + LIMIT;
    while (!atomic_load(&it->through) && step_now() < end) {
        step_rest(1);
    }
    bool through = atomic_load(&it->through) != 0;
    kill_and_wait(sleeper);
    return through ? NULL : "the sleeper sleeps on";
}

/* Starts the victim, which stands before its first step, and the sleeper that waits for it. */
static kin_process *start_victim(int which, int k, place *it, kin_process **sleeper)
{
    const scenario *what = scenario_at(which);
    if (what->held) {
        lock_acquire(it);
        write_acquire(it);
    }
    if (what->arrange) {
        what->arrange(it);
    }
    kin_process *victim = start("be_killed", which, k, it);
    if (what->sleep) {
        kin_sem_acquire(&it->ready, 1, KIN_FOREVER);
        *sleeper = start_sleeper(which, it);
        kin_sem_release(&it->go, 1);
    }
    return victim;
}

/* How many steps it took. */
static int kill_victim(int which, int k, place *it, kin_process **sleeper)
{
    const scenario *what = scenario_at(which);
    if (what->course) {
        return pool_kill(what->course, k);
    }
    kin_process *victim = start_victim(which, k, it, sleeper);
    int done = (int)step_drive(kin_process_pid(victim), step_by, k);
    kill_and_wait(victim);
    return done;
}

/* What does not go on now that the victim is dead. */
static const char *go_on(const scenario *what, place *it, kin_process *sleeper)
{
    if (what->held) {
        lock_release(it);
        rw_release(it);
    }
    if (what->finish) {
        what->finish(it);
    }
    const char *wrong = what->sleep ? await_sleeper(it, sleeper) : what->course ? use_pool() : NULL;
    wrong = wrong ? wrong : count_values(it);
    wrong = wrong ? wrong : use_all(it);
    if (what->conclude) {
        what->conclude(it);
    }
    return wrong ? wrong : it->unusable ? "the name" : NULL;
}

static void destroy_place(place *it)
{
    if (it->block && kin_alloc_size(it->block, &(size_t){0}) == KIN_OK) {
        kin_free(it->block);
    }
    kin_queue_destroy(queue_of(it));
    kin_sem_destroy(leased_of(it));
    kin_value_destroy(value_of(it));
    kin_dict_destroy(dict_of(it));
    kin_list_destroy(list_of(it));
    kin_free(it);
}

static void count_kill(tally *out, int k, int done, int64_t took, const char *wrong)
{
    out->kills++;
    out->steps = done > out->steps ? done : out->steps;
    out->worst = took > out->worst ? took : out->worst;
    if (wrong && !out->wrong) {
        out->wrong = wrong;
        out->wrong_at = done < k ? done : k;
    }
}

/* What is there before there is a victim. */
typedef struct stage {
    const scenario *what;
    place *it;
    kin_process *sleeper;
    uint64_t blocks;
    int names;
} stage;

static bool set_stage(stage *out, int which)
{
    static int count;
    *out = (stage){.what = scenario_at(which), .blocks = count_blocks()};
    out->it = new_place();
    if (out->it) {
        out->names = step_names();
        snprintf(out->it->name, sizeof out->it->name, "step-%u-%d", (unsigned)step_pid(), count++);
    }
    return out->it != NULL;
}

/* The victim is dead, after `done` steps, or after that step of its: sees whether the others go on. */
static void see(const stage *at, int k, int done, const char *wrong, tally *out)
{
    int64_t killed = step_now();
    const char *found = go_on(at->what, at->it, at->sleeper);
    int64_t took = step_now() - killed;
    wrong = wrong ? wrong : found;
    wrong = wrong ? wrong : find_remains(at->names);
    wrong = wrong                                                              ? wrong
            : took > (at->what->course || at->what->slow ? POOL_LIMIT : LIMIT) ? "it took too long"
                                                                               : NULL;
    destroy_place(at->it);
    uint64_t blocks = count_blocks(),
             kept = deaths > 1 && strcmp(at->what->object, "memory") == 0 ? RECOVERY_BLOCKS : 0;
    wrong = wrong                                                                    ? wrong
            : at->what->owned && (blocks < at->blocks || blocks > at->blocks + kept) ? "memory is left"
                                                                                     : NULL;
    count_kill(out, k, done, took, wrong);
    note(wrong != NULL);
    out->found = found_since();
}

int kill_at(int which, int k, tally *out)
{
    stage at;
    if (!set_stage(&at, which)) {
        out->wrong = "no memory";
        return 0;
    }
    int done = kill_victim(which, k, at.it, &at.sleeper);
    see(&at, k, done, NULL, out);
    return done;
}

int kill_twice(int which, int k, int then, tally *out, int *recovery)
{
    stage at;
    if (!set_stage(&at, which)) {
        out->wrong = "no memory";
        return 0;
    }
    int done = kill_victim(which, k, at.it, &at.sleeper);
    kin_process *second = start("recover", which, then, at.it);
    *recovery = (int)step_drive(kin_process_pid(second), step_by, then);
    kill_and_wait(second);
    deaths = 2;
    see(&at, k, done, NULL, out);
    deaths = 1;
    return done;
}

int stop_at(int which, int k, int64_t ns, tally *out)
{
    stage at;
    if (!set_stage(&at, which)) {
        out->wrong = "no memory";
        return 0;
    }
    kin_process *victim = start_victim(which, k, at.it, &at.sleeper);
    int done = (int)step_drive(kin_process_pid(victim), step_by, k);
    begin_meanwhile(at.what, at.it);
    for (int64_t end = step_now() + ns; step_now() < end;) {
        step_rest(1);
    }
    end_stop();
    step_release(kin_process_pid(victim), LIMIT / 4);
    kill_and_wait(victim);
    see(&at, k, done, end_meanwhile(), out);
    return done;
}

int64_t find_changes(int which, int64_t *at, int64_t most, int64_t *length)
{
    const scenario *what = scenario_at(which);
    kin_process *sleeper = NULL;
    place *it = new_place();
    if (!it || what->course) {
        return 0;
    }
    kin_process *victim = start_victim(which, WHOLE, it, &sleeper);
    int64_t count = step_changes(kin_process_pid(victim), at, most, length);
    kill_and_wait(victim);
    go_on(what, it, sleeper);
    find_remains(step_names());
    destroy_place(it);
    found_since();
    return count;
}
