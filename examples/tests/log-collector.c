/* log-collector.c: the test of ../log-collector.c. Each line is made of its writer's letter and its number, so that a
 * torn one shows. */
#include "check.h"

#define VICTIMS 12  /* writers that are killed, A and so on */
#define SURVIVORS 2 /* writers that are not, after them */
#define WRITERS (VICTIMS + SURVIVORS)
#define LINES 2500   /* of a survivor */
#define ENDLESS 4000 /* of a victim: more than the pipe to the test takes when it is not read */
#define LIMIT_TEXT "65536"
#define LIMIT 65536
#define KEPT 9

static const char *example, *name;
static char path[100];

static int make_line(char *out, size_t size, int writer, int number)
{
    return snprintf(out, size, "%c %d %.*s.", 'A' + writer, number, number * 7 % 20, "abcdefghijklmnopqrstuvwxyz");
}

static kin_program *start_writer(int writer, int lines)
{
    static char input[WRITERS][ENDLESS * 40];
    const char *argv[] = {example, name, "write", NULL};
    kin_run_options options = KIN_RUN_OPTIONS_INIT;
    kin_program *program;
    size_t used = 0;
    for (int i = 1; i <= lines; i++) {
        used += (size_t)make_line(input[writer] + used, 39, writer, i);
        input[writer][used++] = '\n';
    }
    options.flags = WITH_TEST;
    options.input = KIN_RUN_BYTES;
    options.input_bytes = input[writer];
    options.input_size = used;
    options.output = lines == LINES ? KIN_RUN_NOTHING : KIN_RUN_PIPE;
    CHECK(kin_run_start(&program, argv, &options) == KIN_OK);
    return program;
}

/* Kills it when it has said that it wrote so many lines, or a few more. Returns how many it did say. */
static int kill_writer(kin_program *program, int lines)
{
    const char *line;
    size_t length;
    kin_status status;
    int said = 0;
    for (; said < lines; said++) {
        CHECK(kin_run_read_line(&line, &length, program, 1, PATIENCE) == KIN_OK);
    }
    CHECK(kin_run_kill(program) == KIN_OK);
    while ((status = kin_run_read_line(&line, &length, program, 1, PATIENCE)) == KIN_OK) {
        said += line[length - 1] == '.'; /* not half a line */
    }
    CHECK(status == KIN_E_CLOSED);
    CHECK(end_of(program) == -1);
    return said;
}

static const char *log_path(int number)
{
    static char text[120];
    snprintf(text, sizeof text, number > 0 ? "%s.%d" : "%s", path, number);
    return text;
}

/* Reads the files, from the oldest on. All lines are whole, and each writer's are in order and complete. */
static void read_log(int *last)
{
    int files = 0;
    for (int i = KEPT; i >= 0; i--) {
        char line[200], wanted[200];
        size_t size = 0;
        FILE *file = fopen(log_path(i), "rb");
        if (!file) {
            continue;
        }
        files++;
        while (fgets(line, sizeof line, file)) {
            int writer = line[0] - 'A';
            size += strlen(line);
            CHECK(writer >= 0 && writer < WRITERS);
            last[writer]++;
            make_line(wanted, sizeof wanted, writer, last[writer]);
            CHECK(strcspn(line, "\n") == strlen(wanted) && memcmp(line, wanted, strlen(wanted)) == 0);
        }
        printf("    %s: %u bytes\n", log_path(i), (unsigned)size);
        CHECK(size <= LIMIT && (i == 0 || size > LIMIT - 100)); /* no file is too long, no old one is short */
        fclose(file);
    }
    CHECK(files >= 2);
}

int main(int argc, char **argv)
{
    kin_program *writers[WRITERS];
    int said[WRITERS], last[WRITERS] = {0};
    kin_exit how;
    CHECK(argc == 2);
    example = argv[1];
    name = own_name();
    snprintf(path, sizeof path, "%s.log", name);
    const char *collect[] = {example, name, "collect", path, LIMIT_TEXT, NULL}, *stop[] = {example, name, "stop", NULL};
    kin_program *collector = start(collect);
    await_line(collector, "collecting");
    for (int i = VICTIMS; i < WRITERS; i++) {
        writers[i] = start_writer(i, LINES);
    }
    for (int i = 0; i < VICTIMS; i++) { /* killed while they put, before the pipe from them is full */
        writers[i] = start_writer(i, ENDLESS);
        said[i] = kill_writer(writers[i], 1 + 37 * i);
    }
    for (int i = VICTIMS; i < WRITERS; i++) {
        CHECK(end_of(writers[i]) == 0);
    }
    CHECK(kin_run(stop, NULL, &how) == KIN_OK && how.code == 0);
    await_line(collector, "");
    CHECK(end_of(collector) == 0);
    read_log(last);
    for (int i = 0; i < WRITERS; i++) {
        printf("    %c: %d lines in the log%s\n", 'A' + i, last[i],
               i < VICTIMS && last[i] > said[i] ? ", one unsaid" : "");
        /* A victim may have been killed between putting a line and saying so. */
        CHECK(i < VICTIMS ? last[i] == said[i] || last[i] == said[i] + 1 : last[i] == LINES);
    }
    for (int i = 0; i <= KEPT; i++) {
        remove(log_path(i));
    }
    return 0;
}
