// SPDX-License-Identifier: MIT
/* ChaCha20 against the test vectors of RFC 8439: sections 2.1.1, 2.2.1, 2.3.2, 2.4.2, A.1 and A.2. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/chacha20.h"

static const uint8_t zeros[32];
static const uint8_t last_1[32] = { [31] = 0x01 };
static const uint8_t second_ff[32] = { [1] = 0xff };
static const uint8_t counting[32] = {
	0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
	16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31,
};
static const uint8_t jabberwocky_key[32] = {
	0x1c, 0x92, 0x40, 0xa5, 0xeb, 0x55, 0xd3, 0x8a, 0xf3, 0x33, 0x88, 0x86, 0x04, 0xf6, 0xb5, 0xf0,
	0x47, 0x39, 0x17, 0xc1, 0x40, 0x2b, 0x80, 0x09, 0x9d, 0xca, 0x5c, 0xbc, 0x20, 0x70, 0x75, 0xc0,
};
static const uint8_t nonce_0[12];
static const uint8_t nonce_2[12] = { [11] = 0x02 };
static const uint8_t nonce_4a[12] = { [7] = 0x4a };
static const uint8_t nonce_9_4a[12] = { [3] = 0x09, [7] = 0x4a };

/* A.1 and 2.3.2: "ChaCha state at the end"; 2.4.2: both blocks "after block operation". */
static const struct block {
	const char *section;
	const uint8_t *key, *nonce;
	uint32_t counter;
	uint32_t end[CHACHA20_WORDS];
} blocks[] = {
	{ "2.3.2", counting, nonce_9_4a, 1,
	  { 0xe4e7f110, 0x15593bd1, 0x1fdd0f50, 0xc47120a3,
	    0xc7f4d1c7, 0x0368c033, 0x9aaa2204, 0x4e6cd4c3,
	    0x466482d2, 0x09aa9f07, 0x05d7c214, 0xa2028bd9,
	    0xd19c12b5, 0xb94e16de, 0xe883d0cb, 0x4e3c50a2 } },
	{ "2.4.2, first block", counting, nonce_4a, 1,
	  { 0xf3514f22, 0xe1d91b40, 0x6f27de2f, 0xed1d63b8,
	    0x821f138c, 0xe2062c3d, 0xecca4f7e, 0x78cff39e,
	    0xa30a3b8a, 0x920a6072, 0xcd7479b5, 0x34932bed,
	    0x40ba4c79, 0xcd343ec6, 0x4c2c21ea, 0xb7417df0 } },
	{ "2.4.2, second block", counting, nonce_4a, 2,
	  { 0x9f74a669, 0x410f633f, 0x28feca22, 0x7ec44dec,
	    0x6d34d426, 0x738cb970, 0x3ac5e9f3, 0x45590cc4,
	    0xda6e8b39, 0x892c831a, 0xcdea67c1, 0x2b7e1d90,
	    0x037463f3, 0xa11a2073, 0xe8bcfb88, 0xedc49139 } },
	{ "A.1, #1", zeros, nonce_0, 0,
	  { 0xade0b876, 0x903df1a0, 0xe56a5d40, 0x28bd8653,
	    0xb819d2bd, 0x1aed8da0, 0xccef36a8, 0xc70d778b,
	    0x7c5941da, 0x8d485751, 0x3fe02477, 0x374ad8b8,
	    0xf4b8436a, 0x1ca11815, 0x69b687c3, 0x8665eeb2 } },
	{ "A.1, #2", zeros, nonce_0, 1,
	  { 0xbee7079f, 0x7a385155, 0x7c97ba98, 0x0d082d73,
	    0xa0290fcb, 0x6965e348, 0x3e53c612, 0xed7aee32,
	    0x7621b729, 0x434ee69c, 0xb03371d5, 0xd539d874,
	    0x281fed31, 0x45fb0a51, 0x1f0ae1ac, 0x6f4d794b } },
	{ "A.1, #3", last_1, nonce_0, 1,
	  { 0x2452eb3a, 0x9249f8ec, 0x8d829d9b, 0xddd4ceb1,
	    0xe8252083, 0x60818b01, 0xf38422b8, 0x5aaa49c9,
	    0xbb00ca8e, 0xda3ba7b4, 0xc4b592d1, 0xfdf2732f,
	    0x4436274e, 0x2561b3c8, 0xebdd4aa6, 0xa0136c00 } },
	{ "A.1, #4", second_ff, nonce_0, 2,
	  { 0xfb4dd572, 0x4bc42ef1, 0xdf922636, 0x327f1394,
	    0xa78dea8f, 0x5e269039, 0xa1bebbc1, 0xcaf09aae,
	    0xa25ab213, 0x48a6b46c, 0x1b9d9bcb, 0x092c5be6,
	    0x546ca624, 0x1bec45d5, 0x87f47473, 0x96f0992e } },
	{ "A.1, #5", zeros, nonce_2, 0,
	  { 0x374dc6c2, 0x3736d58c, 0xb904e24a, 0xcd3f93ef,
	    0x88228b1a, 0x96a4dfb3, 0x5b76ab72, 0xc727ee54,
	    0x0e0e978a, 0xf3145c95, 0x1b748ea8, 0xf786c297,
	    0x99c28f5f, 0x628314e8, 0x398a19fa, 0x6ded1b53 } },
};

