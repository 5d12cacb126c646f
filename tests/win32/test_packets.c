/* What a peer may write into its end of a pipe: random packets, the same in each run, sound or not. There is no fuzzer
 * for Windows' programs here; fuzz/fuzz_pipe.c is one for the parts that are the same on POSIX.
 *
 * A peer may name any handle of the receiver's (SECURITY.md). Here it names those that it has put there, and values
 * that no handle has. */
#include "support.h"

#include <windows.h>

#include "pipe/pipe.h"

enum { ROUNDS = 3000, LONGEST = KIN_OS_PACKET_MAX + 5000 };

/* As in src/win32/pipe.c. */
typedef struct frame {
    uint32_t magic, handle_count;
    uint64_t holder;
    uint32_t number;
    uint32_t handles[KIN_OS_PACKET_HANDLES];
    uint32_t fill;
} frame;

#define MAGIC 0x4b4e4950u

static uint64_t seed = UINT64_C(0x9e3779b97f4a7c15);
static unsigned char message[LONGEST];

static uint64_t draw(uint64_t limit)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed % limit;
}

static void write_raw(kin_os_pipe *end, size_t size)
{
    OVERLAPPED write = {.hEvent = CreateEventW(NULL, TRUE, FALSE, NULL)};
    DWORD written = 0;
    assert_non_null(write.hEvent);
    WriteFile(end->pipe, message, (DWORD)size, NULL, &write);
    assert_true(GetOverlappedResult(end->pipe, &write, &written, TRUE) && written == size);
    CloseHandle(write.hEvent);
}

/* Numbers that no handle has: they are multiples of four ("Kernel objects", Microsoft). */
static uint32_t no_handle(void)
{
    return draw(2) ? 0 : (uint32_t)(0x7ffffff0u + 4 * draw(4));
}

/* valid: some of the handles are good ones, which are the receiver's if it has read the frame. */
static bool make_frame(frame *out, uint64_t receiver, bool valid)
{
    *out = (frame){MAGIC, draw(3) ? (uint32_t)draw(4) : 0, receiver, (uint32_t)draw(5), {0}, (uint32_t)draw(2)};
    switch (draw(12)) {
    case 0:
        out->magic = (uint32_t)seed;
        break;
    case 1:
        out->handle_count = (uint32_t)draw(KIN_OS_PACKET_HANDLES + 8);
        break;
    case 2:
        out->handle_count = (uint32_t)seed;
        break;
    case 3:
        out->holder = draw(2) ? 0 : (uint64_t)0xfffffff0u << 32 | (uint32_t)seed; /* no process has such a number */
        break;
    default:
        break;
    }
    bool sound = out->magic == MAGIC && out->handle_count <= KIN_OS_PACKET_HANDLES && out->holder == receiver;
    for (uint32_t i = 0; i < KIN_OS_PACKET_HANDLES; i++) {
        bool good = valid && sound && i < out->handle_count && draw(4) > 0;
        out->handles[i] = good ? (uint32_t)(uintptr_t)CreateEventW(NULL, FALSE, FALSE, NULL) : no_handle();
    }
    return sound;
}

/* Its bytes after the frame; returns the message's size. */
static size_t fill_message(const frame *head, const void *start, size_t start_size)
{
    size_t size = (size_t)(draw(10) ? draw(300) : draw(LONGEST - sizeof *head));
    memcpy(message, head, sizeof *head);
    if (start_size > 0) {
        memcpy(message + sizeof *head, start, start_size);
    }
    return sizeof *head + (size < start_size && draw(4) ? start_size : size);
}

