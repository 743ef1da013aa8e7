# SPDX-License-Identifier: MIT
"""
Manifests and packages that are broken in one way each: what scripts/mkpackage says of them, and what Schism
says at boot to a package that was packed without checks.

A case alters a good manifest of one VM, vm-a: props are device tree source by property (None: without it),
memory its memory node's; vm, other and root add text to the VM, a second VM vm-b, or the root.
"""
import typing


class Case(typing.NamedTuple):
    code: int  # of the boot's refusal
    where: str  # node and property
    pack: typing.Optional[str]  # what mkpackage says of it (a regular expression); None: it cannot know
    boot: typing.Optional[str] = ""  # what the boot says, if not the same; None: it does not get so far
    props: dict = {}
    memory: str = "reg = <0x0 0x40000000 0x0 0x800000>;"
    vm: str = ""
    other: str = ""
    root: str = ""
    root_props: dict = {}


GOOD = {
    "compatible": '"schism,vm"', "vm-name": '"a"', "vcpus": "<1>", "protocol": '"elf"', "kernel": '"good.elf"',
    "devices": '"uart"',
}
OTHER = """
	vm-b {{
		compatible = "schism,vm"; vm-name = "b"; vcpus = <1>; protocol = "elf"; kernel = "good.elf"; {}
		memory@40000000 {{ reg = <0x0 0x40000000 0x0 0x800000>; {} }};
	}};"""


ROOT = {"compatible": '"schism,manifest-v1"', "#address-cells": "<2>", "#size-cells": "<2>"}


def lines(indent, props):
    return "".join(f"{indent}{name}{' = ' if value else ''}{value};\n" for name, value in props.items() if value is not None)


def source(case):
    memory = f"\t\tmemory@40000000 {{\n\t\t\t{case.memory}\n\t\t}};\n" if case.memory is not None else ""
    return ("/dts-v1/;\n/ {\n" + lines("\t", {**ROOT, **case.root_props}) +
            "\tvm-a {\n" + lines("\t\t", {**GOOD, **case.props}) + f"{memory}\t\t{case.vm}\n\t}};\n"
            f"\t{case.other}\n\t{case.root}\n}};\n")


def prop(name, value, says, **more):
    return Case(11, f"vm-a: {name}", says, props={name: value}, **more)


def image(file, says, code=15, name="kernel", boot="", **more):
    return Case(code, f"vm-a: {name}", says, boot, props={name: f'"{file}"', **more.pop("props", {})}, **more)


def sel4(file, says):
    return image(file, says, props={"protocol": '"sel4"'})


def image_node(name, says, text):
    return Case(11, f"vm-a/image@40200000: {name}", says, vm=f"image@40200000 {{ {text} }};")


def misplaced(at, says, **more):
    return Case(15, f"vm-a/image@{at:x}: load-address", f"{at:#x} with 0x1000 bytes {says}", **more, vm=(
        f'image@{at:x} {{ file = "good.bin"; load-address = <0x0 {at:#x}>; }};'))


def memory(text, says, **more):
    return Case(11, "vm-a/memory@40000000: reg", says, memory=text, **more)


RAW = {"protocol": '"raw"', "kernel": '"good.bin"'}
LINUX = {"protocol": '"linux"', "kernel": '"good.img"'}
SEL4 = {"protocol": '"sel4"', "kernel": '"good.cpio"'}
WINDOW = 'ring { compatible = "schism,shared-memory"; window-name = "ring"; size = <0x0 0x100000>; };'
SHARE = 'shared@%s { window = "%s"; reg = <0x0 0x%s 0x0 0x%s>; };'

