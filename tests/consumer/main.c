/* A program outside kin's tree: the installed headers, library and package are enough for it. */
#include <kin/kin.h>

#include <stdio.h>

static int child(const kin_args *args)
{
    (void)args;
    return 7;
}

int main(void)
{
    static const kin_child_entry entries[] = {{"child", child}};
    if (kin_child_main(entries, 1) != KIN_OK) {
        return 1;
    }
    kin_lock *lock = NULL;
    kin_status status = kin_lock_create(&lock, NULL, 0);
    if (status == KIN_OK) {
        status = kin_lock_acquire(lock, KIN_FOREVER);
    }
    if (status == KIN_OK) {
        status = kin_lock_release(lock);
    }
    if (status == KIN_OK) {
        status = kin_lock_destroy(lock);
    }
    kin_process *process = NULL;
    kin_exit result = {.code = 0, .signal = 0};
    if (status == KIN_OK) {
        status = kin_process_start(&process, "child", NULL, NULL);
    }
    if (status == KIN_OK) {
        status = kin_process_join(process, KIN_FOREVER, &result);
    }
    kin_process_close(process);
    printf("%s, the child exited with %d\n", kin_status_name(status), result.code);
    return status == KIN_OK && result.code == 7 ? 0 : 1;
}
