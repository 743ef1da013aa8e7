// SPDX-License-Identifier: MIT
/* The end of EL2, and of the machine. */
#include "kernel/base/panic.h"

#include "arch/cpu.h"
#include "kernel/base/log.h"
#include "kernel/boot/smp.h"
#include "kernel/console/console.h"
#include "lib/fmt.h"

static void halt(void) __noreturn;

static void halt(void)
{
	log_err("halted");
	console_flush();
	for (;;)
		arch_wait_for_interrupt();
}

void machine_end(void)
{
	console_flush();
	arch_power_off();
	halt();
}

void machine_fail(void)
{
	if (IS_ENABLED(CONFIG_FAILURE_RESET)) {
		log_err("resetting the machine (CONFIG_FAILURE_RESET)");
		console_flush();
		arch_reset();
	}
	if (IS_ENABLED(CONFIG_FAILURE_POWEROFF)) {
		log_err("powering off (CONFIG_FAILURE_POWEROFF)");
		console_flush();
		arch_power_off();
	}
	halt();
}

void panic(const char *fmt, ...)
{
	char text[200];
	va_list ap;

	console_panic_mode();
	va_start(ap, fmt);
	fmt_vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_err("PANIC: %s", text);
	smp_stop_others();
	arch_backtrace(0, (uint64_t)__builtin_frame_address(0));
	machine_fail();
}
