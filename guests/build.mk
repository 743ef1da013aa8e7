# SPDX-License-Identifier: MIT
#
# A guest is guests/NAME.c on the runtime in guests/lib, linked to $(O)/guests/NAME.elf. To add one: a line
# in guest-all, and if the embedded package may hold it, a line with its option. NAME-src lists its sources
# where they are not guests/NAME.c, NAME-cppflags adds flags to their compilation, NAME-ldflags to the link.
# guest-images are files that "make guests" makes beside the ELFs.

# The runtime, and what it shares with Schism.
guest-lib += $(sort $(wildcard guests/lib/*.c) $(filter-out %.lds.S,$(wildcard guests/lib/*.S)))
guest-lib += lib/fmt.c lib/string.c

guest-all += counter_os memwalk_os memwalk_stray crash_os bench_os shm_os gpio_os
guest-all += chatty_os

memwalk_stray-src      := guests/memwalk_os.c
memwalk_stray-cppflags := -DMEMWALK_STRAY=1

# What the embedded package needs. memwalk_stray takes the place of memwalk_os.
guest-$(CONFIG_GUEST_COUNTER_OS) += counter_os
guest-$(CONFIG_GUEST_MEMWALK_OS) += $(if $(CONFIG_GUEST_MEMWALK_STRAY),memwalk_stray,memwalk_os)
guest-$(CONFIG_GUEST_CRASH_OS)   += crash_os
guest-$(CONFIG_GUEST_BENCH_OS)   += bench_os

# guests/tests/test_NAME.c: one guest each, which tests/boot/test_guests.py runs bare and in a VM.
guest-tests := $(basename $(notdir $(wildcard guests/tests/test_*.c)))
guest-all += $(guest-tests)
$(foreach test,$(guest-tests),$(eval $(test)-src := guests/tests/$(test).c))
# It switches FP off for its EL0, and on its EL1's way there and back.
test_aarch32-cppflags := -mgeneral-regs-only

# As small kernels are built: with loads and stores that write their base back.
test_mmio-cppflags := -Os

# The state in which each protocol enters a guest: guests/tests/entry, run by tests/boot/test_entry.py. The
# kernel of the last one is linked at seL4's address.
entry-tests := test_entry_elf test_entry_linux test_entry_raw test_entry_sel4
guest-all += $(entry-tests)
$(foreach test,$(entry-tests),$(eval $(test)-src := guests/tests/entry/entry.c))
test_entry_elf-cppflags   := -DENTRY=ENTRY_ELF
test_entry_linux-cppflags := -DENTRY=ENTRY_LINUX
test_entry_raw-cppflags   := -DENTRY=ENTRY_RAW
test_entry_sel4-cppflags  := -DENTRY=ENTRY_SEL4
test_entry_elf-ldflags   := -e guest_entry --defsym guest_image_base=0x40230000
test_entry_linux-ldflags := -e guest_linux_header --defsym guest_image_base=0x401fffc0
test_entry_raw-ldflags   := -e guest_entry --defsym guest_image_base=0x40303000
test_entry_sel4-ldflags  := -e guest_entry --defsym guest_image_base=0xffffffffc0000000 \
	--defsym guest_image_offset=0xffffffff80000000
guest-images := $(addprefix $(O)/guests/test_entry_,linux.bin raw.bin sel4.cpio)

$(O)/guests/%.bin: $(O)/guests/%.elf
	$(call say,OBJCOPY,$@)
	$(Q)$(OBJCOPY) -O binary $< $@
entry-rootserver := guests/tests/entry/rootserver.S guests/tests/entry/rootserver.lds
$(O)/guests/entry_rootserver.elf: $(entry-rootserver) $(guest-track)
	$(call say,LD,$@)
	$(Q)$(CC) $(guest-asflags) -c -o $(@:.elf=.o) $<
	$(Q)$(LD) $(guest-ldflags) -T $(filter %.lds,$^) -o $@ $(@:.elf=.o)
$(O)/guests/entry_kernel.dtb: guests/tests/entry/kernel.dts
	$(Q)dtc -q -I dts -O dtb -p 200 -o $@ $<
entry-sel4 := $(O)/guests/stripped/test_entry_sel4.elf $(O)/guests/entry_kernel.dtb \
	$(O)/guests/entry_rootserver.elf
$(O)/guests/test_entry_sel4.cpio: $(entry-sel4) scripts/cpio.py
	$(call say,PACK,$@)
	$(Q)$(PYTHON) scripts/cpio.py -o $@ $(join kernel.elf= kernel.dtb= rootserver=,$(entry-sel4))

# What tests/boot/test_hostile.py runs: a guest that tries everything, and the sibling that must not notice.
guest-all += hostile heartbeat pings clocks
hostile-src      := $(sort $(wildcard guests/tests/hostile/*.c guests/tests/hostile/*.S))
hostile-cppflags := -mgeneral-regs-only
heartbeat-src    := guests/tests/heartbeat.c
pings-src        := guests/tests/pings.c
clocks-src       := guests/tests/clocks.c

# What tests/boot/test_guests.py types to, bare and in a VM.
guest-all += uart_input
uart_input-src := guests/tests/uart_input.c

# What tests/boot/test_sweep.py runs twice: every system register, whose VM's it is.
guest-all += sweep
sweep-src      := guests/tests/sweep/sweep.c guests/tests/sweep/stubs.S
sweep-cppflags := -mgeneral-regs-only

# What tests/boot/test_board.py runs: reads where it is told to.
guest-all += look
look-src := guests/tests/look.c

# What tests/boot/test_random.py runs: prints the random numbers that it is given.
guest-all += draw
draw-src := guests/tests/draw.c
