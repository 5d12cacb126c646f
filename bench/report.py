#!/usr/bin/env python3
"""Makes docs/performance.md, bench/results/table.md and the plots of what kin-bench has measured.

    bench/report.py machine [--provisional]    writes bench/results/machine.json: what it is measured on
    bench/report.py write                      reads bench/results/*.json, writes the rest, and README.md's row about
                                               queues unless the results are provisional; gnuplot draws the plots
"""
import datetime
import json
import math
import os
import platform
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
RESULTS = os.path.join(ROOT, "bench", "results")
REASONS = os.path.join(ROOT, "bench", "reasons.md")
PAGE = os.path.join(ROOT, "docs", "performance.md")
README = os.path.join(ROOT, "README.md")
WINDOWS = "windows-"  # before a subject: it was measured under Wine

# The subjects, in the order of the page: title, and what is said above the table.
SUBJECTS = {
    "limits": ("The machine's limits", "What no library can be faster than."),
    "lock": ("A lock, nobody else", "Acquire and release, one process, pinned."),
    "contended": ("A lock that several want",
                  "1 to 8 processes, pinned in turns, with about 100 ns of work outside the lock. The slowest "
                  "process's share tells whether some of them starve."),
    "rwlock": ("Readers-writer locks, nobody else", "Acquire and release; in turns: a reader, a writer, and so on."),
    "readers": ("Readers at once", "POSIX has robust mutexes, but no robust readers-writer lock."),
    "semaphore": ("Hand-over by semaphores", "A round trip between two processes, on two processors and on one."),
    "waiting": ("Hand-over by events and conditions", "The same, beside kin's semaphore."),
    "many": ("Waking many", "Time for each participant of a round of a barrier, of a notify of all."),
    "asleep": ("Hundreds that wait for nothing", ""),
    "beside": ("Hand-over beside many sleepers",
               "A round trip of two threads on one processor, while others sleep on semaphores of their own. Each sleeper "
               "of kin looks every 150 ms whether it was forgotten: 6 800 wake-ups a second of 1 000 sleepers. They take "
               "the processor from the players, who offer it before they sleep, and so sleep more often: measured on a "
               "machine that did other work, 0.25 futex calls in a round trip beside nobody, 2.2 beside 1 000, and 0.25 "
               "beside 1 000 that do not look, which then cost nothing. The peers sleep at each trip, and do not look."),
    "queue": ("Queues", "Whole messages from processes to processes, pinned in turns."),
    "latency": ("Round trips by how rare they are",
                "64 bytes there and 64 back, each trip by itself: so many percent take at most this long."),
    "crowded": ("Queues with many users", "Beside a ring of one mutex and two semaphores, as textbooks have it."),
    "pipe": ("Pipes", "Messages, both ways, beside a socket pair of packets."),
    "pool": ("Pools", ""),
    "dict": ("Dicts, and what a manager keeps", ""),
    "tables": ("Dicts beside other tables", "Keys of 16 bytes, values of 4, random entries."),
    "sharing": ("Dicts that processes share", "Some read and some write random entries; each in a process of its own."),
    "growth": ("Dicts, lists and the heap as they grow", ""),
    "run": ("Running a program", ""),
    "create": ("Creating and destroying", ""),
    "start": ("Starting and joining children", ""),
}


def load(before=""):
    """{subject: rows}, in the order of the page. before: WINDOWS, or nothing."""
    found = {}
    for subject in (before + subject for subject in SUBJECTS):
        path = os.path.join(RESULTS, subject + ".json")
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                found[subject] = json.load(file)["rows"]
    return found


def number(value):
    if value is None:
        return "–"
    if value == 0:
        return "0"
    digits = max(0, 2 - int(math.floor(math.log10(abs(value)))))
    text = f"{value:.{min(digits, 6)}f}"
    return text if value < 1e4 else f"{value:,.0f}".replace(",", " ")


def more_is_better(unit):
    return "/s" in unit or unit == "of the mean"


def is_limit(peer):
    """What is drawn as a limit: it spins, or serves one process only, or is kin itself."""
    return any(word in peer for word in ("spinning", "one process", "kin", "fewest", "a loop", "10^3"))


