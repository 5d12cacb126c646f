/* supervisor.c: keeps children of its own alive.
 *
 *     supervisor NAME          starts them, and starts again those that fail
 *     supervisor NAME stop     stops the supervisor of that name, and its children
 *
 * A child has done its work if its entry has returned 0. All other ends are failures, after which it is started again:
 * a crash, a kill, another result, and also exit(0) in the middle. What to look for: kin_exit's `how` tells these
 * apart. The pause before a start doubles with each failure of the last minute; after five the supervisor gives up.
 * die_with_parent: if the supervisor is killed, its children end, too.
 */
#include <kin/kin.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_FAILURES 5
#define MINUTE KIN_SECONDS(60)
#define FIRST_PAUSE KIN_MS(100)

static void must(kin_status status)
{
    if (status < 0) {
        exit(fprintf(stderr, "%s\n", kin_last_error()));
    }
}

static void say(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    vprintf(format, values);
    va_end(values);
    fflush(stdout);
}

/* ---- children ---- */

static int work_until_stopped(const kin_args *args)
{
    kin_event *stop;
    must(kin_args_get_event(&stop, args, "stop"));
    must(kin_event_wait(stop, KIN_FOREVER));
    return 0;
}

static int steady(const kin_args *args)
{
    say("steady: works\n");
    return work_until_stopped(args);
}

/* Crashes twice. It counts its starts where a crash does not reach. */
static int flaky(const kin_args *args)
{
    kin_counter *starts;
    int64_t number;
    must(kin_args_get_counter(&starts, args, "starts"));
    must(kin_counter_add(starts, 1, &number));
    if (number < 3) {
        abort();
    }
    say("flaky: works\n");
    return work_until_stopped(args);
}

static int done(const kin_args *args)
{
    (void)args;
    return 0;
}

static int hopeless(const kin_args *args)
{
    (void)args;
    exit(0);
}

static const kin_child_entry entries[] = {{"steady", steady}, {"flaky", flaky}, {"done", done}, {"hopeless", hopeless}};
#define SERVICES (sizeof entries / sizeof entries[0])

/* ---- their supervisor ---- */

typedef struct service {
    kin_process *process; /* NULL: it does not run */
    int64_t start_at;     /* then: when it is to; KIN_FOREVER: never */
    int64_t failures[MOST_FAILURES];
    size_t failed;
} service;

static void start(service *it, const char *entry, const kin_args *args)
{
    kin_process_options options = KIN_PROCESS_OPTIONS_INIT;
    options.die_with_parent = 1;
    must(kin_process_start(&it->process, entry, args, &options));
}

/* It has ended: says how, and when it is to be started again. */
static void ended(service *it, const char *entry)
{
    char text[100];
    kin_exit how;
    int64_t now = kin_now();
    size_t recent = 0;
    must(kin_process_join(it->process, KIN_FOREVER, &how));
    kin_process_close(it->process);
    it->process = NULL;
    it->start_at = KIN_FOREVER;
    kin_exit_text(&how, text, sizeof text);
    if (how.how == KIN_END_RETURNED && how.code == 0) {
        say("%s: %s\n", entry, text);
        return;
    }
    it->failures[it->failed++ % MOST_FAILURES] = now;
    for (size_t i = 0; i < MOST_FAILURES && i < it->failed; i++) {
        recent += now - it->failures[i] < MINUTE;
    }
    if (recent == MOST_FAILURES) {
        say("%s: %s; given up\n", entry, text);
        return;
    }
    int64_t pause = FIRST_PAUSE << (recent - 1);
    it->start_at = now + pause;
    say("%s: %s; again in %d ms\n", entry, text, (int)(pause / KIN_MS(1)));
}

/* Starts what is due, and waits for an end, the next start or the request to stop. Returns 0 after that request, or if
 * there is nothing more to wait for. */
static int supervise(service *services, kin_event *stop, const kin_args *args)
{
    kin_wait_item items[SERVICES + 1] = {{KIN_TYPE_EVENT, KIN_WAIT_READABLE, stop, 0, 0}};
    size_t of[SERVICES + 1], count = 1;
    int64_t next = KIN_FOREVER, now = kin_now();
    for (size_t i = 0; i < SERVICES; i++) {
        service *it = &services[i];
        if (!it->process && it->start_at <= now) {
            start(it, entries[i].name, args);
        }
        if (it->process) {
            items[count] = (kin_wait_item){KIN_WAIT_PROCESS, KIN_WAIT_READABLE, it->process, 0, 0};
            of[count++] = i;
        } else if (it->start_at < next) {
            next = it->start_at;
        }
    }
    if (count == 1 && next == KIN_FOREVER) {
        return 0;
    }
    kin_status status = kin_wait(items, count, 0, next == KIN_FOREVER ? KIN_FOREVER : next - now, NULL);
    must(status == KIN_E_TIMED_OUT ? KIN_OK : status);
    for (size_t i = 1; i < count; i++) {
        if (items[i].ready) {
            ended(&services[of[i]], entries[of[i]].name);
        }
    }
    return !items[0].ready;
}

/* They have been asked by the event. Those that do not end are ended. */
static void stop_all(service *services)
{
    char text[100];
    kin_exit how;
    for (size_t i = 0; i < SERVICES; i++) {
        if (services[i].process) {
            if (kin_process_join(services[i].process, KIN_SECONDS(3), &how) == KIN_E_TIMED_OUT) {
                must(kin_process_stop(services[i].process, KIN_SECONDS(1), KIN_SECONDS(1), &how));
            }
            say("%s: %s\n", entries[i].name, kin_exit_text(&how, text, sizeof text));
            kin_process_close(services[i].process);
        }
    }
}

int main(int argc, char **argv)
{
    static service services[SERVICES];
    kin_family *family;
    kin_event *stop;
    kin_counter *starts;
    kin_args *args;
    must(kin_child_main(entries, SERVICES)); /* a spawned child runs its entry in here */
    if (argc == 3 && strcmp(argv[2], "stop") == 0) {
        must(kin_family_open(&family, argv[1], KIN_FAMILY_JOIN, NULL));
        must(kin_name_get_event(&stop, family, "stop"));
        must(kin_event_set(stop));
        return 0;
    }
    if (argc != 2) {
        return fprintf(stderr, "usage: supervisor NAME [stop]\n"), 2;
    }
    must(kin_family_open(&family, argv[1], KIN_FAMILY_CREATE, NULL)); /* KIN_E_EXISTS: there is a supervisor */
    must(kin_event_create(&stop, family));
    must(kin_name_set("stop", KIN_TYPE_EVENT, stop));
    must(kin_counter_create(&starts, family, 0));
    must(kin_args_create(&args, family));
    must(kin_args_add_event(args, "stop", stop));
    must(kin_args_add_counter(args, "starts", starts));
    while (supervise(services, stop, args)) {
    }
    stop_all(services);
    kin_args_destroy(args);
    kin_family_close(family);
    return 0;
}
