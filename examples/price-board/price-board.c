/* price-board.c: programs that do not know each other share a table of prices, by its name.
 *
 *     price-board BOARD set THING PRICE    writes a price
 *     price-board BOARD get THING          prints it
 *     price-board BOARD watch COUNT        prints each price that is set, until there were COUNT of them
 *     price-board BOARD list               prints all
 *     price-board BOARD end                forgets all prices
 *
 * What to look for: nobody starts the others, and nobody is started first. Each opens the board by its name and finds
 * the dict and the list in it, or creates them. The manager process keeps the prices while no program runs. A price
 * that is being written when its writer is killed is written or not. A reader never waits for a writer. A program that
 * watches sleeps until the list changes.
 */
#include <kin/kin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT 100

typedef struct board {
    kin_manager *manager;
    kin_dict *prices;
    kin_list *changes; /* one line for each change so far */
} board;

static void must(kin_status status)
{
    if (status < 0) {
        exit(fprintf(stderr, "%s\n", kin_last_error()));
    }
}

static board open_board(const char *name)
{
    board it;
    must(kin_manager_open(&it.manager, name, NULL));
    kin_family *family = kin_manager_family(it.manager);
    must(kin_named_dict(&it.prices, family, "prices"));
    must(kin_named_list(&it.changes, family, "changes"));
    return it;
}

static void set(const board *it, const char *thing, const char *price)
{
    char line[2 * TEXT + 2];
    int length = snprintf(line, sizeof line, "%.99s %.99s", thing, price);
    must(kin_dict_set_string(it->prices, thing, price));
    must(kin_list_append(it->changes, line, (size_t)length));
}

static int get(const board *it, const char *thing)
{
    char price[TEXT];
    kin_status status = kin_dict_get_string(it->prices, thing, price, sizeof price, NULL);
    if (status == KIN_E_NOT_FOUND) {
        return fprintf(stderr, "no price of %s\n", thing), 1;
    }
    must(status);
    printf("%s\n", price);
    return 0;
}

/* Waits for the line of that number. What changes after kin_list_generation ends the wait. */
static size_t next_line(const board *it, size_t number, char *line, size_t room)
{
    uint64_t known;
    size_t size;
    must(kin_list_generation(it->changes, &known));
    kin_status status = kin_list_get(it->changes, number, line, room, &size);
    while (status == KIN_E_NOT_FOUND) {
        must(kin_list_wait(it->changes, known, KIN_FOREVER));
        must(kin_list_generation(it->changes, &known));
        status = kin_list_get(it->changes, number, line, room, &size);
    }
    must(status);
    return size;
}

static void watch(const board *it, size_t count)
{
    char line[2 * TEXT + 2];
    size_t seen;
    must(kin_list_size(it->changes, &seen));
    printf("watching\n");
    fflush(stdout);
    for (size_t end = seen + count; seen < end; seen++) {
        size_t size = next_line(it, seen, line, sizeof line);
        printf("%.*s\n", (int)size, line);
        fflush(stdout);
    }
}

static void list(const board *it)
{
    kin_snapshot *all;
    kin_snapshot_item each;
    must(kin_dict_snapshot(&all, it->prices)); /* as they were at one moment */
    while (kin_snapshot_next(all, &each)) {
        printf("%.*s %.*s\n", (int)each.key_size, (const char *)each.key, (int)each.value_size,
               (const char *)each.value);
    }
    kin_snapshot_destroy(all);
}

int main(int argc, char **argv)
{
    must(kin_child_main(NULL, 0)); /* the manager process is this program, and stays in here */
    const char *what = argc > 2 ? argv[2] : "";
    if (strcmp(what, "end") == 0) {
        must(kin_manager_stop(argv[1], KIN_SECONDS(10)));
        return 0;
    }
    if (!(strcmp(what, "set") == 0 && argc == 5) && !(strcmp(what, "list") == 0 && argc == 3) &&
        !((strcmp(what, "get") == 0 || strcmp(what, "watch") == 0) && argc == 4)) {
        return fprintf(stderr, "usage: price-board BOARD set THING PRICE | get THING | watch COUNT | list | end\n"), 2;
    }
    int result = 0;
    board it = open_board(argv[1]);
    if (*what == 's') {
        set(&it, argv[3], argv[4]);
    } else if (*what == 'g') {
        result = get(&it, argv[3]);
    } else if (*what == 'w') {
        watch(&it, (size_t)strtoul(argv[3], NULL, 10));
    } else {
        list(&it);
    }
    kin_manager_close(it.manager);
    return result;
}
