# SPDX-License-Identifier: MIT
#
# A host unit test is a cmocka program: a line "unit-test += NAME", and NAME-src with the test and the sources
# that it links. NAME-cppflags compiles all of them for this test alone, NAME-libs adds libraries. One that
# has threads is a line "smp-test += NAME", too: that makes NAME-tsan, the same with ThreadSanitizer.

unit-test += test_fmt
test_fmt-src := tests/unit/test_fmt.c lib/fmt.c
unit-test += test_string
test_string-src := tests/unit/test_string.c
unit-test += test_list
test_list-src := tests/unit/test_list.c
unit-test += test_bitmap
test_bitmap-src := tests/unit/test_bitmap.c
unit-test += test_ring
smp-test += test_ring
test_ring-src := tests/unit/test_ring.c lib/ring.c
test_ring-libs := -lpthread
unit-test += test_chacha20
test_chacha20-src := tests/unit/test_chacha20.c lib/chacha20.c
unit-test += test_cpio
test_cpio-src := tests/unit/test_cpio.c lib/cpio.c
unit-test += test_elf
test_elf-src := tests/unit/test_elf.c lib/elf.c
unit-test += test_linux_image
test_linux_image-src := tests/unit/test_linux_image.c lib/linux_image.c
unit-test += test_packed
test_packed-src := tests/unit/test_packed.c lib/packed.c
unit-test += test_dt
test_dt-src := tests/unit/test_dt.c lib/dt.c
# The machine, from its device tree.
host-machine := $(addprefix kernel/platform/,chosen.c cpus.c devices.c interrupts.c machine.c memory.c)
unit-test += test_machine
test_machine-src := tests/unit/test_machine.c $(host-machine) lib/dt.c lib/dt_walk.c
unit-test += test_uart
host-console := kernel/base/log.c kernel/console/vm_of_line.c kernel/console/console.c \
	kernel/console/held.c kernel/console/output.c kernel/console/port.c kernel/console/text.c \
	kernel/base/timer.c kernel/base/lock.c kernel/base/cpu.c lib/fmt.c lib/ring.c lib/utf8.c
test_uart-src := tests/unit/test_uart.c kernel/vdev/uart.c $(host-console) \
	tests/host/fake_cpu.c tests/host/fake_panic.c tests/host/fake_guest_dtb.c
unit-test += test_console
test_console-src := tests/unit/test_console.c $(host-console) tests/host/fake_cpu.c tests/host/fake_panic.c
unit-test += test_console_text
test_console_text-src := tests/unit/test_console_text.c kernel/console/text.c lib/fmt.c lib/ring.c lib/utf8.c
unit-test += test_console_smp
smp-test += test_console_smp
test_console_smp-src := tests/unit/test_console_smp.c $(host-console) tests/host/race.c \
	tests/host/fake_cpu.c tests/host/fake_panic.c
test_console_smp-libs := -lpthread
unit-test += test_shell
test_shell-src := tests/unit/test_shell.c kernel/shell/line.c kernel/shell/parse.c lib/fmt.c
unit-test += test_rtc
test_rtc-src := tests/unit/test_rtc.c kernel/vdev/rtc.c kernel/vdev/clock.c kernel/base/timer.c \
	kernel/base/lock.c kernel/base/cpu.c \
	tests/host/fake_cpu.c tests/host/fake_panic.c tests/host/fake_guest_dtb.c
unit-test += test_watchdog
test_watchdog-src := tests/unit/test_watchdog.c kernel/vdev/watchdog.c kernel/vm/vmtime.c \
	kernel/base/timer.c kernel/base/lock.c kernel/base/cpu.c tests/host/fake_cpu.c \
	tests/host/fake_panic.c tests/host/fake_guest_dtb.c
unit-test += test_aarch32
test_aarch32-src := tests/unit/test_aarch32.c arch/arm64/trap/aarch32.c arch/arm64/esr.c \
	tests/host/fake_log.c
