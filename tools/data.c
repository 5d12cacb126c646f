/* data.c: what scripts read and change in a named family: dicts, queues, locks. Reading creates nothing, and no command
 * makes this process a manager: the family and the object must exist, except where --create says otherwise. */
#include "commands.h"
#include "options.h"
#include "output.h"
#include "terminal.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATIENCE KIN_SECONDS(10)

typedef struct request {
    const char *owner;
    bool create, raw;
    int64_t wait;
    char **rest; /* the arguments behind the options */
    kin_family *family;
} request;

typedef struct data_command {
    const char *name, *arguments, *help;
    const char *allowed; /* marks of options, beside o and h */
    int count;           /* of arguments */
    int (*run)(request *it);
} data_command;

/* ---- what is there ---- */

static int not_there(const char *what)
{
    fprintf(stderr, "%s: %s: %s\n", tool_name, what, kin_last_error());
    exit(EXIT_NOT_THERE);
}

static void check_there(kin_status status, const char *what)
{
    if (status == KIN_E_NOT_FOUND || status == KIN_E_STALE) {
        not_there(what);
    }
    tool_check(status, what);
}

static kin_dict *dict_of(request *it)
{
    kin_dict *dict = NULL;
    check_there(it->create ? kin_named_dict(&dict, it->family, it->rest[1])
                           : kin_name_get_dict(&dict, it->family, it->rest[1]),
                it->rest[1]);
    return dict;
}

static kin_queue *queue_of(request *it)
{
    kin_queue *queue = NULL;
    check_there(it->create ? kin_named_queue(&queue, it->family, it->rest[1], NULL)
                           : kin_name_get_queue(&queue, it->family, it->rest[1]),
                it->rest[1]);
    return queue;
}

/* ---- bytes in and out ---- */

/* An argument's bytes, or those of the standard input where it is "-". The caller's. */
static char *bytes_of(const char *argument, size_t *size)
{
    char *bytes = NULL;
    if (strcmp(argument, "-") != 0) {
        *size = strlen(argument);
        bytes = malloc(*size + 1);
        tool_check(bytes ? KIN_OK : KIN_E_NO_MEMORY, "a value");
        memcpy(bytes, argument, *size + 1);
        return bytes;
    }
    terminal_binary_input();
    *size = 0;
    for (size_t room = 4096, got = 1; got > 0; room *= 2) {
        bytes = realloc(bytes, room);
        tool_check(bytes ? KIN_OK : KIN_E_NO_MEMORY, "the standard input");
        got = fread(bytes + *size, 1, room - *size, stdin);
        *size += got;
        if (*size < room) {
            break;
        }
    }
    return bytes;
}

static void print_bytes(const request *it, const void *bytes, size_t size)
{
    fwrite(bytes, 1, size, stdout);
    if (!it->raw) {
        putchar('\n');
    }
}

static void print_text(const void *bytes, size_t size)
{
    char *text = malloc(size + 1);
    tool_check(text ? KIN_OK : KIN_E_NO_MEMORY, "a text");
    memcpy(text, bytes, size);
    text[size] = '\0';
    output_print(text);
    free(text);
}

/* ---- dicts ---- */

static int get(request *it)
{
    kin_dict *dict = dict_of(it);
    const char *key = it->rest[2];
    char *value = NULL;
    size_t size = 256, room = 0;
    kin_status status;
    do {
        room = size + 1;
        value = realloc(value, room);
        tool_check(value ? KIN_OK : KIN_E_NO_MEMORY, key);
        status = kin_dict_get(dict, key, strlen(key), value, room, &size);
    } while (status == KIN_E_BUFFER);
    check_there(status, key);
    print_bytes(it, value, size);
    free(value);
    return EXIT_SUCCESS;
}

static int set(request *it)
{
    size_t size = 0;
    char *value = bytes_of(it->rest[3], &size);
    tool_check(kin_dict_set(dict_of(it), it->rest[2], strlen(it->rest[2]), value, size), it->rest[2]);
    free(value);
    return EXIT_SUCCESS;
}

static kin_status add_number(void *value, size_t *size, size_t room, void *context)
{
    char *text = value, *end = text;
    int64_t *amount = context, sum = 0;
    if (*size >= room) {
        return KIN_E_SIZE;
    }
    text[*size] = '\0';
    sum = *size > 0 ? strtoll(text, &end, 10) : 0;
    if (*end != '\0') {
        return KIN_E_SIZE; /* no number */
    }
    if (*amount > 0 ? sum > INT64_MAX - *amount : sum < INT64_MIN - *amount) {
        return KIN_E_OVERFLOW;
    }
    *amount += sum;
    *size = (size_t)snprintf(text, room, "%" PRId64, *amount);
    return KIN_OK;
}

