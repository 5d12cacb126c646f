/* counter.c: ten children count under one lock. */
#include <stdio.h>

#include <kin/kin.h>

static int count(const kin_args *args)
{
    kin_lock *lock;
    int *total;
    if (kin_args_get(args, "lock", KIN_TYPE_LOCK, (void **)&lock) < 0 ||
        kin_args_get(args, "total", KIN_TYPE_MEMORY, (void **)&total) < 0) {
        return 1;
    }
    for (int i = 0; i < 50; i++) {
        kin_lock_acquire(lock, KIN_FOREVER);
        *total += 1;
        kin_lock_release(lock);
    }
    return 0;
}

int main(void)
{
    static const kin_entry entries[] = {{"count", count}};
    kin_lock *lock;
    int *total;
    kin_args *args;
    kin_process *children[10];
    kin_main(entries, 1); /* a spawned child runs its entry in here */
    if (kin_lock_create(&lock, NULL) < 0 || kin_alloc((void **)&total, NULL, sizeof *total) < 0 ||
        kin_args_create(&args, NULL) < 0 || kin_args_add(args, "lock", KIN_TYPE_LOCK, lock) < 0 ||
        kin_args_add(args, "total", KIN_TYPE_MEMORY, total) < 0) {
        return 1;
    }
    for (int i = 0; i < 10; i++) {
        if (kin_process_start(&children[i], "count", args, NULL) < 0) {
            return 1;
        }
    }
    for (int i = 0; i < 10; i++) {
        kin_process_join(children[i], KIN_FOREVER, NULL);
        kin_process_close(children[i]);
    }
    int right = *total == 500;
    printf("%d\n", *total);
    kin_args_destroy(args);
    kin_free(total);
    kin_lock_destroy(lock);
    return right ? 0 : 1;
}
