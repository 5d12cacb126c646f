/* kin_wait for more handles than the system waits for in one call: none that is signalled is missed, and no signal of
 * an auto-reset event is lost.
 */
#include "support.h"

#include <windows.h>

enum { MANY = 200 };

static kin_wait_item items[MANY];

static void make_events(BOOL manual, BOOL set)
{
    for (size_t i = 0; i < MANY; i++) {
        HANDLE event = CreateEventW(NULL, manual, set, NULL);
        assert_non_null(event);
        items[i] = (kin_wait_item){KIN_WAIT_HANDLE, KIN_WAIT_READABLE, NULL, (kin_handle)event, 0};
    }
}

static void close_events(void)
{
    for (size_t i = 0; i < MANY; i++) {
        CloseHandle((HANDLE)items[i].handle);
    }
}

static HANDLE event_of(size_t i)
{
    return (HANDLE)items[i].handle;
}

static void all_that_are_set_are_seen(void **state)
{
    (void)state;
    for (int manual = 0; manual < 2; manual++) {
        size_t ready = 0;
        make_events(manual, TRUE);
        assert_ok(kin_wait(items, MANY, 0, manual ? KIN_NOW : PATIENCE, &ready));
        assert_int_equal(ready, MANY);
        kin_status again = kin_wait(items, MANY, 0, KIN_NOW, &ready);
        assert_string_equal(kin_status_name(again), manual ? "KIN_OK" : "KIN_E_TIMED_OUT");
        close_events();
    }
}

static void those_that_are_set_meanwhile_are_seen(void **state)
{
    (void)state;
    make_events(TRUE, FALSE);
    assert_status(kin_wait(items, MANY, 0, KIN_MS(20), NULL), KIN_E_TIMED_OUT);
    for (size_t i = 0; i < MANY; i += 37) {
        size_t ready = 0;
        SetEvent(event_of(i));
        assert_ok(kin_wait(items, MANY, 0, PATIENCE, &ready));
        assert_int_equal(ready, i / 37 + 1);
        assert_true(items[i].ready);
    }
    close_events();
}

typedef struct setter {
    HANDLE event;
    DWORD after;
} setter;

static void set_later(void *argument)
{
    const setter *it = argument;
    Sleep(it->after);
    SetEvent(it->event);
}

/* The event is set about when the time is over: either the wait tells of it, or it is set still. */
static void no_signal_is_lost_at_the_end_of_the_time(void **state)
{
    (void)state;
    for (DWORD round = 0; round < 100; round++) {
        make_events(FALSE, FALSE);
        setter it = {event_of(round * 7 % MANY), round % 9};
        void *thread = begin_thread(set_later, &it);
        kin_status status = kin_wait(items, MANY, 0, KIN_MS(4), NULL);
        end_thread(thread);
        bool told = status == KIN_OK && items[round * 7 % MANY].ready;
        bool left = WaitForSingleObject(it.event, 0) == WAIT_OBJECT_0;
        assert_true(told != left);
        assert_true(status == KIN_OK || status == KIN_E_TIMED_OUT);
        close_events();
    }
}

int main(void)
{
    kin_child_main(NULL, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_that_are_set_are_seen),
        cmocka_unit_test(those_that_are_set_meanwhile_are_seen),
        cmocka_unit_test(no_signal_is_lost_at_the_end_of_the_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
