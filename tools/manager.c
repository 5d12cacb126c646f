/* manager.c: `kin manager`: managers started, listed, stopped. `kin set`, `get`, `put`, `take`: what is in them,
 * for scripts. */
#include "commands.h"
#include "options.h"
#include "output.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DICT "dict"
#define PATIENCE KIN_SECONDS(10)

static int usage(FILE *stream, int status)
{
    fprintf(stream, "usage: kin manager start [--group GROUP] NAME   a process keeps the objects of that name,\n"
                    "                                                until it is stopped\n"
                    "       kin manager list                         managers and other families with a name\n"
                    "       kin manager stop NAME\n"
                    "       kin set [--owner USER] NAME KEY VALUE    in its dict\n"
                    "       kin get [--owner USER] NAME KEY\n"
                    "       kin put [--owner USER] NAME QUEUE TEXT   into its queue of that name\n"
                    "       kin take [--owner USER] [--wait SECONDS] NAME QUEUE\n\n"
                    "--group: users of that group may use it, too; '*': all. They name its owner.\n"
                    "Exit status: 0, 1 (it failed; get: no such key; take: nothing came), 2 (usage).\n");
    return status;
}

typedef struct choice {
    const char *group, *owner;
    int64_t wait;
    char **rest; /* the arguments behind the options */
} choice;

/* Options come first: what follows may begin with a dash. False: there are others than those allowed, or not
 * `left` arguments. */
static bool choose(choice *out, int argc, char **argv, const char *allowed, int left)
{
    static const tool_option known[] = {{"group", TOOL_REQUIRED, 'g'},
                                        {"owner", TOOL_REQUIRED, 'o'},
                                        {"wait", TOOL_REQUIRED, 'w'},
                                        {NULL, TOOL_NONE, 0}};
    *out = (choice){.wait = KIN_NOW};
    tool_arguments arguments = tool_arguments_of(argc, argv);
    for (char option; (option = tool_next_option(&arguments, known)) != 0;) {
        if (option == '?' || !strchr(allowed, option)) {
            return false;
        }
        if (option == 'w') {
            out->wait = (int64_t)(atof(arguments.value) * 1e9);
        } else {
            *(option == 'g' ? &out->group : &out->owner) = arguments.value;
        }
    }
    out->rest = argv + arguments.next;
    return argc - arguments.next == left && out->wait >= 0;
}

static kin_manager *open_manager(const char *name, uint32_t flags, const choice *chosen)
{
    kin_manager_options options = KIN_MANAGER_OPTIONS_INIT;
    kin_manager *manager = NULL;
    kin_family_options family = KIN_FAMILY_OPTIONS_INIT;
    family.group = chosen->group;
    family.owner = chosen->owner;
    options.flags = flags;
    options.family = &family;
    tool_check(kin_manager_open(&manager, name, &options), name);
    return manager;
}

static kin_manager *join_manager(const char *name, const choice *chosen)
{
    return open_manager(name, KIN_FAMILY_JOIN, chosen);
}

/* ---- kin manager ---- */

static int start(const char *name, const choice *chosen)
{
    kin_manager *manager = open_manager(name, 0, chosen);
    printf("%s is kept by process %u\n", name, (unsigned)kin_manager_pid(manager));
    kin_manager_close(manager);
    return EXIT_SUCCESS;
}

static void list_family(const kin_family_view *it, void *context)
{
    if (it->name[0] != '\0') {
        output_print(it->name);
        printf(": %d KiB\n", (int)(it->committed / 1024));
        *(int *)context = 1;
    }
}

static void list_object(const kin_object_info *it, void *context)
{
    if (*(int *)context && it->name) {
        printf("  ");
        output_print(it->name);
        printf(it->holder ? ", held by process %u\n" : "\n", (unsigned)it->holder);
    }
}

static void list_one(kin_family *family, void *context)
{
    int named = 0;
    kin_inspector sight = {.size = sizeof sight, .family = list_family, .object = list_object, .context = &named};
    (void)context;
    tool_check(kin_family_inspect_all(family, &sight), "looking");
}

static int list(void)
{
    tool_check(kin_family_list(list_one, NULL, NULL), "kin_family_list");
    return EXIT_SUCCESS;
}

