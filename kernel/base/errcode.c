// SPDX-License-Identifier: MIT
/* Boot errors: SCHISM-Ennn, cause, details, remedy. */
#include "kernel/base/errcode.h"

#include "kernel/base/log.h"
#include "kernel/base/panic.h"
#include "lib/fmt.h"
#include "lib/types.h"

static const struct {
	enum boot_error error;
	const char *cause, *remedy;
} texts[] = {
#define X(name, number, cause, remedy) { BOOT_E_##name, cause, remedy },
	BOOT_ERRORS(X)
#undef X
};

static void __printf_like(2, 0) complain(enum boot_error error, const char *fmt, va_list ap)
{
	char details[160];

	fmt_vsnprintf(details, sizeof(details), fmt, ap);
	for (unsigned int i = 0; i < ARRAY_SIZE(texts); i++) {
		if (texts[i].error != error)
			continue;
		log_err("SCHISM-E%03d: %s", error, texts[i].cause);
		if (details[0])
			log_err("  %s", details);
		log_err("  remedy: %s", texts[i].remedy);
	}
}

void boot_complain(enum boot_error error, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	complain(error, fmt, ap);
	va_end(ap);
}

void boot_fail(enum boot_error error, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	complain(error, fmt, ap);
	va_end(ap);
	machine_fail();
}
