/* image.c: the test of ../image/image.c: what it has written is a picture of the wanted size, with a picture in it. */
#include "check.h"
#include <png.h>

#define WIDTH 64
#define HEIGHT 40

int main(int argc, char **argv)
{
    char path[100];
    kin_exit how;
    png_image image;
    png_byte pixels[WIDTH * HEIGHT * 3];
    int different = 0;
    CHECK(argc == 2);
    snprintf(path, sizeof path, "%s.png", own_name());
    const char *run[] = {argv[1], path, "64", "40", NULL};
    CHECK(kin_run(run, NULL, &how) == KIN_OK && how.how == KIN_END_EXITED && how.code == 0);
    memset(&image, 0, sizeof image);
    image.version = PNG_IMAGE_VERSION;
    CHECK(png_image_begin_read_from_file(&image, path));
    CHECK(image.width == WIDTH && image.height == HEIGHT);
    image.format = PNG_FORMAT_RGB;
    CHECK(png_image_finish_read(&image, NULL, pixels, 0, NULL));
    for (size_t i = 3; i < sizeof pixels; i += 3) {
        different += memcmp(pixels + i, pixels, 3) != 0;
    }
    CHECK(different > WIDTH * HEIGHT / 10);
    remove(path);
    return 0;
}
