/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_BASE_VERSION_H
#define KERNEL_BASE_VERSION_H

/*
 * What was built, such as "0.1.0" for a release, "0.2.0-dev (v0.1.0-7-g0123456789)" for a commit behind it;
 * "-dirty" at its end where files differed from the commit. Never NULL.
 */
const char *schism_version(void);

#endif
