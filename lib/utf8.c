// SPDX-License-Identifier: MIT
#include "lib/utf8.h"

#include "lib/compiler.h"

/* By the first byte: how long, and between what the second byte is (Unicode, table 3-7). */
static const struct lead {
	uint8_t first, last, len, low, high;
} leads[] = {
	{ 0x00, 0x7f, 1, 0, 0 },
	{ 0xc2, 0xdf, 2, 0x80, 0xbf },
	{ 0xe0, 0xe0, 3, 0xa0, 0xbf },
	{ 0xe1, 0xec, 3, 0x80, 0xbf },
	{ 0xed, 0xed, 3, 0x80, 0x9f },
	{ 0xee, 0xef, 3, 0x80, 0xbf },
	{ 0xf0, 0xf0, 4, 0x90, 0xbf },
	{ 0xf1, 0xf3, 4, 0x80, 0xbf },
	{ 0xf4, 0xf4, 4, 0x80, 0x8f },
};

static const struct lead *find_lead(uint8_t c)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(leads); i++) {
		if (c >= leads[i].first && c <= leads[i].last)
			return &leads[i];
	}
	return NULL;
}

static bool continues(const struct lead *lead, unsigned int i, uint8_t c)
{
	return i == 1 ? c >= lead->low && c <= lead->high : c >= 0x80 && c <= 0xbf;
}

int utf8_len(const uint8_t *text, size_t len)
{
	const struct lead *lead = find_lead(text[0]);

	if (!lead)
		return -1;
	for (unsigned int i = 1; i < lead->len; i++) {
		if (i == len)
			return 0;
		if (!continues(lead, i, text[i]))
			return -1;
	}
	return lead->len;
}
