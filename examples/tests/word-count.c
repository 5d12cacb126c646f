/* word-count.c: the test of ../word-count/word-count.c. The counts stay the same if the first worker of each task dies.
 */
#include "check.h"

#define FILES 3

static const char *const texts[FILES] = {"The cat saw the dog.\n", "A dog, a cat; the END\n", "cat\n\ncat-cat"};

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "wb");
    CHECK(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

static void counts_are_right(const char *const *argv, const char *died)
{
    kin_run_options options = KIN_RUN_OPTIONS_INIT;
    kin_run_result result = KIN_RUN_RESULT_INIT;
    options.timeout = PATIENCE;
    CHECK(kin_run_output(argv, &options, &result) == KIN_OK);
    printf("%s", result.output);
    CHECK(result.exit.code == 0);
    CHECK(strstr(result.output, "3 of 3 files"));
    CHECK(strstr(result.output, "     5 cat"));
    CHECK(strstr(result.output, "     3 the"));
    CHECK(strstr(result.output, "     2 a"));
    CHECK(strstr(result.output, "     2 dog"));
    CHECK(strstr(result.output, "     1 end"));
    CHECK(strstr(result.output, "     1 saw"));
    CHECK(strstr(result.output, died));
    kin_run_free(&result);
}

static void a_file_that_is_missing_is_told(const char *example, const char *there)
{
    const char *argv[] = {example, there, "no-such-file.txt", NULL};
    kin_run_options options = KIN_RUN_OPTIONS_INIT;
    kin_run_result result = KIN_RUN_RESULT_INIT;
    options.timeout = PATIENCE;
    options.errors = KIN_RUN_TOGETHER;
    CHECK(kin_run_output(argv, &options, &result) == KIN_OK);
    CHECK(result.exit.code == 1 && strstr(result.output, "cannot read no-such-file.txt"));
    CHECK(strstr(result.output, "     1 cat")); /* the others are counted */
    kin_run_free(&result);
}

int main(int argc, char **argv)
{
    char paths[FILES][100];
    CHECK(argc == 2);
    for (int i = 0; i < FILES; i++) {
        snprintf(paths[i], sizeof paths[i], "%s-%d.txt", own_name(), i);
        write_file(paths[i], texts[i]);
    }
    const char *plain[] = {argv[1], paths[0], paths[1], paths[2], NULL};
    const char *accident[] = {argv[1], "--accident", paths[0], paths[1], paths[2], NULL};
    counts_are_right(plain, "0 workers died");
    counts_are_right(accident, "3 workers died");
    a_file_that_is_missing_is_told(argv[1], paths[0]);
    for (int i = 0; i < FILES; i++) {
        remove(paths[i]);
    }
    return 0;
}
