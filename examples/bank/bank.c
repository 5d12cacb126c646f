/* bank.c: four children move money between ten accounts. The sum stays the same.
 *
 * What to look for: locks lie inside the program's own structs (kin_lock_init), in one block of shared memory. Each
 * transfer needs two locks. Two children that lock the same two accounts in opposite order would wait for each other
 * for ever: kin refuses the wait that would close the circle, with KIN_E_DEADLOCK. The child that gets it releases what
 * it has, and tries again. So this program needs no order of locks. (One that has an order is faster.)
 */
#include <kin/kin.h>
#include <stdio.h>
#include <stdlib.h>

#define ACCOUNTS 10
#define CHILDREN 4
#define TRANSFERS 2000
#define START 1000

typedef struct account {
    kin_lock lock;
    long balance; /* under the lock */
} account;

typedef struct bank {
    account accounts[ACCOUNTS];
    kin_counter refused; /* waits that kin refused */
} bank;

static void must(kin_status status)
{
    if (status < 0) {
        exit(fprintf(stderr, "%s\n", kin_last_error()));
    }
}

static unsigned next_random(unsigned *state)
{
    *state = *state * 1103515245u + 12345u;
    return *state >> 16;
}

/* Returns 0 if another child is in the way, and this one has to try again. */
static int move(bank *it, account *from, account *to, long amount)
{
    must(kin_lock_acquire(&from->lock, KIN_FOREVER));
    kin_status status = kin_lock_acquire(&to->lock, KIN_FOREVER);
    if (status == KIN_E_DEADLOCK) {
        must(kin_lock_release(&from->lock));
        must(kin_counter_add(&it->refused, 1, NULL));
        return 0;
    }
    must(status);
    from->balance -= amount;
    to->balance += amount;
    must(kin_lock_release(&to->lock));
    must(kin_lock_release(&from->lock));
    return 1;
}

static int teller(const kin_args *args)
{
    bank *it;
    const void *seed;
    size_t size;
    must(kin_args_get_object((void **)&it, args, "bank", KIN_TYPE_MEMORY));
    must(kin_args_get_bytes(&seed, &size, args, "seed"));
    unsigned random = *(const unsigned *)seed;
    for (int i = 0; i < TRANSFERS; i++) {
        unsigned from = next_random(&random) % ACCOUNTS, to = next_random(&random) % ACCOUNTS;
        long amount = (long)(next_random(&random) % 100);
        while (from != to && !move(it, &it->accounts[from], &it->accounts[to], amount)) {
        }
    }
    return 0;
}

static bank *open_bank(void)
{
    bank *it;
    must(KIN_ALLOC(&it, NULL, 1));
    must(kin_counter_init(&it->refused, 0));
    for (int i = 0; i < ACCOUNTS; i++) {
        must(kin_lock_init(&it->accounts[i].lock, 0));
        it->accounts[i].balance = START;
    }
    return it;
}

int main(void)
{
    static const kin_child_entry entries[] = {{"teller", teller}};
    kin_process *children[CHILDREN];
    int64_t refused;
    long sum = 0;
    must(kin_child_main(entries, 1)); /* a spawned child runs its entry in here */
    bank *it = open_bank();
    for (unsigned i = 0; i < CHILDREN; i++) {
        kin_args *args;
        must(kin_args_create(&args, NULL));
        must(kin_args_add_object(args, "bank", KIN_TYPE_MEMORY, it));
        must(kin_args_add_bytes(args, "seed", &i, sizeof i));
        must(kin_process_start(&children[i], "teller", args, NULL));
        kin_args_destroy(args);
    }
    for (int i = 0; i < CHILDREN; i++) {
        kin_exit how;
        must(kin_process_join(children[i], KIN_FOREVER, &how));
        kin_process_close(children[i]);
        if (how.how != KIN_END_RETURNED || how.code != 0) {
            return 1;
        }
    }
    for (int i = 0; i < ACCOUNTS; i++) {
        printf("account %d: %ld\n", i, it->accounts[i].balance);
        sum += it->accounts[i].balance;
    }
    must(kin_counter_get(&it->refused, &refused));
    printf("%d transfers, %lld waits refused, sum %ld\n", CHILDREN * TRANSFERS, (long long)refused, sum);
    must(kin_free(it));
    return sum == (long)ACCOUNTS * START ? 0 : 1;
}
