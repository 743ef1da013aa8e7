/* SPDX-License-Identifier: MIT */
/* What lies where a root server would; nobody runs it. */
#include "guests/tests/entry/rootserver.h"

	.text
	.word	ROOT_TEXT
	.globl	rootserver_entry
rootserver_entry:
	.word	ROOT_TEXT + 1

	.data
	.word	ROOT_DATA

	.bss
	.space	ROOT_END - ROOT_DATA_VA - 4
