import fnmatch
import os
import shutil


def load(conanfile, path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def copy(conanfile, pattern, src, dst, keep_path=True, excludes=()):
    """A pattern is matched with the path below src, and its * also matches a slash, as in Conan."""
    assert os.path.isabs(src) and os.path.isabs(dst) and keep_path
    copied = []
    for directory, _, names in os.walk(src):
        for name in names:
            path = os.path.relpath(os.path.join(directory, name), src)
            if fnmatch.fnmatch(path, pattern) and not any(fnmatch.fnmatch(path, exclude) for exclude in excludes):
                target = os.path.join(dst, path)
                os.makedirs(os.path.dirname(target), exist_ok=True)
                shutil.copy2(os.path.join(src, path), target)
                copied.append(target)
    return copied


def rmdir(conanfile, path):
    shutil.rmtree(path, ignore_errors=True)