static const char sunscreen[] =
	"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, "
	"sunscreen would be it.";
static const char submission[] =
	"Any submission to the IETF intended by the Contributor for publication as all or part of an IETF "
	"Internet-Draft or RFC and any statement made within the context of an IETF activity is considered "
	"an \"IETF Contribution\". Such statements include oral statements in IETF sessions, as well as "
	"written and electronic communications made at any time or place, which are addressed to";
static const char jabberwocky[] =
	"'Twas brillig, and the slithy toves\nDid gyre and gimble in the wabe:\n"
	"All mimsy were the borogoves,\nAnd the mome raths outgrabe.";

/* Texts, the key stream XORed to them, and the beginning and end of what comes out. */
static const struct text {
	const char *section;
	const uint8_t *key, *nonce;
	uint32_t counter;
	const char *plain;
	uint8_t begin[16], end[16];
} texts[] = {
	{ "2.4.2", counting, nonce_4a, 1, sunscreen,
	  { 0x6e, 0x2e, 0x35, 0x9a, 0x25, 0x68, 0xf9, 0x80, 0x41, 0xba, 0x07, 0x28, 0xdd, 0x0d, 0x69, 0x81 },
	  { 0x0b, 0xbf, 0x74, 0xa3, 0x5b, 0xe6, 0xb4, 0x0b,
	    0x8e, 0xed, 0xf2, 0x78, 0x5e, 0x42, 0x87, 0x4d } },
	{ "A.2, #2", last_1, nonce_2, 1, submission,
	  { 0xa3, 0xfb, 0xf0, 0x7d, 0xf3, 0xfa, 0x2f, 0xde, 0x4f, 0x37, 0x6c, 0xa2, 0x3e, 0x82, 0x73, 0x70 },
	  { 0xba, 0x5b, 0x86, 0x2f, 0x37, 0x30, 0xe3, 0x7c,
	    0xfd, 0xc4, 0xfd, 0x80, 0x6c, 0x22, 0xf2, 0x21 } },
	{ "A.2, #3", jabberwocky_key, nonce_2, 42, jabberwocky,
	  { 0x62, 0xe6, 0x34, 0x7f, 0x95, 0xed, 0x87, 0xa4, 0x5f, 0xfa, 0xe7, 0x42, 0x6f, 0x27, 0xa1, 0xdf },
	  { 0xb1, 0x87, 0xb5, 0x8d, 0xfd, 0x72, 0x8a, 0xfa,
	    0x36, 0x75, 0x7a, 0x79, 0x7a, 0xc1, 0x88, 0xd1 } },
};

