from conan import ConanFile
from conan.tools.cmake import CMake, CMakeToolchain, cmake_layout
from conan.tools.files import copy, load, rmdir
import os
import re

required_conan_version = ">=2.0"


class KinConan(ConanFile):
    """A recipe beside its source: conan create packaging/conan."""

    name = "kin"
    license = "MIT"
    description = "Locks, semaphores, queues and shared memory between processes, on Linux and on Windows"
    topics = ("ipc", "shared-memory", "multiprocessing", "locks")
    package_type = "library"
    settings = "os", "arch", "compiler", "build_type"
    options = {"shared": [True, False], "fPIC": [True, False]}
    default_options = {"shared": False, "fPIC": True}
    implements = ["auto_shared_fpic"]
    languages = ["C"]

    @property
    def _root(self):
        return os.path.normpath(os.path.join(self.recipe_folder, "..", ".."))

    def set_version(self):
        text = load(self, os.path.join(self._root, "CMakeLists.txt"))
        self.version = re.search(r"^    VERSION (\S+)", text, re.M).group(1)

    def export_sources(self):
        for name in ("CMakeLists.txt", "LICENSE", "README.md", "CHANGELOG.md", "SECURITY.md"):
            copy(self, name, self._root, self.export_sources_folder)
        for name in ("cmake", "include", "src", "docs", "examples"):
            copy(self, "*", os.path.join(self._root, name), os.path.join(self.export_sources_folder, name))

    def layout(self):
        cmake_layout(self)

    def generate(self):
        toolchain = CMakeToolchain(self)
        for part in ("TOOLS", "TESTS", "BENCH", "EXAMPLES"):
            toolchain.cache_variables["KIN_BUILD_" + part] = False
        toolchain.generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def package(self):
        copy(self, "LICENSE", self.source_folder, os.path.join(self.package_folder, "licenses"))
        CMake(self).install()
        rmdir(self, os.path.join(self.package_folder, "lib", "cmake"))
        rmdir(self, os.path.join(self.package_folder, "lib", "pkgconfig"))
        rmdir(self, os.path.join(self.package_folder, "share"))

    def package_info(self):
        self.cpp_info.set_property("cmake_file_name", "kin")
        self.cpp_info.set_property("cmake_target_name", "kin::kin")
        self.cpp_info.set_property("pkg_config_name", "kin")
        # Only compilers of MSVC's ABI have a runtime: msvc, and clang where it is not mingw-w64's.
        msvc = self.settings.get_safe("compiler.runtime") is not None
        self.cpp_info.libs = ["kin-static" if msvc and not self.options.shared else "kin"]
        if not self.options.shared:
            self.cpp_info.defines = ["KIN_STATIC"]
            if self.settings.os == "Windows":
                self.cpp_info.system_libs = ["bcrypt", "advapi32", "synchronization"]
            else:
                self.cpp_info.system_libs = ["pthread", "rt", "dl"]
