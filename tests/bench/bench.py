#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
What Schism costs, in instructions: figures of guests/bench_os.c for each CPU model, and EL2's share while Linux
boots and works. Everything runs under -icount, so each figure repeats exactly; a reference is compared with.
Started by "make bench"; tests/boot/test_bench.py compares the part without Linux.
"""
import argparse
import functools
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "boot"))
import qemu  # noqa: E402 (in tests/boot)

REFERENCE = HERE / "reference.json"
CPUS = ("cortex-a57", "max")
# Dearer by more than both of these is a failure. What happens once may grow with what Schism can do.
SHARE, INSNS = 0.05, 10
SHARE_ONCE = {"boot_to_first_guest": 0.25, "schism boots": 0.25}
UPDATE = "make bench UPDATE=1"


# ---- what is measured --------------------------------------------------------------------------------

def compiler():
    """The compiler that the default build was made with: the first word of what make noted of its tools."""
    return (qemu.default_build() / ".track/hv").read_text(encoding="utf-8").split()[0]


@functools.cache
def compiler_version():
    """Such as "gcc 12.2.0". Another compiler's figures are others."""
    line = subprocess.run([compiler(), "--version"], capture_output=True, text=True, check=True).stdout.splitlines()[0]
    return f"gcc {line.split()[-1]}"


# A tick of the counter is an instruction, whatever frequency this QEMU gives the CPU.
TICKS = ",cntfrq=62500000"
# A seed for Schism's random numbers, and what RNDR gives: the same ones each time.
ENTROPY = ("-seed", "1")
ENTROPY_MACHINE = "dtb-randomness=on"


# ---- figures of the bench guest ----------------------------------------------------------------------

def vm(run, name="bench_os", vcpus=1):
    return qemu.Guest(name, f"run={run}", kernel="bench_os.elf", props={"vcpus": [vcpus]})


def run(cpu, *guests, smp=1):
    with tempfile.TemporaryDirectory() as directory:
        package = qemu.pack(pathlib.Path(directory), *guests)
        result = qemu.run(*ENTROPY, kernel=qemu.default_build() / "Image", initrd=package, cpu=cpu + TICKS, smp=smp,
                          machine=ENTROPY_MACHINE)
    assert result.status == 0 and result.text.count("PASS 1: measured=") == len(guests), result.text
    return result.text


def printed(text):
    return {name: float(value) for name, value in re.findall(r"BENCH (\w+) (\d+\.\d+)", text)}


def context_switch(text):
    """From the last instruction of one VM to the first one of the other: the shortest of those seen."""
    gaps = {name: [(int(begin), int(end)) for begin, end in re.findall(rf"\[{name}\] GAP (\d+) (\d+)", text)]
            for name in ("one", "two")}
    switches = [min(end - begin for begin, _ in gaps[left] if begin < end)
                for left, entered in (("one", "two"), ("two", "one"))
                for _, end in gaps[entered] if any(begin < end for begin, _ in gaps[left])]
    assert switches, text
    return float(min(switches))


def figures(cpu):
    """All that the bench guest measures, by name; and how long it takes until there is a guest."""
    text = run(cpu, vm("exits"))
    found = printed(text) | printed(run(cpu, vm("ipi", vcpus=2), smp=2))
    found["context_switch"] = context_switch(run(cpu, vm("gaps", "one"), vm("gaps", "two")))
    found["boot_to_first_guest"] = qemu.instructions_to_first_guest(text)
    return found


# ---- EL2's share of Linux ----------------------------------------------------------------------------

