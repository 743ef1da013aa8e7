// SPDX-License-Identifier: MIT
/* ESR in words (Arm ARM D19.2: ESR_ELx). */
#include "arch/arm64/esr.h"

const char *esr_ec_name(unsigned int ec)
{
	static const char *const names[64] = {
		[0x00] = "unknown reason",
		[0x01] = "WFI or WFE",
		[0x03] = "MCR or MRC, CP15",
		[0x04] = "MCRR or MRRC, CP15",
		[0x05] = "MCR or MRC, CP14",
		[0x06] = "LDC or STC, CP14",
		[0x07] = "FP/SIMD access",
		[0x09] = "pointer authentication instruction",
		[0x0c] = "MRRC, CP14",
		[0x0d] = "branch target exception",
		[0x0e] = "illegal execution state",
		[0x11] = "SVC, AArch32",
		[0x15] = "SVC",
		[0x16] = "HVC",
		[0x17] = "SMC",
		[0x18] = "system register access",
		[0x19] = "SVE access",
		[0x1c] = "pointer authentication failure",
		[0x20] = "instruction abort from a lower level",
		[0x21] = "instruction abort",
		[0x22] = "PC alignment fault",
		[0x24] = "data abort from a lower level",
		[0x25] = "data abort",
		[0x26] = "SP alignment fault",
		[0x2c] = "floating-point exception",
		[0x2f] = "SError",
		[0x30] = "breakpoint from a lower level",
		[0x31] = "breakpoint",
		[0x32] = "software step from a lower level",
		[0x34] = "watchpoint from a lower level",
		[0x3c] = "BRK instruction",
	};

	return ec < 64 && names[ec] ? names[ec] : "reserved";
}

const char *esr_fsc_name(unsigned int fsc)
{
	static const char *const types[16] = {
		[0] = "address size fault",
		[1] = "translation fault",
		[2] = "access flag fault",
		[3] = "permission fault",
		[4] = "synchronous external abort",
		[5] = "synchronous external abort on a table walk",
		[6] = "parity or ECC error",
		[7] = "parity or ECC error on a table walk",
		[8] = "alignment fault",
		[12] = "TLB conflict",
	};

	fsc &= 0x3f;
	return types[fsc >> 2] ? types[fsc >> 2] : "other fault";
}
