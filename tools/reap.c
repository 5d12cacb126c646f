/* reap.c: `kin reap`: cleans up after killed processes. */
#include "commands.h"
#include "output.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct reaped {
    json_t *families; /* of the JSON document; NULL: text is wanted */
    bool done;
} reaped;

static void reap_family(kin_family *family, void *context)
{
    reaped *out = context;
    char id[FAMILY_ID_TEXT];
    uint32_t count = 0;
    kin_family_info info = KIN_FAMILY_INFO_INIT;
    if (kin_family_reap(family, &count) != KIN_OK || count == 0 || kin_family_inspect(family, &info) != KIN_OK) {
        return; /* it has ended meanwhile, or has no dead member */
    }
    out->done = true;
    look_id_text(info.id, id);
    if (out->families) {
        json_t *one = output_add(out->families, json_object());
        output_set(one, "id", output_text(id));
        output_set(one, "dead", json_integer(count));
    } else {
        printf("family %s: cleaned up after %u dead process%s\n", id, count, count == 1 ? "" : "es");
    }
}

static int reap_run(command_line *line)
{
    reaped out = {NULL, false};
    uint32_t swept = 0;
    json_t *document = NULL;
    while (command_next(line)) {
        document = document ? document : json_object();
    }
    tool_check(kin_cleanup(&swept), "kin_cleanup");
    if (document) {
        output_set(document, "names", json_integer(swept));
        out.families = output_set(document, "families", json_array());
    } else if (swept > 0) {
        printf("removed the names of %u famil%s without a living member\n", swept, swept == 1 ? "y" : "ies");
    }
    tool_check(kin_family_list(reap_family, &out, NULL), "kin_family_list");
    if (document) {
        output_document(document);
    } else if (swept == 0 && !out.done) {
        printf("nothing to clean up\n");
    }
    return EXIT_SUCCESS;
}

static const command_option options[] = {
    {"json", TOOL_NONE, 'j', NULL, NULL, "print one JSON document: names removed, families and their dead"},
    COMMAND_OPTIONS_END,
};

const command reap_command = {
    .name = "reap",
    .arguments = "",
    .summary = "clean up what killed processes left",
    .details =
        "Cleans up what killed processes of this user left, and prints what it was: names of families without a\n"
        "living member, and dead members of the other families.",
    .examples = "kin reap\nkin reap --json\n",
    .options = options,
    .run = reap_run,
};
