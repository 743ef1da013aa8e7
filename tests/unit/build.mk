# SPDX-License-Identifier: MIT
#
# A host unit test is a cmocka program: a line "unit-test += NAME", and NAME-src with the test and the sources
# that it links. NAME-cppflags compiles all of them for this test alone, NAME-libs adds libraries.

unit-test += test_fmt
test_fmt-src := tests/unit/test_fmt.c lib/fmt.c
unit-test += test_string
test_string-src := tests/unit/test_string.c
unit-test += test_list
test_list-src := tests/unit/test_list.c
unit-test += test_bitmap
test_bitmap-src := tests/unit/test_bitmap.c
unit-test += test_ring
test_ring-src := tests/unit/test_ring.c lib/ring.c
test_ring-libs := -lpthread
unit-test += test_cpio
test_cpio-src := tests/unit/test_cpio.c lib/cpio.c
unit-test += test_elf
test_elf-src := tests/unit/test_elf.c lib/elf.c
unit-test += test_dt
test_dt-src := tests/unit/test_dt.c lib/dt.c
unit-test += test_machine
test_machine-src := tests/unit/test_machine.c kernel/machine.c lib/dt.c lib/dt_walk.c
unit-test += test_uart
test_uart-src := tests/unit/test_uart.c kernel/vdev/uart.c kernel/console.c kernel/lock.c kernel/cpu.c \
	lib/fmt.c lib/ring.c tests/host/fake_cpu.c tests/host/fake_panic.c tests/host/fake_guest_dtb.c
unit-test += test_rtc
test_rtc-src := tests/unit/test_rtc.c kernel/vdev/rtc.c kernel/clock.c kernel/timer.c kernel/lock.c kernel/cpu.c \
	tests/host/fake_cpu.c tests/host/fake_panic.c tests/host/fake_guest_dtb.c

# Device trees that tests read: $(O)/tests/dtb/NAME.dtb from tests/unit/dts/NAME.dts.
unit-dtbs := $(patsubst tests/unit/dts/%.dts,$(O)/tests/dtb/%.dtb,$(wildcard tests/unit/dts/*.dts))

$(O)/tests/dtb/%.dtb: tests/unit/dts/%.dts
	$(call say,DTC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)dtc -q -I dts -O dtb -o $@ $<

$(O)/tests/unit/test_dt $(O)/tests/unit/test_machine: | $(unit-dtbs)
