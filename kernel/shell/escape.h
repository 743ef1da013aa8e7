/* SPDX-License-Identifier: MIT */
/* Looking into the running system from the console: the escape key, then one letter. */
#ifndef KERNEL_SHELL_ESCAPE_H
#define KERNEL_SHELL_ESCAPE_H

/* Context: the console's receive interrupt on the boot CPU. */
void inspect_command(char c);

#endif
