/* dicts.c: `kin get`, `set`, `add`, `rm`, `keys`, `dump`, `watch`. */
#include "data.h"
#include "output.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static kin_dict *dict_of(request *it)
{
    kin_dict *dict = NULL;
    const char *name = it->rest[1];
    data_check(it->create ? kin_named_dict(&dict, it->family, name) : kin_name_get_dict(&dict, it->family, name), name);
    return dict;
}

/* ---- get ---- */

/* The key's value into *out, whose bytes are from malloc or NULL. */
static kin_status read_value(kin_dict *dict, const data_bytes *key, data_bytes *out)
{
    kin_status status;
    size_t size = out->size > 256 ? out->size : 256;
    do {
        out->bytes = tool_resize(out->bytes, size + 1, "a value");
        status = kin_dict_get(dict, key->bytes, key->size, out->bytes, size + 1, &out->size);
        size = out->size;
    } while (status == KIN_E_BUFFER);
    return status;
}

static int get(request *it)
{
    data_bytes key = data_key(it, it->rest[2]), value = {NULL, 0};
    data_check(read_value(dict_of(it), &key, &value), it->rest[2]);
    data_print(it, value.bytes, value.size);
    free(value.bytes);
    free(key.bytes);
    return EXIT_SUCCESS;
}

static const command_option get_options[] = {DATA_OWNER, DATA_RAW, DATA_ESCAPED, COMMAND_OPTIONS_END};

const command get_command = {
    .name = "get",
    .arguments = "NAME DICT KEY",
    .summary = "print the value of a key of a dict",
    .details =
        "Prints the value of the key KEY of the dict DICT in the family NAME, and a newline. On a terminal, bytes\n"
        "that it could obey or not show are printed as escapes.",
    .examples = "kin get shop prices tea\nkin get --raw shop pictures logo >logo.png\n"
                "kin get --escaped shop prices 'a\\x00b'\n",
    .options = get_options,
    .run = data_run,
    .in_family = get,
};

/* ---- set ---- */

static int set(request *it)
{
    data_bytes key = data_key(it, it->rest[2]), value = data_value(it, it->rest[3]);
    tool_check(kin_dict_set(dict_of(it), key.bytes, key.size, value.bytes, value.size), it->rest[2]);
    free(value.bytes);
    free(key.bytes);
    return EXIT_SUCCESS;
}

static const command_option set_options[] = {DATA_OWNER, DATA_CREATE, DATA_ESCAPED, COMMAND_OPTIONS_END};

const command set_command = {
    .name = "set",
    .arguments = "NAME DICT KEY VALUE",
    .summary = "set the value of a key of a dict",
    .details =
        "Sets the value of the key KEY of the dict DICT in the family NAME. The VALUE - stands for the bytes of\n"
        "the standard input.",
    .examples = "kin set --create shop prices tea 3.20\nkin set shop pictures logo - <logo.png\n",
    .options = set_options,
    .run = data_run,
    .in_family = set,
};

/* ---- add ---- */

static kin_status add_number(void *value, size_t *size, size_t room, void *context)
{
    char *text = value, *end = text;
    int64_t *amount = context, sum = 0;
    if (*size >= room) {
        return KIN_E_SIZE;
    }
    text[*size] = '\0';
    sum = *size > 0 ? strtoll(text, &end, 10) : 0;
    if (end != text + *size) {
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
        command_misused(it->line, "'%s' is not a number", it->rest[3]);
    }
    data_bytes key = data_key(it, it->rest[2]);
    tool_check(kin_dict_update_or_insert(dict_of(it), key.bytes, key.size, 32, add_number, &amount), it->rest[2]);
    free(key.bytes);
    printf("%" PRId64 "\n", amount);
    return EXIT_SUCCESS;
}

static const command_option add_options[] = {DATA_OWNER, DATA_CREATE, DATA_ESCAPED, COMMAND_OPTIONS_END};

const command add_command = {
    .name = "add",
    .arguments = "NAME DICT KEY NUMBER",
    .summary = "add to the number that is a key's value",
    .details = "Adds NUMBER to the decimal number that is the value of KEY, in one change, and prints the sum. A key\n"
               "that is not there counts as 0 and is added. NUMBER may be negative.",
    .examples = "kin add shop prices sold 1\nkin add shop prices sold -5\n",
    .options = add_options,
    .run = data_run,
    .in_family = add,
};

/* ---- rm ---- */

static int rm(request *it)
{
    data_bytes key = data_key(it, it->rest[2]);
    data_check(kin_dict_remove(dict_of(it), key.bytes, key.size), it->rest[2]);
    free(key.bytes);
    return EXIT_SUCCESS;
}

static const command_option rm_options[] = {DATA_OWNER, DATA_ESCAPED, COMMAND_OPTIONS_END};

const command rm_command = {
    .name = "rm",
    .arguments = "NAME DICT KEY",
    .summary = "remove a key of a dict",
    .details = "Removes the key KEY and its value from the dict DICT in the family NAME.",
    .examples = "kin rm shop prices tea\n",
    .options = rm_options,
    .run = data_run,
    .in_family = rm,
};

/* ---- keys, dump ---- */

static int each_json(kin_snapshot *all)
{
    kin_snapshot_item item;
    json_t *document = json_object(), *entries = output_set(document, "entries", json_array());
    while (kin_snapshot_next(all, &item)) {
        json_t *entry = output_add(entries, json_object());
        output_set(entry, "key", output_bytes(item.key, item.key_size));
        output_set(entry, "value", output_bytes(item.value, item.value_size));
    }
    kin_snapshot_destroy(all);
    output_document(document);
    return EXIT_SUCCESS;
}

