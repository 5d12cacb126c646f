/* pass-a-lock.c: children that are running already are sent a lock through a queue.
 *
 * Python's multiprocessing refuses this: "Lock objects should only be shared between processes through inheritance". A
 * kin_ref is plain bytes, good in every member of the family.
 */
#include <kin/kin.h>
#include <stdio.h>
#include <stdlib.h>

static void must(kin_status status)
{
    if (status < 0) {
        exit(fprintf(stderr, "%s\n", kin_last_error()));
    }
}

typedef struct letter {
    kin_ref lock, total;
} letter;

static int count(const kin_args *args)
{
    kin_queue *letters;
    kin_lock *lock;
    int *total;
    letter mine;
    must(kin_args_get_queue(&letters, args, "letters"));
    must(kin_queue_get(letters, &mine, sizeof mine, NULL, KIN_FOREVER));
    must(kin_ref_get_lock(&lock, mine.lock));
    must(kin_ref_get((void **)&total, KIN_TYPE_MEMORY, mine.total));
    for (int i = 0; i < 1000; i++) {
        must(kin_lock_acquire(lock, KIN_FOREVER));
        *total += 1;
        must(kin_lock_release(lock));
    }
    return 0;
}

int main(void)
{
    static const kin_child_entry entries[] = {{"count", count}};
    kin_queue *letters;
    kin_args *args;
    kin_process *children[4];
    must(kin_child_main(entries, 1)); /* a spawned child runs its entry in here */
    must(kin_queue_create(&letters, NULL, NULL));
    must(kin_args_create(&args, NULL));
    must(kin_args_add_queue(args, "letters", letters));
    for (int i = 0; i < 4; i++) {
        must(kin_process_start(&children[i], "count", args, NULL));
    }

    kin_lock *lock; /* made when they run already */
    int *total;
    letter each;
    must(kin_lock_create(&lock, NULL, 0));
    must(KIN_ALLOC(&total, NULL, 1));
    must(kin_ref_of(&each.lock, KIN_TYPE_LOCK, lock));
    must(kin_ref_of(&each.total, KIN_TYPE_MEMORY, total));
    for (int i = 0; i < 4; i++) {
        must(kin_queue_put(letters, &each, sizeof each, KIN_FOREVER));
    }
    for (int i = 0; i < 4; i++) {
        must(kin_process_join(children[i], KIN_FOREVER, NULL));
        kin_process_close(children[i]);
    }
    printf("%d\n", *total); /* 4000 */
    kin_args_destroy(args);
    return *total == 4000 ? 0 : 1;
}
