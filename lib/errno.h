/* SPDX-License-Identifier: MIT */
/*
 * Error codes, returned negated. The usual names with the usual meaning; host builds take the host's
 * own, so that a test may print them with strerror().
 */
#ifndef LIB_ERRNO_H
#define LIB_ERRNO_H

#if __STDC_HOSTED__
#include <errno.h>
#else
#define EPERM		1
#define ENOENT		2
#define EIO		5
#define E2BIG		7
#define ENOEXEC		8
#define EAGAIN		11
#define ENOMEM		12
#define EFAULT		14
#define EBUSY		16
#define EEXIST		17
#define ENODEV		19
#define EINVAL		22
#define ENOSPC		28
#define ERANGE		34
#define ENOSYS		38
#define ENOTSUP		95
#define EOVERFLOW	75
#endif

#endif
