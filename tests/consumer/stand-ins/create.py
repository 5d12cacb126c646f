#!/usr/bin/env python3
"""What `conan create` does with a recipe of Conan 2, without Conan: create.py RECIPE_DIR WORK_DIR SETTING=VALUE...

It calls the recipe's methods in the order of https://docs.conan.io/2/reference/conanfile/methods.html, each with the
folders that it gets from Conan: the sources are what export_sources copied, not the tree. Then it builds and runs the
test package. The directory conan beside this file stands in for what recipes import. Not Conan's: profiles, package
ids, the cache. SETTING is one of Conan's (os, arch, compiler, compiler.runtime, build_type) or shared; TOOLCHAIN is a
file for CMake, LAUNCHER a program that runs the built one.
"""
import importlib.util
import os
import shutil
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from conan import ConanFile, CppInfo, Options, Settings  # noqa: E402
from conan.tools.cmake import CMakeToolchain, write_dependency  # noqa: E402


def recipe_of(path, given, work):
    """An object of the recipe's class, as Conan has it before layout()."""
    spec = importlib.util.spec_from_file_location("recipe", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    classes = [c for c in vars(module).values() if isinstance(c, type) and issubclass(c, ConanFile) and c is not ConanFile]
    assert len(classes) == 1, "a recipe has one class"
    recipe = classes[0]()
    recipe.settings = Settings({name: value for name, value in given.items() if value is not None})
    for name in recipe.settings_names if hasattr(recipe, "settings_names") else classes[0].settings:
        getattr(recipe.settings, name)
    chosen = dict(recipe.default_options)
    if "shared" in recipe.options:
        chosen["shared"] = given["shared"] == "True"
    recipe.options = Options(recipe.options, chosen)
    recipe.recipe_folder = os.path.dirname(path)
    recipe.source_folder = recipe.export_sources_folder = os.path.join(work, "source")
    recipe.build_folder = os.path.join(work, "build")
    recipe.package_folder = os.path.join(work, "package")
    recipe.layout_done = False
    recipe.profile_variables = {}
    if given["TOOLCHAIN"]:
        recipe.profile_variables["CMAKE_TOOLCHAIN_FILE"] = given["TOOLCHAIN"]
    recipe.launcher = [given["LAUNCHER"]] if given["LAUNCHER"] else []
    recipe.run_env = {}
    if "auto_shared_fpic" in recipe.implements:
        if recipe.settings.os == "Windows" or recipe.options.get_safe("shared"):
            recipe.options.rm_safe("fPIC")
    return recipe


def create(recipe_dir, work, given):
    shutil.rmtree(work, ignore_errors=True)
    recipe = recipe_of(os.path.join(recipe_dir, "conanfile.py"), given, work)
    recipe.set_version()
    recipe.export_sources()
    del recipe.export_sources_folder, recipe.recipe_folder  # from here on, Conan knows only the cache
    recipe.layout()
    recipe.generate()
    recipe.build()
    recipe.package()
    recipe.cpp_info = CppInfo()
    recipe.package_info()

    test = recipe_of(os.path.join(recipe_dir, "test_package", "conanfile.py"), given, os.path.join(work, "test"))
    test.tested_reference_str = "%s/%s" % (recipe.name, recipe.version)
    test.required = []
    test.requires = test.required.append
    test.requirements()
    assert test.required == [test.tested_reference_str]
    test.source_folder = os.path.join(recipe_dir, "test_package")
    test.layout()
    assert set(test.generators) == {"CMakeToolchain", "CMakeDeps"}
    CMakeToolchain(test).generate()
    dependencies = os.path.join(work, "test", "generators")
    write_dependency(recipe.cpp_info, recipe.package_folder, dependencies)
    test.profile_variables[recipe.cpp_info.properties["cmake_file_name"] + "_DIR"] = dependencies
    test.build()

    class Build:
        bindir = test.build_folder

    class Cpp:
        build = Build

    test.cpp = Cpp
    # conanrun: the places of the shared libraries.
    binaries = os.path.join(recipe.package_folder, "bin")
    test.run_env = {"LD_LIBRARY_PATH": os.path.join(recipe.package_folder, "lib"), "WINEPATH": binaries}
    test.test()
    for name in ("licenses/LICENSE", "include/kin/kin.h"):
        assert os.path.isfile(os.path.join(recipe.package_folder, name)), name
    print("%s: created and tested in %s" % (test.tested_reference_str, work))


def main():
    given = {"os": "Linux", "arch": "x86_64", "compiler": "gcc", "compiler.runtime": None, "build_type": "Release",
             "shared": "False", "TOOLCHAIN": "", "LAUNCHER": ""}
    for argument in sys.argv[3:]:
        name, _, value = argument.partition("=")
        assert name in given, name
        given[name] = value
    create(os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2]), given)


main()
