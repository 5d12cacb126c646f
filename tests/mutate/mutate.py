"""Breaks the protocols in one place at a time, and looks whether a test notices.

    ci/mutate                       all places, those done before left out; writes docs/mutations.md
    ci/mutate --list                the places
    ci/mutate --only src/park       places whose name contains that
    ci/mutate --minutes 60          stops after that time; the next call goes on
    ci/mutate --again survived      only does those anew that had this result and are not explained
    ci/mutate --report              only writes docs/mutations.md from what has been done

A place is found by the text of the source: a memory order, an operand of && or ||, a check, a flag, a bound, a step of
a count, a statement that stores or wakes. The mutant is built in a copy of the tree, build/mutate, and the tests of
its folder are run there (tests/mutate/subjects). A mutant whose object file is the same as before is equivalent on
this processor: that is noted as "same code". Results are lines of build/mutate/results; the committed copy is
tests/mutate/results, so a run continues where the last one ended. tests/mutate/reasons says of survivors why they are
no fault.
"""
import argparse
import collections
import functools
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TREE = os.path.join(ROOT, "build", "mutate", "tree")
BUILD = os.path.join(ROOT, "build", "mutate", "build")
RESULTS = os.path.join(ROOT, "tests", "mutate", "results")
FOLDERS = ["park", "memory", "sync", "queue", "container", "family", "wait", "pool"]
FIRST = ["src/park/owner_lock.c", "src/park/park.c", "src/park/unpark.c", "src/memory/heap.c", "src/memory/marks.c",
         "src/memory/heap_lock.c", "src/sync/rwlock.c", "src/queue/ring.c", "src/family/reap.c", "src/sync/cond.c",
         "src/container/container.c", "src/queue/waiting.c"]
KINDS = ["order", "statement", "operand", "check", "flag", "bound", "step"]

Place = collections.namedtuple("Place", "file line kind start end new name")


def blank_comments(text):
    """The same length, comments and strings blank: what is found in it is code."""
    def blank(match):
        return re.sub(r"[^\n]", " ", match.group(0))
    text = re.sub(r'/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text, flags=re.S)
    return re.sub(r"(?m)^[ \t]*#.*(?:\\\n.*)*$|^_Static_assert\(.*?\);$", blank, text)


def closing(code, at):
    """The index of what closes the parenthesis at `at`."""
    depth = 0
    for i in range(at, len(code)):
        depth += code[i] in "([{"
        depth -= code[i] in ")]}"
        if depth == 0:
            return i
    return -1


def operand_right(code, at):
    """Where the operand that begins at `at` ends."""
    depth = 0
    for i in range(at, len(code)):
        if code[i] in "([{":
            depth += 1
        elif code[i] in ")]}":
            if depth == 0:
                return i
            depth -= 1
        elif depth == 0 and (code[i] in ";?:," or code[i:i + 4] in (" && ", " || ")):
            return i
    return -1


def operand_left(code, at):
    """Where the operand that ends at `at` begins."""
    depth = 0
    for i in range(at - 1, -1, -1):
        if code[i] in ")]}":
            depth += 1
        elif code[i] in "([{":
            if depth == 0:
                return i + 1
            depth -= 1
        elif depth == 0 and (code[i] in ";?:," or code[i - 3:i + 1] in (" && ", " || ") or code[i - 2:i + 1] == " = "
                             or code[i - 6:i + 1] == "return "):
            return i + 1
    return -1


def orders(code):
    """Explicit orders; and operations without one, which are sequentially consistent."""
    for match in re.finditer(r"memory_order_(acquire|release|acq_rel|seq_cst)", code):
        yield "order", match.start(), match.end(), "memory_order_relaxed"
    pattern = r"atomic_(load|store|exchange|fetch_\w+?|compare_exchange_strong|compare_exchange_weak)\("
    for match in re.finditer(pattern, code):
        end = closing(code, match.end() - 1)
        more = ", memory_order_relaxed" * (2 if match.group(1).startswith("compare") else 1)
        if end > 0:
            whole = code[match.start():end]
            yield "order", match.start(), end, whole.replace("(", "_explicit(", 1) + more


def operands(code):
    for match in re.finditer(r" (&&|\|\|)[ \n]", code):
        end = operand_right(code, match.end())
        if end > 0:
            yield "operand", match.start(), end, ""
        start = operand_left(code, match.start())
        if start > 0:
            yield "operand", start, match.end(), ""


def checks(code):
    """A check that is passed over."""
    for match in re.finditer(r"\b(if) \(", code):
        end = closing(code, match.end() - 1)
        if end > 0 and "&&" not in code[match.end():end] and "||" not in code[match.end():end]:
            yield "check", match.end(), end, "(" + code[match.end():end] + ") && 0"


def flags(code):
    for match in re.finditer(r" \| [A-Z][A-Z_0-9]+\b(?!\()", code):
        yield "flag", match.start(), match.end(), ""
    for match in re.finditer(r" & ~[A-Z][A-Z_0-9]+\b(?!\()", code):
        yield "flag", match.start(), match.end(), ""


def bounds(code):
    other = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}
    for match in re.finditer(r" (<|<=|>|>=) ", code):
        yield "bound", match.start(1), match.end(1), other[match.group(1)]
    for match in re.finditer(r" [+-] 1\b(?!\.)", code):
        yield "step", match.start(), match.end(), ""


