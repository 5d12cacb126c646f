#include "support.h"

#include "os.h"

void limit_own_family(void)
{
    kin_family_options options = KIN_FAMILY_OPTIONS;
    options.reserve = 256 << 20;
    if (kin_family_default_options(&options) != KIN_OK) {
        fprintf(stderr, "the own family cannot be limited\n");
    }
}

kin_args *new_args(void)
{
    kin_args *args = NULL;
    assert_ok(kin_args_create(&args, NULL));
    return args;
}

void give(kin_args *args, const char *name, kin_type type, const void *object)
{
    assert_ok(kin_args_add(args, name, type, object));
}

void give_number(kin_args *args, const char *name, int64_t number)
{
    assert_ok(kin_args_add_bytes(args, name, &number, sizeof number));
}

void *given(const kin_args *args, const char *name, kin_type type)
{
    void *object = NULL;
    kin_status status = kin_args_get(args, name, type, &object);
    if (status != KIN_OK) {
        fprintf(stderr, "argument %s: %s\n", name, kin_status_name(status));
    }
    return object;
}

int64_t given_number(const kin_args *args, const char *name)
{
    const void *bytes = NULL;
    size_t size = 0;
    int64_t number = 0;
    if (kin_args_get_bytes(args, name, &bytes, &size) == KIN_OK && size == sizeof number) {
        memcpy(&number, bytes, sizeof number);
    }
    return number;
}

kin_process *start_child(const char *entry, const kin_args *args)
{
    kin_process *process = NULL;
    kin_status status = kin_process_start(&process, entry, args, NULL);
    if (status != KIN_OK) {
        char text[256];
        int code = kin_last_os_error();
        print_message("start of %s: %s (%d, %s)\n", entry, kin_status_name(status), code,
                      kin_os_error_text(code, text, sizeof text));
    }
    assert_int_equal(status, KIN_OK);
    return process;
}

void join_child(kin_process *process, int code)
{
    kin_exit result = {-1, -1};
    assert_ok(kin_process_join(process, PATIENCE, &result));
    assert_int_equal(result.signal, 0);
    assert_int_equal(result.code, code);
    kin_process_close(process);
}

void kill_child(kin_process *process)
{
    assert_ok(kin_process_kill(process));
    assert_ok(kin_process_join(process, PATIENCE, NULL));
    kin_process_close(process);
}

void run_child(const char *entry, const kin_args *args)
{
    join_child(start_child(entry, args), 0);
}

kin_family_info inspect_family(void)
{
    kin_family_info info = {.size = sizeof info};
    assert_ok(kin_family_inspect(NULL, &info));
    return info;
}

uint64_t count_blocks(void)
{
    uint64_t blocks = 0, bytes = 0;
    assert_ok(kin_alloc_total(NULL, &blocks, &bytes));
    return blocks;
}

int64_t now_ns(void)
{
    return kin_os_now();
}

size_t write_pattern(unsigned char *out, size_t size, unsigned seed)
{
    for (size_t i = 0; i < size; i++) {
        out[i] = (unsigned char)(seed + size * 5 + i * 3);
    }
    return size;
}

int is_pattern(const unsigned char *bytes, size_t size)
{
    for (size_t i = 1; i < size; i++) {
        if (bytes[i] != (unsigned char)(bytes[0] + i * 3)) {
            return 0;
        }
    }
    return size > 0;
}

intptr_t start_stranger(const char *what, const char *name)
{
    char argument[128];
    intptr_t ends[2];
    make_pipe(ends);
    snprintf(argument, sizeof argument, "%s:%s", what, name);
    intptr_t process = start_self(argument, ends[0], NULL, 0);
    close_handle(ends[0]);
    close_handle(ends[1]);
    return process;
}
