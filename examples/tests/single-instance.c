/* single-instance.c: the test of ../single-instance.c. */
#include "check.h"

static const char *example, *name;

static kin_program *start_with(const char *first, const char *second)
{
    const char *argv[] = {example, name, first, second, NULL};
    return start(argv);
}

/* A start that is served by the first one. */
static void hand(const char *first, const char *second)
{
    kin_program *program = start_with(first, second);
    await_line(program, "handing over");
    await_line(program, "served");
    CHECK(end_of(program) == 0);
}

static void a_second_start_is_served_by_the_first(void)
{
    kin_program *first = start_with("hello", NULL);
    await_line(first, "first: serving");
    await_line(first, "> hello");
    hand("good", "morning");
    await_line(first, "> good morning");
    hand("quit", NULL);
    CHECK(end_of(first) == 0);
}

static void after_a_kill_the_next_start_is_the_first(void)
{
    kin_program *first = start_with("hello", NULL);
    await_line(first, "> hello");
    kill_program(first);
    first = start_with("again", NULL);
    await_line(first, "first: serving");
    await_line(first, "> again");
    hand("and", "more");
    await_line(first, "> and more");
    hand("quit", NULL);
    CHECK(end_of(first) == 0);
}

static void after_a_kill_one_that_waits_is_the_first(void)
{
    kin_program *first = start_with("busy", NULL), *second, *third;
    await_line(first, "> busy");
    second = start_with("two", NULL);
    await_line(second, "handing over");
    kill_program(first);
    await_line(second, "first: serving");
    await_line(second, "> two");
    third = start_with("three", NULL); /* the words of the second, which are in the queue yet, are not served again */
    await_line(third, "served");
    CHECK(end_of(third) == 0);
    const char *line;
    size_t length;
    CHECK(kin_run_read_line(&line, &length, second, 1, PATIENCE) == KIN_OK);
    CHECK(length == 7 && memcmp(line, "> three", 7) == 0);
    hand("quit", NULL);
    CHECK(end_of(second) == 0);
}

/* With several that wait one is the first, and serves the others. */
static void after_a_kill_all_that_wait_are_served(void)
{
    kin_program *first = start_with("busy", NULL), *waiting[3];
    static const char *const words[] = {"red", "green", "blue"};
    int firsts = 0;
    await_line(first, "> busy");
    for (int i = 0; i < 3; i++) {
        waiting[i] = start_with(words[i], NULL);
        await_line(waiting[i], "handing over");
    }
    kill_program(first);
    for (int i = 0; i < 3; i++) {
        const char *line;
        size_t length;
        CHECK(kin_run_read_line(&line, &length, waiting[i], 1, PATIENCE) == KIN_OK);
        int is_first = length == 14 && memcmp(line, "first: serving", 14) == 0;
        CHECK(is_first || (length == 6 && memcmp(line, "served", 6) == 0));
        firsts += is_first;
    }
    CHECK(firsts == 1);
    hand("quit", NULL);
    for (int i = 0; i < 3; i++) {
        CHECK(end_of(waiting[i]) == 0);
    }
}

int main(int argc, char **argv)
{
    CHECK(argc == 2);
    example = argv[1];
    name = own_name();
    a_second_start_is_served_by_the_first();
    after_a_kill_the_next_start_is_the_first();
    after_a_kill_one_that_waits_is_the_first();
    after_a_kill_all_that_wait_are_served();
    return 0;
}