static int each(request *it, bool values)
{
    kin_snapshot *all = NULL;
    kin_snapshot_item item;
    tool_check(kin_dict_snapshot(&all, dict_of(it)), it->rest[1]);
    if (it->json) {
        return each_json(all);
    }
    while (kin_snapshot_next(all, &item)) {
        output_print_bytes(item.key, item.key_size);
        if (values) {
            putchar('\t');
            output_print_bytes(item.value, item.value_size);
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

static const command_option keys_options[] = {DATA_OWNER, COMMAND_OPTIONS_END};

const command keys_command = {
    .name = "keys",
    .arguments = "NAME DICT",
    .summary = "print the keys of a dict",
    .details =
        "Prints all keys of the dict DICT in the family NAME, one on each line, in no order. Control characters,\n"
        "backslashes, quotes and bytes that are not UTF-8 are printed as escapes: \\\\ \\\" \\x00.",
    .examples = "kin keys shop prices\n",
    .options = keys_options,
    .run = data_run,
    .in_family = keys,
};

static int dump(request *it)
{
    return each(it, true);
}

static const command_option dump_options[] = {
    DATA_OWNER, DATA_JSON("print one JSON document; bytes that are not UTF-8 as Latin 1"), COMMAND_OPTIONS_END};

const command dump_command = {
    .name = "dump",
    .arguments = "NAME DICT",
    .summary = "print the keys and values of a dict",
    .details =
        "Prints all keys and values of the dict DICT in the family NAME, as they are at one moment: one key and\n"
        "value on each line, with a tab between them and escapes as kin keys prints them.",
    .examples = "kin dump shop prices\nkin dump --json shop prices\n",
    .options = dump_options,
    .run = data_run,
    .in_family = dump,
};

/* ---- watch ---- */

static void print_change(const request *it, const data_bytes *key, const data_bytes *value)
{
    if (it->json) {
        json_t *document = json_object();
        output_set(document, "key", output_bytes(key->bytes, key->size));
        output_set(document, "value", value ? output_bytes(value->bytes, value->size) : json_null());
        output_document(document);
    } else if (value) {
        output_print_bytes(value->bytes, value->size);
        putchar('\n');
    } else {
        puts("(not there)");
    }
    fflush(stdout);
}

typedef struct sight { /* what a key has been seen with */
    data_bytes now, before;
    kin_status status; /* of before: KIN_OK or KIN_E_NOT_FOUND */
    uint64_t printed;
} sight;

/* Prints what the key has, if that is new. Whether it was. */
static bool look_again(const request *it, kin_dict *dict, const data_bytes *key, sight *seen)
{
    kin_status status = read_value(dict, key, &seen->now);
    if (status != KIN_E_NOT_FOUND) {
        data_check(status, it->rest[1]);
    }
    const data_bytes now = seen->now, before = seen->before;
    if (seen->printed > 0 && status == seen->status &&
        (status != KIN_OK || (now.size == before.size && memcmp(now.bytes, before.bytes, now.size) == 0))) {
        return false;
    }
    print_change(it, key, status == KIN_OK ? &now : NULL);
    *seen = (sight){before, now, status, seen->printed + 1};
    return true;
}

/* Prints what the key has now, and then each other value that it is seen with. The generation is read before the value:
 * a change of the value that is not seen ends the wait. */
static int watch_key(const request *it, kin_dict *dict, const data_bytes *key, sight *seen)
{
    int64_t deadline = 0;
    uint64_t generation = 0;
    for (;;) {
        data_check(kin_dict_generation(dict, &generation), it->rest[1]);
        if (look_again(it, dict, key, seen)) {
            deadline = kin_now() + it->wait;
            if (seen->printed == it->count || ferror(stdout)) {
                return EXIT_SUCCESS;
            }
        }
        int64_t left = it->wait < 0 ? KIN_FOREVER : deadline > kin_now() ? deadline - kin_now() : KIN_NOW;
        kin_status status = kin_dict_wait(dict, generation, left);
        if (status == KIN_E_TIMED_OUT) {
            return EXIT_NOT_THERE;
        }
        data_check(status, it->rest[1]);
    }
}

static int watch(request *it)
{
    data_bytes key = data_key(it, it->rest[2]);
    sight seen = {{NULL, 0}, {NULL, 0}, KIN_OK, 0};
    int status = watch_key(it, dict_of(it), &key, &seen);
    free(seen.now.bytes);
    free(seen.before.bytes);
    free(key.bytes);
    return status;
}

static const command_option watch_options[] = {
    DATA_OWNER,
    DATA_ESCAPED,
    DATA_COUNT("end after that many lines"),
    DATA_WAIT("end, with the exit status 3, if nothing changes for so long"),
    DATA_JSON("print one JSON document on each line; the value null: the key is not there"),
    COMMAND_OPTIONS_END,
};

const command watch_command = {
    .name = "watch",
    .arguments = "NAME DICT KEY",
    .summary = "print the value of a key each time it changes",
    .details =
        "Prints the value of the key KEY, and then, whenever it has changed, the new one: one on each line, with\n"
        "escapes as kin keys prints them. While the key is not there the line is (not there). Of several\n"
        "changes in quick succession only the last may be seen. It runs until Ctrl-C, or until --count or --wait\n"
        "ends it.",
    .examples = "kin watch shop prices tea\nkin watch --json --wait 60 shop prices tea\n",
    .options = watch_options,
    .run = data_run,
    .in_family = watch,
};
