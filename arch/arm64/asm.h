/* SPDX-License-Identifier: MIT */
/* What every assembly file uses: functions with symbols, and the note that branches are protected. */
#ifndef ARCH_ARM64_ASM_H
#define ARCH_ARM64_ASM_H

#define FUNC(name)		\
	.global name;		\
	.type name, %function;	\
	name:

#define END(name)		\
	.size name, . - name

#endif
