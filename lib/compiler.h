/* SPDX-License-Identifier: MIT */
/* Attributes, by the names that this code uses. */
#ifndef LIB_COMPILER_H
#define LIB_COMPILER_H

#define __printf_like(fmt, args)	__attribute__((format(printf, fmt, args)))
#define __packed			__attribute__((packed))
#define __aligned(n)			__attribute__((aligned(n)))
#define __section(name)			__attribute__((section(name)))
#define __used				__attribute__((used))
#ifndef __always_inline		/* the host's C library has it */
#define __always_inline			inline __attribute__((always_inline))
#endif
#define __noinline			__attribute__((noinline))
#define __noreturn			__attribute__((noreturn))
#define __cold				__attribute__((cold))
#define __weak				__attribute__((weak))
#define __no_stack_protector		__attribute__((no_stack_protector))
#define __must_check			__attribute__((warn_unused_result))
#define __unused			__attribute__((unused))
#define likely(x)			__builtin_expect(!!(x), 1)
#define unlikely(x)			__builtin_expect(!!(x), 0)

/*
 * A word that other CPUs read or write meanwhile, in one access; and a place between two accesses where it
 * matters that another CPU may come first. Host builds have words of their own for these, at which tests let
 * threads sleep: tests/host/race.h.
 */
#ifndef READ_ONCE
#define READ_ONCE(x)			(*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v)		(*(volatile __typeof__(x) *)&(x) = (v))
#define race_point()			((void)0)
#endif

/* One more in a counter that one CPU at a time writes, and any reads by READ_ONCE(). */
#define count_up(counter)		WRITE_ONCE(counter, (counter) + 1)

/*
 * A const object of TYPE that the linker gathers with all others of SET, from whichever files are
 * built in; SECTION_FOREACH visits them. The section's name is a C identifier, so that GNU ld and lld
 * define its bounds on the target and on the host alike.
 */
#define SECTION_ENTRY(set)		__used __section(#set) __aligned(8)
#define SECTION_FOREACH(type, it, set)						\
	extern const type __start_##set[] __weak, __stop_##set[] __weak;	\
	for (const type *it = __start_##set; it < __stop_##set; it++)

#endif
