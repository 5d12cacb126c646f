"""Makes the pages of the reference from the public headers.

The headers are written to be read as they are. What this file knows of their form:

- The comment at the head describes the header. "/* ---- title ---- */" begins a section.
- A comment right above declarations, without a blank line between, describes them. Any other comment stands alone.
- In a comment: a line indented by four or more is an example. "- " begins an item of a list. A line indented by two
  that has a word and then two blanks or more begins a row of a table.
"""
import os
import re

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
INCLUDE = os.path.join(ROOT, "include/kin")
WHOLE = ("export.h", "kin.h", "typed.h")  # macros that say nothing by themselves
LEADS = ("Errors", "Errors of all", "Cost", "Death", "Memory", "Order", "Fairness", "Lifetime", "Other users",
         "Threads",
         "Death of a process", "Death of a worker", "Death of the owner", "Owner death", "Program", "End", "Killing",
         "Fork", "Spawn", "Fork server", "Fork server, the third method of POSIX", "die_with_parent",
         "Cost of writing", "Cost of reading", "Callbacks",
         "Signal handlers (POSIX)", "Cancellation (POSIX)", "The end of a thread (POSIX)", "Linux", "Windows", "POSIX")


def page_name(header):
    return header.replace("cpp/", "cpp-").replace(".hpp", "-hpp").replace(".h", "-h")


def functions():
    with open(os.path.join(ROOT, "docs/functions.txt"), encoding="utf-8") as file:
        return set(file.read().split())


def every_header():
    return "".join(open(os.path.join(INCLUDE, name), encoding="utf-8").read() for name in HEADERS)


def is_hidden(macro):
    """Whether the reference leaves a macro out."""
    return "DETAIL" in macro or macro.endswith("_H") or macro in ("KIN_BEGIN", "KIN_END", "KIN_API", "KIN_STATUS_LIST")


FUNCTIONS = functions()
HEADERS = sorted(name for name in os.listdir(INCLUDE) if name.endswith(".h"))
MACROS = {name for name in re.findall(r"^#define (KIN_\w+)", every_header(), re.M) if not is_hidden(name)}
STATUSES = {name: (number, text) for number, name, text in
            re.findall(r'^    X\((-?\d+), (\w+), "(.*?)"\)', every_header(), re.M)}
# The inline functions of typed.h: its macro makes one of each for each type.
TYPED = re.compile(r"kin_(?:args_add|args_get|ref_of|ref_get|name_set|name_get)_(?:%s)" % "|".join(
    re.findall(r"^KIN_DETAIL_TYPED\((\w+),", every_header(), re.M)))
CXX_HEADERS = ["kin.hpp"] + sorted(f"cpp/{name}" for name in os.listdir(os.path.join(INCLUDE, "cpp")))


WORD = re.compile(r"`[^`]+`|\*?\b[a-z_]+\.h\b(?!pp)|\*?\b\w+\b\*?|[*`|\\]")


def marked(it):
    """A word as reStructuredText, and whether it is marked up."""
    if it.startswith("`") and len(it) > 2:
        return f"``{it[1:-1]}``", True
    if it in FUNCTIONS:
        return f":c:func:`{it}`", True
    if it in MACROS:
        return f":c:macro:`{it}`", True
    if it in STATUSES:
        return f":c:enumerator:`{it}`", True
    if it in HEADERS:
        return f":doc:`{it} <{page_name(it)}>`", True
    if it.startswith(("kin_", "KIN_", "*")) and len(it) > 1 or it.endswith("_"):
        return f"``{it}``", True
    return re.sub(r"([*`|\\])", r"\\\1", it), False


def inline(text):
    """A sentence of a comment, as reStructuredText. Markup has to stand apart from letters: "\\ " is a space that is
    not shown."""
    out, at = "", 0
    for found in WORD.finditer(text):
        out += text[at : found.start()]
        it, is_marked = marked(found[0])
        if is_marked and out and out[-1] not in " '\"([{<-/:":
            out += "\\ "
        out += it
        at = found.end()
        if is_marked and at < len(text) and text[at] not in " '\")]}>-/:.,;!?":
            out += "\\ "
    return out + text[at:]


def lead_of(text):
    """What a paragraph is about, if it begins with that: "Errors: "."""
    lead = re.match(r"([A-Z_a-z][\w ,()]*):(?: |$)", text)
    return lead if lead and lead[1] in LEADS else None


def sentence(lines):
    text = " ".join(line.strip() for line in lines)
    lead = lead_of(text)
    if lead:
        return f"**{lead[1]}:** {inline(text[lead.end():])}"
    return re.sub(r"(?<=[.)] )Errors:(?= |$)", "**Errors:**", inline(text))