static int add(request *it)
{
    char *end = it->rest[3];
    int64_t amount = strtoll(it->rest[3], &end, 10);
    if (end == it->rest[3] || *end != '\0') {
        fprintf(stderr, "%s: %s is not a number\n", tool_name, it->rest[3]);
        return EXIT_USAGE;
    }
    tool_check(kin_dict_update_or_insert(dict_of(it), it->rest[2], strlen(it->rest[2]), 32, add_number, &amount),
               it->rest[2]);
    printf("%" PRId64 "\n", amount);
    return EXIT_SUCCESS;
}

static int rm(request *it)
{
    check_there(kin_dict_remove(dict_of(it), it->rest[2], strlen(it->rest[2])), it->rest[2]);
    return EXIT_SUCCESS;
}

static int each(request *it, bool values)
{
    kin_snapshot *all = NULL;
    kin_snapshot_item item;
    tool_check(kin_dict_snapshot(&all, dict_of(it)), it->rest[1]);
    while (kin_snapshot_next(all, &item)) {
        print_text(item.key, item.key_size);
        if (values) {
            putchar('\t');
            print_text(item.value, item.value_size);
        }
        putchar('\n');
    }
    kin_snapshot_destroy(all);
    return EXIT_SUCCESS;
}

static int keys(request *it)
{
    return each(it, false);
}

static int dump(request *it)
{
    return each(it, true);
}

/* ---- queues ---- */

static int put(request *it)
{
    size_t size = 0;
    char *bytes = bytes_of(it->rest[2], &size);
    tool_check(kin_queue_put(queue_of(it), bytes, size, PATIENCE), it->rest[1]);
    free(bytes);
    return EXIT_SUCCESS;
}

/* Consumed when it is printed: a failed write loses no message. */
static kin_status take_one(request *it, kin_queue *queue, int64_t timeout)
{
    const void *message = NULL;
    size_t size = 0;
    kin_status status = kin_queue_peek(&message, &size, queue, timeout);
    if (status == KIN_E_TIMED_OUT || status == KIN_E_CLOSED) {
        return status;
    }
    tool_check(status, it->rest[1]);
    print_bytes(it, message, size);
    if (fflush(stdout) != 0) {
        return KIN_E_OS; /* at its end this process gives the message up */
    }
    return tool_check(kin_queue_consume(queue, message), it->rest[1]);
}

static int take(request *it)
{
    kin_status status = take_one(it, queue_of(it), it->wait);
    return status == KIN_OK ? EXIT_SUCCESS : status == KIN_E_OS ? EXIT_FAILURE : EXIT_NOT_THERE;
}

