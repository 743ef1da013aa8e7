# SPDX-License-Identifier: MIT
#
# A guest is guests/NAME.c on the runtime in guests/lib, linked to $(O)/guests/NAME.elf. To add one: a line
# in guest-all, and if the embedded package may hold it, a line with its option. NAME-src lists its sources
# where they are not guests/NAME.c, NAME-cppflags adds flags to their compilation.

# The runtime, and what it shares with Schism.
guest-lib += $(sort $(wildcard guests/lib/*.c) $(filter-out %.lds.S,$(wildcard guests/lib/*.S)))
guest-lib += lib/fmt.c lib/string.c

guest-all += counter_os memwalk_os memwalk_stray crash_os bench_os shm_os gpio_os

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