static int stop(const char *name)
{
    tool_check(kin_manager_stop(name, PATIENCE), name);
    return EXIT_SUCCESS;
}

int manager_command(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    choice chosen;
    if (strcmp(what, "start") == 0 && choose(&chosen, argc - 1, argv + 1, "g", 1)) {
        return start(chosen.rest[0], &chosen);
    }
    if (argc == 2 && strcmp(what, "list") == 0) {
        return list();
    }
    if (argc == 3 && strcmp(what, "stop") == 0) {
        return stop(argv[2]);
    }
    int help = argc == 2 && strcmp(what, "--help") == 0;
    return help ? usage(stdout, EXIT_SUCCESS) : usage(stderr, EXIT_USAGE);
}

/* ---- the dict ---- */

static kin_dict *dict_of(kin_manager *manager)
{
    kin_dict *dict = NULL;
    tool_check(kin_named_dict(&dict, kin_manager_family(manager), DICT), DICT);
    return dict;
}

int set_command(int argc, char **argv)
{
    choice chosen;
    if (!choose(&chosen, argc, argv, "o", 3)) {
        return usage(stderr, EXIT_USAGE);
    }
    kin_manager *manager = join_manager(chosen.rest[0], &chosen);
    tool_check(kin_dict_set_string(dict_of(manager), chosen.rest[1], chosen.rest[2]), "set");
    kin_manager_close(manager);
    return EXIT_SUCCESS;
}

/* Grown until it fits. */
static char *get_value(kin_dict *dict, const char *key, size_t *size)
{
    char *buffer = NULL;
    for (size_t room = 256;; room = *size + 256) {
        free(buffer);
        buffer = malloc(room);
        tool_check(buffer ? KIN_OK : KIN_E_NO_MEMORY, key);
        kin_status status = kin_dict_get(dict, key, strlen(key), buffer, room, size);
        if (status == KIN_E_NOT_FOUND) {
            free(buffer);
            return NULL;
        }
        if (status != KIN_E_BUFFER) {
            tool_check(status, key);
            return buffer;
        }
    }
}

int get_command(int argc, char **argv)
{
    size_t size = 0;
    choice chosen;
    if (!choose(&chosen, argc, argv, "o", 2)) {
        return usage(stderr, EXIT_USAGE);
    }
    kin_manager *manager = join_manager(chosen.rest[0], &chosen);
    char *value = get_value(dict_of(manager), chosen.rest[1], &size);
    if (value) {
        fwrite(value, 1, size, stdout);
        putchar('\n');
    }
    int status = value ? EXIT_SUCCESS : EXIT_FAILURE;
    free(value);
    kin_manager_close(manager);
    return status;
}

/* ---- queues ---- */

static kin_queue *queue_of(kin_manager *manager, const char *name)
{
    kin_queue *queue = NULL;
    tool_check(kin_named_queue(&queue, kin_manager_family(manager), name, NULL), name);
    return queue;
}

int put_command(int argc, char **argv)
{
    choice chosen;
    if (!choose(&chosen, argc, argv, "o", 3)) {
        return usage(stderr, EXIT_USAGE);
    }
    const char *text = chosen.rest[2];
    kin_manager *manager = join_manager(chosen.rest[0], &chosen);
    tool_check(kin_queue_put(queue_of(manager, chosen.rest[1]), text, strlen(text), PATIENCE), "put");
    kin_manager_close(manager);
    return EXIT_SUCCESS;
}

static int take(kin_queue *queue, int64_t timeout)
{
    const void *message = NULL;
    size_t size = 0;
    kin_status status = kin_queue_peek(&message, &size, queue, timeout);
    if (status == KIN_E_TIMED_OUT || status == KIN_E_CLOSED) {
        return EXIT_FAILURE;
    }
    tool_check(status, "take");
    fwrite(message, 1, size, stdout);
    putchar('\n');
    tool_check(kin_queue_consume(queue, message), "take");
    return EXIT_SUCCESS;
}

int take_command(int argc, char **argv)
{
    choice chosen;
    if (!choose(&chosen, argc, argv, "ow", 2)) {
        return usage(stderr, EXIT_USAGE);
    }
    kin_manager *manager = join_manager(chosen.rest[0], &chosen);
    int status = take(queue_of(manager, chosen.rest[1]), chosen.wait);
    kin_manager_close(manager);
    return status;
}
