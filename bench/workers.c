/* workers.c: processes that measure together: kin's children, started at one gate. */
#include "bench.h"

#include <string.h>

board *board_in(void *memory)
{
    return peer_line_in(memory);
}

void *board_create(void)
{
    void *memory = NULL;
    tool_check(kin_alloc(&memory, NULL, sizeof(board) + LINE), "kin_alloc");
    tool_check(kin_sem_init(&board_in(memory)->ready, 0, 0), "kin_sem_init");
    tool_check(kin_sem_init(&board_in(memory)->gate, 0, 0), "kin_sem_init");
    tool_check(kin_sem_init(&board_in(memory)->exit, 0, 0), "kin_sem_init");
    return memory;
}

void board_destroy(void *memory)
{
    kin_sem_fini(&board_in(memory)->exit);
    kin_sem_fini(&board_in(memory)->gate);
    kin_sem_fini(&board_in(memory)->ready);
    kin_free(memory);
}

kin_args *worker_args(void *memory, const plan *it)
{
    kin_args *args = NULL;
    tool_check(kin_args_create(&args, NULL), "kin_args_create");
    tool_check(kin_args_add_object(args, "board", KIN_TYPE_MEMORY, memory), "board");
    tool_check(kin_args_add_bytes(args, "plan", it, sizeof *it), "plan");
    return args;
}

kin_process *start_with(const char *entry, kin_args *args)
{
    kin_process *process = NULL;
    tool_check(kin_process_start(&process, entry, args, NULL), entry);
    kin_args_destroy(args);
    return process;
}

kin_process *start_worker(const char *entry, void *memory, const plan *it)
{
    return start_with(entry, worker_args(memory, it));
}

board *begin_worker(const kin_args *args, plan *out)
{
    const void *bytes = NULL;
    size_t size = 0;
    tool_check(kin_args_get_bytes(&bytes, &size, args, "plan"), "plan");
    memcpy(out, bytes, sizeof *out);
    peer_end_after(120);
    must(peer_pin(out->cpu) != 0, "pinning");
    return board_in(tool_given(args, "board", KIN_TYPE_MEMORY));
}

/* How long the measurement may take, between the gate and the exit: less than peer_end_after allows a worker. */
#define MEASURING KIN_SECONDS(110)

static void pass(board *it, kin_sem *gate, int64_t patience)
{
    tool_check(kin_sem_release(&it->ready, 1), "ready");
    tool_check(kin_sem_acquire(gate, 1, patience), "gate");
}

static void open_for(board *it, kin_sem *gate, int workers, int64_t patience)
{
    tool_check(kin_sem_acquire(&it->ready, (uint32_t)workers, patience), "the workers");
    tool_check(kin_sem_release(gate, (uint32_t)workers), "gate");
}

void pass_gate(board *it)
{
    pass(it, &it->gate, PATIENCE);
}

void open_gate(board *it, int workers)
{
    open_for(it, &it->gate, workers, PATIENCE);
}

void pass_exit(board *it)
{
    pass(it, &it->exit, MEASURING);
}

void open_exit(board *it, int workers)
{
    open_for(it, &it->exit, workers, MEASURING);
}
