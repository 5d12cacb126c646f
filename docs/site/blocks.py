#!/usr/bin/env python3
"""Extracts the C and C++ blocks of Markdown pages, so that they can be compiled and run.

blocks.py OUT PAGE...    writes one source file for each block to OUT, a file that runs them, and a list for CMake

A block of C or C++ is one of these:

- A program that examples/ has: its first line is a comment that begins with the name of the file. The block has to be
  equal to that file, which is built and run there.
- A program: it has a main. If it includes nothing, it gets the preamble below.
- A fragment: statements. They run in a main of their own.

Of the blocks of shell commands, those that begin with kin are put into one script.

A comment of this kind before a block gives it what surrounds it, which the reader does not see. BLOCK stands for the
block. What stands before "main:" is outside of functions, what stands after it is in main. A frame that has a main of
its own is taken as it is.

    <!-- frame
    struct bank { kin_lock lock; long balance; };
    main:
    struct bank *bank;
    must(KIN_ALLOC(&bank, NULL, 1));
    BLOCK
    -->

"<!-- frame: not compiled: REASON -->" leaves a block out.

All programs of a page in one language are in one executable: the environment variable KIN_BLOCK says which one runs,
since a spawned child inherits it.
"""
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

PREAMBLE = {
    "c": """#include <kin/kin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void must(kin_status status)
{
    if (status < 0) {
        exit(fprintf(stderr, "%s\\n", kin_last_error()));
    }
}
""",
    "cpp": """#include <kin/kin.hpp>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <mutex>
#include <string>
#include <vector>
""",
}
CHECK = """
#define CHECK(is) ((is) ? (void)0 : (fprintf(stderr, "not so: %s\\n", #is), exit(1)))
"""


def blocks_of(path):
    """Yields (line, language, text, frame) for each fenced block of C or C++."""
    with open(path, encoding="utf-8") as file:
        lines = file.read().split("\n")
    frame, at = None, 0
    while at < len(lines):
        line = lines[at]
        if line.startswith("<!-- frame"):
            start = at
            while "-->" not in lines[at]:
                at += 1
            frame = "\n".join(lines[start : at + 1])[len("<!-- frame") :].split("-->")[0]
        elif line.startswith("```") and line != "```":
            language, start = line[3:].strip(), at + 1
            at = lines.index("```", start)
            if language in ("c", "cpp", "sh"):
                yield start + 1, language, "\n".join(lines[start:at]) + "\n", frame
            frame = None
        at += 1


def source_of(page, line, language, text, frame):
    """The translation unit of a block."""
    shown = f'#line {line} "{page}"\n{text}'
    preamble = PREAMBLE[language] + CHECK
    if frame is None:
        if re.search(r"\bmain\(", text):
            return shown if "#include" in text else preamble + shown
        return f"{preamble}\nint main(void)\n{{\n{shown}    return 0;\n}}\n"
    if re.search(r"\bmain\(", text + frame):
        return preamble + frame.replace("BLOCK", "\n" + shown)
    outside, _, inside = frame.partition("main:\n") if "main:\n" in frame else ("", "", frame)
    outside = outside.replace("BLOCK", "\n" + shown)
    inside = inside.replace("BLOCK", "\n" + shown)
    return f"{preamble}{outside}\nint main(void)\n{{\n{inside}    return 0;\n}}\n"


def example_of(text):
    """The file of examples/ that a block says it is, or None."""
    first = re.match(r"/\* ([\w-]+)(\.c|\.cpp):", text)
    if not first:
        return None
    name, extension = first.groups()
    directories = [name, name + "-cpp"] if extension == ".cpp" else [name]
    for directory in directories:
        path = os.path.join(ROOT, "examples", directory, name + extension)
        if os.path.exists(path):
            return path
    sys.exit(f"no example {name}{extension}")


def write(path, text):
    if not os.path.exists(path) or open(path, encoding="utf-8").read() != text:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)


def renamed(number, source):
    """The same with another name for main, and a function that calls it."""
    arguments = "argc, argv" if re.search(r"\bmain\(int argc", source) else ""
    linkage = "#ifdef __cplusplus\nextern \"C\"\n#endif\n"
    return (
        f"#define main kin_main_{number}\n{source}\n#undef main\n{linkage}"
        f"int kin_block_{number}(int argc, char **argv);\n"
        f"int kin_block_{number}(int argc, char **argv)\n{{\n    (void)argc;\n    (void)argv;\n"
        f"    return kin_main_{number}({arguments});\n}}\n"
    )


def runner(numbers):
    declared = "".join(f"int kin_block_{number}(int argc, char **argv);\n" for number in numbers)
    cases = "".join(f"    case {number}:\n        return kin_block_{number}(argc, argv);\n" for number in numbers)
    return (
        f"#include <stdlib.h>\n{declared}\nint main(int argc, char **argv)\n{{\n"
        '    const char *block = getenv("KIN_BLOCK");\n    switch (block ? atoi(block) : 0) {\n'
        f"{cases}    default:\n        return 2;\n    }}\n}}\n"
    )


def extract(out, page):
    """Writes the programs of a page. Returns what CMake is told."""
    name = os.path.splitext(os.path.basename(page))[0].lower()
    shown = os.path.relpath(page, ROOT).replace(os.sep, "/")
    found, count = {"c": [], "cpp": []}, 0
    for line, language, text, frame in blocks_of(page):
        if language == "sh":
            continue
        count += 1
        example = example_of(text)
        if example:
            with open(example, encoding="utf-8") as file:
                if file.read() != text:
                    sys.exit(f"{shown}:{line}: another program than {os.path.relpath(example, ROOT)}")
            continue
        if frame is not None and frame.startswith(": not compiled"):
            continue
        path = os.path.join(out, f"{name}-{count}.{language}")
        write(path, renamed(count, source_of(shown, line, language, text, frame)))
        found[language].append((str(count), path))
    return "".join(page_of(out, name, language, blocks) for language, blocks in found.items() if blocks)


def page_of(out, name, language, blocks):
    """What CMake is told about the blocks of one language."""
    path = os.path.join(out, f"{name}-run-{language}.c")
    write(path, runner([number for number, _ in blocks]))
    sources = "\n    ".join('"' + source.replace(os.sep, "/") + '"' for source in [path] + [each for _, each in blocks])
    return f"kin_add_page({name} {language} \"{';'.join(number for number, _ in blocks)}\"\n    {sources}\n)\n"


COMMANDS = """# The commands that the pages show: commands.sh KIN.
# A status of 2 is wrong use, 3 that something is not there.
set -u
kin() {
    local status=0
    "$program" "$@" || status=$?
    if [[ $status -ge 2 ]]; then
        echo "$page: kin $*: $status"
        failed=1
    fi
}
program=$1 failed=0
"""


def commands(pages):
    """A script with all commands of the program kin, in families that only it uses."""
    script = COMMANDS
    for page in pages:
        for _, language, text, _ in blocks_of(page):
            lines = [line for line in text.split("\n") if line.startswith("kin ")] if language == "sh" else []
            if lines:
                script += f"page={os.path.relpath(page, ROOT)}\n"
                script += "\n".join(lines).replace(" shop", ' "shop-$$"') + "\n"
    return script + 'exit "$failed"\n'


def main():
    out, pages = sys.argv[1], sys.argv[2:]
    os.makedirs(out, exist_ok=True)
    write(os.path.join(out, "commands.sh"), commands(pages))
    write(os.path.join(out, "pages.cmake"), "".join(extract(out, page) for page in pages))


main()