# What guests/linux/init runs; `mark N` makes the plugin write down its counts.
WORKLOAD = """
mark 0
head -c 4194304 /dev/zero | sha256sum
mark 1
i=0
while [ $i -lt 200 ]; do ( : ); i=$((i + 1)); done
mark 2
"""
MANIFEST = """
/dts-v1/;
/ {
	compatible = "schism,manifest-v1";
	#address-cells = <2>;
	#size-cells = <2>;
	vm-linux {
		compatible = "schism,vm";
		vm-name = "linux";
		vcpus = <1>;
		protocol = "linux";
		kernel = "vmlinuz";
		ramdisk = "initramfs.cpio";
		bootargs = "console=ttyAMA0 earlycon=pl011,0x9000000 panic=-1";
		devices = "uart", "rtc";
		memory@40000000 { reg = <0x0 0x40000000 0x0 0xc000000>; };
	};
};
"""
# The clock that Linux sets its own by is the same each time.
FIXED = ("-rtc", "base=2024-01-01,clock=vm", *ENTROPY)
# Each phase ends with its count.
PHASES = (("schism boots", "arch_enter_guest"), ("linux boots to its shell", "0"), ("sha256sum of 4 MiB", "1"),
          ("200 forks", "2"))


def plugin(directory):
    path = directory / "insn_count.so"
    subprocess.run([os.environ.get("HOSTCC", "gcc"), "-std=gnu11", "-O2", "-fPIC", "-shared", "-fvisibility=hidden",
                    "-o", path, HERE / "insn_count.c"], check=True)
    return path


def mark_program(directory):
    path = directory / "mark"
    subprocess.run([compiler(), "-nostdlib", "-static", "-o", path, HERE / "mark.S"], check=True)
    return path


def linux_package(directory):
    """Debian's kernel alone, with one vCPU; its initramfs runs the workload."""
    build = qemu.default_build()
    qemu.make(f"O={build}", "linux")
    (directory / "run.sh").write_text(WORKLOAD, encoding="utf-8")
    subprocess.run([qemu.PYTHON, qemu.ROOT / "scripts/mkinitramfs", "-o", directory / "initramfs.cpio",
                    "--busybox", build / "linux/busybox", "--init", qemu.ROOT / "guests/linux/init",
                    "--file", f"run.sh={directory / 'run.sh'}", "--file", f"bin/mark={mark_program(directory)}"],
                   check=True)
    (directory / "linux.dts").write_text(MANIFEST, encoding="utf-8")
    out = directory / "linux.cpio"
    subprocess.run([qemu.PYTHON, qemu.ROOT / "scripts/mkpackage", "--search", directory, "--search", build / "linux",
                    "-o", out, directory / "linux.dts"], check=True)
    return out


def summed(pairs):
    """An object whose equal keys, static functions of one name, are added up."""
    found = {}
    for key, value in pairs:
        found[key] = found[key] + value if key in found else value
    return found


def counts(directory, cpu):
    """What the plugin has written down, by where."""
    build, out = qemu.default_build(), directory / "counts.json"
    options = f"{plugin(directory)},symbols={build / 'schism.nm'},out={out},at=arch_enter_guest"
    result = qemu.run("-plugin", options, *FIXED, kernel=build / "Image", initrd=linux_package(directory), cpu=cpu,
                      timeout=900, machine=ENTROPY_MACHINE)
    assert "schism-linux: done, status 0" in result.text, result.text[-4000:]
    lines = out.read_text(encoding="utf-8").splitlines()
    return {line["at"]: line for line in (json.loads(line, object_pairs_hook=summed) for line in lines)}


def linux_figures(cpu):
    """Of each phase: instructions at EL2, in the guest's kernel, elsewhere, and at EL2 by function."""
    with tempfile.TemporaryDirectory() as directory:
        at = counts(pathlib.Path(directory), cpu)
    phases, before = {}, {"functions": {}}
    for title, where in PHASES:
        now = at[where]
        phases[title] = {key: now[key] - before.get(key, 0) for key in ("el2", "kernel", "other")}
        functions = {f: n - before["functions"].get(f, 0) for f, n in now["functions"].items()}
        phases[title]["functions"] = dict(sorted(functions.items(), key=lambda item: -item[1])[:12])
        before = now
    return phases


# ---- the reference -----------------------------------------------------------------------------------

