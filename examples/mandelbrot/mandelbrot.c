/* mandelbrot.c: a parallel for. A pool computes the picture's rows where they lie, in shared memory; how much faster
 * two workers are than one is measured and printed below it.
 *
 *     mandelbrot [WIDTH HEIGHT [progress]]        what is printed has 78 columns, whatever is computed
 */
#include <kin/kin.h>
#include <stdio.h>
#include <stdlib.h>

#define COLUMNS 78
#define LINES 32
#define ITERATIONS 2000

static void must(kin_status status)
{
    if (status < 0) {
        exit(fprintf(stderr, "%s\n", kin_last_error()));
    }
}

typedef struct picture {
    int width, height;
} picture;

static unsigned short escape(double x, double y)
{
    double a = 0, b = 0;
    unsigned short i = 0;
    for (; i < ITERATIONS && a * a + b * b < 4; i++) {
        double next = a * a - b * b + x;
        b = 2 * a * b + y;
        a = next;
    }
    return i;
}

/* One item is a row. */
static int rows(kin_task *task)
{
    const void *bytes;
    size_t size;
    must(kin_args_get_bytes(&bytes, &size, task->args, "picture"));
    const picture *it = bytes;
    for (size_t row = 0; row < task->count; row++) {
        unsigned short *pixels = (unsigned short *)task->out + row * (size_t)it->width;
        double y = -1.2 + 2.4 * (double)(task->index + row) / it->height;
        for (int column = 0; column < it->width; column++) {
            pixels[column] = escape(-2.2 + 3.2 * column / it->width, y);
        }
    }
    return 0;
}

static void show_progress(void *context, uint64_t done, uint64_t total)
{
    int columns = (int)(done * 40 / total);
    (void)context;
    fprintf(stderr, "\r[%.*s%*s] %3d %%", columns, "########################################", 40 - columns, "",
            (int)(done * 100 / total));
}

static double compute(unsigned short *pixels, const picture *it, unsigned workers, int progress)
{
    kin_pool *pool;
    kin_args *args;
    kin_pool_options options = KIN_POOL_OPTIONS_INIT;
    kin_job job = KIN_JOB_INIT;
    options.workers = workers;
    must(kin_pool_create(&pool, NULL, &options));
    must(kin_args_create(&args, NULL));
    must(kin_args_add_bytes(args, "picture", it, sizeof *it));
    job.task = "rows";
    job.args = args;
    job.out = pixels;
    job.out_size = (size_t)it->width * sizeof *pixels;
    job.count = (size_t)it->height;
    job.chunk = 1; /* some rows take a hundred times longer than others */
    job.progress = progress ? show_progress : NULL;
    int64_t start = kin_now();
    must(kin_pool_map(pool, &job, NULL, KIN_FOREVER));
    double took = (double)(kin_now() - start) / 1e9;
    fputs(progress ? "\n" : "", stderr);
    kin_args_destroy(args);
    kin_pool_destroy(pool);
    return took;
}

static void draw(const unsigned short *pixels, const picture *it)
{
    static const char shades[] = " .:-=+*%@#";
    for (int line = 0; line < LINES; line++) {
        for (int column = 0; column < COLUMNS; column++) {
            int x = column * it->width / COLUMNS, y = line * it->height / LINES;
            unsigned depth = pixels[y * it->width + x], shade = 0;
            while (depth > 1 && shade < 9) {
                depth /= 2;
                shade++;
            }
            putchar(shades[shade]);
        }
        putchar('\n');
    }
}

int main(int argc, char **argv)
{
    static const kin_task_entry functions[] = {{"rows", rows}};
    must(kin_register_tasks(functions, 1));
    must(kin_child_main(NULL, 0));
    picture it = {argc > 2 ? atoi(argv[1]) : 468, argc > 2 ? atoi(argv[2]) : 320};
    if (it.width < COLUMNS || it.height < LINES) {
        return fprintf(stderr, "at least %d %d\n", COLUMNS, LINES);
    }
    unsigned short *pixels;
    must(KIN_ALLOC(&pixels, NULL, (size_t)it.width * (size_t)it.height));
    double one = compute(pixels, &it, 1, argc > 3), two = compute(pixels, &it, 2, argc > 3);
    draw(pixels, &it);
    printf("1 worker %.2f s, 2 workers %.2f s: %.2f times as fast\n", one, two, one / two);
    must(kin_free(pixels));
    return 0;
}