def comment_lines(comment):
    """The text of a comment, without its frame."""
    body = comment.strip()[2:-2]
    lines = [re.sub(r"^ \* ?", "", line) if i else line.lstrip() for i, line in enumerate(body.split("\n"))]
    lines = ["" if line.strip() == "*" else line.rstrip() for line in lines]
    while lines and not lines[-1]:
        lines.pop()
    return lines


ROW = re.compile(r"^ {2}(\w+)(?:(?:  +|: )(\S.*)|(?<=[A-Z]))$")


def kind_of(line, before):
    if not line.strip():
        return "blank"
    indent = len(line) - len(line.lstrip())
    if re.match(r"^ *- ", line):
        return "item"
    if before in ("item", "row") and indent >= 2:
        return before if indent >= 4 or not ROW.match(line) else "row"
    if indent >= 4:
        return "code"
    if ROW.match(line):
        return "row"
    return "text"


def as_rst(lines):
    """A comment's lines as blocks of reStructuredText."""
    out, at, before = [], 0, "blank"
    while at < len(lines):
        kind = kind_of(lines[at], before)
        block = [lines[at]]
        at += 1
        if kind == "code":
            while at < len(lines) and (not lines[at].strip() or lines[at].startswith("    ")):
                block.append(lines[at])
                at += 1
            while not block[-1].strip():
                block.pop()
            language = "c" if any(mark in "".join(block) for mark in (";", "{", "(")) else "text"
            out += [f".. code-block:: {language}", ""] + ["    " + line[4:] for line in block] + [""]
            before = "blank"
            continue
        while kind != "blank" and at < len(lines):
            next_kind = kind_of(lines[at], kind)
            if kind == "text" and block[-1].endswith(".") and lead_of(lines[at]):
                break
            begins = re.match(r"^ *- ", lines[at]) or (ROW.match(lines[at]) and kind == "row")
            if next_kind == "blank" or next_kind == "code" and kind == "text" or begins or (
                    next_kind == "row" and kind == "text") or (next_kind == "text" and kind in ("item", "row")):
                break
            block.append(lines[at])
            at += 1
        if kind == "item":
            out += ["- " + sentence([re.sub(r"^ *- ", "", block[0])] + block[1:]), ""]
        elif kind == "row":
            row = ROW.match(block[0])
            said = sentence([row[2] or ""] + block[1:])
            out += ["- " + marked(row[1])[0] + (": " + said if said else ""), ""]
        elif kind == "text":
            out += [sentence(block), ""]
        before = kind
    return out


def indented(lines, by="    "):
    return [by + line if line else "" for line in lines]


# ---- what stands in a header ----


def pieces(text):
    """Yields (kind, text) for what stands at the outermost level: comment, define, declaration, blank."""
    at = 0
    while at < len(text):
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        line = text[at:end]
        if line.startswith("/*"):
            end = text.index("*/", at) + 2
            yield "comment", text[at:end]
            at = text.find("\n", end) + 1 or len(text)
        elif line.startswith("#"):
            while text[at:end].endswith("\\"):
                end = text.find("\n", end + 1)
            if line.startswith("#define"):
                yield "define", text[at:end]
            at = end + 1
        elif re.match(r"KIN_API|typedef|#", line):
            depth, end = 0, at
            while not (text[end] == ";" and depth == 0):
                depth += {"{": 1, "}": -1}.get(text[end], 0)
                end += 1
            end = text.find("\n", end)
            yield "declaration", text[at:end]
            at = end + 1
        else:
            yield ("blank" if not line.strip() else "other"), line
            at = end + 1


def code(text):
    if text.startswith("typedef enum"):  # clang-format aligns what stands in it with the brace
        text = re.sub(r"^ +(?=\w)", "    ", text, flags=re.M)
        text = re.sub(r" +(/\*)", r" \1", text)
    return [".. code-block:: c", ""] + indented(text.split("\n")) + [""]


def one_line(text):
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    return " ".join(text.split())


def signature(text):
    """The directive's name and argument for a declaration, and whether its source is shown below."""
    line = one_line(text)
    if line.startswith("KIN_API"):
        return "c:function", line[len("KIN_API ") :].rstrip(";"), False
    opaque = re.fullmatch(r"typedef struct (\w+) \1;", line)
    if opaque:
        return "c:type", opaque[1], False
    whole = re.match(r"typedef (struct|enum) (\w+) \{", line)
    if whole:
        return f"c:{whole[1]}", whole[2], True
    return "c:type", line[len("typedef ") :].rstrip(";"), False


