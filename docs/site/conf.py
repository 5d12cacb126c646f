# How Sphinx builds the site from what build.py has put together.
import os
import re

root = os.environ["KIN_ROOT"]
with open(os.path.join(root, "include/kin/version.h"), encoding="utf-8") as version_h:
    release = version = ".".join(re.findall(r"#define KIN_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)", version_h.read()))

project = "kin"
html_title = f"kin {release}"
extensions = ["myst_parser", "sphinx_copybutton"]
primary_domain = "c"
highlight_language = "c"
smartquotes = False
myst_heading_anchors = 4
# An example in C may leave something out ("..."): that is no C, and is shown as it is.
suppress_warnings = ["misc.highlighting_failure"]

html_theme = "furo"
html_static_path = ["static"]
html_css_files = ["kin.css"]
html_show_copyright = False
html_show_sphinx = False
html_copy_source = False
pygments_style = "friendly"
pygments_dark_style = "native"
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#116329", "color-brand-content": "#0a5c8f"},
    # Debian's package of the theme lacks the dark colours for those who have chosen dark in their system.
    "dark_css_variables": {
        "color-brand-primary": "#4ac26b",
        "color-brand-content": "#6cb6ff",
        "color-problematic": "#ee5151",
        "color-foreground-primary": "#ffffffcc",
        "color-foreground-secondary": "#9ca0a5",
        "color-foreground-muted": "#81868d",
        "color-foreground-border": "#666666",
        "color-background-primary": "#131416",
        "color-background-secondary": "#1a1c1e",
        "color-background-hover": "#1e2124ff",
        "color-background-hover--transparent": "#1e212400",
        "color-background-border": "#303335",
        "color-background-item": "#444",
        "color-highlighted-background": "#083563",
        "color-highlight-on-target": "#333300",
    },
}


def bundle(app, exception):
    """Debian's package of the theme has its script in two files, of which the first imports the second: a page's plain
    script element cannot. They become one."""
    scripts = os.path.join(app.outdir, "_static", "scripts")
    parts = []
    for name in ("gumshoe-patched.js", "furo.js"):
        path = os.path.join(scripts, name)
        if exception or not os.path.exists(path):
            return
        with open(path, encoding="utf-8") as file:
            parts.append(re.sub(r"^import .*$", "", file.read(), flags=re.M))
    with open(os.path.join(scripts, "furo.js"), "w", encoding="utf-8") as file:
        file.write("\n".join(parts))


def setup(app):
    app.connect("build-finished", bundle)