static uint32_t word(const uint8_t *bytes)
{
	return bytes[0] | bytes[1] << 8 | bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static void set_up(uint32_t *state, const uint8_t *key, const uint8_t *nonce, uint32_t counter)
{
	chacha20_init(state);
	for (unsigned int i = 0; i < CHACHA20_KEY_WORDS; i++)
		state[CHACHA20_KEY + i] = word(&key[4 * i]);
	state[CHACHA20_COUNTER] = counter;
	for (unsigned int i = 0; i < 3; i++)
		state[CHACHA20_NONCE + i] = word(&nonce[4 * i]);
}

static void test_quarter_round_mixes_four_numbers(void **state)
{
	uint32_t a = 0x11111111, b = 0x01020304, c = 0x9b8d6f43, d = 0x01234567;

	chacha20_quarter_round(&a, &b, &c, &d);
	assert_int_equal(a, 0xea2a92f4);
	assert_int_equal(b, 0xcb1cf8ce);
	assert_int_equal(c, 0x4581472e);
	assert_int_equal(d, 0x5881c4bb);
}

static void test_quarter_round_leaves_the_rest_of_the_state(void **state)
{
	uint32_t x[CHACHA20_WORDS] = {
		0x879531e0, 0xc5ecf37d, 0x516461b1, 0xc9a62f8a,
		0x44c20ef3, 0x3390af7f, 0xd9fc690b, 0x2a5f714c,
		0x53372767, 0xb00a5631, 0x974c541a, 0x359e9963,
		0x5c971061, 0x3d631689, 0x2098d9d6, 0x91dbd320,
	};
	static const uint32_t after[CHACHA20_WORDS] = {
		0x879531e0, 0xc5ecf37d, 0xbdb886dc, 0xc9a62f8a,
		0x44c20ef3, 0x3390af7f, 0xd9fc690b, 0xcfacafd2,
		0xe46bea80, 0xb00a5631, 0x974c541a, 0x359e9963,
		0x5c971061, 0xccc07c79, 0x2098d9d6, 0x91dbd320,
	};

	chacha20_quarter_round(&x[2], &x[7], &x[8], &x[13]);
	assert_memory_equal(x, after, sizeof(x));
}

static void test_blocks_are_those_of_the_rfc(void **state)
{
	uint32_t in[CHACHA20_WORDS], before[CHACHA20_WORDS], out[CHACHA20_WORDS];

	for (unsigned int i = 0; i < ARRAY_SIZE(blocks); i++) {
		print_message("%s\n", blocks[i].section);
		set_up(in, blocks[i].key, blocks[i].nonce, blocks[i].counter);
		memcpy(before, in, sizeof(in));
		chacha20_block(in, out);
		assert_memory_equal(out, blocks[i].end, sizeof(out));
		assert_memory_equal(in, before, sizeof(in));
	}
}

static uint8_t byte(const uint32_t *block, size_t n)
{
	return (uint8_t)(block[n / 4 % CHACHA20_WORDS] >> 8 * (n % 4));
}

static void test_key_stream_of_many_blocks_is_that_of_the_rfc(void **state)
{
	uint32_t in[CHACHA20_WORDS], out[CHACHA20_WORDS];
	uint8_t cipher[512];

	for (unsigned int i = 0; i < ARRAY_SIZE(texts); i++) {
		const struct text *t = &texts[i];
		size_t len = strlen(t->plain);

		print_message("%s\n", t->section);
		set_up(in, t->key, t->nonce, t->counter);
		for (size_t n = 0; n < len; n++) {
			if (n % 64 == 0) {
				chacha20_block(in, out);
				in[CHACHA20_COUNTER]++;
			}
			cipher[n] = (uint8_t)t->plain[n] ^ byte(out, n);
		}
		assert_memory_equal(cipher, t->begin, sizeof(t->begin));
		assert_memory_equal(cipher + len - sizeof(t->end), t->end, sizeof(t->end));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_quarter_round_mixes_four_numbers),
		cmocka_unit_test(test_quarter_round_leaves_the_rest_of_the_state),
		cmocka_unit_test(test_blocks_are_those_of_the_rfc),
		cmocka_unit_test(test_key_stream_of_many_blocks_is_that_of_the_rfc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
