# SPDX-License-Identifier: MIT
#
# A fuzzer is a line "fuzzer += NAME" and fuzz_NAME-src with the product's sources that it calls. It becomes
# $(O)/fuzz/NAME, with libFuzzer ("make fuzz"), and the unit test seeds_NAME, which runs it over its seeds.

fuzz-common := tests/fuzz/support.c

fuzzer += cpio
fuzz_cpio-src := lib/cpio.c
fuzzer += elf
fuzz_elf-src := lib/elf.c
fuzzer += image
fuzz_image-src := lib/linux_image.c lib/packed.c
fuzzer += manifest
fuzz_manifest-src := tests/fuzz/fuzz_vms.c $(host-manifest) kernel/vdev/vdev.c $(host-machine) \
	tests/host/fake_tlb.c lib/dt.c lib/dt_walk.c lib/fmt.c
fuzzer += package
fuzz_package-src := $(fuzz_manifest-src) kernel/load/loader.c kernel/load/sel4.c kernel/load/guest_dtb.c \
	tests/host/fake_job.c lib/cpio.c lib/elf.c \
	lib/linux_image.c lib/packed.c
fuzzer += overlay
fuzz_overlay-src := kernel/load/guest_dtb.c tests/host/fake_job.c kernel/vdev/vdev.c lib/dt.c lib/fmt.c

define seeds-rules
unit-test += seeds_$(1)
seeds_$(1)-src := tests/fuzz/replay.c tests/fuzz/fuzz_$(1).c $(fuzz-common) $(fuzz_$(1)-src)
endef
$(foreach name,$(fuzzer),$(eval $(call seeds-rules,$(name))))

# The cases of the boot tests, compiled.
$(O)/fuzz/seeds/.made: tests/fuzz/seeds.py $(wildcard tests/boot/broken/*.py scripts/manifest/*.py)
	$(call say,SEEDS,$(@D))
	$(Q)$(PYTHON) $< $(@D) && touch $@
$(patsubst %,$(O)/tests/unit/seeds_%,$(fuzzer)) $(patsubst %,$(O)/fuzz/%,$(fuzzer)): | $(O)/fuzz/seeds/.made