static void random_messages_are_taken_or_refused(void **state)
{
    (void)state;
    static unsigned char buffer[KIN_OS_PACKET_MAX];
    kin_os_pipe ends[2];
    frame head;
    assert_ok(kin_os_pipe_create(ends));
    size_t before = count_handles();
    for (int i = 0; i < ROUNDS; i++) {
        kin_os_handle handles[KIN_OS_PACKET_HANDLES];
        kin_os_packet packet = {.parts = {{buffer, 100}, {buffer + 100, sizeof buffer - 100}}, .handles = handles};
        packet.handles = draw(8) ? handles : NULL;
        bool sound = make_frame(&head, ends[1].self, true);
        size_t size = fill_message(&head, NULL, 0);
        bool cut = draw(20) == 0 && head.handle_count == 0;
        size = cut ? 1 + (size_t)draw(sizeof head) : size;
        if (size > sizeof head + KIN_OS_PACKET_MAX && head.handle_count > 0) {
            size = sizeof head + KIN_OS_PACKET_MAX; /* what is too long to be read gives nobody its handles */
        }
        write_raw(&ends[0], size);
        if (draw(3) == 0) {
            unsigned char start[32];
            assert_ok(kin_os_pipe_peek(&ends[1], start, sizeof start));
        }
        kin_status status = kin_os_pipe_recv(&ends[1], &packet, false);
        if (status == KIN_OK) {
            assert_true(size >= sizeof head && packet.size == size - sizeof head);
            for (size_t k = 0; k < packet.handle_count; k++) {
                assert_true(CloseHandle(handles[k]));
            }
        } else {
            assert_true(status == KIN_E_DAMAGED || status == KIN_E_HANDLE);
            assert_true(status == KIN_E_DAMAGED || sound || head.holder != ends[1].self);
        }
    }
    assert_int_equal(count_handles(), before);
    kin_os_pipe_close(&ends[0]);
    kin_os_pipe_close(&ends[1]);
}

static void make_head(kin__head *out)
{
    *out = (kin__head){KIN__PIPE_MAGIC, (uint16_t)(1 + draw(3)), 0, draw(300), 0, 0};
    switch (draw(8)) {
    case 0:
        out->magic = (uint32_t)seed;
        break;
    case 1:
        out->kind = (uint16_t)seed;
        break;
    case 2:
        out->length = seed;
        break;
    case 3:
        out->from = draw(3) * KIN__PACKET_ROOM;
        break;
    case 4:
        out->count = (uint16_t)draw(20);
        out->attached = draw(2) ? seed : 0;
        break;
    default:
        break;
    }
}

static void random_packets_are_messages_or_damage(void **state)
{
    (void)state;
    static unsigned char buffer[4096];
    kin_pipe *ends[2] = {NULL, NULL};
    size_t before = count_handles();
    for (int i = 0; i < ROUNDS; i++) {
        kin_attachment items[KIN_ATTACHMENTS_MAX];
        kin__head packet;
        frame head;
        if (!ends[0]) {
            assert_ok(kin_pipe_create(ends, 0));
        }
        make_frame(&head, ends[1]->os.self, false);
        make_head(&packet);
        size_t size = fill_message(&head, &packet, sizeof packet);
        if (packet.kind == KIN__FIRST && draw(2)) {
            packet.length = size - sizeof head - sizeof packet;
            size = fill_message(&head, &packet, sizeof packet);
        }
        write_raw(&ends[0]->os, size);
        size_t capacity = (size_t)draw(sizeof buffer), got = 0, count = (size_t)draw(KIN_ATTACHMENTS_MAX + 1),
               room = count;
        kin_status status = kin_pipe_recv_with(ends[1], buffer, capacity, &got, items, &count, KIN_MS(1));
        if (status == KIN_OK) {
            assert_true(got <= capacity && count <= room && count == 0); /* none was good */
        } else if (status == KIN_E_DAMAGED || status == KIN_E_CLOSED) {
            kin_pipe_close(ends[0]);
            kin_pipe_close(ends[1]);
            ends[0] = NULL;
        } else {
            assert_true(status == KIN_E_TIMED_OUT || status == KIN_E_TOO_BIG || status == KIN_E_HANDLE);
        }
    }
    if (ends[0]) {
        kin_pipe_close(ends[0]);
        kin_pipe_close(ends[1]);
    }
    assert_true(count_handles() <= before + 1); /* the first use of pipes may keep one */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_messages_are_taken_or_refused),
        cmocka_unit_test(random_packets_are_messages_or_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
