/* counter.c: ten children count to 500 under one lock. */
#include <kin/kin.h>
#include <stdio.h>
#include <stdlib.h>

static void must(kin_status status)
{
    if (status < 0) {
        exit(fprintf(stderr, "%s\n", kin_last_error()));
    }
}

static int count(const kin_args *args)
{
    kin_value *total;
    must(kin_args_get_value(&total, args, "total"));
    for (int i = 0; i < 50; i++) {
        must(kin_value_acquire(total, KIN_FOREVER));
        *(int *)kin_value_data(total) += 1;
        must(kin_value_release(total));
    }
    return 0;
}

int main(void)
{
    static const kin_child_entry entries[] = {{"count", count}};
    kin_value *total;
    kin_args *args;
    kin_process *children[10];
    must(kin_child_main(entries, 1)); /* a spawned child runs its entry in here */
    must(kin_value_create(&total, NULL, KIN_ELEMENT_I32, KIN_VALUE_LOCKED));
    must(kin_args_create(&args, NULL));
    must(kin_args_add_value(args, "total", total));
    for (int i = 0; i < 10; i++) {
        must(kin_process_start(&children[i], "count", args, NULL));
    }
    for (int i = 0; i < 10; i++) {
        must(kin_process_join(children[i], KIN_FOREVER, NULL));
        kin_process_close(children[i]);
    }
    printf("%d\n", *(int *)kin_value_data(total)); /* 500 */
    kin_args_destroy(args);
    return 0;
}
