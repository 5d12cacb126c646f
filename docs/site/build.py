#!/usr/bin/env python3
"""Puts the sources of the site together: build.py OUT

The pages of docs/ and the other Markdown files of the tree become pages of the site. Links between them stay links; a
link to a header leads to its page of the reference, one to an example to the page of that example. What the site does
not have (a source file, a script) stays as text. The reference is made from the headers (headers.py).
"""
import os
import re
import shutil
import subprocess
import sys

import headers

ROOT = headers.ROOT
RENAMED = {
    "README.md": "index.md",
    "SECURITY.md": "security.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "examples/README.md": "examples/index.md",
}
CODE = re.compile(r"(^```.*?^```$)", re.M | re.S)
ABOUT = ["architecture", "platforms", "performance", "crash-matrix", "start-methods", "memory-orders"]


def page_of(path):
    """The page of the site that shows a file or directory of the tree, or None."""
    if path in RENAMED:
        return RENAMED[path]
    if path.startswith("docs/") and path.endswith((".md", ".svg", ".png")):
        return path[len("docs/") :]
    if re.fullmatch(r"bench/results/[\w.-]+\.svg", path):
        return "plots/" + os.path.basename(path)
    header = re.fullmatch(r"include/kin/((?:cpp/)?[\w.]+)", path)
    if header:
        return f"reference/{headers.page_name(header[1])}.rst"
    example = re.match(r"examples/([\w-]+)", path)
    if example and example[1] in examples():
        return f"examples/{example[1]}.md"
    return None


def examples():
    directory = os.path.join(ROOT, "examples")
    names = os.listdir(directory)
    return sorted(name for name in names if os.path.exists(os.path.join(directory, name, "CMakeLists.txt")))


def with_names(line):
    """A line of text whose functions and statuses lead to the reference."""

    def name(found):
        it = found[1]
        if headers.TYPED.fullmatch(it):
            return f"{{doc}}`{it} </reference/typed-h>`"
        role = "c:func" if it in headers.FUNCTIONS else "c:enumerator" if it in headers.STATUSES else None
        role = role or ("c:macro" if it in headers.MACROS else None)
        return f"{{{role}}}`{it}`" if role else found[0]

    return re.sub(r"(?<![\[`])`(\w+)`(?!`)", name, line)


def outside_code(change, text):
    """The text with all that is not in a fenced block changed."""
    parts = CODE.split(text)
    parts[::2] = [change(part) for part in parts[::2]]
    return "".join(parts)


def relink(text, source, page):
    """The text of the file source, with its links as the page needs them."""

    def link(found):
        label, target = found[1], found[2]
        if re.match(r"[a-z]+:|#", target):
            return found[0]
        file, _, anchor = target.partition("#")
        there = page_of(os.path.normpath(os.path.join(os.path.dirname(source), file)).replace(os.sep, "/"))
        if not there:
            return label if label.startswith("`") else f"`{label}`" if re.fullmatch(r"[\w./-]+", label) else label
        there = os.path.relpath(there, os.path.dirname(page) or ".").replace(os.sep, "/")
        return f"[{label}]({there}{'#' + anchor if anchor else ''})"

    def linked(part):
        part = re.sub(r"^(?!#).*$", lambda line: with_names(line[0]), part, flags=re.M)
        return re.sub(r"(?<!\\)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)", link, part)

    return outside_code(linked, text)


def write(out, page, text):
    path = os.path.join(out, page)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def toctree(caption, pages, titles=None):
    lines = "\n".join(f"{titles[page]} <{page}>" if titles and page in titles else page for page in pages)
    return f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{lines}\n```\n"


def navigation(out):
    guide = ["choose", "share-a-counter", "pass-a-lock", "survive-a-crash", "at-most-n", "spawn-on-windows",
             "from-fork-to-spawn", "start-children-yourself", "several-programs", "watch-it-run",
             "containers-and-services", "signals-and-threads", "cpp"]
    missing = {name[:-3] for name in os.listdir(os.path.join(ROOT, "docs/guide")) if name.endswith(".md")} - set(guide)
    guide += sorted(missing)
    there = {name[:-3] for name in os.listdir(out) if name.endswith(".md")}
    about = [page for page in ABOUT if page in there]
    elsewhere = {"index", "install", "packages", "headers", "command", "security", "changelog", "contributing"}
    about += sorted(there - set(about) - elsewhere)
    install = [page for page in ("install", "packages") if page in there]
    return (
        toctree("Guide", install + [f"guide/{page}" for page in guide])
        + toctree("Coming from", [f"porting/{page}" for page in ("python", "posix", "win32", "boost", "sysv")],
                  {"porting/python": "Python", "porting/posix": "POSIX", "porting/win32": "Win32",
                   "porting/boost": "Boost.Interprocess", "porting/sysv": "System V"})
        + toctree("Reference", ["headers", "command", "examples/index"])
        + toctree("About kin", about + ["security", "changelog", "contributing"])
    )


def with_pictures(text):
    """Mermaid's pictures are drawn in the browser; without its script they are shown as text."""
    drawn = re.sub(
        r"^```mermaid\n(.*?)^```$",
        lambda found: "```{raw} html\n<pre class=\"mermaid\">\n" + found[1].replace("&", "&amp;").replace("<", "&lt;")
        + "</pre>\n```",
        text, flags=re.M | re.S,
    )
    if drawn == text:
        return text
    return drawn + (
        "\n```{raw} html\n<script src=\"_static/mermaid.min.js\"></script>\n"
        "<script>mermaid.initialize({startOnLoad: true, theme:\n"
        "matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'neutral'});</script>\n```\n"
    )