CASES = {
    # ---- properties
    "no name": prop("vm-name", None, "is missing"),
    "empty name": prop("vm-name", '""', "is not 1 to 31 letters"),
    "long name": prop("vm-name", f'"{"x" * 32}"', "is not 1 to 31 letters"),
    "name that clears the screen": prop("vm-name", r'"a\x1b[2J"', "is not 1 to 31 letters"),
    "name without an end": prop("vm-name", "[61]", "is not a string"),
    "no vCPUs": prop("vcpus", None, "is missing"),
    "zero vCPUs": prop("vcpus", "<0>", "is 0: it must be 1 to CONFIG_MAX_VCPUS"),
    "100 vCPUs": prop("vcpus", "<100>", "is 100: it must be 1 to CONFIG_MAX_VCPUS"),
    "vCPUs in words": prop("vcpus", '"many"', "is not one cell"),
    "no protocol": prop("protocol", None, "is missing"),
    "unknown protocol": prop("protocol", '"telepathy"', 'is "telepathy", none of "elf", "linux", "raw", "sel4"'),
    "no kernel": prop("kernel", None, "is missing"),
    "kernel that is not there": prop("kernel", '"nosuch.elf"', 'names "nosuch.elf", which is in none',
                                     boot='names "nosuch.elf", which the package does not have'),
    "kernel outside the package": prop("kernel", '"../vmlinuz"', 'names "../vmlinuz", which cannot be a file'),
    "empty kernel": prop("kernel", '"empty"', 'names "empty", which is empty'),
    "ramdisk for seL4": Case(11, "vm-a: ramdisk", 'is for protocol "elf" or "linux" or "raw" only',
                             props={**SEL4, "ramdisk": '"text"'}),
    "load address for an ELF": prop("load-address", "<0x0 0x40200000>", 'is for protocol "raw" only'),
    "entry for Linux": Case(11, "vm-a: entry", 'is for protocol "elf" or "raw" only',
                            props={**LINUX, "entry": "<0x0 0x40200000>"}),
    "entry of one cell": prop("entry", "<0x40100000>", "is not one number of two cells"),
    "odd load address": Case(11, "vm-a: load-address", "is not a multiple of 4",
                             props={**RAW, "load-address": "<0x0 0x40200002>"}),
    "odd place of the tree": prop("dtb-address", "<0x0 0x40200004>", "is not a multiple of 8"),
    "tree outside the memory": prop("dtb-address", "<0x0 0x50000000>", "at 0x50000000 is not in the VM's memory"),
    "place of the tree of one cell": prop("dtb-address", "<0x40200000>", "is not one number of two cells"),
    "place of a tree for seL4": Case(11, "vm-a: dtb-address", 'is for protocol "elf" or "linux" or "raw" only',
                                     props={**SEL4, "dtb-address": "<0x0 0x40200000>"}),
    "odd entry": prop("entry", "<0x0 0x40100002>", "is not a multiple of 4"),
    "entry outside the memory": prop("entry", "<0x0 0x50000000>", "at 0x50000000 is not in the VM's memory"),
    "overlay for a supplied tree": Case(11, "vm-a: dtb-overlay", "is for the generated device tree", props={
        "dtb": '"good.dtb"', "dtb-overlay": '"good.dtbo"'}),
    "mailbox outside the memory": prop("mailbox", "<0x0 0x50000000>", "at 0x50000000 is not a page inside"),
    "odd mailbox": prop("mailbox", "<0x0 0x40100010>", "at 0x40100010 is not a page inside"),
    "arguments too long": prop("bootargs", f'"{"x" * 1024}"', "is longer than 1023 characters"),
    "arguments too long for the mailbox": Case(11, "vm-a: bootargs", "is longer than 255 characters", props={
        "mailbox": "<0x0 0x40000000>", "bootargs": f'"{"x" * 256}"'}),
    "unknown device": prop("devices", '"toaster"', 'lists "toaster", which does not exist'),
    "device twice": prop("devices", '"uart", "rtc", "uart"', 'lists "uart" twice'),
    "CPU number out of any range": prop("cpus", "<64>", "lists 64: it must be 0 to 63"),
    "CPU twice": prop("cpus", "<1 1>", "lists 1 twice"),
    "pinned to nothing": prop("pinned", "", "needs cpus, one for each vCPU"),
    "pinned to too few": Case(11, "vm-a: cpus", "lists 1 CPUs for 2 pinned vCPUs", props={
        "vcpus": "<2>", "cpus": "<0>", "pinned": ""}),
    "no time": prop("time-slice-us", "<99>", "is 99: it must be 100 to 1000000"),
    "autostart in words": prop("autostart", '"yes please"', "is not one cell"),
    "unknown action": prop("on-crash", '"explode"', 'is "explode", none of "stop", "restart", "poweroff"'),
    "no restarts": prop("restart-limit", "<0>", "is 0: it must be 1 to 1000"),
    "patience": prop("restart-backoff-ms", "<60001>", "is 60001: it must be 0 to 60000"),
    "mistyped property": prop("vcpu", "<1>", "is not a property of a VM"),
    "passthrough without a path": prop("passthrough", '"uart"', 'lists "uart", which is no path'),
    "passthrough of one device twice": prop("passthrough", '"/pl061@9030000", "/pl061@9030000"',
                                            'lists "/pl061@9030000" twice'),
    "passthrough of what is not there": Case(17, "vm-a: passthrough", None, 'lists "/toaster", which this machine',
                                             props={"passthrough": '"/toaster"'}),
    "passthrough of Schism's UART": Case(17, "vm-a: passthrough", None, 'lists "/pl011", which Schism uses',
                                         props={"passthrough": '"/pl011"'}),
    "passthrough of the GIC": Case(17, "vm-a: passthrough", None, 'lists "/intc@8000000", which Schism uses',
                                   props={"passthrough": '"/intc@8000000"'}),
    "passthrough of a CPU": Case(17, "vm-a: passthrough", None, 'lists "/cpus/cpu@0", which Schism uses',
                                 props={"passthrough": '"/cpus/cpu@0"'}),
    "passthrough of a clock": Case(17, "vm-a: passthrough", None, 'lists "/apb-pclk", which has no registers',
                                   props={"passthrough": '"/apb-pclk"'}),

    # ---- memory and shared windows
    "no memory": Case(11, "vm-a: memory", "is missing", memory=None),
    "memory without reg": Case(11, "vm-a/memory@40000000: ", "has no reg", memory=""),
    "memory in 32-bit cells": memory("reg = <0x40000000 0x800000>;", "is not one address and one size"),
    "memory of no size": memory("reg = <0x0 0x40000000 0x0 0x0>;", "is empty or not a multiple of 4 KiB"),
    "memory of odd size": memory("reg = <0x0 0x40000000 0x0 0x3039>;", "is empty or not a multiple of 4 KiB"),
    "memory where the devices are": memory("reg = <0x0 0x8000000 0x0 0x800000>;", "0x8000000 .* lies outside"),
    "memory beyond 512 GiB": memory("reg = <0x7f 0xfffff000 0x0 0x2000>;", "0x7ffffff000 .* lies outside"),
    "memory of 2^63 bytes": memory("reg = <0x0 0x40000000 0x80000000 0x0>;", "0x40000000 .* lies outside"),
    "memory that overlaps memory": Case(
        11, "vm-a/memory@40400000: reg", "0x40400000 .* overlaps the memory at 0x40000000",
        vm="memory@40400000 { reg = <0x0 0x40400000 0x0 0x800000>; };"),
    "five regions": Case(11, "vm-a/memory@50003000: ", "is one region more than 4", "has more than 4 regions", vm="".join(
        f"memory@5000{i}000 {{ reg = <0x0 0x5000{i}000 0x0 0x1000>; }}; " for i in range(4))),
    "limit below the memory": prop("memory-limit", "<0x0 0x400000>", "is 0x400000: it must be .* 0x800000"),
    "odd physical address": Case(11, "vm-a/memory@40000000: phys", "is 0x50000010: it must be a multiple of 4 KiB",
                                 memory="reg = <0x0 0x40000000 0x0 0x800000>; phys = <0x0 0x50000010>;"),
    "physical address where no RAM is": Case(14, "vm-a: memory", None, "the fixed physical range is not free RAM",
                                             memory="reg = <0x0 0x40000000 0x0 0x800000>; phys = <0x10 0x0>;"),
    "physical address of Schism": Case(14, "vm-a: memory", None, "the fixed physical range is not free RAM",
                                       memory="reg = <0x0 0x40000000 0x0 0x800000>; phys = <0x0 0x40200000>;"),
    "more memory than the machine has": Case(14, "/: ", r"asks for 2048.0 MiB of memory, and the machine has 512.0 MiB",
                                             "not enough contiguous RAM",
                                             memory="reg = <0x0 0x40000000 0x0 0x80000000>;"),
    "node that is none": Case(11, "vm-a/disk: ", "is neither a memory nor a shared nor an image node", vm="disk { };"),
    "image without an address": image_node("load-address", "is missing", 'file = "text";'),
    "image without a file": image_node("file", "is missing", "load-address = <0x0 0x40200000>;"),
    "image at an odd address": image_node("load-address", "is not a multiple of 4",
                                          'file = "text"; load-address = <0x0 0x40200001>;'),
    "image of nothing": image_node("file", 'names "empty", which is empty',
                                   'file = "empty"; load-address = <0x0 0x40200000>;'),
    "image outside the package": image_node("file", 'names "../text", which cannot be a file',
                                            'file = "../text"; load-address = <0x0 0x40200000>;'),
    "image with a mistyped property": image_node("reg", "is not a property of an image",
                                                 'file = "text"; load-address = <0x0 0x40200000>; reg = <0x0 0x40200000 0x0 0x1000>;'),
    "five images": Case(11, "vm-a/image@5: ", "is one image more than 4", "has more than 4 nodes", vm="".join(
        f'image@{i} {{ file = "text"; load-address = <0x0 0x4020{i}000>; }}; ' for i in range(1, 6))),
    "image for seL4": Case(11, "vm-a/image@40200000: ", 'is for protocol "elf" or "linux" or "raw" only', props=SEL4,
                           vm='image@40200000 { file = "text"; load-address = <0x0 0x40200000>; };'),
    "unknown window": Case(11, "vm-a/shared@50000000: window", 'names "rung", which is no shared window', root=WINDOW,
                           vm=SHARE % ("50000000", "rung", "50000000", "100000")),
    "window of another size": Case(11, "vm-a/shared@50000000: reg",
                                   'has 0x200000 bytes, and the window "ring" has 0x100000', root=WINDOW,
                                   vm=SHARE % ("50000000", "ring", "50000000", "200000")),
    "window on the UART": Case(11, "vm-a/shared@9000000: reg", "0x9000000 .* lies outside 0x10000000", root=WINDOW,
                               vm=SHARE % ("9000000", "ring", "9000000", "100000")),
    "window on the memory": Case(11, "vm-a/shared@40700000: reg", "0x40700000 .* overlaps the memory at 0x40000000",
                                 root=WINDOW, vm=SHARE % ("40700000", "ring", "40700000", "100000")),
    "window without a name": Case(18, "big: window-name", "is missing",
                                  root='big { compatible = "schism,shared-memory"; size = <0x0 0x1000>; };'),
    "window of 1 GiB": Case(18, "big: size", "is 0x40000000: it must be a multiple of 4 KiB up to 64 MiB", root=(
        'big { compatible = "schism,shared-memory"; window-name = "big"; size = <0x0 0x40000000>; };')),

    # ---- the root, and two VMs
    "VM that is none": Case(11, "vm-a: compatible", "is neither", props={"compatible": '"schism,vn"'}),
    "no VM": Case(11, "/: ", "describes no VM", "no VM of the initrd package could be started",
                  props={"compatible": '"schism,shared-memory"', "window-name": '"w"', "size": "<0x0 0x1000>",
                         **dict.fromkeys(("vm-name", "vcpus", "protocol", "kernel", "devices"))}, memory=None),
    "root of 32-bit cells": Case(10, "/: #size-cells", "is not 2", "#address-cells and #size-cells of 2",
                                 root_props={"#size-cells": "<1>"}),
    "root with a property more": Case(10, "/: model", "is not a property", "its root has properties besides",
                                      root_props={"model": '"mine"'}),
    "one name for two VMs": Case(16, "vm-b: vm-name", 'is that of another VM "a"',
                                 other=OTHER.format('vm-name = "a";', "").replace('vm-name = "b"; ', "")),
    "one physical range for two VMs": Case(
        16, "vm-b/memory@40000000: phys", 'at 0x50400000 overlaps the one at 0x50000000 of VM "a"',
        memory="reg = <0x0 0x40000000 0x0 0x800000>; phys = <0x0 0x50000000>;",
        other=OTHER.format("", "phys = <0x0 0x50400000>;")),
    "one device for two VMs": Case(
        16, "vm-b: passthrough", 'lists "/pl061@9030000", as does VM "a"', props={"passthrough": '"/pl061@9030000"'},
        other=OTHER.format('passthrough = "/pl061@9030000";', "")),

    # ---- images
    "text as an ELF": image("text", "is not an ELF file"),
    "ELF of another machine": image("x86.elf", "is not an ELF file for AArch64"),
    "ELF of 32 bits": image("elf32", "is not a 64-bit little-endian ELF file"),
    "object file": image("object.o", "is an ELF file, but not an executable"),
    "ELF that is cut": image("cut.elf", "has a program header that lies or points outside the file"),
    "ELF of nothing": image("nothing.elf", "has no segment to load"),
    "ELF outside the memory": image("high.elf", "0x80000000 .* lies outside the memory, 0x40000000-0x40800000"),
    "ELF larger than the memory": image("long.elf", "0x40100000 with 0x800000 bytes lies outside the memory"),
    "ELF with its entry elsewhere": image("lost.elf", "entry point .*0x10.* outside the memory"),
    "ELF of 30 segments": image("pieces.elf", "has too many segments"),
    "mailbox in the kernel": Case(15, "vm-a: mailbox", "0x40100000 .* overlaps the kernel at 0x40100000",
                                  props={"mailbox": "<0x0 0x40100000>"}),
    "text as a Linux kernel": image("text", "is no arm64 Image: no magic number", props={"protocol": '"linux"'}),
    "compressed text as a Linux kernel": image(
        "zimage.gz", "is no arm64 Image: no magic number", props={"protocol": '"linux"'}),
    "Linux larger than the memory": image("long.img", "lies outside the memory", props={"protocol": '"linux"'}),
    "big-endian Linux": image("endian.img", "is a big-endian kernel", props={"protocol": '"linux"'}),
    "Linux at an odd offset": image("odd.img", "has a text_offset that is not", props={"protocol": '"linux"'}),
    "Linux in xz": image("kernel.xz", "is an xz-compressed file: xz -d it", props={"protocol": '"linux"'}),
    "Linux in zstd": image("kernel.zst", "is a zstd-compressed file: zstd -d it", props={"protocol": '"linux"'}),
    "Linux in a uImage": image("uImage", "is a uImage of U-Boot's: take the file in it", props={"protocol": '"linux"'}),
    "ELF in xz": image("kernel.xz", "is an xz-compressed file: xz -d it"),
    "raw kernel in a uImage": image("uImage", "is a uImage of U-Boot's", props={"protocol": '"raw"'}),
    "image in the kernel": misplaced(0x40100800, "overlaps the kernel at 0x40100000"),
    "image across the end of the memory": misplaced(0x407ff004, "lies outside the memory, 0x40000000-0x40800000"),
    "image in the mailbox": misplaced(0x40200ffc, "overlaps the mailbox", props={"mailbox": "<0x0 0x40201000>"}),
    "image in an image": misplaced(0x40200ffc, "overlaps the image@40200000 at 0x40200000", props={
        "ramdisk": '"text"'})._replace(vm="".join(
            f'image@{at:x} {{ file = "good.bin"; load-address = <0x0 {at:#x}>; }}; ' for at in (0x40200000, 0x40200ffc))),
    "tree in the kernel": Case(15, "vm-a: dtb-address", "0x40100800 with .* overlaps the kernel at 0x40100000",
                               props={"dtb-address": "<0x0 0x40100800>"}),
    "ramdisk without room": image("large", "there is no room for its 9437184 bytes beside the kernel",
                                  name="ramdisk", props=LINUX),
    "raw kernel larger than the memory": image("large", "lies outside the memory", props={"protocol": '"raw"'}),
    "raw kernel elsewhere": Case(11, "vm-a: load-address", "at 0x50000000 is not in the VM's memory",
                                 props={**RAW, "load-address": "<0x0 0x50000000>"}),
    "text as a device tree": image("text", "is no device tree of up to 2 MiB", name="dtb"),
    "overlay that is text": image("text", "is no device tree", boot="cannot be applied: FDT_ERR_BADMAGIC",
                                  name="dtb-overlay"),
    "overlay that is none": image("good.dtb", "is no overlay: it has no __overlay__ node",
                                  boot="cannot be applied: FDT_ERR_BADOVERLAY", name="dtb-overlay"),
    "seL4 that is no archive": sel4("text", "is no CPIO of seL4's images"),
    "seL4 without a root server": sel4("noserver.cpio", "its CPIO has no rootserver"),
    "seL4 larger than the memory": sel4("long.cpio", "kernel.elf at 0x40000000-0x40900000 lies outside the memory"),
    "seL4 that leaves no room": sel4("full.cpio", "0x40800000 with .* lies outside the memory"),
    "seL4 in the lower half": sel4("low.cpio", "kernel.elf is not linked in the upper half"),
    "seL4 between blocks": sel4("slanted.cpio", "kernel.elf cannot be mapped in blocks of 2 MiB"),
    "seL4's root server with its entry elsewhere": sel4("lost.cpio", "rootserver has its entry point 0x0 outside"),
    "seL4 with half a device tree": sel4("cutdtb.cpio", "kernel.dtb is no device tree, or not a whole one"),
}
