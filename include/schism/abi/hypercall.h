/* SPDX-License-Identifier: MIT */
/*
 * The calls that a guest makes into Schism.
 *
 * HVC #0 and SMC #0 follow the SMC Calling Convention (DEN0028): function identifier in w0, arguments
 * in x1..x7, result in x0..x3. An unknown function returns SMCCC_NOT_SUPPORTED in x0. HVC with another
 * immediate is a call of its own; the only one is the task report.
 */
#ifndef SCHISM_ABI_HYPERCALL_H
#define SCHISM_ABI_HYPERCALL_H

/*
 * Task report: hvc #0x60.
 *   x0  task, enum guest_task     x1  event, enum guest_event     x2  sequence number, from 0
 *   x3..x5  three values whose meaning the task fixes (see the tables below)
 * Returns in x0: 0, or SMCCC_INVALID_PARAMETER for an unknown task or event. All other registers are
 * preserved.
 */
#define GUEST_HVC_TASK_REPORT		0x60

#define SMCCC_SUCCESS			0
#define SMCCC_NOT_SUPPORTED		(-1)
#define SMCCC_INVALID_PARAMETER		(-3)

#define SMCCC_VERSION			0x80000000
#define SMCCC_ARCH_FEATURES		0x80000001
#define SMCCC_ARCH_WORKAROUND_1		0x80008000
#define SMCCC_ARCH_WORKAROUND_2		0x80007fff
#define SMCCC_ARCH_WORKAROUND_3		0x80003fff

/* Vendor-specific hypervisor service (owner 6). */
#define SCHISM_CALL_UID			0x8600ff01
#define SCHISM_CALL_REVISION		0x8600ff03
#define SCHISM_CALL_NULL		0xc6000000	/* does nothing, returns 0: for measuring */

#define PSCI_VERSION			0x84000000
#define PSCI_CPU_SUSPEND_32		0x84000001
#define PSCI_CPU_OFF			0x84000002
#define PSCI_CPU_ON_32			0x84000003
#define PSCI_AFFINITY_INFO_32		0x84000004
#define PSCI_MIGRATE_INFO_TYPE		0x84000006
#define PSCI_SYSTEM_OFF			0x84000008
#define PSCI_SYSTEM_RESET		0x84000009
#define PSCI_FEATURES			0x8400000a
#define PSCI_SYSTEM_SUSPEND_32		0x8400000e
#define PSCI_SYSTEM_RESET2_32		0x84000012
#define PSCI_CPU_SUSPEND_64		0xc4000001
#define PSCI_CPU_ON_64			0xc4000003
#define PSCI_AFFINITY_INFO_64		0xc4000004
#define PSCI_SYSTEM_SUSPEND_64		0xc400000e
#define PSCI_SYSTEM_RESET2_64		0xc4000012

#define PSCI_SUCCESS			0
#define PSCI_NOT_SUPPORTED		(-1)
#define PSCI_INVALID_PARAMETERS		(-2)
#define PSCI_DENIED			(-3)
#define PSCI_ALREADY_ON			(-4)
#define PSCI_ON_PENDING			(-5)
#define PSCI_INTERNAL_FAILURE		(-6)
#define PSCI_INVALID_ADDRESS		(-9)

#ifndef __ASSEMBLER__
enum guest_task {
	GUEST_TASK_COUNTER = 1,		/* values: rounds, FP/SIMD checks passed, PAuth checks passed */
	GUEST_TASK_MEMWALK = 2,		/* values: passes, bytes checked, aborts taken and expected */
	GUEST_TASK_TEST = 3,		/* values: tests passed, tests failed, tests skipped */
	GUEST_TASK_BENCH = 4,		/* values: measurements made, 0, 0 */
};

enum guest_event {
	GUEST_EVENT_START = 0,
	GUEST_EVENT_PROGRESS = 1,
	GUEST_EVENT_PASS = 2,		/* finished, all checks held; the VM will switch off */
	GUEST_EVENT_FAIL = 3,		/* a check failed; the values say which */
};
#endif

#endif
