/* Whether a member lives: each rule, with made-up evidence. */
#include "support.h"

#include "posix/judge.h"

typedef struct row {
    const char *what;
    kin_posix_evidence is;
    kin_posix_verdict verdict;
} row;

#define ROW(what, sign, lock, process, maps, verdict)                                                                  \
    {                                                                                                                  \
        what, {KIN_POSIX_SIGN_##sign, KIN_POSIX_LOCK_##lock, KIN_POSIX_PROCESS_##process, KIN_POSIX_MAPS_##maps},      \
            KIN_POSIX_##verdict                                                                                        \
    }

static const row rows[] = {
    ROW("lives", HELD, HELD, UNASKED, UNASKED, LIVES),
    ROW("killed: the process is asked about", DIED, FREE, UNASKED, UNASKED, ASK_PROCESS),
    ROW("killed", DIED, FREE, GONE, UNASKED, DEAD),
    ROW("killed, seen from another namespace", DIED, FREE, UNKNOWN, UNASKED, DEAD),
    ROW("dying", DIED, HELD, UNASKED, UNASKED, LIVES),
    ROW("exec: its maps are asked about", DIED, FREE, RUNS, UNASKED, ASK_MAPS),
    ROW("exec", DIED, FREE, RUNS, NO, DEAD),
    ROW("exec of a program whose maps are hidden", DIED, FREE, RUNS, UNKNOWN, DEAD),
    ROW("exec, joined again", DIED, FREE, RUNS, YES, UNSURE),
    ROW("exec, joined again, asks itself", DIED, FREE, SELF, UNASKED, DEAD),
    ROW("word missed by the kernel, process gone", HELD, FREE, GONE, UNASKED, DEAD),
    ROW("word missed by the kernel, seen from elsewhere", HELD, FREE, UNKNOWN, UNASKED, UNSURE),
    ROW("descriptors closed", HELD, FREE, RUNS, UNASKED, LIVES),
    ROW("descriptors closed, the asker's, too", HELD, UNKNOWN, UNKNOWN, UNASKED, LIVES),
    ROW("never had a descriptor", HELD, NEVER, UNKNOWN, UNASKED, LIVES),
    ROW("never had a descriptor, killed", DIED, NEVER, UNKNOWN, UNASKED, DEAD),
    ROW("killed, the asker cannot ask for the lock", DIED, UNKNOWN, UNKNOWN, UNASKED, UNSURE),
    ROW("killed, the asker cannot ask for the lock, maps hidden", DIED, UNKNOWN, RUNS, UNKNOWN, UNSURE),
    ROW("no thread shows the word", NONE, HELD, UNASKED, UNASKED, LIVES),
    ROW("no thread shows the word, descriptors closed", NONE, FREE, RUNS, YES, LIVES),
    ROW("no thread shows the word, descriptors closed, maps hidden", NONE, FREE, RUNS, UNKNOWN, LIVES),
    ROW("no thread shows the word, another program", NONE, FREE, RUNS, NO, DEAD),
    ROW("no thread shows the word, elsewhere", NONE, FREE, UNKNOWN, UNASKED, UNSURE),
    ROW("no word, killed", NONE, FREE, GONE, UNASKED, DEAD),
    ROW("thread ended past the C library", DIED, HELD, RUNS, UNASKED, LIVES),
    ROW("thread ended past the C library, descriptors closed", DIED, FREE, RUNS, YES, UNSURE),
};

static void each_rule(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (kin_posix_judge(&rows[i].is) != rows[i].verdict) {
            fail_msg("%s: %d instead of %d", rows[i].what, (int)kin_posix_judge(&rows[i].is), (int)rows[i].verdict);
        }
    }
}

/* Whatever else is known: two signs that are there, or a process that is, are never death. */
static void never_dead_on_one_sign(void **state)
{
    (void)state;
    for (int n = 0; n < 3 * 4 * 5 * 4; n++) {
        const kin_posix_evidence it = {(kin_posix_sign)(KIN_POSIX_SIGN_HELD + n % 3),
                                       (kin_posix_lock)(KIN_POSIX_LOCK_HELD + n / 3 % 4),
                                       (kin_posix_process)(KIN_POSIX_PROCESS_UNASKED + n / 12 % 5),
                                       (kin_posix_maps)(KIN_POSIX_MAPS_UNASKED + n / 60)};
        if (kin_posix_judge(&it) == KIN_POSIX_DEAD) {
            bool proved = it.process == KIN_POSIX_PROCESS_GONE || it.maps == KIN_POSIX_MAPS_NO ||
                          (it.sign == KIN_POSIX_SIGN_DIED && it.process == KIN_POSIX_PROCESS_SELF);
            bool both =
                it.sign == KIN_POSIX_SIGN_DIED && (it.lock == KIN_POSIX_LOCK_FREE || it.lock == KIN_POSIX_LOCK_NEVER);
            assert_true(it.lock != KIN_POSIX_LOCK_HELD && (proved || both));
            assert_true(it.sign != KIN_POSIX_SIGN_HELD || it.process == KIN_POSIX_PROCESS_GONE);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_rule),
        cmocka_unit_test(never_dead_on_one_sign),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