def gain(row):
    """How many times better kin is than the peer."""
    kin, peer = row["kin"], row["peer"]
    if not kin or not peer:
        return None
    return kin / peer if more_is_better(row["unit"]) else peer / kin


# ---- the machine ----


def first_match(path, pattern):
    try:
        with open(path, encoding="utf-8") as file:
            found = re.search(pattern, file.read(), re.M)
            return found[1].strip() if found else ""
    except OSError:
        return ""


def write_machine(provisional):
    compiler = subprocess.run(["gcc", "--version"], capture_output=True, text=True, check=False).stdout.split("\n")[0]
    commit = subprocess.run(["git", "-C", ROOT, "rev-parse", "--short", "HEAD"], capture_output=True, text=True,
                            check=False)
    machine = {
        "processor": first_match("/proc/cpuinfo", r"^model name\s*:\s*(.*)$") or platform.machine(),
        "processors": len(os.sched_getaffinity(0)),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "system": first_match("/etc/os-release", r'^PRETTY_NAME="?(.*?)"?$'),
        "kernel": platform.release(),
        "libc": " ".join(platform.libc_ver()),
        "compiler": compiler,
        "commit": commit.stdout.strip(),
        "date": datetime.date.today().isoformat(),
        "load_before": round(os.getloadavg()[0], 2),
        "provisional": provisional,
    }
    with open(os.path.join(RESULTS, "machine.json"), "w", encoding="utf-8") as file:
        json.dump(machine, file, indent=1)
        file.write("\n")


# ---- tables ----


def grouped(rows):
    """Rows of the same name and unit, which have the same figure of kin's."""
    groups = {}
    for row in rows:
        groups.setdefault((row["name"].strip(), row["unit"]), []).append(row)
    return groups


def kin_cell(row):
    text = number(row["kin"])
    if row["kin_low"] is not None and row["kin_low"] != row["kin_high"]:
        text += f" ({number(row['kin_low'])} to {number(row['kin_high'])})"
    if row["kin_busy"] is not None:
        text += f"; {row['kin_busy']:.1f} CPUs"
    return text


def peer_cell(row):
    if row["peer"] is None:
        return ""
    times = gain(row)
    text = f"{row['beside']} {number(row['peer'])}"
    if row["peer_busy"] is not None:
        text += f"; {row['peer_busy']:.1f} CPUs"
    return text + (f" (kin: {number(times)} ×)" if times else "")


def table(rows):
    lines = ["| what | unit | kin: median (quartiles); processors busy | beside |", "|---|---|---|---|"]
    for (name, unit), group in grouped(rows).items():
        best_first = sorted(group, key=lambda row: gain(row) or math.inf)
        peers = "<br>".join(cell for cell in map(peer_cell, best_first) if cell)
        lines.append(f"| {name} | {unit} | {kin_cell(group[0])} | {peers} |")
    return "\n".join(lines) + "\n"


def reasons():
    """[(pattern, text)]: in reasons.md a line "## PATTERN" begins the reason for the rows that match it."""
    with open(REASONS, encoding="utf-8") as file:
        parts = re.split(r"^## (.*)$", file.read(), flags=re.M)
    return [(parts[i].strip(), parts[i + 1].strip()) for i in range(1, len(parts), 2)]


def not_first(found):
    """The rows in which an alternative is more than 10 % better, beside the best one, each with its reason."""
    known = reasons()
    lines = ["| what | kin | the best peer | | why, and what was tried |", "|---|---|---|---|---|"]
    for rows in found.values():
        for (name, unit), group in grouped(rows).items():
            behind = [row for row in group if gain(row) and gain(row) < 1 / 1.1 and not is_limit(row["beside"])]
            if not behind or name.endswith(" 100 %"):
                continue
            best = min(behind, key=gain)
            why = next((text for pattern, text in known if re.search(pattern, name)), "not known yet")
            why = why.replace("\n", " ")
            lines.append(f"| {name} | {number(best['kin'])} {unit} | {number(best['peer'])} | {best['beside']} | "
                         f"{why} |")
    return "\n".join(lines) + "\n"


# ---- plots ----