def example_page(name):
    directory = os.path.join(ROOT, "examples", name)
    sources = []
    for folder, _, files in sorted(os.walk(directory)):
        sources += sorted(os.path.join(folder, file) for file in files if file.endswith((".c", ".cpp", ".h")))
    sources.sort(key=lambda path: (os.path.splitext(os.path.basename(path))[0] != name.replace("-cpp", ""), path))
    text = f"# {name}\n"
    for path in sources + [os.path.join(directory, "CMakeLists.txt")]:
        language = {".c": "c", ".h": "c", ".cpp": "cpp"}.get(os.path.splitext(path)[1], "cmake")
        shown = os.path.relpath(path, directory)
        text += f"\n## {shown}\n\n```{language}\n{open(path, encoding='utf-8').read()}```\n"
    return text


def with_one_title(text, page):
    """A page with several titles gets one above them, so that the navigation has one entry."""
    titles = re.findall(r"^# .*$", CODE.sub("", text), re.M)
    if len(titles) < 2:
        return text
    name = os.path.splitext(os.path.basename(page))[0].replace("-", " ").capitalize()
    return f"# {name}\n\n" + outside_code(lambda part: re.sub(r"^(#+ )", r"#\1", part, flags=re.M), text)


def help_of_commands():
    """What `kin COMMAND --help` prints for each command, if the program is built."""
    program = os.environ.get("KIN_PROGRAM", "")
    if not os.access(program, os.X_OK):
        return ""

    def said(*words):
        return subprocess.run([program, *words], check=True, capture_output=True, text=True).stdout

    text = "\n## The commands\n"
    for command in re.findall(r"^  (\w+(?: \w+)?)  +\S", said("help"), re.M):
        text += f"\n### kin {command}\n\n```text\n{said(*command.split(), '--help').rstrip()}\n```\n"
    return text


def markdown_files():
    for folder, _, files in os.walk(os.path.join(ROOT, "docs")):
        for file in files:
            path = os.path.relpath(os.path.join(folder, file), ROOT).replace(os.sep, "/")
            if file.endswith((".md", ".svg", ".png")) and not path.startswith("docs/site/"):
                yield path
    plots = os.path.join(ROOT, "bench/results")
    yield from (f"bench/results/{name}" for name in sorted(os.listdir(plots)) if name.endswith(".svg"))
    yield from (path for path in RENAMED if path != "README.md")


def main():
    out = sys.argv[1]
    shutil.rmtree(out, ignore_errors=True)
    for path in markdown_files():
        page = page_of(path)
        if not path.endswith(".md"):
            os.makedirs(os.path.join(out, os.path.dirname(page)), exist_ok=True)
            shutil.copy(os.path.join(ROOT, path), os.path.join(out, page))
            continue
        with open(os.path.join(ROOT, path), encoding="utf-8") as file:
            write(out, page, with_one_title(with_pictures(relink(file.read(), path, page)), page))
    for name in examples():
        write(out, f"examples/{name}.md", example_page(name))
    reference = headers.write_all(lambda page, text: write(out, f"reference/{page}.rst", text))
    for page, more in (("index.md", navigation(out)), ("command.md", help_of_commands()),
                       ("examples/index.md", toctree("Examples", examples())),
                       ("headers.md", toctree("Headers", [f"reference/{name}" for name in reference]))):
        with open(os.path.join(out, page), "a", encoding="utf-8") as file:
            file.write(more)
    for name in ("conf.py", "static"):
        source, target = os.path.join(ROOT, "docs/site", name), os.path.join(out, name)
        (shutil.copytree if os.path.isdir(source) else shutil.copy)(source, target)


main()
