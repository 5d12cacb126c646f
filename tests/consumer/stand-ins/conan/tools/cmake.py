"""CMake's helpers of Conan, with the real CMake. CMakeToolchain becomes options, CMakeDeps a configuration file."""
import os
import subprocess


def cmake_layout(conanfile):
    conanfile.layout_done = True


class CMakeToolchain:
    def __init__(self, conanfile):
        self.conanfile = conanfile
        self.cache_variables = {}

    def generate(self):
        variables = dict(self.cache_variables)
        shared = self.conanfile.options.get_safe("shared")
        if shared is not None:
            variables["BUILD_SHARED_LIBS"] = shared
        if self.conanfile.options.get_safe("fPIC") is not None:
            variables["CMAKE_POSITION_INDEPENDENT_CODE"] = self.conanfile.options.fPIC
        self.conanfile.toolchain = variables


class CMake:
    def __init__(self, conanfile):
        assert conanfile.layout_done, "the recipe has no layout()"
        assert hasattr(conanfile, "toolchain"), "the recipe generates no toolchain"
        self.conanfile = conanfile

    def _run(self, *arguments):
        done = subprocess.run(("cmake",) + arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            raise SystemExit(done.stdout)
        return done.stdout

    def configure(self):
        recipe = self.conanfile
        variables = {**recipe.profile_variables, **recipe.toolchain, "CMAKE_INSTALL_PREFIX": recipe.package_folder}
        variables["CMAKE_BUILD_TYPE"] = recipe.settings.build_type
        values = []
        for name, value in variables.items():
            values.append("-D%s=%s" % (name, {True: "ON", False: "OFF"}.get(value, value)))
        said = self._run("-S", recipe.source_folder, "-B", recipe.build_folder, "-G", "Ninja", *values)
        unused = said.partition("not used by the project:")[2].split()
        for name in recipe.toolchain:
            assert name not in unused, name + " is no option of the project"

    def build(self):
        self._run("--build", self.conanfile.build_folder)

    def install(self):
        self._run("--install", self.conanfile.build_folder)


def write_dependency(info, package, folder):
    """What CMakeDeps writes of a package for find_package: each library is searched, and has to be there."""
    os.makedirs(folder, exist_ok=True)
    name = info.properties["cmake_file_name"]
    target = info.properties["cmake_target_name"]
    lines = ["add_library(%s INTERFACE IMPORTED)" % target]

    def add(command, values):
        if values:
            lines.append("%s(%s INTERFACE %s)" % (command, target, " ".join(values)))

    add("target_include_directories", [os.path.join(package, part) for part in info.includedirs])
    add("target_compile_definitions", info.defines)
    for library in info.libs:
        places = " ".join(os.path.join(package, part) for part in info.libdirs)
        lines.append("find_library(found_%s %s PATHS %s NO_DEFAULT_PATH NO_CMAKE_FIND_ROOT_PATH)"
                     % (library, library, places))
        lines.append("if(NOT found_%s)\n    message(FATAL_ERROR \"%s is not in the package\")\nendif()"
                     % (library, library))
        add("target_link_libraries", ["${found_%s}" % library])
    add("target_link_libraries", info.system_libs)
    with open(os.path.join(folder, name + "-config.cmake"), "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
