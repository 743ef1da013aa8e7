# SPDX-License-Identifier: MIT
"""Each fault that EL2 commits on purpose (kernel/boot/selftest.c) ends in the dump that names it."""
import re

import pytest

import qemu

# name: what the dump has to say, and the functions that its backtrace has to name
FAULTS = {
    "write-text": (r"EL2 FAULT: write of 0x5c15\w+ in \.text: permission fault", ["write_text"]),
    "write-rodata": (r"EL2 FAULT: write of 0x5c15\w+ in \.rodata: permission fault", ["write_rodata"]),
    "exec-data": (r"EL2 FAULT: execution of 0x5c15\w+ in \.data: permission fault", ["exec_data"]),
    "stack-overflow": (r"EL2 FAULT: write of 0x5c15\w+ in guard page of a stack: translation fault\n"
                       r".*STACK OVERFLOW: sp 0x5c15\w+, stack 0x\w+-0x\w+", ["recurse"]),
    "read-unmapped": (r"EL2 FAULT: read of 0x40000000: translation fault", ["read_unmapped"]),
    "assert": (r"PANIC: assertion failed: machine\.nr_ram == 0 \(kernel/boot/selftest\.c:\d+\)", ["assert_false"]),
    "smash-stack": (r"PANIC: stack smashed", ["smash_stack"]),
}


def selftest(build, name, **options):
    return qemu.run(kernel=build / "Image", append=f"quiet selftest={name} loglevel=3", **options)


@pytest.mark.parametrize("cpu", ("cortex-a57", "max"))
@pytest.mark.parametrize("name", FAULTS)
def test_fault_of_el2_ends_in_a_dump_that_names_it(checked, name, cpu):
    dump, functions = FAULTS[name]
    result = selftest(checked, name, cpu=cpu)
    assert result.status == 1, result.text
    assert f"self-test {name}\n" in result.text
    assert re.search(dump, result.text), result.text
    for function in functions:
        assert re.search(rf"(#\d+|lr) +0x5c15\w+ {function}\b.*\+0x\w+$", result.text, re.M), result.text
    if name not in ("stack-overflow", "smash-stack"):
        assert re.search(r"#\d+ +0x5c15\w+ kernel_main\+0x\w+$", result.text, re.M), "the chain is cut:\n" + result.text
    if "EL2 FAULT" in result.text:
        assert re.search(r"ESR 0x\w+ \((data|instruction) abort\)", result.text), result.text
        assert re.search(r"x28 \w{16} \w{16} \w{16}\n.*sp +\w{16} pc +\w{16}", result.text), result.text


def test_no_fault_goes_unnamed_by_these_tests():
    source = (qemu.ROOT / "kernel/boot/selftest.c").read_text(encoding="utf-8")
    assert set(re.findall(r'^\t\{ "([\w-]+)", \w+ \},$', source, re.M)) == set(FAULTS)


def test_a_self_test_that_does_not_exist_is_refused_and_the_guests_run(checked):
    result = selftest(checked, "nonsense")
    assert 'no self-test is called "nonsense"' in result.text
    assert result.status == 0 and qemu.passed(result.text) == {"counter_os", "memwalk_os"}, result.text


def test_without_the_option_no_boot_argument_can_crash_the_machine(image, short_package):
    qemu.assert_good(qemu.run(kernel=image, initrd=short_package, append="selftest=write-text"))


def test_a_backtrace_sees_through_signed_return_addresses(checked):
    """Only max signs them."""
    signed, plain = [re.findall(r"#\d+ +0x\w+ (\w+)", selftest(checked, "assert", cpu=cpu).text)
                     for cpu in ("max", "cortex-a53")]
    assert signed == plain and "kernel_main" in plain, (signed, plain)
