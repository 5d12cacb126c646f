/* price-board.c: the test of ../price-board/price-board.c. */
#include "check.h"

static const char *example, *name;

/* Runs it with these words. Returns its exit code; its output is in text. */
static int board(char text[1000], const char *what, const char *thing, const char *price)
{
    const char *argv[] = {example, name, what, thing, price, NULL};
    kin_run_options options = KIN_RUN_OPTIONS_INIT;
    kin_run_result result = KIN_RUN_RESULT_INIT;
    options.timeout = PATIENCE;
    CHECK(kin_run_output(argv, &options, &result) == KIN_OK);
    snprintf(text, 1000, "%s", result.output);
    printf("    %s %s: %s\n", what, thing ? thing : "", text);
    int code = result.exit.code;
    kin_run_free(&result);
    return code;
}

int main(int argc, char **argv)
{
    char text[1000];
    CHECK(argc == 2);
    example = argv[1];
    name = own_name();
    const char *watch[] = {example, name, "watch", "2", NULL};

    CHECK(board(text, "get", "tea", NULL) == 1);
    CHECK(board(text, "set", "tea", "3.20") == 0);
    CHECK(board(text, "get", "tea", NULL) == 0 && memcmp(text, "3.20", 4) == 0); /* no other program runs meanwhile */

    kin_program *first = start(watch), *second = start(watch);
    await_line(first, "watching");
    await_line(second, "watching");
    CHECK(board(text, "set", "milk", "1.10") == 0);
    await_line(first, "milk 1.10");
    await_line(second, "milk 1.10");
    kill_program(second); /* while it waits */
    CHECK(board(text, "set", "tea", "3.30") == 0);
    await_line(first, "tea 3.30");
    CHECK(end_of(first) == 0);

    CHECK(board(text, "list", NULL, NULL) == 0 && strstr(text, "milk 1.10") && strstr(text, "tea 3.30"));
    CHECK(board(text, "end", NULL, NULL) == 0);
    CHECK(board(text, "get", "tea", NULL) == 1); /* a new board, with nothing on it */
    CHECK(board(text, "end", NULL, NULL) == 0);
    return 0;
}
