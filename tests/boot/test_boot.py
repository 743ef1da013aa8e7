# SPDX-License-Identifier: MIT
"""
Schism boots by the Linux boot protocol and as an ELF, on the CPU models, memory sizes and core counts that
it is meant for, runs its two guests to the end, and switches the machine off.
"""
import re

import pytest

import qemu

CPUS = ("cortex-a53", "cortex-a57", "cortex-a72", "cortex-a76", "neoverse-n1", "max")
SIZES = ("256M", "512M", "1G", "2G", "4G")
FACTS = {"CurrentEL", "SP", "heap_base", "work_base", "MPIDR_EL1", "MIDR_EL1", "CNTFRQ_EL0", "CNTVCT_EL0_at_start",
         "VBAR_EL1", "SCTLR_EL1", "TTBR0_EL1", "TCR_EL1"}


@pytest.fixture(params=["Image", "schism.elf"])
def boot(request, checked):
    """Boot that product until it ends. QEMU passes no initrd to an ELF: the embedded package has both guests."""
    return lambda **options: qemu.run(kernel=checked / request.param, append=qemu.EACH_REPORT, **options)


@pytest.mark.parametrize("cpu", CPUS)
def test_both_guests_run_to_the_end_on_every_cpu_model(boot, cpu):
    result = boot(cpu=cpu, smp=4)
    qemu.assert_good(result)
    assert qemu.turns(result.text) > 10, result.text


@pytest.mark.parametrize("mem", SIZES)
def test_both_guests_run_to_the_end_in_any_size_of_memory(boot, mem):
    result = boot(mem=mem)
    qemu.assert_good(result)
    mib = int(mem[:-1]) << (10 if mem[-1] == "G" else 0)
    assert f" {mib} MiB RAM (" in result.text, result.text


@pytest.mark.parametrize("smp", (1, 2, 4, 8))
def test_the_log_counts_the_cpus(boot, smp):
    result = boot(smp=smp)
    qemu.assert_good(result)
    assert f"{smp} CPU(s) in the device tree" in result.text and f"{smp} CPU(s) online" in result.text, result.text


def test_the_guests_report_alternately(image, short_package):
    result = qemu.run(kernel=image, initrd=short_package, append=qemu.EACH_REPORT)
    qemu.assert_good(result)
    order = qemu.reporters(result.text)
    assert order.count("counter_os") == order.count("memwalk_os") == 20, result.text
    # Neither is left out for longer than a pass of the other takes.
    assert not re.search(r"(\w+_os)( \1){3}", " ".join(order[:30])), order


def test_guests_run_without_counting_instructions_too(image, short_package):
    qemu.assert_good(qemu.run(kernel=image, initrd=short_package, icount=False, cpu="max", smp=4))


def test_the_mailbox_dump_shows_the_facts_of_each_guest(image, short_package):
    result = qemu.run(kernel=image, initrd=short_package, cpu="cortex-a57")
    for name in ("counter_os", "memwalk_os"):
        facts = qemu.mailbox(result.text, name)
        assert FACTS <= facts.keys(), facts
        assert facts["CurrentEL"] == 1
        assert facts["CNTFRQ_EL0"] == qemu.counter_hz("cortex-a57")
        assert facts["MPIDR_EL1"] & 0xff00ffffff == 0, "vCPU 0 has affinity 0"
        assert facts["MIDR_EL1"] == 0x411fd070, "a Cortex-A57"
        assert facts["SCTLR_EL1"] & 1, "its MMU is on"
        assert facts["TTBR0_EL1"] & 0xfff == 0
        for address in ("SP", "heap_base", "work_base", "VBAR_EL1", "TTBR0_EL1"):
            assert 0x40000000 <= facts[address] < 0x40800000, f"{address} lies outside the guest's RAM"
    clock = qemu.mailbox(result.text, "counter_os")
    assert clock["tick_interrupts"] > 10 and clock["spurious_irqs"] == 0, clock


def test_vms_see_the_same_addresses_backed_by_memory_of_their_own(image, short_package):
    text = qemu.run(kernel=image, initrd=short_package).text
    created = re.findall(
        r"VM (\d+), VMID (\d+), .* RAM (\d+) KiB at IPA (0x\w+) = PA (0x\w+) \((\d+) x 2 MiB,", text)
    assert len(created) == 2, text
    (_, vmid_a, _, ipa_a, pa_a, _), (_, vmid_b, size, ipa_b, pa_b, blocks) = created
    assert ipa_a == ipa_b == "0x40000000"
    assert vmid_a != vmid_b and "0" not in (vmid_a, vmid_b)
    assert int(blocks) << 11 == int(size), "memory is not mapped in 2 MiB blocks"
    gap = abs(int(pa_b, 16) - int(pa_a, 16)) - (int(size) << 10)
    assert gap >= 16 * 4096, "no guard pages between the two carve-outs"


@pytest.mark.parametrize("cpu", ("cortex-a57", "max"))
def test_boot_reaches_the_first_guest_within_two_million_instructions(image, cpu):
    """From reset, with both guests embedded."""
    with qemu.Console(kernel=image, cpu=cpu) as console:
        text = console.expect(r"first guest instruction after \d+\.\d{3} ms")
    assert qemu.instructions_to_first_guest(text) < 2_000_000, text
