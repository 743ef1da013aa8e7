/* SPDX-License-Identifier: MIT */
/* gcc's own limits.h includes the C library's after itself; there is none, and nothing to add. */
