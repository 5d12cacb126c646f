/* fuzz_pool.c: a pool whose words are written over while its workers work and its maker waits. The input says what work
 * there is, when which words become what, and what the maker calls.
 *
 * Held to: neither the maker nor a worker touches memory beside the arena (there is none); what has a timeout comes
 * back in time; and a future can be closed and a pool destroyed, whatever its words are (libFuzzer's -timeout).
 */
#include "arena.h"
#include "kin/kin.h"
#include "pool/maker.h"

#include <sanitizer/common_interface_defs.h>
#include <sys/mman.h>

enum { RESERVE = 4 << 20, WORKERS = 2, COUNT = 200 };
#define SLACK KIN_SECONDS(3) /* two processes that are killed, on a busy machine */

static _Atomic uint32_t *crashed; /* shared with the workers, which are forked */

static void note_crash(void)
{
    atomic_store(crashed, 1);
}

static int run_add(kin_task *task)
{
    const int32_t *in = task->in;
    int32_t *out = task->out;
    for (size_t i = 0; i < task->count && in && out && task->in_size == sizeof *in; i++) {
        out[i] = in[i] + 1;
    }
    return 0;
}

static int run_fail(kin_task *task)
{
    memset(task->message, 'x', sizeof task->message);
    return task->index % 3 == 0 ? 7 : 0;
}

static int run_rest(kin_task *task)
{
    (void)task;
    kin_os_sleep_until(kin_os_now() + KIN_US(300));
    return 0;
}

static const kin_task_entry functions[] = {{"add", run_add}, {"fail", run_fail}, {"rest", run_rest}};

typedef struct game {
    kin__reader in;
    kin_family *family;
    kin_pool *pool;
    kin_future *future[2];
    int32_t *numbers;
} game;

static void submit(game *g, kin_future **out)
{
    kin_job job = KIN_JOB_INIT;
    int32_t number = 5;
    uint64_t how = choose(&g->in, 1);
    job.task = functions[how % 3].name;
    job.in = g->numbers;
    job.out = g->numbers;
    job.in_size = job.out_size = sizeof number;
    job.count = how % 5 == 0 ? 0 : choose(&g->in, 1) % COUNT;
    job.chunk = (size_t)(how / 16);
    job.retries = how % 2;
    job.limit = how % 7 == 0 ? KIN_MS(20) : 0;
    if (kin_pool_submit(out, g->pool, &job, KIN_MS(1)) != KIN_OK) {
        *out = NULL;
    }
}

static void write_over(game *g)
{
    kin__pool *shared = g->pool->shared;
    kin_future *future = g->future[0] ? g->future[0] : g->future[1];
    const place places[] = {
        {shared, offsetof(kin__pool, jobs) / 8},
        {&shared->closed, 16},
        {shared->jobs, 4},
        {shared->slots, WORKERS * sizeof(kin__worker_slot) / 8},
        {future ? (void *)future->plan.job : (void *)shared->slots, sizeof(kin__job) / 8},
        {future ? (void *)((uintptr_t)future->plan.owners / 8 * 8) : (void *)shared->slots, 8},
    };
    scribble(&g->in, places, sizeof places / sizeof places[0]);
}

static void call(game *g, uint64_t what)
{
    kin_future **future = &g->future[what / 16 % 2];
    kin_job_result outcome = KIN_JOB_RESULT_INIT;
    kin_pool_info info = KIN_POOL_INFO_INIT;
    uint64_t first = 0, count = 0;
    const void *result;
    size_t size;
    int status;
    switch (what % 9) {
    case 0:
        if (!*future) {
            submit(g, future);
        }
        break;
    case 1:
        kin_future_wait(*future, KIN_MS(2));
        break;
    case 2:
        if (kin_future_next(*future, what % 2, &first, &count, &status, KIN_MS(2)) == KIN_OK) {
            require(first + count <= COUNT);
        }
        break;
    case 3:
        kin_future_inspect(*future, &outcome);
        require(memchr(outcome.message, '\0', sizeof outcome.message) != NULL);
        break;
    case 4:
        kin_future_cancel(*future);
        break;
    case 5:
        kin_future_close(*future);
        *future = NULL;
        break;
    case 6:
        if (kin_future_get(&result, &size, *future, KIN_MS(2)) == KIN_OK) {
            require(size <= sizeof(int32_t));
        }
        break;
    case 7:
        kin_pool_inspect(g->pool, &info);
        kin_pool_poll(g->pool);
        break;
    default:
        write_over(g);
        write_over(g);
        break;
    }
}

static void prepare(void)
{
    if (!crashed) {
        crashed = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        require(crashed != MAP_FAILED);
        __sanitizer_set_death_callback(note_crash);
        require(kin_register_tasks(functions, sizeof functions / sizeof functions[0]) == KIN_OK);
        require(kin_child_main(NULL, 0) == KIN_OK);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    game g = {.in = {data, size, 0, false}};
    kin_family_options options = KIN_FAMILY_OPTIONS_INIT;
    kin_pool_options pool_options = KIN_POOL_OPTIONS_INIT;
    prepare();
    options.reserve = RESERVE;
    options.max_members = 16;
    options.max_threads = 64;
    pool_options.workers = WORKERS;
    pool_options.method = KIN_START_FORK;
    require(kin_family_create(&g.family, &options) == KIN_OK);
    require(kin_alloc((void **)&g.numbers, g.family, COUNT * sizeof *g.numbers) == KIN_OK);
    require(kin_pool_create(&g.pool, g.family, &pool_options) == KIN_OK);
    for (int calls = 0; calls < 30 && !is_done(&g.in); calls++) {
        uint64_t what = choose(&g.in, 1);
        int64_t start = kin_os_now();
        call(&g, what);
        write_over(&g);
        require(what % 9 == 5 || kin_os_now() - start < SLACK);
    }
    kin_future_close(g.future[0]);
    kin_future_close(g.future[1]);
    kin_pool_destroy(g.pool);
    kin_family_close(g.family);
    require(atomic_load(crashed) == 0);
    return 0;
}
