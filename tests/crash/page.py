"""page.py DIRECTORY: writes docs/crash-matrix.md and docs/crash-matrix.svg from the results that ci/crash-matrix left
in the directory."""
import math
import os
import sys

WHERE = sys.argv[1]
INTRODUCTION = """# Killed in the middle of every operation

`ci/crash-matrix` wrote this. A process, the victim, is stepped through an operation, and killed. Then every process
that waited for the victim has to continue, every object has to work, and no member, thread slot or name of the victim
may be left. That may take one second, and ten for a pool or a manager, which start processes.

Two kills between which the victim changed nothing that others can see are one kill. So it is killed after each
*visible step*, each change of shared memory and each system call, and after those only: "n of n". An instruction that
makes more than 64 steps is in a long loop, such as a copy. There the victim is killed after the first and the last of
these steps and after some between ("m of n"). `step_kill --visible --all` kills after all of them. With `--sample`
it is killed after some of the steps only. The columns then have both numbers.

The times are the longest until all was in order again, in milliseconds. What a sleeper needs is the end of its slice,
50 ms where it watches an owner.
"""


def lines_of(part):
    path = os.path.join(WHERE, part)
    return open(path, encoding="utf-8").read().splitlines() if os.path.exists(path) else []


def when(part):
    lines = lines_of(part + ".when")
    return "`%s`%s" % tuple(lines[0].split(";", 1)) if lines else "not run"


def rows(part):
    """(object, role), then the other columns."""
    table = {}
    for line in lines_of(part):
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if line.startswith("|") and len(cells) == 6:
            table[cells[0], cells[1]] = cells[2:]
    return table


def matrix():
    visible, twice, stop, windows = (rows(part) for part in ("visible", "twice", "stop", "windows"))
    out = ["## One kill, two kills, a stop", ""]
    for title, part in (("Linux", "visible"), ("Twice: the process that recovers is killed, too, after visible steps "
                        "of that", "twice"), ("Stopped instead of killed, and continued", "stop"),
                        ("Windows", "windows"),
                        ("That visible steps are enough", "compare")):
        out.append("- %s: %s" % (title, when(part)))
    out += ["", "| object | in the middle of | visible steps | ms | twice: pairs | ms | stops "
            "| Windows: visible steps | kills | ms | then |", "|---|---|---|---|---|---|---|---|---|---|---|"]
    for key in list(visible) + [key for key in windows if key not in visible]:
        one, two, halt, win = (table.get(key, ["", "", "", ""]) for table in (visible, twice, stop, windows))
        ends = {cells[3] for cells in (one, two, halt, win) if cells[3]}
        out.append("| %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |" % (
            key[0], key[1], one[0], one[2], two[1], two[2], halt[1], win[0], win[1], win[2],
            "; ".join(sorted(ends))))
    kills = [sum(int(cells[1]) for cells in table.values()) for table in (visible, twice, stop, windows)]
    out += ["", "In all %d kills, %d pairs of kills, %d stops; Windows: %d kills." % tuple(kills), "",
            "![The time until others go on](crash-matrix.svg)", ""]
    return out


def compared():
    lines = lines_of("compare")
    if not lines:
        return []
    return ["## A kill after each visible step, and after each instruction", "",
            "`step_kill --compare`: shared memory is compared after each instruction, the victim is killed after each, "
            "and what is", "found afterwards has to be the same from one visible step to the next.", ""] + \
           ["- " + line for line in lines] + [""]


def storm():
    out = ["## Killed at random", "", when("storm") + ", for a minute on each system: 16 processes use all objects at "
           "once, and one after the", "other is killed and replaced. What locks guard was right all the time, and at "
           "the end no member, thread slot, permit or", "message of the dead was left.", "", "| | |", "|---|---|"]
    for system in ("linux", "windows"):
        said = [line.split(": ", 1)[1] for line in lines_of("storm") if line.startswith(system + ": ")]
        said = [line for line in said if "killed" in line or "committed" in line]
        if said:
            out.append("| %s | %s |" % (system, "; ".join(said)))
    return out if lines_of("storm") else []


def chart():
    """For each object the times of its operations, one dot each, on a logarithmic scale."""
    objects = {}
    for (name, _), cells in rows("visible").items():
        objects.setdefault(name, []).append(float(cells[2]))
    left, width, row = 170, 560, 18
    height = row * len(objects) + 50

    def x(milliseconds):
        return left + width * math.log10(max(milliseconds, 1)) / 4
    svg = ['<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="12">'
           % (left + width + 40, height), '<rect width="100%" height="100%" fill="white"/>']
    for power in range(5):
        at = x(10 ** power)
        svg.append('<line x1="%.0f" y1="10" x2="%.0f" y2="%d" stroke="#ddd"/>' % (at, at, height - 34))
        svg.append('<text x="%.0f" y="%d" text-anchor="middle">%d ms</text>' % (at, height - 18, 10 ** power))
    for number, name in enumerate(objects):
        y = 20 + row * number
        svg.append('<text x="%d" y="%d" text-anchor="end">%s</text>' % (left - 10, y + 4, name.replace("&", "&amp;")))
        for milliseconds in objects[name]:
            svg.append('<circle cx="%.1f" cy="%d" r="4" fill="#1f6feb" fill-opacity="0.45"/>' % (x(milliseconds), y))
    svg.append('<text x="%d" y="%d">the longest time until others went on, of each operation; up to 1 ms: at the left'
               "</text></svg>" % (left, height - 3))
    with open("docs/crash-matrix.svg", "w", encoding="utf-8") as out:
        out.write("\n".join(svg) + "\n")


chart()
with open("docs/crash-matrix.md", "w", encoding="utf-8") as page:
    page.write(INTRODUCTION + "\n" + "\n".join(matrix() + compared() + storm()) + "\n")
