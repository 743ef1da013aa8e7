// SPDX-License-Identifier: MIT
/*
 * A TCG plugin for QEMU that counts executed instructions by where they are: in EL2's functions, in a guest's
 * kernel (upper half of the address space), in all else (lower half: applications, and code before an MMU is
 * on). EL2 has addresses of its own (docs/design/el2-address-space.md), so that an address tells.
 *
 *   -plugin insn_count.so,symbols=schism.nm,out=counts.json,at=arch_enter_guest
 *
 * symbols: what `nm -n` says of the hypervisor; EL2's range goes from its first to its last function. out: a
 * line of JSON with the counts since the start for each mark, for each entry of the function that at= names,
 * and at the end. A mark is the instruction "movz xzr, #MARK+n", n below 256, which does nothing and which no
 * compiler makes.
 *
 * One QEMU thread is assumed (-icount), so counters are plain. Debian's QEMU loads plugins but has no package
 * with qemu-plugin.h: what is used of its interface, version 1, is declared here.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- QEMU's interface ---- */

#define PLUGIN_EXPORT	__attribute__((visibility("default")))

typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;

enum qemu_plugin_cb_flags { QEMU_PLUGIN_CB_NO_REGS };
enum qemu_plugin_op { QEMU_PLUGIN_INLINE_ADD_U64 };

struct qemu_plugin_info;

size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t i);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id,
					   void (*fn)(qemu_plugin_id_t id, struct qemu_plugin_tb *tb));
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
					    void (*fn)(unsigned int cpu, void *data),
					    enum qemu_plugin_cb_flags flags, void *data);
void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *insn, enum qemu_plugin_op op,
						void *counter, uint64_t add);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id, void (*fn)(qemu_plugin_id_t id, void *data),
				    void *data);

PLUGIN_EXPORT int qemu_plugin_version = 1;
PLUGIN_EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_plugin_info *info, int argc,
				      char **argv);

/* ---- symbols ---- */

#define MAX_SYMBOLS	8192
#define MOVZ_XZR	0xd280001fu	/* imm16 in bits 20..5 */
#define MARK		0x5c00u

struct symbol {
	uint64_t addr;
	uint64_t count;
	char name[64];
};

static struct symbol symbols[MAX_SYMBOLS];
static unsigned int nr_symbols;
static uint64_t kernel_count, other_count;
static const char *at;		/* function whose entries are reported */
static FILE *out;

/* Only functions; what follows the last one in .text is data. */
static bool read_symbols(const char *path)
{
	FILE *file = fopen(path, "r");
	char line[256], type;

	if (!file)
		return false;
	while (fgets(line, sizeof(line), file) && nr_symbols < MAX_SYMBOLS) {
		struct symbol *s = &symbols[nr_symbols];

		if (sscanf(line, "%" SCNx64 " %c %63s", &s->addr, &type, s->name) != 3)
			continue;
		/* Mapping symbols ($x, $d) name nothing; of aliases the first one counts. */
		if (!strchr("tTwW", type) || s->name[0] == '$' ||
		    (nr_symbols && s->addr == symbols[nr_symbols - 1].addr))
			continue;
		nr_symbols++;
	}
	fclose(file);
	return nr_symbols > 1;
}

/* The function that an EL2 address lies in; NULL: not an address of EL2's text. */
static struct symbol *find_symbol(uint64_t addr)
{
	unsigned int low = 0, high = nr_symbols;

	if (addr < symbols[0].addr || addr >= symbols[nr_symbols - 1].addr + 0x10000)
		return NULL;
	while (high - low > 1) {
		unsigned int mid = (low + high) / 2;

		if (symbols[mid].addr <= addr)
			low = mid;
		else
			high = mid;
	}
	return &symbols[low];
}

/* ---- counting ---- */

static void print_counts(const char *where)
{
	const char *comma = "";
	uint64_t el2 = 0;

	for (unsigned int i = 0; i < nr_symbols; i++)
		el2 += symbols[i].count;
	fprintf(out, "{\"at\": \"%s\", \"el2\": %" PRIu64 ", \"kernel\": %" PRIu64 ", \"other\": %" PRIu64
		", \"functions\": {", where, el2, kernel_count, other_count);
	for (unsigned int i = 0; i < nr_symbols; i++) {
		if (!symbols[i].count)
			continue;
		fprintf(out, "%s\"%s\": %" PRIu64, comma, symbols[i].name, symbols[i].count);
		comma = ", ";
	}
	fprintf(out, "}}\n");
	fflush(out);
}

static void marked(unsigned int cpu, void *data)
{
	char name[16];

	(void)cpu;
	snprintf(name, sizeof(name), "%u", (unsigned int)(uintptr_t)data);
	print_counts(name);
}

static void entered(unsigned int cpu, void *data)
{
	(void)cpu;
	print_counts(data);
}

static void at_exit(qemu_plugin_id_t id, void *data)
{
	(void)id;
	(void)data;
	print_counts("end");
	fclose(out);
}

static uint64_t *counter_of(uint64_t addr)
{
	struct symbol *symbol = find_symbol(addr);

	if (symbol)
		return &symbol->count;
	return addr >> 63 ? &kernel_count : &other_count;
}

static void look_for_mark(struct qemu_plugin_insn *insn)
{
	uint32_t code, imm;

	if (qemu_plugin_insn_size(insn) != sizeof(code))
		return;
	memcpy(&code, qemu_plugin_insn_data(insn), sizeof(code));
	imm = code >> 5 & 0xffff;
	if ((code & ~(0xffffu << 5)) == MOVZ_XZR && (imm & 0xff00) == MARK)
		qemu_plugin_register_vcpu_insn_exec_cb(insn, marked, QEMU_PLUGIN_CB_NO_REGS,
						       (void *)(uintptr_t)(imm & 0xff));
}

static void look_for_function(struct qemu_plugin_insn *insn)
{
	struct symbol *symbol = find_symbol(qemu_plugin_insn_vaddr(insn));

	if (at && symbol && symbol->addr == qemu_plugin_insn_vaddr(insn) && !strcmp(symbol->name, at))
		qemu_plugin_register_vcpu_insn_exec_cb(insn, entered, QEMU_PLUGIN_CB_NO_REGS, symbol->name);
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	(void)id;
	for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);

		look_for_mark(insn);
		look_for_function(insn);
		qemu_plugin_register_vcpu_insn_exec_inline(insn, QEMU_PLUGIN_INLINE_ADD_U64,
							   counter_of(qemu_plugin_insn_vaddr(insn)), 1);
	}
}

static const char *option(int argc, char **argv, const char *name)
{
	for (int i = 0; i < argc; i++) {
		size_t len = strlen(name);

		if (!strncmp(argv[i], name, len) && argv[i][len] == '=')
			return argv[i] + len + 1;
	}
	return NULL;
}

int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_plugin_info *info, int argc, char **argv)
{
	const char *nm = option(argc, argv, "symbols"), *path = option(argc, argv, "out");

	(void)info;
	if (!nm || !path) {
		fprintf(stderr, "insn_count: symbols=FILE and out=FILE are needed\n");
		return -1;
	}
	if (!read_symbols(nm)) {
		fprintf(stderr, "insn_count: no symbols in %s\n", nm);
		return -1;
	}
	at = option(argc, argv, "at");
	out = fopen(path, "w");
	if (!out) {
		fprintf(stderr, "insn_count: cannot write %s\n", path);
		return -1;
	}
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	qemu_plugin_register_atexit_cb(id, at_exit, NULL);
	return 0;
}
