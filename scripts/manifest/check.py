# SPDX-License-Identifier: MIT
"""
What is wrong with a manifest: the rules of kernel/load/manifest*.c, which apply them again at boot, and what
only the builder can say. dts/bindings has the part of them that a schema can express.
"""
import filecmp
import glob
import os
import re

import plain
from manifest.images import GIB, MAX_IMAGES, MIB, PAGE, PLACERS, Memory, Refused, check_packed, device_tree

NAME = re.compile(r"[A-Za-z0-9_.-]{1,31}")
RAM_START, DEVICES_END, MEMORY_END = 0x40000000, 0x10000000, 512 * GIB
PHYS_END = 1 << 48
ARGS_MAX, MAILBOX_ARGS_MAX = 1023, 255
MAX_REGIONS, MAX_SHARES, MAX_PASSTHROUGH, MAX_DEVICES, MAX_WINDOWS = 4, 4, 4, 16, 8
WINDOW_MAX = 64 * MIB
CPU_NUMBERS = 64
# What the build does not make of itself, and the goal that fetches it.
FETCHED = {"vmlinuz": "linux", "initramfs.cpio": "linux", "u-boot.bin": "uboot"}
IMAGES = ("kernel", "ramdisk", "dtb", "dtb-overlay")
WITH_DTB = ("elf", "linux", "raw")
SOURCES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../kernel/vdev/*.c")


def named_files(root):
    """The nodes and properties of a manifest that name files."""
    for vm in root.children:
        yield from ((vm, prop) for prop in IMAGES)
        yield from ((child, "file") for child in vm.children if child.kind() == "image")


def device_sources():
    return [plain.text_of(path) for path in sorted(glob.glob(SOURCES))]


def device_names():
    """The names of the rows that the sources of emulated devices hold."""
    rows = [row for text in device_sources() for row in re.findall(r"^VDEV\(.*?^};", text, re.M | re.S)]
    return [name for row in rows for name in re.findall(r'\.name = "([\w-]+)"', row)]


def device_options():
    """{device: option} of those that not every build has."""
    return {device: option for text in device_sources()
            for device, option in re.findall(r'^\t\{ "([\w-]+)", "(CONFIG_\w+)" \},$', text, re.M)}


def overlap(a, a_size, b, b_size):
    return a < b + b_size and b < a + a_size


class Checker:
    """errors and warnings: lines that name file, line, node and property."""

    def __init__(self, root, files, limits, options=None, cpus=None, memory=None):
        """
        limits: max_vcpus, max_vms; options: those that are on, cpus, memory: what the machine has, each if that
        is known.
        """
        self.root, self.files, self.limits, self.cpus, self.memory = root, files, limits, cpus, memory
        self.options = options
        self.errors, self.warnings, self.windows, self.vms = [], [], {}, []

    # ---- saying it

    def line(self, node, prop, text):
        where = node.where.get(prop) or node.where.get("") or "manifest"
        return f"{where}: {node.path}: {prop + ': ' if prop else ''}{text}"

    def error(self, node, prop, text):
        """Returns None, so that a check can return it in place of a value."""
        self.errors.append(self.line(node, prop, text))

    def warn(self, node, prop, text):
        self.warnings.append(self.line(node, prop, text))

    # ---- reading values: None after an error

    def string(self, node, prop):
        value = node.string(prop)
        return self.error(node, prop, "is not a string") if value is None else value

    def numbers(self, node, prop, count):
        value = node.numbers(prop, count)
        if value is None:
            self.error(node, prop, "is not " + ("one number of two cells" if count == 1 else
                                                "one address and one size of two cells each"))
        return value

    def name(self, node, prop):
        value = self.string(node, prop)
        if value is not None and not NAME.fullmatch(value):
            return self.error(node, prop, "is not 1 to 31 letters, digits, '_', '-' or '.'")
        return value

    def known_only(self, node, known, whose):
        for prop in node.props:
            if prop not in (*known, "phandle"):
                self.error(node, prop, f"is not a property of {whose}")

    def flag(self, node, prop):
        if node.props.get(prop):
            self.error(node, prop, "is a flag, and has a value")

    # ---- the whole

    def run(self):
        root = self.root
        if not root.compatible("schism,manifest-v1"):
            return self.error(root, "compatible", 'is not "schism,manifest-v1"')
        for prop in ("#address-cells", "#size-cells"):
            if root.props.get(prop) != b"\0\0\0\2":
                self.error(root, prop, "is not 2")
        self.known_only(root, ("compatible", "#address-cells", "#size-cells"), "a manifest")
        for node in root.children:
            if node.compatible("schism,shared-memory"):
                self.check_window(node)
        for node in root.children:
            if node.compatible("schism,vm"):
                self.vms.append(VmChecker(self, node).run())
            elif not node.compatible("schism,shared-memory"):
                self.error(node, "compatible", 'is neither "schism,vm" nor "schism,shared-memory"')
        if not self.vms and not self.errors:
            self.error(root, "", "describes no VM")
        if len(self.vms) > self.limits["max_vms"]:
            self.error(self.vms[self.limits["max_vms"]].node, "", "is one VM more than "
                       f"CONFIG_MAX_VMS, {self.limits['max_vms']}")
        self.check_pairs()
        self.check_sum()

    def check_window(self, node):
        self.known_only(node, ("compatible", "window-name", "size"), "a shared window")
        if node.children:
            self.error(node, "window-name", "stands in a node with a child node")
        for prop in ("window-name", "size"):
            if prop not in node.props:
                return self.error(node, prop, "is missing")
        name, size = self.name(node, "window-name"), self.numbers(node, "size", 1)
        if name in self.windows:
            self.error(node, "window-name", f'is "{name}", as of another window')
        elif len(self.windows) == MAX_WINDOWS:
            self.error(node, "compatible", f"makes more than {MAX_WINDOWS} shared windows")
        if size and (not size[0] or size[0] % PAGE or size[0] > WINDOW_MAX):
            self.error(node, "size", f"is {size[0]:#x}: it must be a multiple of 4 KiB up to 64 MiB")
        if name is not None and size:
            self.windows[name] = size[0]

    def check_pairs(self):
        for i, vm in enumerate(self.vms):
            for other in self.vms[:i]:
                if vm.name is not None and vm.name == other.name:
                    self.error(vm.node, "vm-name", f'is that of another VM "{other.name}"')
                for node, phys, size in vm.phys:
                    for _, at, length in other.phys:
                        if overlap(phys, size, at, length):
                            self.error(node, "phys", f'at {phys:#x} overlaps the one at {at:#x} of VM "{other.name}"')
                for path in set(vm.passthrough) & set(other.passthrough):
                    self.error(vm.node, "passthrough", f'lists "{path}", as does VM "{other.name}"')

    def check_sum(self):
        total = sum(size for vm in self.vms for _, size in vm.regions) + sum(self.windows.values())
        if self.memory and total > self.memory and not self.errors:
            self.error(self.root, "", f"asks for {total / MIB:.1f} MiB of memory, and the machine has "
                       f"{self.memory / MIB:.1f} MiB")


class VmChecker:
    """One VM. PROPERTIES says which method checks a property; what concerns several comes afterwards."""

    def __init__(self, whole, node):
        self.whole, self.node, self.files = whole, node, whole.files
        self.error, self.numbers = whole.error, whole.numbers
        self.name = self.protocol = self.kernel = None
        self.vcpus, self.load_address, self.entry, self.mailbox = 0, None, None, None
        self.dtb_address = None
        self.regions, self.phys, self.shares, self.passthrough, self.images = [], [], [], [], []

    def fault(self, prop, text):
        return self.error(self.node, prop, text)

    def run(self):
        node = self.node
        for prop in node.props:
            if prop not in PROPERTIES:
                self.fault(prop, "is not a property of a VM")
        for prop, (check, required, protocols, *arguments) in PROPERTIES.items():
            if prop not in node.props:
                if required:
                    self.fault(prop, "is missing")
            elif protocols and self.protocol and self.protocol not in protocols:
                self.fault(prop, f"is for protocol {' or '.join(map(repr, protocols))} only".replace("'", '"'))
            elif check:
                check(self, prop, *arguments)
        self.check_children()
        self.check_combinations()
        if self.regions:
            self.check_places()
        return self

    # ---- properties

    def check_name(self, prop):
        self.name = self.whole.name(self.node, prop)

    def check_vcpus(self, prop):
        self.vcpus = self.check_cell(prop, 1, self.whole.limits["max_vcpus"], "CONFIG_MAX_VCPUS, ") or 0

    def check_cell(self, prop, low, high, high_name=""):
        cells = self.node.cells(prop)
        if cells is None or len(cells) != 1:
            return self.fault(prop, "is not one cell")
        if not low <= cells[0] <= high:
            return self.fault(prop, f"is {cells[0]}: it must be {low} to {high_name}{high}")
        return cells[0]

    def check_choice(self, prop, choices):
        value = self.whole.string(self.node, prop)
        if value is not None and value not in choices:
            return self.fault(prop, f'is "{value}", none of ' + ", ".join(f'"{choice}"' for choice in choices))
        return value

    def check_protocol(self, prop, choices):
        self.protocol = self.check_choice(prop, choices)

    def check_file(self, node, prop):
        file = self.whole.string(node, prop)
        if file is None:
            return None
        if "/" in file or file in ("", "manifest.dtb"):
            return self.error(node, prop, f'names "{file}", which cannot be a file of the package')
        if not self.files.find(file):
            how = f'; "make {FETCHED[file]}" fetches it' if file in FETCHED else ""
            return self.error(node, prop, f'names "{file}", which is in none of ' +
                              ", ".join(self.files.directories) + how)
        taken, *others = self.files.all(file)
        for other in others:
            if not filecmp.cmp(taken, other, shallow=False):
                self.whole.warn(node, prop, f'names "{file}": {taken} is taken, {other} is not')
        data = self.files.load(file, kernel=prop == "kernel")
        return data if data else self.error(node, prop, f'names "{file}", which is empty')

    def check_image(self, prop):
        return self.check_file(self.node, prop)

    def check_kernel(self, prop):
        self.kernel = self.check_image(prop)

    def check_tree(self, prop):
        data = self.check_image(prop)
        if data is None:
            return
        try:
            root = device_tree(data)
        except Refused as error:
            self.fault(prop, f"{self.node.string(prop)} {error}")
        else:
            if prop == "dtb-overlay" and not any(node.name == "__overlay__" for node in root.walk()):
                self.fault(prop, f"{self.node.string(prop)} is no overlay: it has no __overlay__ node")

    def check_address(self, node, prop, align):
        numbers = self.numbers(node, prop, 1)
        if not numbers:
            return None
        if numbers[0] % align:
            return self.error(node, prop, f"is not a multiple of {align}")
        return numbers[0]

    def check_load_address(self, prop):
        self.load_address = self.check_address(self.node, prop, 4)

    def check_entry(self, prop):
        self.entry = self.check_address(self.node, prop, 4)

    def check_dtb_address(self, prop):
        self.dtb_address = self.check_address(self.node, prop, 8)

    def check_mailbox(self, prop):
        numbers = self.numbers(self.node, prop, 1)
        self.mailbox = numbers and numbers[0]

    def check_bootargs(self, prop):
        self.whole.string(self.node, prop)
        most = MAILBOX_ARGS_MAX if "mailbox" in self.node.props else ARGS_MAX
        if len(self.node.props[prop]) > most + 1:
            self.fault(prop, f"is longer than {most} characters"
                       f"{', which the mailbox has room for' if 'mailbox' in self.node.props else ''}")

    def check_list(self, prop, most, fault):
        """The strings, in which an empty one stands for nothing; fault(string) says what is wrong with one."""
        strings = self.node.strings(prop)
        if strings is None:
            return self.fault(prop, "is not a list of strings") or []
        seen = []
        for string in filter(None, strings):
            if text := 'twice' if string in seen else fault(string):
                self.fault(prop, f'lists "{string}"{"" if text == "twice" else ", which"} {text}')
            seen.append(string)
        if len(seen) > most:
            self.fault(prop, f"lists more than {most} devices")
        return seen

    def check_devices(self, prop):
        known, by_option, options = device_names(), device_options(), self.whole.options

        def fault(name):
            if name not in known:
                return f"does not exist; there are {', '.join(known)}"
            if options is not None and by_option.get(name, "") not in (*options, ""):
                return f"this build lacks: {by_option[name]} is off"
            return None

        self.check_list(prop, MAX_DEVICES, fault)

    def check_passthrough(self, prop):
        self.passthrough = self.check_list(prop, MAX_PASSTHROUGH, lambda path: None if re.match("/.", path) else
                                           "is no path of a node")

    def check_cpus(self, prop):
        cells, pinned = self.node.cells(prop), "pinned" in self.node.props
        if not cells:
            return self.fault(prop, "is not a list of cells")
        if pinned and len(cells) != self.vcpus:
            self.fault(prop, f"lists {len(cells)} CPUs for {self.vcpus} pinned vCPUs")
        for i, cpu in enumerate(cells):
            if cpu >= CPU_NUMBERS:
                self.fault(prop, f"lists {cpu}: it must be 0 to {CPU_NUMBERS - 1}")
            elif cpu in cells[:i]:
                self.fault(prop, f"lists {cpu} twice")
            elif self.whole.cpus is not None and cpu >= self.whole.cpus:
                self.whole.warn(self.node, prop, f"lists {cpu}, and the machine has {self.whole.cpus} CPUs")
        return None

    def check_pinned(self, prop):
        self.whole.flag(self.node, prop)
        if "cpus" not in self.node.props:
            self.fault(prop, "needs cpus, one for each vCPU")

    # ---- memory, shared windows, images at addresses

    def check_children(self):
        kinds = {"memory": self.check_region, "shared": self.check_share, "image": self.check_image_node}
        for child in self.node.children:
            if child.kind() not in kinds:
                self.error(child, "", "is neither a memory nor a shared nor an image node")
            elif child.children:
                self.error(child, "", "has a child node")
        for kind, check in kinds.items():
            for child in self.node.children:
                if child.kind() == kind:
                    check(child)
        if not any(child.kind() == "memory" for child in self.node.children):
            self.fault("memory", "is missing: a VM needs a memory node with a reg")
        self.regions.sort()
        if "memory-limit" in self.node.props and (limit := self.numbers(self.node, "memory-limit", 1)):
            total = sum(size for _, size in self.regions)
            if limit[0] % PAGE or not total <= limit[0] <= MEMORY_END:
                self.fault("memory-limit", f"is {limit[0]:#x}: it must be a multiple of 4 KiB, {total:#x} (the memory) "
                           "to 512 GiB")

    def read_reg(self, node, lowest):
        if "reg" not in node.props:
            return self.error(node, "", "has no reg")
        reg = self.numbers(node, "reg", 2)
        if not reg:
            return None
        base, size = reg
        if not size or base % PAGE or size % PAGE:
            return self.error(node, "reg", "is empty or not a multiple of 4 KiB")
        if base < lowest or base + size > MEMORY_END:
            return self.error(node, "reg", f"{base:#x} with {size:#x} bytes lies outside {lowest:#x} to 512 GiB")
        for what, ranges in (("memory", self.regions), ("shared window", self.shares)):
            if other := next((r for r in ranges if overlap(base, size, *r)), None):
                return self.error(node, "reg", f"{base:#x} with {size:#x} bytes overlaps the {what} at {other[0]:#x}")
        return reg

    def check_region(self, node):
        self.whole.known_only(node, ("reg", "phys", "device_type"), "memory")
        if len(self.regions) == MAX_REGIONS:
            return self.error(node, "", f"is one region more than {MAX_REGIONS}")
        reg = self.read_reg(node, RAM_START)
        if not reg:
            return None
        self.regions.append(reg)
        if "phys" in node.props and (phys := self.numbers(node, "phys", 1)):
            if phys[0] % PAGE or phys[0] + reg[1] > PHYS_END:
                return self.error(node, "phys", f"is {phys[0]:#x}: it must be a multiple of 4 KiB below 2^48")
            for _, at, length in self.phys:
                if overlap(phys[0], reg[1], at, length):
                    self.error(node, "phys", f"at {phys[0]:#x} overlaps the one at {at:#x}")
            self.phys.append((node, phys[0], reg[1]))
        return None

    def check_share(self, node):
        self.whole.known_only(node, ("reg", "window", "read-only"), "a shared window")
        self.whole.flag(node, "read-only")
        if len(self.shares) == MAX_SHARES:
            return self.error(node, "", f"is one window more than {MAX_SHARES}")
        if "window" not in node.props:
            return self.error(node, "window", "is missing")
        window, reg = self.whole.string(node, "window"), self.read_reg(node, DEVICES_END)
        if window is None:
            return None
        size = self.whole.windows.get(window)
        if size is None:
            self.error(node, "window", f'names "{window}", which is no shared window of the package')
        elif reg and reg[1] != size:
            self.error(node, "reg", f'has {reg[1]:#x} bytes, and the window "{window}" has {size:#x}')
        if window in [c.string("window") for c in self.node.children[:self.node.children.index(node)]]:
            self.error(node, "window", f'names "{window}" twice')
        if reg:
            self.shares.append(reg)
        return None

    def check_image_node(self, node):
        self.whole.known_only(node, ("file", "load-address"), "an image")
        if self.protocol and self.protocol not in WITH_DTB:
            return self.error(node, "", f"is for protocol {' or '.join(map(repr, WITH_DTB))} only".replace("'", '"'))
        if len(self.images) == MAX_IMAGES:
            return self.error(node, "", f"is one image more than {MAX_IMAGES}")
        for prop in ("file", "load-address"):
            if prop not in node.props:
                return self.error(node, prop, "is missing")
        address, data = self.check_address(node, "load-address", 4), self.check_file(node, "file")
        if address is not None and data:
            self.images.append((node, address, len(data)))
        return None

    # ---- several properties

    def check_combinations(self):
        if "dtb-overlay" in self.node.props and "dtb" in self.node.props:
            self.fault("dtb-overlay", "is for the generated device tree, and there is a dtb")

    def check_places(self):
        memory = Memory(self.regions)
        for prop, value, length in (("load-address", self.load_address, 4), ("entry", self.entry, 4),
                                    ("dtb-address", self.dtb_address, 8)):
            if value is not None and not memory.inside(value, length):
                return self.fault(prop, f"at {value:#x} is not in the VM's memory")
        if self.mailbox is not None and (self.mailbox % PAGE or not memory.inside(self.mailbox, PAGE)):
            return self.fault("mailbox", f"at {self.mailbox:#x} is not a page inside the VM's memory")
        if self.kernel and self.protocol:
            self.place_images(memory)
        return None

    def place_images(self, memory):
        """In the order of kernel/load/loader.c."""
        node, prop, name = self.node, "kernel", self.node.string("kernel")
        try:
            check_packed(self.kernel)
            load_address = memory.base + 2 * MIB if self.load_address is None else self.load_address
            entry = PLACERS[self.protocol](memory, self.kernel, load_address)
            if not memory.inside(entry, 4):
                raise Refused(f"has its entry point at {entry:#x}, outside the memory")
            if self.mailbox is not None:
                prop, name = "mailbox", ""
                memory.take(prop, self.mailbox, PAGE)
            prop = "load-address"
            for node, address, length in self.images:
                name = node.string("file")
                memory.take(f"image@{address:x}", address, length)
            node, prop, name = self.node, "ramdisk", self.node.string("ramdisk")
            if name and self.files.find(name):
                window = entry // GIB * GIB
                memory.take_highest(prop, len(self.files.load(name)), window - 30 * GIB, window + 32 * GIB)
            if self.protocol in WITH_DTB:
                prop, name = ("dtb", self.node.string("dtb")) if "dtb" in self.node.props else ("memory", "")
                if self.dtb_address is not None:
                    prop = "dtb-address"
                self.place_tree(memory, name)
        except Refused as error:
            self.error(node, prop, f"{name} {error}".strip())

    def place_tree(self, memory, name):
        """Where it goes of itself it goes last: if there is room, it has a place."""
        # How long a generated tree is turns out at boot: 1 KiB at least.
        length = len(self.files.load(name)) if name and self.files.find(name) else 1024
        if self.dtb_address is None:
            memory.take_lowest("dtb", length)
        else:
            memory.take("dtb-address", self.dtb_address, length)


CELLS, CHOICE, TREE = VmChecker.check_cell, VmChecker.check_choice, VmChecker.check_tree
ACTIONS = ("stop", "restart", "poweroff")

# name: (check, required, protocols or None for all, arguments of check ...), in the order of the checks.
PROPERTIES = {
    "compatible": (None, False, None),
    "phandle": (None, False, None),
    "memory-limit": (None, False, None),
    "vm-name": (VmChecker.check_name, True, None),
    "vcpus": (VmChecker.check_vcpus, True, None),
    "protocol": (VmChecker.check_protocol, True, None, tuple(PLACERS)),
    "kernel": (VmChecker.check_kernel, True, None),
    "load-address": (VmChecker.check_load_address, False, ("raw",)),
    "entry": (VmChecker.check_entry, False, ("elf", "raw")),
    "ramdisk": (VmChecker.check_image, False, WITH_DTB),
    "dtb": (TREE, False, WITH_DTB),
    "dtb-address": (VmChecker.check_dtb_address, False, WITH_DTB),
    "dtb-overlay": (TREE, False, WITH_DTB),
    "mailbox": (VmChecker.check_mailbox, False, None),
    "bootargs": (VmChecker.check_bootargs, False, None),
    "devices": (VmChecker.check_devices, False, None),
    "passthrough": (VmChecker.check_passthrough, False, None),
    "cpus": (VmChecker.check_cpus, False, None),
    "pinned": (VmChecker.check_pinned, False, None),
    "time-slice-us": (CELLS, False, None, 100, 1000000),
    "autostart": (CELLS, False, None, 0, 1),
    "on-crash": (CHOICE, False, None, ACTIONS),
    "on-shutdown": (CHOICE, False, None, ACTIONS),
    "restart-limit": (CELLS, False, None, 1, 1000),
    "restart-backoff-ms": (CELLS, False, None, 0, 60000),
}