def statements(code):
    for match in re.finditer(r"(?m)(?<=[;{}]\n)([ ]+)((?:atomic_|kin__)\w+\()", code):
        end = closing(code, match.end() - 1)
        if end > 0 and code[end + 1:end + 2] == ";":
            yield "statement", match.start(2), end + 2, ";"


@functools.lru_cache(maxsize=None)
def source(path):
    """The text when it is first asked for: it may be edited during the run."""
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def places_of(path):
    text = source(path)
    code = blank_comments(text)
    seen = collections.Counter()
    for finder in (orders, statements, operands, checks, flags, bounds):
        for kind, start, end, new in finder(code):
            line = code.count("\n", 0, start) + 1
            context = " ".join(text[text.rfind("\n", 0, start) + 1:end + 1].split())
            change = "%s -> %s" % (" ".join(text[start:end].split()), " ".join(new.split()) or "nothing")
            key = hashlib.sha1(("%s|%s|%s|%s" % (path, kind, context, change)).encode()).hexdigest()[:10]
            seen[key] += 1
            name = "%s-%s-%s%s" % (path, kind, key, "" if seen[key] == 1 else "-%d" % seen[key])
            yield Place(path, line, kind, start, end, new, name)


def all_places():
    """In turns: of each file one of each kind, then the next ones; so a run that is broken off has seen all kinds."""
    files = [os.path.join("src", folder, name) for folder in FOLDERS
             for name in sorted(os.listdir(os.path.join(ROOT, "src", folder))) if name.endswith(".c")]
    files = FIRST + [path for path in files if path not in FIRST]
    ordered = []
    for rank, path in enumerate(files):
        turns = collections.Counter()
        places = list(places_of(path))
        for place in sorted(places, key=lambda p: hashlib.sha1(p.name.encode()).digest()):
            turns[place.kind] += 1
            ordered.append((turns[place.kind] + rank // 4 * 3, rank, KINDS.index(place.kind), place))
    return [entry[3] for entry in sorted(ordered, key=lambda entry: entry[:3])]


def describe(place):
    text = source(place.file)
    old = " ".join(text[place.start:place.end].split())
    return "%s:%d %s: %s -> %s" % (place.file, place.line, place.kind, old, " ".join(place.new.split()) or "nothing")


# ---- building and running ----

def subjects():
    """tests/mutate/subjects: a file or folder, then the tests, by name, quickest first."""
    table = {}
    for line in open(os.path.join(ROOT, "tests", "mutate", "subjects"), encoding="utf-8"):
        words = line.split()
        if words and not line.startswith("#"):
            table[words[0]] = words[1:]
    return table


def tests_of(table, path):
    return table.get(path) or table[os.path.dirname(path)]


# Where that is allowed, in namespaces of its own: what a mutant leaves behind disturbs no other program, and ends with
# the mutant.
ALONE = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c",
         'mount -t tmpfs none /dev/shm && "$@"', "sh"]


def run(command, limit=None, **more):
    """True: it ended by itself, well, in time. What it started ends with it."""
    alone = ALONE if os.geteuid() == 0 else []
    quiet = {name: subprocess.DEVNULL for name in ("stdin", "stdout", "stderr")}
    process = subprocess.Popen(alone + command, start_new_session=True, **quiet, **more)
    try:
        return process.wait(limit) == 0
    except subprocess.TimeoutExpired:
        return False
    finally:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()


def command_of(name):
    """`lock`, `lock.unsliced`, `lock.spawn`; or `step_kill:ROWS`: the visible steps of rows whose name contains it."""
    if name.startswith("step_kill:"):
        return "step_kill", [os.path.join(BUILD, "tests", "step_kill"), "--visible", "--only",
                             name.split(":", 1)[1].replace("_", " ")], {}
    subject, _, way = name.partition(".")
    variables = {"": {}, "unsliced": {"KIN_TEST_SLICES": "off"}, "spawn": {"KIN_START": "spawn"}}[way]
    return "test_" + subject, [os.path.join(BUILD, "tests", "test_" + subject)], variables


def limit_of(took):
    return 15 + 6 * took


def prepare(table):
    """The copy, built, and how long each test takes without a mutation."""
    os.makedirs(os.path.dirname(TREE), exist_ok=True)
    shutil.rmtree(TREE, ignore_errors=True)
    # With the time of copying: else an object of the last run's last mutant would be newer than its source, and stay.
    shutil.copytree(ROOT, TREE, ignore=shutil.ignore_patterns("build", ".git"), symlinks=True,
                    copy_function=shutil.copy)
    names = sorted({name for tests in table.values() for name in tests})
    targets = sorted({command_of(name)[0] for name in names})
    off = ["-DKIN_%s=OFF" % part for part in ("BUILD_TOOLS", "BUILD_BENCH", "BUILD_EXAMPLES", "WERROR")]
    configured = subprocess.call(["cmake", "--preset", "linux", "-B", BUILD] + off, cwd=TREE, stdout=subprocess.DEVNULL)
    if configured != 0 or subprocess.call(["ninja", "-C", BUILD] + targets, stdout=subprocess.DEVNULL) != 0:
        sys.exit("the copy does not build")
    times = {}
    for name in names:
        began = time.monotonic()
        _, command, variables = command_of(name)
        if not run(command, 300, env=dict(os.environ, **variables)):
            print("%s fails without a mutation, and is left out" % name)
            continue
        times[name] = time.monotonic() - began
    return times


@functools.lru_cache(maxsize=None)
def object_of(path):
    """After prepare: the object file of that source in the library."""
    for folder, _, names in os.walk(BUILD):
        for name in names:
            whole = os.path.join(folder, name)
            if whole.endswith(path + ".o") and "kin_testing" not in whole and "plugin" not in whole:
                return whole
    return None


def code_in(path):
    """The object's contents without what names lines and files."""
    whole = object_of(path)
    if whole is None:
        return b""
    short = whole + ".bare"
    subprocess.call(["objcopy", "--strip-debug", "--remove-section=.note.gnu.build-id", whole, short])
    data = open(short, "rb").read()
    os.unlink(short)
    return data


def set_source(path, text):
    with open(os.path.join(TREE, path), "w", encoding="utf-8") as out:
        out.write(text)


def build(*targets):
    return subprocess.call(["ninja", "-C", BUILD] + list(targets), stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL) == 0


def try_place(place, table, times, bare):
    """What came of it: (result, by what)."""
    text = source(place.file)
    tests = [name for name in tests_of(table, place.file) if name in times]
    if place.file not in bare:
        set_source(place.file, text)
        build(os.path.relpath(object_of(place.file), BUILD))
        bare[place.file] = code_in(place.file)
    set_source(place.file, text[:place.start] + place.new + text[place.end:])
    try:
        if not build(os.path.relpath(object_of(place.file), BUILD)):
            return "not built", ""
        if code_in(place.file) == bare[place.file]:
            return "same code", ""
        if not build(*sorted({command_of(name)[0] for name in tests})):
            return "not built", ""
        for name in tests:
            _, command, variables = command_of(name)
            if not run(command, limit_of(times[name]), env=dict(os.environ, **variables)):
                return "killed", name
        return "survived", " ".join(tests)
    finally:
        set_source(place.file, text)


# ---- results ----

def read_results():
    results = {}
    if os.path.exists(RESULTS):
        for line in open(RESULTS, encoding="utf-8"):
            name, result, by = (line.rstrip("\n").split("\t") + ["", ""])[:3]
            results[name] = (result, by)
    return results


def write_results(results):
    with open(RESULTS + ".new", "w", encoding="utf-8") as out:
        for name in sorted(results):
            out.write("%s\t%s\t%s\n" % (name, results[name][0], results[name][1]))
    os.replace(RESULTS + ".new", RESULTS)


def read_reasons():
    reasons = {}
    for line in open(os.path.join(ROOT, "tests", "mutate", "reasons"), encoding="utf-8"):
        name, _, reason = line.strip().partition(" ")
        if reason and not line.startswith("#"):
            reasons[name] = reason
    return reasons


def report(places, results):
    """docs/mutations.md"""
    reasons = read_reasons()
    done = [place for place in places if place.name in results]
    counts = collections.Counter()
    folders = collections.defaultdict(collections.Counter)
    for place in done:
        result = results[place.name][0]
        if result == "survived" and place.name in reasons:
            result = "explained"
        counts[result] += 1
        folders[os.path.dirname(place.file)][result] += 1
    columns = ["killed", "same code", "not built", "explained", "survived"]
    lines = ["# Mutations", "",
             "`ci/mutate` wrote this. It breaks the core in one place at a time, and runs the tests of that folder.",
             "", "%d places are known, %d have been tried." % (len(places), len(done)), "",
             "- killed: a test failed, or did not end in time.",
             "- same code: the compiler makes the same machine code of it on x86-64. Memory orders are mostly of this",
             "  kind there; [memory-orders.md](memory-orders.md) has the argument for each, and `model/check` verifies",
             "  the protocols.",
             "- not built: the compiler refuses it.",
             "- explained: no test failed, and the table says why that is no fault.",
             "- survived: no test failed, and no reason is known: a test is missing.", "",
             "| folder | " + " | ".join(columns) + " |", "|---|" + "---|" * len(columns)]
    for folder in sorted(folders):
        lines.append("| %s | %s |" % (folder, " | ".join(str(folders[folder][c]) for c in columns)))
    lines.append("| all | %s |" % " | ".join(str(counts[c]) for c in columns))
    for title, wanted in (("Explained", True), ("Survived", False)):
        rows = [p for p in done if results[p.name][0] == "survived" and (p.name in reasons) == wanted]
        lines += ["", "## " + title, "", "| place | kind | change |" + (" why |" if wanted else ""),
                  "|---|---|---|" + ("---|" if wanted else "")]
        for place in sorted(rows):
            change = describe(place).split(": ", 1)[1].replace("|", "\\|")
            why = " %s |" % reasons[place.name] if wanted else ""
            lines.append("| %s:%d | %s | `%s` |%s" % (place.file, place.line, place.kind, change, why))
    with open(os.path.join(ROOT, "docs", "mutations.md"), "w", encoding="utf-8") as out:
        out.write("\n".join(lines) + "\n")
    print(", ".join("%d %s" % (counts[c], c) for c in columns))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--report", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--minutes", type=float, default=1e9)
    parser.add_argument("--again")
    options = parser.parse_args()
    places = all_places()
    results = read_results()
    wanted = [place for place in places if options.only in place.name]
    if options.list:
        for place in wanted:
            print("%s\t%s\t%s" % (place.name, describe(place), " ".join(results.get(place.name, ("not tried", "")))))
        return
    if not options.report:
        end = time.monotonic() + options.minutes * 60
        table, bare = subjects(), {}
        reasons = read_reasons()
        wanted = [place for place in wanted if results.get(place.name, (None,))[0] == options.again and
                  not (options.again and place.name in reasons)]
        times = prepare({place.file: tests_of(table, place.file) for place in wanted})
        for place in wanted:
            if time.monotonic() > end:
                break
            results[place.name] = try_place(place, table, times, bare)
            write_results(results)
            print("%s: %s" % (describe(place), " by ".join(part for part in results[place.name] if part)), flush=True)
    report(places, results)


main()
