/* SPDX-License-Identifier: MIT */
/* What test_entry finds of rootserver.S, as rootserver.lds lays it out. */
#ifndef GUESTS_TESTS_ENTRY_ROOTSERVER_H
#define GUESTS_TESTS_ENTRY_ROOTSERVER_H

#define ROOT_VA			0x400000
#define ROOT_ENTRY		0x400004
#define ROOT_END		0x405123
#define ROOT_DATA_VA		0x403010
#define ROOT_TEXT		0x1ee71ee7
#define ROOT_DATA		0x600d600d

#endif
