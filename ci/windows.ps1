# Configures, builds and tests kin on Windows; what ci/preset does elsewhere.
#
#   ci/windows.ps1 [-Compiler cl|clang-cl|mingw] [-Architecture x64|x86|arm64] [-Shared] [-BuildOnly]
#
# cl and clang-cl want a Visual Studio 2022 (17.5 or later, with its C++ workload); mingw wants gcc, CMake and Ninja in
# the path, as MSYS2's UCRT64 shell has them. CMocka and Jansson come from vcpkg (cl, clang-cl) or from MSYS2's
# packages.
param(
    [ValidateSet('cl', 'clang-cl', 'mingw')] [string] $Compiler = 'cl',
    [ValidateSet('x64', 'x86', 'arm64')] [string] $Architecture = 'x64',
    [switch] $Shared,
    [switch] $BuildOnly
)
$ErrorActionPreference = 'Stop'
Set-Location (Join-Path $PSScriptRoot '..')

function Invoke-Step {
    param([string] $Program, [string[]] $Arguments)
    Write-Host "== $Program $Arguments"
    & $Program @Arguments
    if ($LASTEXITCODE -ne 0) {
        throw "$Program ended with $LASTEXITCODE"
    }
}

$build = "build/$Compiler-$Architecture"
if ($Shared) {
    $build += '-dll'
}
$options = @('-S', '.', '-B', $build, '-DKIN_WERROR=ON', "-DBUILD_SHARED_LIBS=$Shared")
if ($Compiler -eq 'mingw') {
    $options += @('-G', 'Ninja', '-DCMAKE_BUILD_TYPE=RelWithDebInfo')
} else {
    $platform = @{ x64 = 'x64'; x86 = 'Win32'; arm64 = 'ARM64' }[$Architecture]
    $options += @('-G', 'Visual Studio 17 2022', '-A', $platform)
    if ($Compiler -eq 'clang-cl') {
        $options += @('-T', 'ClangCL')
    }
    $vcpkg = $env:VCPKG_INSTALLATION_ROOT
    $triplet = "$Architecture-windows-static-md"
    Invoke-Step "$vcpkg/vcpkg" @('install', "cmocka:$triplet", "jansson:$triplet")
    $options += @("-DKIN_CMOCKA_ROOT=$vcpkg/installed/$triplet", "-DKIN_JANSSON_ROOT=$vcpkg/installed/$triplet")
}

Invoke-Step 'cmake' $options
Invoke-Step 'cmake' @('--build', $build, '--config', 'RelWithDebInfo', '--parallel')
if (-not $BuildOnly) {
    Invoke-Step 'ctest' @(
        '--test-dir', $build, '-C', 'RelWithDebInfo', '--output-on-failure', '--no-tests=error', '--output-junit', 'tests.xml'
    )
}
