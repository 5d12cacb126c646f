/* image.c: a pool computes a picture, and libpng writes it.
 *
 *     image FILE.png [WIDTH HEIGHT]
 *
 * What to look for: the pixels lie in shared memory. The workers write them there, row by row, and libpng reads them
 * there: no pixel is ever copied or sent. `chunk` 1 gives a worker one row at a time, since some rows take a hundred
 * times longer than others.
 */
#include <kin/kin.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ITERATIONS 500

typedef struct pixel {
    unsigned char red, green, blue;
} pixel;

typedef struct size {
    unsigned width, height;
} size;

static void must(kin_status status)
{
    if (status < 0) {
        exit(fprintf(stderr, "%s\n", kin_last_error()));
    }
}

/* A Julia set. */
static pixel colour(double x, double y)
{
    int i = 0;
    for (; i < ITERATIONS && x * x + y * y < 4; i++) {
        double next = x * x - y * y - 0.8;
        y = 2 * x * y + 0.156;
        x = next;
    }
    pixel out = {(unsigned char)(i * 9 % 256), (unsigned char)(i * 5 % 256), (unsigned char)(40 + i * 3 % 216)};
    return out;
}

static int rows(kin_task *task)
{
    const void *bytes;
    size_t length;
    must(kin_args_get_bytes(&bytes, &length, task->args, "size"));
    const size *it = bytes;
    for (size_t row = 0; row < task->count; row++) {
        pixel *out = (pixel *)task->out + row * it->width;
        double y = -1.0 + 2.0 * (double)(task->index + row) / it->height;
        for (unsigned column = 0; column < it->width; column++) {
            out[column] = colour(-1.6 + 3.2 * column / it->width, y);
        }
    }
    return 0;
}

static void write_png(const char *path, const pixel *pixels, const size *it)
{
    png_image image;
    memset(&image, 0, sizeof image);
    image.version = PNG_IMAGE_VERSION;
    image.width = it->width;
    image.height = it->height;
    image.format = PNG_FORMAT_RGB;
    if (!png_image_write_to_file(&image, path, 0, pixels, 0, NULL)) {
        exit(fprintf(stderr, "%s: %s\n", path, image.message));
    }
}

int main(int argc, char **argv)
{
    static const kin_task_entry tasks[] = {{"rows", rows}};
    kin_pool *pool;
    kin_args *args;
    pixel *pixels;
    kin_job job = KIN_JOB_INIT;
    must(kin_register_tasks(tasks, 1));
    must(kin_child_main(NULL, 0)); /* a spawned worker does its tasks in here */
    size it = {640, 400};
    if (argc == 4) {
        it.width = (unsigned)strtoul(argv[2], NULL, 10);
        it.height = (unsigned)strtoul(argv[3], NULL, 10);
    }
    if ((argc != 2 && argc != 4) || it.width < 1 || it.height < 1) {
        return fprintf(stderr, "usage: image FILE.png [WIDTH HEIGHT]\n"), 2;
    }
    must(kin_pool_create(&pool, NULL, NULL)); /* as many workers as processors */
    must(KIN_ALLOC(&pixels, NULL, (size_t)it.width * it.height));
    must(kin_args_create(&args, NULL));
    must(kin_args_add_bytes(args, "size", &it, sizeof it));
    job.task = "rows";
    job.args = args;
    job.out = pixels;
    job.out_size = it.width * sizeof *pixels;
    job.count = it.height;
    job.chunk = 1;
    int64_t start = kin_now();
    must(kin_pool_map(pool, &job, NULL, KIN_FOREVER));
    printf("%u x %u pixels in %.0f ms\n", it.width, it.height, (double)(kin_now() - start) / 1e6);
    write_png(argv[1], pixels, &it);
    kin_args_destroy(args);
    kin_pool_destroy(pool);
    must(kin_free(pixels));
    return 0;
}
