/* SPDX-License-Identifier: MIT */
/* Exception syndromes in words (Arm ARM D19.2: ESR_ELx). */
#ifndef ARCH_ARM64_ESR_H
#define ARCH_ARM64_ESR_H

/* The name of exception class ec, 0 to 63; of a fault status code, 0 to 63. Never NULL. */
const char *esr_ec_name(unsigned int ec);
const char *esr_fsc_name(unsigned int fsc);

#endif