def series(rows, pattern):
    """{who: [(x, value)]} of the rows whose name matches."""
    lines = {}
    for row in rows:
        if row["x"] is None or not re.search(pattern, row["name"]):
            continue
        for who, value in (("kin", row["kin"]), (row["beside"], row["peer"])):
            if value:
                lines.setdefault(who, {})[row["x"]] = value
    return {who: sorted(points.items()) for who, points in lines.items()}


# kin is red; no other line is.
COLOURS = ["#1f77b4", "#2ca02c", "#ff7f0e", "#9467bd", "#8c564b", "#17becf", "#bcbd22", "#e377c2", "#000000", "#6a8d00",
           "#003f88", "#a0785a"]


def quoted(text):
    """For gnuplot: ' ends a string, _ begins an index."""
    return text.replace("'", "''").replace("_", " ")


def plot(name, title, xlabel, ylabel, lines, limits=(), log="xy", xtics=None):
    """Draws the lines, and the limits as dashed ones, into bench/results/NAME.svg."""
    if not lines:
        return None
    script = [
        "set terminal svg size 960,480 dynamic background '#ffffff' font 'sans,12'",
        f"set output '{os.path.join(RESULTS, name)}.svg'",
        f"set title '{title}'", f"set xlabel '{xlabel}'", f"set ylabel '{ylabel}'",
        "set key outside right", "set grid", f"set logscale {log}", "set format y '%g'",
    ]
    if xtics:
        script.append("set xtics (" + ", ".join(f"'{text}' {at}" for text, at in xtics) + ")")
    parts, data = [], []
    others = iter(COLOURS * 3)
    for who, points in lines.items():
        width, colour = (3, "#c00000") if who == "kin" else (1.2, next(others))
        parts.append(f"'-' using 1:2 with linespoints pt 7 ps 0.5 lw {width} lc rgb '{colour}' title '{quoted(who)}'")
        data.append(points)
    for text, points in limits:
        parts.append(f"'-' using 1:2 with lines dt 2 lw 1.5 lc rgb '#888888' title 'limit: {quoted(text)}'")
        data.append(points)
    script.append("plot " + ", ".join(parts))
    for points in data:
        script += [f"{x} {y}" for x, y in points] + ["e"]
    subprocess.run(["gnuplot"], input="\n".join(script) + "\n", text=True, check=True)
    return name


def value_of(rows, pattern):
    return next((row["kin"] for row in rows if re.search(pattern, row["name"])), None)


def draw(found):
    """{subject: [plot]}."""
    drawn = {}
    limits = found.get("limits", [])

    def add(subject, *arguments, **options):
        name = plot(*arguments, **options)
        if name:
            drawn.setdefault(subject, []).append(name)

    if "contended" in found:
        trip = value_of(found["contended"], "a cache line")
        limit = [("the lock's cache line goes over", [(1, 2e3 / trip), (8, 2e3 / trip)])] if trip else []
        add("contended", "contended", "A lock that several processes want", "processes", "million pairs per second",
            series(found["contended"], r"^lock, \d"), limit, xtics=[(n, n) for n in (1, 2, 4, 8)])
    if "queue" in found:
        copies = [(row["x"], 1e6 / (2 * row["kin"])) for row in limits if row["x"] and "memcpy" in row["name"]]
        lines = series(found["queue"], "by size")
        lines["kin, in place"] = series(found["queue"], "in place").get("kin", [])
        add("queue", "queue-size", "Messages by size, 1 to 1", "bytes", "thousand messages per second", lines,
            [("two copies", copies)] if copies else [])
        add("queue", "queue-users", "Messages of 64 bytes", "producers and consumers together",
            "thousand messages per second", series(found["queue"], r"64 B, \d+ to"),
            xtics=[(n, n) for n in (2, 16, 128)])
    if "latency" in found:
        trip = value_of(found["latency"], "a cache line")
        call = value_of(limits, "a system call")
        for cpus, place, limit in (("2 CPUs", "two processors", ("a cache line there and back", trip)),
                                   ("1 CPU", "one processor", ("four system calls", call and 4 * call))):
            lines = {who: [(1 / (1 - x / 100), y) for x, y in points if x < 100]
                     for who, points in series(found["latency"], cpus).items()}
            flat = [(limit[0], [(2, limit[1] / 1e3), (1e4, limit[1] / 1e3)])] if limit[1] else []
            add("latency", "latency-" + cpus[0], f"Round trip on {place}", "percent of the trips", "microseconds",
                lines, flat, xtics=[("50", 2), ("90", 10), ("99", 100), ("99.9", 1000), ("99.99", 10000)])
    if "tables" in found:
        for what in ("get", "set"):
            add("tables", "tables-" + what, f"Tables: {what}", "entries", "nanoseconds",
                series(found["tables"], f": {what}"))
    return drawn


