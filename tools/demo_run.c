/* demo_run.c: the programs of `kin demo` that run another program: this one again, which every system has. */
#include "demo.h"

#include <stdio.h>
#include <string.h>

static void call(const char *const *argv, outcome *out)
{
    kin_exit end = {.code = -1, .signal = 0};
    tool_check(kin_run(argv, NULL, &end), "kin_run");
    say(out->expected, "exit code 0");
    say(out->got, "exit code %d", end.code);
}

void demo_run(kin_start_method method, outcome *out)
{
    const char *const argv[] = {tool_path, "noop", NULL};
    (void)method;
    call(argv, out);
}

/* One that fails: checked, that is an error, which knows the command. */
void demo_run_checked(kin_start_method method, outcome *out)
{
    const char *const argv[] = {tool_path, "noop", "7", NULL};
    kin_run_result result = KIN_RUN_RESULT_INIT;
    (void)method;
    kin_status status = kin_run_checked(argv, NULL, &result);
    say(out->expected, "KIN_E_FAILED, 7, noop 7");
    const char *found = result.command ? strstr(result.command, "noop") : NULL;
    say(out->got, "%s, %d, %s", kin_status_name(status), result.exit.code, found ? found : "?");
    kin_run_free(&result);
}

void demo_run_output(kin_start_method method, outcome *out)
{
    const char *const argv[] = {tool_path, "version", NULL};
    kin_run_result result = KIN_RUN_RESULT_INIT;
    (void)method;
    tool_check(kin_run_output(argv, NULL, &result), "kin_run_output");
    say(out->expected, "kin %d.%d.%d", KIN_VERSION_MAJOR, KIN_VERSION_MINOR, KIN_VERSION_PATCH);
    say(out->got, "%.*s", (int)strcspn(result.output ? result.output : "", "\r\n"), result.output ? result.output : "");
    kin_run_free(&result);
}

void demo_run_missing(kin_start_method method, outcome *out)
{
    static const char *const argv[] = {"there-is-no-such-program", NULL};
    (void)method;
    say(out->expected, "KIN_E_PROGRAM");
    say(out->got, "%s", kin_status_name(kin_run(argv, NULL, NULL)));
}
