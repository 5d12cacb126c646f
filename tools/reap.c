/* reap.c: `kin reap`: cleaning up after the dead. */
#include "commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void reap_family(kin_family *family, void *context)
{
    int *done = context;
    uint32_t count = 0;
    kin_family_info info = KIN_FAMILY_INFO_INIT;
    if (kin_family_reap(family, &count) == KIN_OK && count > 0 && kin_family_inspect(family, &info) == KIN_OK) {
        char id[FAMILY_ID_TEXT];
        printf("family %s: cleaned up after %u dead process%s\n", family_id_text(info.id, id), count,
               count == 1 ? "" : "es");
        *done = 1;
    }
}

int reap_command(int argc, char **argv)
{
    int done = 0;
    uint32_t swept = 0;
    if (argc > 1) {
        int help = strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0;
        fprintf(help ? stdout : stderr,
                "usage: kin reap\n\nCleans up what killed processes of this user left, and says what.\n");
        return help ? EXIT_SUCCESS : EXIT_USAGE;
    }
    tool_check(kin_cleanup(&swept), "kin_cleanup");
    if (swept > 0) {
        printf("removed the names of %u famil%s in which nobody lives\n", swept, swept == 1 ? "y" : "ies");
    }
    tool_check(kin_family_list(reap_family, &done, NULL), "kin_family_list");
    if (swept == 0 && !done) {
        printf("nothing to clean up\n");
    }
    return EXIT_SUCCESS;
}