static int drain(request *it)
{
    kin_queue *queue = queue_of(it);
    kin_status status = KIN_OK;
    while (status == KIN_OK) {
        status = take_one(it, queue, it->wait);
    }
    return status == KIN_E_OS ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int close_queue(request *it)
{
    tool_check(kin_queue_close(queue_of(it)), it->rest[1]);
    return EXIT_SUCCESS;
}

/* ---- locks ---- */

static int unlock(request *it)
{
    kin_lock *lock = NULL;
    check_there(kin_name_get_lock(&lock, it->family, it->rest[1]), it->rest[1]);
    kin_status status = kin_lock_acquire(lock, KIN_NOW);
    if (status == KIN_E_TIMED_OUT) {
        kin_lock_info info = KIN_LOCK_INFO_INIT;
        tool_check(kin_lock_inspect(lock, &info), it->rest[1]);
        fprintf(stderr, "%s: %s: process %u holds it, and lives\n", tool_name, it->rest[1], (unsigned)info.owner_pid);
        return EXIT_FAILURE;
    }
    tool_check(status, it->rest[1]);
    if (status == KIN_OWNER_DIED) {
        tool_check(kin_lock_repair(lock), it->rest[1]);
    }
    tool_check(kin_lock_release(lock), it->rest[1]);
    printf("%s\n", status == KIN_OWNER_DIED ? "its owner had died; it is free" : "it was free");
    return EXIT_SUCCESS;
}

/* ---- any object ---- */

typedef struct looked_for {
    const char *name;
    bool found;
} looked_for;

static void show_object(const kin_object_info *it, void *context)
{
    looked_for *wanted = context;
    if (!it->name || strcmp(it->name, wanted->name) != 0) {
        return;
    }
    wanted->found = true;
    printf("type\t%s\nvalue\t%" PRId64 "\nwaiters\t%u\nholders\t%u\n", type_name(it->type), it->value,
           (unsigned)it->sleepers, (unsigned)it->holders);
    if (it->holder) {
        printf("holder\t%u%s\n", (unsigned)it->holder, it->holder_alive ? "" : " (dead)");
    }
    if (it->held >= 0) {
        printf("held\t%.3f s\n", (double)it->held / 1e9);
    }
}

static int stat_object(request *it)
{
    looked_for wanted = {it->rest[1], false};
    kin_inspector inspector = KIN_INSPECTOR_INIT;
    inspector.object = show_object;
    inspector.context = &wanted;
    tool_check(kin_family_inspect_all(it->family, &inspector), it->rest[0]);
    if (!wanted.found) {
        fprintf(stderr, "%s: %s: the family has no object of that name\n", tool_name, it->rest[1]);
        return EXIT_NOT_THERE;
    }
    return EXIT_SUCCESS;
}

/* ---- the commands ---- */

static const data_command commands[] = {
    {"get", "NAME DICT KEY", "Prints the value of a key.\n\n    kin get shop prices tea", "r", 3, get},
    {"set", "NAME DICT KEY VALUE",
     "Sets the value of a key; VALUE - is read from the standard input.\n\n    kin set --create shop prices tea 3.20",
     "c", 4, set},
    {"add", "NAME DICT KEY NUMBER",
     "Adds to a decimal number and prints the sum; no value counts as 0.\n\n    kin add shop prices sold 1", "c", 4,
     add},
    {"rm", "NAME DICT KEY", "Removes a key.\n\n    kin rm shop prices tea", "", 3, rm},
    {"keys", "NAME DICT", "Prints all keys, one on each line.\n\n    kin keys shop prices", "", 2, keys},
    {"dump", "NAME DICT", "Prints all keys and values, with a tab between them.\n\n    kin dump shop prices", "", 2,
     dump},
    {"put", "NAME QUEUE TEXT",
     "Puts a message; TEXT - is read from the standard input.\n\n    kin put --create shop orders \"one pot\"", "c", 3,
     put},
    {"take", "NAME QUEUE",
     "Takes a message and prints it. Exit status 3: none came.\n\n    kin take --wait 10 shop orders", "wr", 2, take},
    {"drain", "NAME QUEUE", "Takes and prints all messages.\n\n    kin drain shop orders", "wr", 2, drain},
    {"close", "NAME QUEUE", "Closes a queue: nothing can be put any more.\n\n    kin close shop orders", "", 2,
     close_queue},
    {"unlock", "NAME LOCK",
     "Frees a lock whose owner has died, and declares what it guards sound. Exit status 1: its owner lives.\n\n"
     "    kin unlock shop till",
     "", 2, unlock},
    {"stat", "NAME OBJECT",
     "Prints what an object is, its value, its holder and its waiters.\n\n    kin stat shop till", "", 2, stat_object},
};

static int usage(const data_command *it, FILE *stream, int status)
{
    fprintf(stream, "usage: kin %s [OPTION]... %s\n\n%s\n\n", it->name, it->arguments, it->help);
    fprintf(stream, "  --owner USER    the family is that user's (`kin manager start --group`)\n");
    if (strchr(it->allowed, 'c')) {
        fprintf(stream, "  --create        create the object if the family has none of that name\n");
    }
    if (strchr(it->allowed, 'w')) {
        fprintf(stream, "  --wait SECONDS  wait so long for a message\n");
    }
    if (strchr(it->allowed, 'r')) {
        fprintf(stream, "  --raw           add no newline\n");
    }
    fprintf(stream, "\nExit status: 0, 1 (failed), 2 (usage), 3 (not there).\n");
    return status;
}

/* Options come first: what follows may begin with a dash. False: not as the command wants them; *help: asked for. */
static bool read_request(request *out, const data_command *command, int argc, char **argv, bool *help)
{
    static const tool_option known[] = {{"owner", TOOL_REQUIRED, 'o'}, {"create", TOOL_NONE, 'c'},
                                        {"raw", TOOL_NONE, 'r'},       {"wait", TOOL_REQUIRED, 'w'},
                                        {"help", TOOL_NONE, 'h'},      {NULL, TOOL_NONE, 0}};
    tool_arguments arguments = tool_arguments_of(argc, argv);
    for (char option; (option = tool_next_option(&arguments, known)) != 0;) {
        *help = option == 'h';
        if (*help || option == '?' || (option != 'o' && !strchr(command->allowed, option))) {
            return false;
        }
        out->owner = option == 'o' ? arguments.value : out->owner;
        out->wait = option == 'w' ? KIN_SECONDS(atof(arguments.value)) : out->wait;
        out->create = out->create || option == 'c';
        out->raw = out->raw || option == 'r';
    }
    out->rest = argv + arguments.next;
    return argc - arguments.next == command->count && out->wait >= 0;
}

int data_run(int argc, char **argv)
{
    request it = {.wait = KIN_NOW};
    kin_family_options options = KIN_FAMILY_OPTIONS_INIT;
    const data_command *command = commands;
    bool help = false;
    while (strcmp(command->name, argv[0]) != 0) {
        command++; /* kin.c calls for these names only */
    }
    if (!read_request(&it, command, argc, argv, &help)) {
        return help ? usage(command, stdout, EXIT_SUCCESS) : usage(command, stderr, EXIT_USAGE);
    }
    options.owner = it.owner;
    check_there(kin_family_open(&it.family, it.rest[0], KIN_FAMILY_JOIN, &options), it.rest[0]);
    int status = command->run(&it);
    kin_family_close(it.family);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "%s: the output could not be written\n", tool_name);
        status = EXIT_FAILURE;
    }
    return status;
}
