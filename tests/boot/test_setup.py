# SPDX-License-Identifier: MIT
"""
What scripts/setup and the scripts that fetch packages do on machines that are not this one: with another release's
names of packages, without sudo, without apt, without packages for arm64. PATH has what such a machine has, and an apt
that knows the packages of a list, and installs by making their tools.
"""
import lzma
import os
import shutil
import subprocess
import tarfile

import pytest

import qemu

# What the scripts themselves use.
TOOLS = ("awk", "basename", "bash", "cat", "chmod", "cp", "dirname", "dpkg-deb", "env", "flock", "grep", "gzip", "ls", "mkdir",
         "mktemp", "mv", "python3", "rm", "sed", "sh", "sort", "tail", "tar", "touch", "uname")
# What each package brings. On this machine it may be there: what is not in PATH is looked for nowhere else.
BRINGS = {"gcc-aarch64-linux-gnu": "aarch64-linux-gnu-gcc", "device-tree-compiler": "dtc", "cpio": "cpio",
          "qemu-system-arm": "qemu-system-aarch64", "clang": "clang", "lld": "ld.lld", "llvm": "llvm-objcopy",
          "gdb-multiarch": "gdb-multiarch", "gcc": "gcc", "git": "git", "dt-schema": "dt-validate"}
RUN = ["gcc-aarch64-linux-gnu", "device-tree-compiler", "qemu-system-arm"]

APT_GET = """#!/bin/bash
echo "apt-get $*" >> {log}
case " $* " in
*" --print-uris "*) printf "'x' a.deb 123000000 SHA256:0\\n'y' b.deb 456000000 SHA256:0\\n" ;;
*" update "*) touch {there}/updated; echo "noise of update" ;;
*" install "*)
	echo "noise of install"
	for word; do
		! grep -qx "$word" {there}/broken 2> /dev/null || {{ echo "E: $word is broken"; exit 100; }}
		{brings}
	done ;;
esac
"""
APT_CACHE = """#!/bin/bash
[ -e {there}/updated ] && grep -qx "$2" {there}/packages && printf "$2:\\n  Installed: (none)\\n  Candidate: 1.0\\n"
exit 0
"""
TOOL = """#!/bin/sh
case $1 in
-print-file-name=*) echo {there}/${{1#*=}} ;;
-print-runtime-dir) echo {there} ;;
-dumpversion) echo 19.1.7 ;;
esac
"""


