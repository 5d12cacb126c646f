"""Stands in for the package conan of Conan 2, with what a recipe and its test package need of it (see create.py)."""
import os
import subprocess


class Settings:
    """Names with dots, and self.settings.compiler == "gcc"."""

    def __init__(self, values):
        self._values = values

    def __getattr__(self, name):
        if name not in self._values:
            raise AttributeError("no setting " + name)
        return self._values[name]

    def get_safe(self, name, default=None):
        return self._values.get(name, default)


class Options:
    def __init__(self, possible, values):
        self._values = {}
        for name in possible:
            self._values[name] = values[name]

    def __getattr__(self, name):
        if name not in self._values:
            raise AttributeError("no option " + name)
        return self._values[name]

    def get_safe(self, name, default=None):
        return self._values.get(name, default)

    def rm_safe(self, name):
        self._values.pop(name, None)


class CppInfo:
    def __init__(self):
        self.includedirs = ["include"]
        self.libdirs = ["lib"]
        self.bindirs = ["bin"]
        self.libs = []
        self.system_libs = []
        self.defines = []
        self.properties = {}

    def set_property(self, name, value):
        self.properties[name] = value


class ConanFile:
    options = {}
    default_options = {}
    implements = []
    generators = ()

    def run(self, command, env=None):
        assert env in (None, "conanbuild", "conanrun"), env
        if not os.path.exists(command) and os.path.exists(command + ".exe"):
            command += ".exe"  # as Windows finds it
        subprocess.run(self.launcher + [command], check=True, cwd=self.build_folder, env={**os.environ, **self.run_env})
