/* crash-and-recover.c: a child dies in the middle of a change. The parent notices it, repairs the data and goes on.
 *
 * What to look for: the child is killed while it holds the lock, with one half of its change done. Nobody hangs: the
 * parent's acquire returns KIN_OWNER_DIED, which means "you have the lock, and its last owner died with it". The
 * journal says how far the change was. The parent undoes it, and calls kin_lock_repair. Then the lock is as before.
 * Without that call kin_lock_release would poison the lock: nobody can use damaged data unawares.
 */
#include <kin/kin.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct ledger {
    kin_lock lock;
    int halfway; /* 1: a transfer is under way, and these were the balances before */
    long old_left, old_right;
    long left, right; /* their sum is always 100 */
    kin_event in_the_middle;
} ledger;

static void must(kin_status status)
{
    if (status < 0) {
        exit(fprintf(stderr, "%s\n", kin_last_error()));
    }
}

static int clumsy(const kin_args *args)
{
    ledger *it;
    must(kin_args_get_object((void **)&it, args, "ledger", KIN_TYPE_MEMORY));
    must(kin_lock_acquire(&it->lock, KIN_FOREVER));
    it->old_left = it->left;
    it->old_right = it->right;
    it->halfway = 1;
    it->left -= 30;
    must(kin_event_set(&it->in_the_middle));
    must(kin_sleep(KIN_FOREVER)); /* it never gets to the other half: the parent kills it here */
    it->right += 30;
    it->halfway = 0;
    must(kin_lock_release(&it->lock));
    return 0;
}

static void put_in_order(ledger *it)
{
    if (it->halfway) {
        printf("left %ld, right %ld: a transfer was under way, undone\n", it->left, it->right);
        it->left = it->old_left;
        it->right = it->old_right;
        it->halfway = 0;
    }
}

int main(void)
{
    static const kin_child_entry entries[] = {{"clumsy", clumsy}};
    ledger *it;
    kin_args *args;
    kin_process *child;
    kin_exit how;
    char text[100];
    must(kin_child_main(entries, 1)); /* a spawned child runs its entry in here */
    must(KIN_ALLOC(&it, NULL, 1));
    must(kin_lock_init(&it->lock, 0));
    must(kin_event_init(&it->in_the_middle));
    it->left = 100;
    must(kin_args_create(&args, NULL));
    must(kin_args_add_object(args, "ledger", KIN_TYPE_MEMORY, it));
    must(kin_process_start(&child, "clumsy", args, NULL));
    kin_args_destroy(args);

    must(kin_event_wait(&it->in_the_middle, KIN_FOREVER));
    must(kin_process_kill(child));
    must(kin_process_join(child, KIN_FOREVER, &how));
    kin_process_close(child);
    printf("the child: %s\n", kin_exit_text(&how, text, sizeof text));

    kin_status status = kin_lock_acquire(&it->lock, KIN_SECONDS(10));
    must(status);
    printf("the lock: %s\n", kin_status_name(status));
    if (status == KIN_OWNER_DIED) {
        put_in_order(it);
        must(kin_lock_repair(&it->lock));
    }
    long left = it->left, right = it->right;
    must(kin_lock_release(&it->lock));
    printf("left %ld, right %ld\n", left, right);
    return status == KIN_OWNER_DIED && left == 100 && right == 0 ? 0 : 1;
}