class Machine:
    """A bare machine."""

    def __init__(self, directory, packages, uid=0):
        self.there, self.bin, self.log = directory, directory / "bin", directory / "log"
        self.bin.mkdir()
        self.log.touch()
        (directory / "packages").write_text("".join(f"{name}\n" for name in packages))
        for tool in TOOLS:
            self.bin.joinpath(tool).symlink_to(shutil.which(tool))
        self.add("tool.in", TOOL.format(there=directory))
        self.add("id", f"#!/bin/sh\necho {uid}\n")
        brings = "".join(f'[ "$word" != {package} ] || cp {self.bin}/tool.in {self.bin}/{tool}; '
                         for package, tool in BRINGS.items())
        # A runtime for libFuzzer, by whatever name the package has.
        brings += f'[[ "$word" != libclang-rt-* ]] || touch {directory}/libclang_rt.fuzzer-{os.uname().machine}.a; '
        brings += f'[[ "$word" != gcc && "$word" != libtsan* ]] || touch {directory}/libtsan.so'
        self.add("apt-get", APT_GET.format(log=self.log, there=directory, brings=brings))
        self.add("apt-cache", APT_CACHE.format(there=directory))

    def add(self, name, text):
        self.bin.joinpath(name).write_text(text)
        self.bin.joinpath(name).chmod(0o755)

    def setup(self, *args, **env):
        """The status, what was said, and the packages that apt was to install."""
        self.log.write_text("")
        done = subprocess.run(["scripts/setup", *args], cwd=qemu.ROOT, env={"PATH": str(self.bin), **env}, check=False,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        lines = [line.split() for line in self.log.read_text().splitlines() if "install" in line and "--print" not in line]
        return done.returncode, done.stdout, [word for line in lines for word in line[line.index("install") + 1:]]


def test_what_is_missing_is_installed_after_its_size_was_said_and_apt_says_nothing(tmp_path):
    status, text, installed = Machine(tmp_path, RUN).setup("run")
    assert status == 0 and installed == RUN, text
    assert "downloading 579 MB" in text and "noise" not in text, text


@pytest.mark.parametrize("variables,expected", [((), RUN), (("LLVM=1",), ["clang", "lld", "llvm", *RUN[1:]])])
def test_make_alone_installs_too(tmp_path, variables, expected):
    machine = Machine(tmp_path, BRINGS)
    for tool in ("head", "make", "nproc", "sha256sum", "touch"):
        machine.bin.joinpath(tool).unlink(missing_ok=True)
        machine.bin.joinpath(tool).symlink_to(shutil.which(tool))
    out = tmp_path / "out"
    done = subprocess.run(["make", "-s", f"O={out}", *variables, out / "auto.conf"], cwd=qemu.ROOT, env={"PATH": str(machine.bin)},
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert f"install {' '.join(expected)}\n" in machine.log.read_text(), machine.log.read_text()


def test_a_machine_that_has_everything_is_left_alone(tmp_path):
    machine = Machine(tmp_path, RUN)
    machine.setup("run")
    assert machine.setup("run") == (0, "", [])
    assert not machine.log.read_text()


@pytest.mark.parametrize("rt", ["libclang-rt-dev", "libclang-rt-14-dev"])
def test_of_several_names_that_is_taken_which_the_release_has(tmp_path, rt):
    status, text, installed = Machine(tmp_path, [*BRINGS, "libtsan2", rt]).setup("test")
    assert rt in installed and len([name for name in installed if name.startswith("libclang-rt")]) == 1, text
    assert status == 0, text


def test_the_runtime_is_that_of_the_clang_that_is_there(tmp_path):
    machine = Machine(tmp_path, [*BRINGS, "libtsan2", "libclang-rt-19-dev", "libclang-rt-dev"])
    machine.add("clang-19", TOOL.format(there=tmp_path))
    _, text, installed = machine.setup("test")
    assert "libclang-rt-19-dev" in installed and "clang" not in installed and "libclang-rt-dev" not in installed, text


def test_what_a_release_does_not_have_keeps_nothing_else_away(tmp_path):
    """dt-schema is only useful; without qemu-system-arm all the others are installed, and its lack said."""
    there = [name for name in BRINGS if name not in ("dt-schema", "qemu-system-arm")]
    status, text, installed = Machine(tmp_path, [*there, "libtsan2", "libclang-rt-dev"]).setup("test")
    assert set(there) <= set(installed), text
    assert "dt-schema" not in text and "qemu-system-arm" not in installed, text
    assert status == 1 and "still missing" in text and "no such package" in text, text


def test_what_is_only_useful_is_installed_where_it_can_be_had(tmp_path):
    _, text, installed = Machine(tmp_path, [*BRINGS, "libtsan2", "libclang-rt-dev"]).setup("test")
    assert "dt-schema" in installed, text


def test_a_failure_shows_what_apt_said(tmp_path):
    machine = Machine(tmp_path, RUN)
    (tmp_path / "broken").write_text("device-tree-compiler\n")
    status, text, _ = machine.setup("run")
    assert status == 1 and "E: device-tree-compiler is broken" in text and "nothing was built" in text, text


def test_without_sudo_the_command_for_an_administrator_is_printed(tmp_path):
    status, text, installed = Machine(tmp_path, RUN, uid=1000).setup("run")
    assert status == 1 and not installed, text
    assert f"\n  apt-get update && apt-get install --no-install-recommends {' '.join(RUN)}\n" in text, text
    assert "administrator" in text and "sudo: " not in text and "command not found" not in text, text


def test_with_sudo_it_is_used(tmp_path):
    machine = Machine(tmp_path, RUN, uid=1000)
    machine.add("sudo", f'#!/bin/sh\necho "sudo $*" >> {machine.log}\nexec "$@"\n')
    status, text, installed = machine.setup("run")
    assert status == 0 and f"install {' '.join(RUN)}" in machine.log.read_text(), text
    assert "sudo env DEBIAN_FRONTEND" in machine.log.read_text() and installed, text


@pytest.mark.parametrize("setup", ["no", "yes"])
def test_a_machine_without_apt_is_told_the_names(tmp_path, setup):
    machine = Machine(tmp_path, RUN)
    for tool in ("apt-get", "apt-cache"):
        machine.bin.joinpath(tool).unlink()
    status, text, _ = machine.setup("run", SETUP=setup)
    assert status == 1 and all(name in text for name in RUN) and "Debian's names" in text, text


def test_only_to_say_what_is_missing_changes_nothing(tmp_path):
    machine = Machine(tmp_path, RUN)
    status, text, installed = machine.setup("run", SETUP="no")
    assert status == 1 and not installed and not machine.log.read_text(), text
    assert f"apt-get update && apt-get install --no-install-recommends {' '.join(RUN)}\n" in text, text


# ---- packages that are fetched -----------------------------------------------------------------------


def deb(directory, name, files):
    """A package DIRECTORY/NAME.deb with these files."""
    root = directory / f"{name}.root"
    (root / "DEBIAN").mkdir(parents=True)
    (root / "DEBIAN/control").write_text(f"Package: {name}\nVersion: 1\nArchitecture: arm64\nMaintainer: x <x@example.org>\n"
                                         "Description: x\n")
    for path, data in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)
    subprocess.run(["dpkg-deb", "--build", root, directory / f"{name}.deb"], check=True, stdout=subprocess.DEVNULL)


@pytest.mark.parametrize("place", ["bin", "usr/bin"])
def test_busybox_is_found_where_its_release_has_it(tmp_path, place):
    (tmp_path / "debs").mkdir()
    deb(tmp_path / "debs", "busybox-static", {f"{place}/busybox": b"it", "usr/share/busybox": b"else"})
    qemu.make(f"O={tmp_path}/out", f"SCHISM_CACHE={tmp_path}", f"{tmp_path}/out/linux/busybox")
    assert (tmp_path / "out/linux/busybox").read_bytes() == b"it"


def test_a_module_is_unpacked_where_its_release_compresses_it(tmp_path):
    (tmp_path / "debs").mkdir()
    deb(tmp_path / "debs", "linux-image-cloud-arm64", {"usr/lib/modules/6/kernel/ramoops.ko.xz": lzma.compress(b"it")})
    qemu.make(f"O={tmp_path}/out", f"SCHISM_CACHE={tmp_path}", f"{tmp_path}/out/linux/ramoops.ko")
    assert (tmp_path / "out/linux/ramoops.ko").read_bytes() == b"it"


def test_a_package_without_the_file_is_named(tmp_path):
    (tmp_path / "debs").mkdir()
    deb(tmp_path / "debs", "x", {"usr/bin/x": b""})
    done = subprocess.run([qemu.PYTHON, "scripts/deb-file", tmp_path / "debs/x.deb", tmp_path / "x", "./bin/x"],
                          cwd=qemu.ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "x.deb: no file in it is called ./bin/x" in done.stderr, done.stderr
    assert not (tmp_path / "x").exists()


def test_libfdt_is_compiled_where_there_is_no_package_for_arm64(tmp_path):
    """As on Ubuntu for PCs: apt has no libfdt-dev of arm64, but dtc's source. That is one of one function here."""
    machine = Machine(tmp_path, [])
    machine.add("apt-get", f"""#!/bin/bash
echo "apt-get $*" >> {machine.log}
case " $* " in
*" --print-uris "*) echo "'x' device-tree-compiler_1.7.0.orig.tar.gz 180000 SHA256:0" ;;
*" download "*) exit 100 ;;
*" source "*) cp {tmp_path}/dtc.tar.gz device-tree-compiler_1.7.0.orig.tar.gz ;;
esac
""")
    source = tmp_path / "dtc-1.7.0/libfdt"
    source.mkdir(parents=True)
    (source / "fdt.c").write_text('#include "fdt.h"\nint fdt_check_header(const void *fdt) { return FDT; }\n')
    (source / "fdt.h").write_text("#define FDT 1\n")
    (source / "libfdt.h").write_text("")
    with tarfile.open(tmp_path / "dtc.tar.gz", "w:gz") as tar:
        tar.add(source.parent, "dtc-1.7.0")
    env = {"PATH": str(machine.bin), "LIBFDT_CC": qemu.cross("gcc"), "LIBFDT_AR": qemu.cross("ar")}
    env = {name: shutil.which(value) or value for name, value in env.items()}
    done = subprocess.run(["scripts/fetch-libfdt.sh", tmp_path / "libfdt", tmp_path / "debs"], cwd=qemu.ROOT, env=env,
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "was compiled from device-tree-compiler's source" in done.stderr, done.stderr
    assert "downloading device-tree-compiler, 0.2 MB" in done.stdout, done.stdout
    assert " source --download-only device-tree-compiler" in machine.log.read_text()
    symbols = subprocess.run([qemu.cross("nm"), tmp_path / "libfdt/lib/libfdt.a"], capture_output=True, text=True, check=True)
    assert "T fdt_check_header" in symbols.stdout
    assert {path.name for path in (tmp_path / "libfdt/include").iterdir()} == {"fdt.h", "libfdt.h"}
