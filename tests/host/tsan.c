// SPDX-License-Identifier: MIT
/* What ThreadSanitizer asks programs for; TSAN_OPTIONS in the environment goes before it. */
const char *__tsan_default_options(void);

/*
 * The first report ends the test. The suppressions are looked for from the repository's root, and without
 * them it does not start.
 */
__attribute__((visibility("default"))) const char *__tsan_default_options(void)
{
	return "halt_on_error=1 exitcode=66 history_size=4 suppressions=tests/host/tsan.supp";
}