def reference():
    if not REFERENCE.exists():
        return {"compiler": compiler_version(), "figures": {}}
    return json.loads(REFERENCE.read_text(encoding="utf-8"))


def dearer(found, expected, where):
    """What to complain of: figures that have grown, have gone, or have come without a reference."""
    complaints = [f"{where}: {name} has no reference: {UPDATE}" for name in sorted(found.keys() - expected.keys())]
    complaints += [f"{where}: {name} is not measured any more: {UPDATE}"
                   for name in sorted(expected.keys() - found.keys())]
    for name in sorted(found.keys() & expected.keys()):
        now, then = found[name], expected[name]
        if now > then + max(INSNS, then * SHARE_ONCE.get(name, SHARE)):
            complaints.append(f"{where}: {name} takes {now:,.0f} instructions, {then:,.0f} before: make it cheaper, or "
                              f"accept it by {UPDATE} and say why")
    return complaints


# ---- make bench --------------------------------------------------------------------------------------

def print_figures(found, expected):
    names = list(dict.fromkeys(name for cpu in found for name in found[cpu]))
    print(f"{'instructions':<28}" + "".join(f"{cpu:>14}{'was':>12}" for cpu in found))
    for name in names:
        row = f"{name:<28}"
        for cpu in found:
            now, then = found[cpu].get(name), expected.get(cpu, {}).get(name)
            row += f"{now:>14,.0f}" + (f"{then:>12,.0f}" if then not in (None, now) else " " * 12)
        print(row.rstrip())


def print_linux(found):
    for cpu, phases in found.items():
        print(f"\n{'Linux, 1 vCPU, ' + cpu:<28}{'EL2':>14}{'kernel':>16}{'other':>16}{'EL2 share':>12}")
        for title, phase in phases.items():
            total = phase["el2"] + phase["kernel"] + phase["other"]
            print(f"{title:<28}{phase['el2']:>14,}{phase['kernel']:>16,}{phase['other']:>16,}"
                  f"{100 * phase['el2'] / total:>11.3f}%")
            top = list(phase["functions"].items())[:6]
            print("    " + ", ".join(f"{name} {count:,}" for name, count in top))


def flat(found):
    """The figures to compare, by CPU and kind."""
    flat_figures = dict(found["figures"])
    for cpu, phases in found.get("linux", {}).items():
        flat_figures[f"Linux on {cpu}"] = {title: phase["el2"] for title, phase in phases.items()}
    return flat_figures


def update(found):
    """The reference becomes what was found; Linux's figures stay where they were not measured."""
    old = reference()
    old["compiler"] = compiler_version()
    old["figures"].update(flat(found))
    REFERENCE.write_text(json.dumps(old, indent=1) + "\n", encoding="utf-8")
    print(f"\n{REFERENCE.relative_to(qemu.ROOT)} is rewritten")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, required=True, help="JSON file to write")
    parser.add_argument("--cpu", action="append", choices=CPUS, help="only this CPU model")
    parser.add_argument("--quick", action="store_true", help="leave out Linux")
    parser.add_argument("--update", action="store_true", help="rewrite the reference instead of comparing")
    args = parser.parse_args()
    cpus = args.cpu or CPUS
    known = reference()
    found = {"compiler": compiler_version(), "figures": {cpu: figures(cpu) for cpu in cpus}}
    print_figures(found["figures"], known["figures"])
    if not args.quick:
        found["linux"] = {cpu: linux_figures(cpu) for cpu in cpus}
        print_linux(found["linux"])
    args.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    if args.update:
        return update(found)
    complaints = [text for where, now in flat(found).items()
                  for text in dearer(now, known["figures"].get(where, {}), where)]
    if complaints:
        print("\n" + "\n".join(complaints))
    if complaints and known["compiler"] != compiler_version():
        return print(f"not counted: the reference is of {known['compiler']}, this is {compiler_version()}")
    sys.exit(bool(complaints))


if __name__ == "__main__":
    main()
