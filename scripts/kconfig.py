#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
The one driver of the configuration: everything that make does with Kconfig, on kconfiglib.

    kconfig.py --out DIR defconfig FILE [FRAGMENT...]   write DIR/.config from scratch
    kconfig.py --out DIR sync                           write DIR/auto.conf and DIR/include/generated/config.h
    kconfig.py --out DIR menuconfig | oldconfig | olddefconfig | savedefconfig | listnewconfig

Files are read strictly: an unknown symbol, a value that is malformed or out of range, and an assignment
that has no effect are errors that name file, line and symbol. A later file may override an earlier one.
Only olddefconfig, oldconfig and menuconfig forgive a .config of older Kconfig files: they say what they
drop.
"""
import argparse
import os
import re
import sys

sys.dont_write_bytecode = True
import plain  # noqa: E402 (beside this script)

try:
    import kconfiglib
    from kconfiglib import BOOL, HEX, INT, STRING, expr_str, expr_value
except ImportError:
    sys.exit("error: this python3 has no kconfiglib; Debian: apt-get install python3-kconfiglib")

ASSIGN = re.compile(r"CONFIG_(\w+)=(.*)$")
UNSET = re.compile(r"# CONFIG_(\w+) is not set$")
ALMOST_UNSET = re.compile(r"#\s*CONFIG_\w+\b.*\bnot set\b")
# C would read a leading zero as octal.
NUMBER = {INT: re.compile(r"-?(0|[1-9]\d*)$"), HEX: re.compile(r"0[xX][0-9a-fA-F]+$")}
BASE = {INT: 10, HEX: 16}


class Request:
    """One assignment in a file."""

    def __init__(self, path, line, name, value):
        self.path, self.line, self.name, self.value = path, line, name, value

    def error(self, text):
        return f"{self.path}:{self.line}: CONFIG_{self.name}: {text}"


def read_requests(path):
    """The assignments of a file, in order, and errors about lines that are none."""
    requests, errors, seen = [], [], {}
    try:
        lines = plain.text_of(path).splitlines()
    except OSError as err:
        return [], [f"{path}: {err.strerror}"]
    for number, text in enumerate(lines, 1):
        text = text.strip()
        if match := UNSET.match(text):
            request = Request(path, number, match[1], "n")
        elif match := ASSIGN.match(text):
            request = Request(path, number, match[1], match[2].strip())
        elif ALMOST_UNSET.match(text):
            errors.append(f"{path}:{number}: is a comment, not '# CONFIG_NAME is not set': {text}")
            continue
        elif not text or text.startswith("#"):
            continue
        else:
            errors.append(f"{path}:{number}: neither an assignment nor a comment: {text}")
            continue
        before = seen.get(request.name)
        if before and before.value != request.value:
            errors.append(before.error(f"{before.value} has no effect, line {number} assigns {request.value}"))
        seen[request.name] = request
        requests.append(request)
    return requests, errors


def malformed(sym, value):
    """Why value can't be one of sym's type, or None."""
    if sym.orig_type == BOOL and value not in ("y", "n"):
        return f"'{value}' is not a value of a bool (y or n)"
    if sym.orig_type in NUMBER and not NUMBER[sym.orig_type].match(value):
        return f"'{value}' is not {'a decimal' if sym.orig_type == INT else 'a hexadecimal'} number"
    if sym.orig_type == STRING and not re.match(r'"(?:[^"\\]|\\.)*"$', value):
        return f"{value} is not a string in double quotes"
    return None


def same(sym, value):
    if sym.orig_type in BASE:
        return sym.str_value != "" and int(sym.str_value, BASE[sym.orig_type]) == int(value, BASE[sym.orig_type])
    if sym.orig_type == STRING:
        return sym.str_value == kconfiglib.unescape(value[1:-1])
    return sym.str_value == value


def why_not(sym, value):
    """Why sym did not take a well-formed value."""
    for low, high, cond in sym.ranges:
        if sym.orig_type in BASE and expr_value(cond):
            base = BASE[sym.orig_type]
            if not int(low.str_value, base) <= int(value, base) <= int(high.str_value, base):
                return f"{value} is out of range {low.str_value}..{high.str_value}"
    if not expr_value(sym.direct_dep):
        return f"{value} has no effect: it depends on {expr_str(sym.direct_dep)}"
    if not sym.visibility:
        return f"{value} has no effect: it can't be set by hand here"
    if sym.choice and value == "n":
        return "n has no effect: it is what the choice falls back on; set another member to y"
    return f"{value} has no effect: the value stays {sym.str_value or 'undefined'}"


def load(kconf, paths):
    """Load paths in order, later over earlier. Returns the list of errors."""
    errors, final, chosen = [], {}, {}
    for index, path in enumerate(paths):
        requests, bad = read_requests(path)
        errors += bad
        for request in requests:
            sym = kconf.syms.get(request.name)
            if sym is None or not sym.nodes:
                errors.append(request.error("no such symbol"))
            elif reason := malformed(sym, request.value):
                errors.append(request.error(reason))
            else:
                final[request.name] = request
                if sym.choice and request.value == "y":
                    other = chosen.get(sym.choice)
                    if other and other.path == path and other.name != request.name:
                        errors.append(other.error(f"y has no effect, line {request.line} chooses CONFIG_{request.name}"))
                    elif other and other.name != request.name:
                        final.pop(other.name, None)
                    chosen[sym.choice] = request
        if not bad:
            kconf.load_config(path, replace=index == 0)
    if errors:
        return errors
    for request in final.values():
        sym = kconf.syms[request.name]
        if same(sym, request.value):
            continue
        # "not set" is how a .config records the members of a choice that were not taken, and bools
        # whose dependencies are unmet are n anyway.
        errors.append(request.error(why_not(sym, request.value)))
    return errors


def write_if_changed(path, text):
    if os.path.exists(path) and plain.text_of(path) == text:
        return False
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with plain.written(path) as file:
        file.write(text)
    return True


def c_value(sym):
    if sym.orig_type == BOOL:
        return "1" if sym.tri_value else "0"
    if sym.orig_type == STRING:
        return '"' + kconfiglib.escape(sym.str_value) + '"'
    # A number whose dependencies are unmet still needs a value: that keeps -Wundef useful.
    return sym.str_value or "0"


def sync(kconf, out):
    """Everything that the build reads: the header for C, the fragment for make."""
    header = ["/* Generated from .config; change that with make menuconfig. */",
              "#ifndef GENERATED_CONFIG_H", "#define GENERATED_CONFIG_H", ""]
    make = ["# Generated from .config; change that with make menuconfig."]
    for sym in kconf.unique_defined_syms:
        header.append(f"#define CONFIG_{sym.name} {c_value(sym)}")
        value = sym.str_value
        if not (sym.orig_type == BOOL and value == "n") and value != "":
            make.append(f"CONFIG_{sym.name} := {value}")
    header += ["", "#endif", ""]
    files = [os.path.relpath(os.path.join(kconf.srctree or ".", name)) for name in kconf.kconfig_filenames]
    make += [f"kconfig-files := {' '.join(files)}", ""]
    write_if_changed(os.path.join(out, "include/generated/config.h"), "\n".join(header))
    # Its time is what make compares with .config and the Kconfig files, so always write it.
    path = os.path.join(out, "auto.conf")
    write_if_changed(path, "\n".join(make))
    os.utime(path)


def write_config(kconf, path):
    """What it replaces may have been chosen by hand: it is kept as PATH.old."""
    text = kconf._config_contents("# Schism's configuration; change it with make menuconfig.\n")
    if os.path.exists(path) and plain.text_of(path) != text:
        write_if_changed(f"{path}.old", plain.text_of(path))
        print(f"  KEPT    the former configuration as {path}.old")
    write_if_changed(path, text)


def in_menus(kconf):
    """menuconfig, where there is a terminal that can show it."""
    try:
        import curses
        import menuconfig
    except ImportError as error:
        sys.exit(f"error: menuconfig: this python3 lacks {error.name}")
    if not sys.stdin.isatty() or not sys.stdout.isatty():
        sys.exit("error: menuconfig needs a terminal; without one, make NAME_defconfig FRAGMENTS=FILE sets options")
    try:
        curses.setupterm()
        if not curses.tigetstr("cup"):
            raise curses.error("it can't move its cursor")
        menuconfig.menuconfig(kconf)
    except curses.error as error:
        sys.exit(f"error: menuconfig: TERM={os.environ.get('TERM', '')}: this terminal can't show menus: {error}")


def ask(oldconfig):
    sys.argv = ["oldconfig", "Kconfig"]
    try:
        oldconfig._main()
    except EOFError:
        sys.exit("\nerror: oldconfig asks, and there is nobody to answer; make olddefconfig takes the defaults")


def forgive(errors, path):
    for error in errors:
        print(f"warning: {error}; dropped", file=sys.stderr)
    return path


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default="build", help="directory of .config and of what is generated")
    parser.add_argument("command", choices=["defconfig", "sync", "menuconfig", "oldconfig", "olddefconfig",
                                            "savedefconfig", "listnewconfig"])
    parser.add_argument("files", nargs="*", help="a defconfig and fragments; or where savedefconfig writes")
    args = parser.parse_args()

    config = os.path.join(args.out, ".config")
    try:
        kconf = kconfiglib.Kconfig("Kconfig", warn=True, warn_to_stderr=False)
    except kconfiglib.KconfigError as err:
        sys.exit(f"error: {err}")
    if kconf.warnings:
        sys.exit("\n".join(f"error: {text}" for text in kconf.warnings))

    os.makedirs(args.out, exist_ok=True)
    paths = args.files if args.command == "defconfig" else [config]
    if args.command == "defconfig" and not paths:
        parser.error("defconfig needs a file")
    errors = load(kconf, paths) if args.command != "menuconfig" or os.path.exists(config) else []

    if args.command in ("olddefconfig", "oldconfig", "menuconfig"):
        forgive(errors, config)
        if os.path.exists(config):
            kconf.load_config(config)
    elif errors:
        for error in errors:
            print(f"error: {error}", file=sys.stderr)
        if args.command != "defconfig":
            print("note: make olddefconfig drops what has no meaning any more", file=sys.stderr)
        sys.exit(1)

    if args.command in ("defconfig", "olddefconfig"):
        write_config(kconf, config)
    elif args.command == "sync":
        sync(kconf, args.out)
    elif args.command == "menuconfig":
        os.environ["KCONFIG_CONFIG"] = config
        in_menus(kconf)
    elif args.command == "oldconfig":
        import oldconfig
        os.environ["KCONFIG_CONFIG"] = config
        ask(oldconfig)
    elif args.command == "savedefconfig":
        target = args.files[0] if args.files else os.path.join(args.out, "defconfig")
        write_if_changed(target, kconf._min_config_contents(""))
        print(f"  SAVED   {target}")
    elif args.command == "listnewconfig":
        for sym in kconf.unique_defined_syms:
            if sym.user_value is None and sym.visibility and (not sym.choice or sym.choice.user_selection is None):
                sys.stdout.write(sym.config_string or f"# CONFIG_{sym.name}\n")


if __name__ == "__main__":
    plain.run(main)
