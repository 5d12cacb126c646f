/* word-count.c: a pool counts the words of files, shows its progress, and survives workers that die.
 *
 *     word-count FILE...            the ten most frequent words of all files
 *     word-count --accident FILE... the same, but the worker of each file's first try dies
 *
 * What to look for: each file is one item of the job. If a worker dies, only its task fails, and `retries` gives it to
 * another worker. A task that may run twice must not count twice. So a worker counts in its own memory, and then sets
 * one key of a dict in shared memory: the file's table. That is one change. A kill leaves it made or not made, and a
 * second try makes the same change again. The program adds the tables up at the end.
 */
#include <kin/kin.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH 500
#define WORD 40
#define SHOWN 10

typedef struct item {
    char path[PATH];
} item;

typedef struct total {
    char word[WORD];
    int64_t count;
} total;

static void must(kin_status status)
{
    if (status < 0) {
        exit(fprintf(stderr, "%s\n", kin_last_error()));
    }
}

static int compare_words(const void *a, const void *b)
{
    return strcmp(((const total *)a)->word, ((const total *)b)->word);
}

static int compare_counts(const void *a, const void *b)
{
    const total *left = a, *right = b;
    if (left->count != right->count) {
        return left->count > right->count ? -1 : 1;
    }
    return compare_words(a, b);
}

/* ---- in a worker ---- */

/* Reads the next word, in lower case. Returns 0 at the end of the file. A word that is too long is cut. */
static int next_word(FILE *file, char word[WORD])
{
    size_t length = 0;
    int c;
    while ((c = fgetc(file)) != EOF) {
        if (isalpha(c)) {
            if (length < WORD - 1) {
                word[length++] = (char)tolower(c);
            }
        } else if (length > 0) {
            break;
        }
    }
    word[length] = '\0';
    return length > 0;
}

/* Adds up what has the same word. Returns the number of different words. The list is sorted by words afterwards. */
static size_t merge(total *list, size_t count)
{
    size_t merged = 0;
    if (count > 0) {
        qsort(list, count, sizeof *list, compare_words);
    }
    for (size_t i = 0; i < count; i++) {
        if (merged > 0 && strcmp(list[merged - 1].word, list[i].word) == 0) {
            list[merged - 1].count += list[i].count;
        } else {
            list[merged++] = list[i];
        }
    }
    return merged;
}

static total *grow(total *list, size_t count)
{
    list = realloc(list, count * sizeof *list);
    if (!list) {
        abort();
    }
    return list;
}

/* The words of a file, with their counts, in memory that the caller frees. NULL: the file cannot be read. */
static total *count_words(const char *path, size_t *count)
{
    FILE *file = fopen(path, "r");
    size_t room = 1024;
    char word[WORD];
    if (!file) {
        return NULL;
    }
    total *list = grow(NULL, room);
    for (*count = 0; next_word(file, word);) {
        if (*count == room && (*count = merge(list, room)) > room / 2) {
            list = grow(list, room *= 2);
        }
        memset(&list[*count], 0, sizeof *list);
        memcpy(list[*count].word, word, WORD);
        list[(*count)++].count = 1;
    }
    fclose(file);
    *count = merge(list, *count);
    return list;
}

static int count_file(kin_task *task)
{
    const item *it = task->in;
    kin_dict *tables;
    const void *accident;
    size_t size, count = 0;
    must(kin_args_get_dict(&tables, task->args, "tables"));
    must(kin_args_get_bytes(&accident, &size, task->args, "accident"));
    total *table = count_words(it->path, &count);
    if (!table) {
        snprintf(task->message, sizeof task->message, "cannot read %.100s", it->path);
        return 1;
    }
    if (task->attempt == 0 && *(const char *)accident) {
        abort(); /* the worker dies; another one does the task again, with attempt 1 */
    }
    must(kin_dict_set(tables, it->path, strlen(it->path), table, count * sizeof *table));
    free(table);
    return 0;
}

/* ---- in the program ---- */

static void show_progress(void *context, uint64_t done, uint64_t all)
{
    (void)context;
    printf("%d of %d files\n", (int)done, (int)all);
    fflush(stdout);
}

static void print_totals(kin_dict *tables)
{
    kin_snapshot *all;
    kin_snapshot_item each;
    size_t count = 0;
    total *list = NULL;
    must(kin_dict_snapshot(&all, tables));
    while (kin_snapshot_next(all, &each)) {
        size_t more = each.value_size / sizeof *list;
        list = grow(list, count + more + 1);
        memcpy(list + count, each.value, more * sizeof *list);
        count += more;
    }
    kin_snapshot_destroy(all);
    count = merge(list, count);
    if (count > 0) {
        qsort(list, count, sizeof *list, compare_counts);
    }
    for (size_t i = 0; i < count && i < SHOWN; i++) {
        printf("%6lld %s\n", (long long)list[i].count, list[i].word);
    }
    free(list);
}

int main(int argc, char **argv)
{
    static const kin_task_entry tasks[] = {{"count_file", count_file}};
    kin_pool *pool;
    kin_dict *tables;
    kin_args *args;
    item *files;
    kin_job job = KIN_JOB_INIT;
    kin_job_result result = KIN_JOB_RESULT_INIT;
    kin_pool_info info = KIN_POOL_INFO_INIT;
    must(kin_register_tasks(tasks, 1));
    must(kin_child_main(NULL, 0)); /* a spawned worker does its tasks in here */
    char accident = argc > 1 && strcmp(argv[1], "--accident") == 0;
    int first = 1 + accident;
    if (argc <= first) {
        return fprintf(stderr, "usage: word-count [--accident] FILE...\n"), 2;
    }
    size_t count = (size_t)(argc - first);
    must(kin_pool_create(&pool, NULL, NULL)); /* as many workers as processors */
    must(KIN_ALLOC(&files, NULL, count));
    for (size_t i = 0; i < count; i++) {
        snprintf(files[i].path, PATH, "%s", argv[first + (int)i]);
    }
    must(kin_dict_create(&tables, NULL));
    must(kin_args_create(&args, NULL));
    must(kin_args_add_dict(args, "tables", tables));
    must(kin_args_add_bytes(args, "accident", &accident, 1));
    job.task = "count_file";
    job.args = args;
    job.in = files;
    job.in_size = sizeof *files;
    job.count = count;
    job.chunk = 1;
    job.retries = 2;
    job.progress = show_progress;
    kin_status status = kin_pool_map(pool, &job, &result, KIN_FOREVER);
    if (status == KIN_E_TASK) {
        fprintf(stderr, "%s\n", result.message);
    } else {
        must(status);
    }
    print_totals(tables);
    must(kin_pool_inspect(pool, &info));
    printf("%llu workers died\n", (unsigned long long)info.died);
    kin_args_destroy(args);
    kin_pool_destroy(pool);
    return status < 0;
}
