#!/usr/bin/env python3
"""Looks for dead links.

links.py pages          in the Markdown files of the tree: files, and headings in them
links.py site DIR       in the HTML files of the built site: files, and the places in them

Links to other machines are not followed. Also: docs/porting/python.md has to have every public name of Python's
multiprocessing, docs/headers.md every header, and with a site each public function has to have its place in it.
"""
import html
import multiprocessing
import multiprocessing.connection
import multiprocessing.pool
import multiprocessing.queues
import os
import re
import subprocess
import sys
import urllib.parse

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FENCED = re.compile(r"^```.*?^```$|<!--.*?-->", re.M | re.S)


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def headings(text):
    """The anchors of a page's headings, as GitHub makes them."""
    anchors = set()
    for heading in re.findall(r"^#+ (.*)$", text, re.M):
        heading = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").lower()
        anchor = re.sub(r"[^\w\- ]", "", heading).replace(" ", "-")
        number, unique = 0, anchor
        while unique in anchors:
            number += 1
            unique = f"{anchor}-{number}"
        anchors.add(unique)
    return anchors


def dead_in_page(path):
    text = FENCED.sub("", read(path))
    text = re.sub(r"`[^`\n]*`", "", text)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        there = os.path.normpath(os.path.join(os.path.dirname(path), file)) if file else path
        if not os.path.exists(there):
            yield f"{path}: there is no {target}"
        elif anchor and there.endswith(".md") and anchor not in headings(FENCED.sub("", read(there))):
            yield f"{path}: there is no heading {target}"


def missing_names():
    page = set(re.findall(r"\w+", read("docs/porting/python.md")))
    names = set(multiprocessing.__all__)
    for kind in (multiprocessing.Process, multiprocessing.pool.Pool, multiprocessing.pool.AsyncResult,
                 multiprocessing.queues.JoinableQueue, multiprocessing.connection.Connection):
        names |= {name for name in dir(kind) if not name.startswith("_")}
    names -= {"Process", "writable", "readable", "closed"}  # the last three are of file objects
    for name in sorted(names - page):
        yield f"docs/porting/python.md: multiprocessing's {name} is not there"


def missing_headers():
    table = read("docs/headers.md")
    for name in sorted(os.listdir("include/kin")):
        if name.endswith((".h", ".hpp")) and name != "export.h" and name not in table:
            yield f"docs/headers.md: {name} is not there"


def pages():
    command = ["git", "ls-files", "-co", "--exclude-standard", "*.md"]
    files = subprocess.run(command, check=True, capture_output=True, text=True)
    for path in files.stdout.split():
        if os.path.exists(path):
            yield from dead_in_page(path)
    yield from missing_names()
    yield from missing_headers()


def places(path, known={}):
    if path not in known:
        known[path] = set(re.findall(r'\bid="([^"]+)"', read(path)))
    return known[path]


def site(directory):
    everything = set()
    for folder, _, files in os.walk(directory):
        for name in files:
            path = os.path.join(folder, name)
            if not name.endswith(".html"):
                continue
            text = read(path)
            everything |= places(path)
            for target in set(re.findall(r'\b(?:href|src)="([^"]*)"', text)):
                target = html.unescape(target)
                if re.match(r"[a-z]+:|//", target) or target in ("", "#"):
                    continue
                file, _, anchor = target.partition("#")
                file = urllib.parse.unquote(file.split("?")[0])
                there = os.path.normpath(os.path.join(folder, file)) if file else path
                if os.path.isdir(there):
                    there = os.path.join(there, "index.html")
                if not os.path.exists(there):
                    yield f"{path}: there is no {target}"
                elif anchor and there.endswith(".html") and urllib.parse.unquote(anchor) not in places(there):
                    yield f"{path}: there is no place {target}"
    for function in read("docs/functions.txt").split():
        if f"c.{function}" not in everything:
            yield f"{directory}: {function} is not documented"


def main():
    os.chdir(ROOT)
    found = sorted(set(pages() if sys.argv[1] == "pages" else site(sys.argv[2])))
    print("\n".join(found), end="\n" if found else "")
    sys.exit(bool(found))


main()