unit-test += test_idreg
test_idreg-src := tests/unit/test_idreg.c arch/arm64/trap/idreg.c lib/fmt.c tests/host/fake_log.c
unit-test += test_workaround
test_workaround-src := tests/unit/test_workaround.c arch/arm64/boot/workaround.c
unit-test += test_walk
test_walk-src := tests/unit/test_walk.c arch/arm64/diag/walk.c
unit-test += test_ldst
test_ldst-src := tests/unit/test_ldst.c arch/arm64/trap/ldst.c
unit-test += test_emulate
test_emulate-src := tests/unit/test_emulate.c arch/arm64/trap/emulate.c arch/arm64/trap/ldst.c \
	arch/arm64/diag/walk.c
unit-test += test_abort_log
test_abort_log-src := tests/unit/test_abort_log.c kernel/vm/abort_log.c kernel/base/timer.c \
	kernel/base/lock.c kernel/base/cpu.c tests/host/fake_log.c tests/host/fake_cpu.c \
	tests/host/fake_panic.c
unit-test += test_passthrough
test_passthrough-src := tests/unit/test_passthrough.c kernel/vdev/passthrough.c kernel/vdev/vdev.c \
	$(host-machine) lib/dt.c lib/dt_walk.c kernel/base/lock.c kernel/base/cpu.c \
	kernel/base/timer.c tests/host/fake_log.c tests/host/fake_cpu.c tests/host/fake_panic.c \
	tests/host/fake_guest_dtb.c

unit-test += test_irq
test_irq-src := tests/unit/test_irq.c kernel/base/irq.c kernel/base/cpu.c tests/host/fake_cpu.c \
	tests/host/fake_panic.c
unit-test += test_flash
test_flash-src := tests/unit/test_flash.c kernel/vdev/flash.c kernel/vdev/vdev.c

unit-test += test_virtio_mmio
# Its device comes last among the rows of the set.
test_virtio_mmio-src := kernel/vdev/virtio_mmio.c kernel/vdev/vdev.c tests/unit/test_virtio_mmio.c

unit-test += test_manifest
host-manifest := kernel/load/manifest.c kernel/load/manifest_check.c kernel/load/manifest_memory.c \
	kernel/load/manifest_vm.c
test_manifest-src := tests/unit/test_manifest.c $(host-manifest) kernel/vdev/vdev.c \
	$(host-machine) lib/dt.c lib/dt_walk.c lib/fmt.c tests/host/fake_log.c \
	tests/host/fake_tlb.c
unit-test += test_loader
test_loader-src := tests/unit/test_loader.c kernel/load/loader.c kernel/load/sel4.c lib/cpio.c lib/elf.c \
	lib/fmt.c lib/linux_image.c lib/packed.c
unit-test += test_sel4
test_sel4-src := tests/unit/test_sel4.c kernel/load/sel4.c lib/cpio.c lib/elf.c lib/fmt.c
unit-test += test_guest_dtb
test_guest_dtb-src := tests/unit/test_guest_dtb.c lib/dt.c kernel/load/guest_dtb.c kernel/vdev/vdev.c \
	tests/host/fake_job.c kernel/base/cpu.c kernel/base/random.c lib/chacha20.c lib/fmt.c \
	tests/host/fake_cpu.c tests/host/fake_panic.c

# The kernel on the fake machine of tests/host.
host-cpu := tests/host/fake_cpu.c tests/host/fake_panic.c kernel/base/lock.c kernel/base/cpu.c
host-mem := tests/host/fake_mem.c tests/host/fake_tlb.c kernel/mm/page.c kernel/mm/pgtable.c \
	kernel/mm/stage2.c

unit-test += test_lock
smp-test += test_lock
test_lock-src := tests/unit/test_lock.c $(host-cpu)
test_lock-libs := -lpthread
unit-test += test_timer
test_timer-src := tests/unit/test_timer.c kernel/base/timer.c $(host-cpu)
unit-test += test_random
test_random-src := tests/unit/test_random.c kernel/base/random.c lib/chacha20.c $(host-cpu)
unit-test += test_page
test_page-src := tests/unit/test_page.c kernel/mm/page.c tests/host/fake_mem.c $(host-cpu)
unit-test += test_pgtable
test_pgtable-src := tests/unit/test_pgtable.c kernel/mm/pgtable.c tests/host/fake_mem.c \
	tests/host/fake_tlb.c $(host-cpu)
