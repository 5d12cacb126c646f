/* log-collector.c: many processes write lines of a log into one queue; one process writes them to a file.
 *
 *     log-collector NAME collect FILE BYTES     before FILE has more than BYTES it becomes FILE.1, FILE.1 FILE.2, ...
 *     some-program | log-collector NAME write   each line goes into the log, and on to the standard output
 *     log-collector NAME stop                   what has been written is collected, then the collector ends
 *
 * What to look for: no writer has the file, so nobody's lines are mixed, and no writer waits for the disk before the
 * queue is full. A writer may be killed at any time: it loses at most the line that it was putting, which is then not
 * in the log at all, and nobody else notices. If the collector is killed, the lines in its file's buffer are lost; the
 * queue stays as long as there are writers, and the next collector goes on with it.
 */
#include <kin/kin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE 4096 /* longer ones come in parts */
#define KEPT 9    /* old files */

static void must(kin_status status)
{
    if (status < 0) {
        exit(fprintf(stderr, "%s\n", kin_last_error()));
    }
}

static void must_file(int done, const char *path)
{
    if (!done) {
        perror(path);
        exit(1);
    }
}

/* ---- the file ---- */

typedef struct log_file {
    const char *path;
    FILE *stream;
    size_t size, limit;
} log_file;

static void open_log(log_file *it)
{
    it->stream = fopen(it->path, "ab");
    must_file(it->stream && fseek(it->stream, 0, SEEK_END) == 0, it->path);
    it->size = (size_t)ftell(it->stream);
}

static void close_log(log_file *it)
{
    must_file(fclose(it->stream) == 0, it->path);
}

/* The oldest file goes. */
static void rotate(log_file *it)
{
    char from[1000], to[1000];
    close_log(it);
    for (int i = KEPT; i > 0; i--) {
        snprintf(from, sizeof from, i > 1 ? "%s.%d" : "%s", it->path, i - 1);
        snprintf(to, sizeof to, "%s.%d", it->path, i);
        remove(to); /* Windows renames to no name that is taken */
        must_file(rename(from, to) == 0 || i > 1, from);
    }
    open_log(it);
}

static void write_line(log_file *it, const char *line, size_t size)
{
    if (it->size > 0 && it->size + size + 1 > it->limit) {
        rotate(it);
    }
    must_file(fwrite(line, 1, size, it->stream) == size && fputc('\n', it->stream) != EOF, it->path);
    it->size += size + 1;
}

/* ---- the processes ---- */

static int collect(kin_queue *lines, log_file *file)
{
    char line[LINE];
    size_t size;
    unsigned long long count = 0;
    kin_queue_info info = KIN_QUEUE_INFO_INIT;
    kin_status status;
    open_log(file);
    printf("collecting\n");
    fflush(stdout);
    for (;;) {
        status = kin_queue_get(lines, line, sizeof line, &size, KIN_NOW);
        if (status == KIN_E_TIMED_OUT) { /* nothing to do for the moment */
            must_file(fflush(file->stream) == 0, file->path);
            status = kin_queue_get(lines, line, sizeof line, &size, KIN_FOREVER);
        }
        if (status < 0) {
            break;
        }
        write_line(file, line, size);
        count++;
    }
    close_log(file);
    must(status == KIN_E_CLOSED ? KIN_OK : status);
    must(kin_queue_inspect(lines, &info));
    printf("%llu lines, %llu died with their writers\n", count, (unsigned long long)info.lost_puts);
    return 0;
}

static int write_lines(kin_queue *lines)
{
    char line[LINE];
    while (fgets(line, sizeof line, stdin)) {
        size_t size = strcspn(line, "\r\n");
        must(kin_queue_put(lines, line, size, KIN_FOREVER)); /* waits while the queue is full */
        printf("%.*s\n", (int)size, line);
        fflush(stdout);
    }
    return 0;
}

/* For the collector: the queue that another one has left, or a new one. */
static kin_queue *make_queue(kin_family *family)
{
    kin_queue *lines;
    kin_status status = kin_name_get_queue(&lines, family, "lines");
    if (status == KIN_E_NOT_FOUND) {
        must(kin_queue_create(&lines, family, NULL));
        must(status = kin_name_set("lines", KIN_TYPE_QUEUE, lines)); /* KIN_E_EXISTS: two collectors at once */
    }
    must(status);
    return lines;
}

int main(int argc, char **argv)
{
    const char *what = argc > 2 ? argv[2] : "";
    kin_family *family;
    kin_queue *lines;
    int result = 0;
    if (strcmp(what, "collect") == 0 && argc == 5) {
        log_file file = {.path = argv[3], .limit = strtoul(argv[4], NULL, 10)};
        must(kin_family_open(&family, argv[1], 0, NULL));
        result = collect(make_queue(family), &file);
    } else if ((strcmp(what, "write") == 0 || strcmp(what, "stop") == 0) && argc == 3) {
        must(kin_family_open(&family, argv[1], KIN_FAMILY_JOIN, NULL)); /* KIN_E_NOT_FOUND: nobody collects */
        must(kin_name_get_queue(&lines, family, "lines"));
        if (strcmp(what, "write") == 0) {
            result = write_lines(lines);
        } else {
            must(kin_queue_close(lines));
        }
    } else {
        return fprintf(stderr, "usage: log-collector NAME collect FILE BYTES | write | stop\n"), 2;
    }
    kin_family_close(family);
    return result;
}