# ---- the page ----


def page(found, windows, drawn, machine):
    out = ["# Performance\n",
           "Written by `ci/bench`: do not edit. The sentences about rows where a peer is better are in "
           "[bench/reasons.md](../bench/reasons.md).\n"]
    if machine["provisional"]:
        out.append("**Provisional: measured with short runs on a machine that was busy with other work. The figures "
                   "show what the tables will look like, and nothing else.** `ci/bench` on a quiet machine replaces "
                   "them.\n")
    out.append(f"{machine['processor']}, {machine['processors']} processors, {machine['memory_gib']} GiB; "
               f"{machine['system']}, Linux {machine['kernel']}, {machine['libc']}, {machine['compiler']}; commit "
               f"{machine['commit']}, {machine['date']}, load before {machine['load_before']}.\n")
    out.append("What stands in one row was measured in one run, in turns. A figure is the median of the rounds, in "
               "parentheses its quartiles. \"CPUs\" is how many processors were busy on average, with the start of the "
               "processes: what spins pays there. \"kin: 2 ×\" says that kin is twice as good. Machines differ, and "
               "virtual ones from minute to minute: what a cache line takes from one processor to the other is "
               "measured again before each subject. Compare ratios, not figures of different runs.\n")
    out.append("## Where a peer is better\n\nBy more than 10 %. What only spins, or serves only one process, is a "
               "limit, not an alternative, and not listed.\n")
    out.append(not_first(found))
    for subject, rows in found.items():
        title, text = SUBJECTS[subject]
        out.append(f"## {title}\n")
        if text:
            out.append(text + "\n")
        out += [f"![{name}](../bench/results/{name}.svg)\n" for name in drawn.get(subject, [])]
        out.append(table(rows))
    if windows:
        out.append("## Windows, under Wine\n\nOn the same machine. Wine's kernel objects are messages to a server "
                   "process; what real Windows does has not been measured. Queues: short runs.\n")
        behind = not_first(windows)
        if behind.count("\n") > 2:  # more than the table's head
            out.append("Where a peer is better by more than 10 %:\n")
            out.append(behind)
        out.append(table([row for rows in windows.values() for row in rows]))
    return "\n".join(out)


def write_readme(found):
    """Puts the throughput of queues into its row of README.md's table."""
    rows = [row for row in found.get("queue", []) if row["name"] == "queue, 64 B, 1 to 1"]
    peers = {row["beside"]: row["peer"] for row in rows}

    def cell(value):
        return f"{value / 1e3:.2g} M/s" if value else "–"

    if not rows:
        return
    boost, python = cell(peers.get("Boost message_queue")), cell(peers.get("CPython's Queue"))
    line = f"| queue between processes | {cell(rows[0]['kin'])} | {boost} | – | – | {python} |"
    with open(README, encoding="utf-8") as file:
        text, count = re.subn(r"^\| queue between processes \|.*$", lambda _: line, file.read(), flags=re.M)
    if count != 1:
        sys.exit("README.md has not one row about queues")
    with open(README, "w", encoding="utf-8") as file:
        file.write(text)


def write():
    found = load()
    with open(os.path.join(RESULTS, "machine.json"), encoding="utf-8") as file:
        machine = json.load(file)
    drawn = draw(found)
    with open(PAGE, "w", encoding="utf-8") as file:
        file.write(page(found, load(WINDOWS), drawn, machine))
    if not machine["provisional"]:
        write_readme(found)
    with open(os.path.join(RESULTS, "table.md"), "w", encoding="utf-8") as file:
        file.write(table([row for rows in found.values() for row in rows]))


def main(arguments):
    if arguments[:1] == ["machine"]:
        write_machine("--provisional" in arguments)
    elif arguments == ["write"]:
        write()
    else:
        sys.exit(__doc__)


main(sys.argv[1:])