def value_of(text):
    """What a macro stands for, and what the comment behind it says."""
    found = re.match(r"#define \w+(?:\([^)]*\))?\s*(.*?)\s*(?:/\*(.*)\*/)?\s*$", text, re.S)
    said = found[2].strip() if found[2] else ""
    if not found[1] or "DETAIL" in found[1]:
        return []
    return [f"``{found[1]}``" + (": " + sentence(said.split("\n")) if said else ""), ""]


def define(text):
    name = re.match(r"#define (\w+)(\([^)]*\))?", text)
    return None if is_hidden(name[1]) else (
        "c:macro", name[1] + (name[2] or ""), not name[1].endswith("_INIT") and "\\" not in text)


def group(declared, comment):
    """Directives for declarations that stand together."""
    out = []
    functions_here = [each for each in declared if each[1][0] == "c:function"]
    if len(declared) > 1 and not functions_here:
        out, comment = as_rst(comment), []
    for kind, (directive, argument, shown), text in declared:
        if directive == "c:function":
            continue
        if argument == "kin_status":
            out += [".. c:enum:: kin_status", ""] + indented(statuses())
            continue
        body = (value_of(text) if kind == "define" else code(text)) if shown else []
        first = not functions_here and (kind, text) == (declared[0][0], declared[0][2])
        out += [f".. {directive}:: {argument}", ""] + indented((as_rst(comment) if first else []) + body)
    if functions_here:
        arguments = [each[1][1] for each in functions_here]
        out += [f".. c:function:: {arguments[0]}"] + [" " * 16 + each for each in arguments[1:]]
        out += [""] + indented(as_rst(comment))
    return out + [""]


def statuses():
    """The numbers, names and texts of status.h."""
    out = []
    for name, (number, text) in STATUSES.items():
        out += [f".. c:enumerator:: {name}", "", f"    ``{number}``: {text}", ""]
    return out


def title(text, line):
    return [text, line * len(text), ""]


def without_name(head):
    """The lines of the comment at a header's head, which begins with the header's name, without that name."""
    said = head[0].split(": ", 1)[-1]
    return [said[:1].upper() + said[1:]] + head[1:]


def page_of(header):
    with open(os.path.join(INCLUDE, header), encoding="utf-8") as file:
        text = file.read()
    out, comment, declared, first = title(header, "="), [], [], True

    def flush():
        nonlocal comment, declared, out
        if declared:
            out += group(declared, comment)
        elif comment:
            out += as_rst(comment)
        comment, declared = [], []

    for kind, piece in pieces(text):
        if kind == "comment":
            flush()
            lines = comment_lines(piece)
            section = re.match(r"^-{4} (.*?) -{4}$", lines[0])
            if first:
                out += as_rst(without_name(lines)) + [f"``#include <kin/{header}>``", "", "@functions@", ""]
                first = False
            elif section:
                out += title(section[1][:1].upper() + section[1][1:], "-")
                comment = lines[2:]
                flush()
            elif not lines[0].startswith(("Internal", "KIN_DETAIL", "Two, so that")):
                comment = lines
        elif kind == "define":
            it = define(piece)
            if it:
                declared.append((kind, it, piece))
            elif not declared:
                comment = []
        elif kind == "declaration":
            declared.append((kind, signature(piece), piece))
        elif kind == "blank":
            flush()
    flush()
    return "\n".join(out).replace("@functions@", list_of_functions(text)) + "\n"


def list_of_functions(text):
    """Links to what the page has, for a look at the whole."""
    names = [name for name in re.findall(r"\b(kin_\w+)\(", re.sub(r"/\*.*?\*/", "", text, flags=re.S))
             if name in FUNCTIONS]
    return "Functions: " + ", ".join(f":c:func:`{name}`" for name in dict.fromkeys(names)) if names else ""


def whole_page(header, language):
    """The comment at the head, then the header as it is."""
    with open(os.path.join(INCLUDE, header), encoding="utf-8") as file:
        text = file.read()
    head = without_name(comment_lines(text[: text.index("*/") + 2]))
    body = text[text.index("*/") + 2 :].strip("\n")
    shown = [f".. code-block:: {language}", ""] + indented(body.split("\n")) + [""]
    blocks = [line.replace("code-block:: c", f"code-block:: {language}") for line in as_rst(head)]
    return "\n".join(title(header, "=") + blocks + title("The header", "-") + shown) + "\n"


def write_all(write):
    """Writes all pages. Returns their names, in the order of the navigation."""
    for header in HEADERS:
        write(page_name(header), whole_page(header, "c") if header in WHOLE else page_of(header))
    for header in CXX_HEADERS:
        write(page_name(header), whole_page(header, "cpp"))
    return [page_name(header) for header in HEADERS + CXX_HEADERS]