unit-test += test_stage2
test_stage2-src := tests/unit/test_stage2.c $(host-mem) $(host-cpu)
unit-test += test_vgic
test_vgic-src := tests/unit/test_vgic.c kernel/vgic/vgic.c kernel/vgic/vgic_mmio.c \
	tests/host/fake_vcpu.c arch/arm64/vcpu/serror.c tests/host/fake_log.c \
	tests/host/fake_ich.c $(host-cpu)
unit-test += test_vgic_model
test_vgic_model-src := tests/unit/test_vgic_model.c kernel/vgic/vgic.c kernel/vgic/vgic_mmio.c \
	tests/host/gic_model.c tests/host/fake_vcpu.c arch/arm64/vcpu/serror.c tests/host/fake_log.c \
	tests/host/fake_ich.c $(host-cpu)
unit-test += test_vgic_smp
smp-test += test_vgic_smp
test_vgic_smp-src := tests/unit/test_vgic_smp.c $(wildcard kernel/vgic/*.c) tests/host/fake_vcpu.c \
	arch/arm64/vcpu/serror.c tests/host/fake_log.c tests/host/fake_ich.c tests/host/race.c $(host-cpu)
test_vgic_smp-libs := -lpthread
unit-test += test_timer_smp
smp-test += test_timer_smp
test_timer_smp-src := tests/unit/test_timer_smp.c kernel/base/timer.c kernel/base/deferred.c \
	tests/host/race.c $(host-cpu)
test_timer_smp-libs := -lpthread
host-kernel := $(host-cpu) $(host-mem) kernel/base/timer.c $(wildcard kernel/sched/*.c kernel/vgic/*.c \
	kernel/hvc/*.c) kernel/check/invariants.c \
	kernel/vdev/vdev.c kernel/vdev/gic.c kernel/vdev/shared_memory.c kernel/vm/vm.c \
	kernel/vm/lifecycle.c kernel/vm/vmtime.c kernel/vm/shutdown.c kernel/vm/vm_psci.c \
	kernel/base/random.c lib/chacha20.c \
	kernel/check/crash.c kernel/vm/abort_log.c kernel/vm/vcpu_view.c kernel/base/deferred.c \
	kernel/load/loader.c kernel/load/sel4.c \
	kernel/vm/guest_mem.c kernel/load/guest_dtb.c lib/cpio.c lib/dt.c lib/fmt.c lib/elf.c \
	lib/linux_image.c lib/packed.c \
	tests/host/fake_log.c \
	tests/host/fake_vcpu.c arch/arm64/vcpu/serror.c tests/host/fake_workaround.c \
	tests/host/fake_machine.c

unit-test += test_sched
test_sched-src := tests/unit/test_sched.c $(host-kernel)
unit-test += test_lifecycle
test_lifecycle-src := tests/unit/test_lifecycle.c $(host-kernel)
unit-test += test_lifecycle_smp
smp-test += test_lifecycle_smp
test_lifecycle_smp-src := tests/unit/test_lifecycle_smp.c kernel/vm/vcpu_view.c tests/host/race.c \
	$(host-kernel)
test_lifecycle_smp-libs := -lpthread -Wl,--wrap=hyp_free_pages
unit-test += test_hvc
test_hvc-src := tests/unit/test_hvc.c $(host-kernel)
unit-test += test_report
test_report-src := tests/unit/test_report.c $(host-kernel)
unit-test += test_vm
test_vm-src := tests/unit/test_vm.c $(host-kernel)
unit-test += test_invariants
test_invariants-src := tests/unit/test_invariants.c $(host-kernel)
unit-test += test_vcpu_view
test_vcpu_view-src := tests/unit/test_vcpu_view.c $(host-kernel)
unit-test += test_escape
test_escape-src := tests/unit/test_escape.c kernel/shell/escape.c $(host-kernel)

# Device trees that tests read: $(O)/tests/dtb/NAME.dtb from tests/unit/dts/NAME.dts.
unit-dtbs := $(patsubst tests/unit/dts/%.dts,$(O)/tests/dtb/%.dtb,$(wildcard tests/unit/dts/*.dts))

$(O)/tests/dtb/%.dtb: tests/unit/dts/%.dts
	$(call say,DTC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)dtc -q -I dts -O dtb -o $@ $<

$(O)/tests/unit/test_dt $(O)/tests/unit/test_machine $(O)/tests/unit/test_passthrough: | $(unit-dtbs)
