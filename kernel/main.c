// SPDX-License-Identifier: MIT
/* The boot, in order. */
#include "kernel/boot/boot.h"
#include "kernel/boot/selftest.h"
#include "kernel/boot/smp.h"
#include "kernel/console/console.h"
#include "kernel/hvc/hvc.h"
#include "kernel/load/package.h"
#include "kernel/platform/this_machine.h"
#include "kernel/sched/sched.h"
#include "kernel/vdev/clock.h"
#include "kernel/vm/vm.h"

void kernel_main(void)
{
	console_configure();
	boot_interrupts();
	clock_init(&machine);
	boot_hello();
	selftest_run();
	hvc_init();
	sched_init();
	smp_start_all();
	vm_init();
	package_start_vms();
	sched_run();
}
