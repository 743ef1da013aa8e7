// SPDX-License-Identifier: MIT
/* /chosen of the device tree: boot arguments, the initrd, a seed, and the console. */
#include "kernel/platform/finder.h"
#include "lib/errno.h"
#include "lib/string.h"

static int read_initrd(struct finder *f)
{
	uint64_t start, end;

	if (!has(f, DT_INITRD_START) || !has(f, DT_INITRD_END))
		return 0;
	if (!dt_prop_number(prop(f, DT_INITRD_START), &start))
		return fail(f, DT_INITRD_START, "must be one or two cells");
	if (!dt_prop_number(prop(f, DT_INITRD_END), &end))
		return fail(f, DT_INITRD_END, "must be one or two cells");
	if (end < start)
		return fail(f, DT_INITRD_END, "lies below linux,initrd-start");
	f->m->initrd = (struct mem_region){ pa(start), end - start };
	return 0;
}

int visit_chosen(struct finder *f)
{
	struct machine *m = f->m;

	f->stdout_path = prop(f, DT_STDOUT_PATH);
	if (!m)
		return 0;
	if (has(f, DT_BOOTARGS)) {
		m->bootargs = dt_prop_string(prop(f, DT_BOOTARGS));
		if (!m->bootargs)
			return fail(f, DT_BOOTARGS, "is not a string");
	}
	if (prop(f, DT_RNG_SEED).len > 0) {
		m->rng_seed = (uint8_t *)prop(f, DT_RNG_SEED).val;
		m->rng_seed_len = prop(f, DT_RNG_SEED).len;
	}
	return read_initrd(f);
}

/* The value of an alias, whose name is not terminated. */
static const char *alias_path(const struct finder *f, const char *alias, size_t len)
{
	char name[32];

	if (f->aliases == 0 || len >= sizeof(name))
		return NULL;
	memcpy(name, alias, len);
	name[len] = '\0';
	return dt_prop_string(dt_get(&f->walk.dt, f->aliases, name));
}

/* The node that stdout-path names, by path or alias; 0 when it names none. */
int stdout_node(const struct finder *f)
{
	const char *path = dt_prop_string(f->stdout_path), *options;
	size_t len;

	if (!path)
		return 0;
	options = strchr(path, ':');
	len = options ? (size_t)(options - path) : strlen(path);
	if (*path != '/') {
		path = alias_path(f, path, len);
		if (!path)
			return 0;
		len = strlen(path);
	}
	return MAX(dt_find(&f->walk.dt, path, len), 0);
}

/* The options are baud rate, parity, bits, flow control: "115200n8". */
static uint32_t stdout_baud(const struct finder *f)
{
	const char *path = dt_prop_string(f->stdout_path);
	const char *options = path ? strchr(path, ':') : NULL;
	unsigned long baud = options ? strtoul(options + 1, NULL, 10) : 0;

	return baud <= UINT32_MAX ? baud : 0;
}

static uint32_t uart_clock_hz(const struct finder *f, const struct uart *uart)
{
	if (uart->clock_hz != 0 || uart->clock_phandle == 0)
		return uart->clock_hz;
	for (unsigned int i = 0; i < f->nr_clocks; i++)
		if (f->clocks[i].phandle == uart->clock_phandle)
			return f->clocks[i].hz;
	return 0;
}

const struct uart *uart_at(const struct finder *f, int node)
{
	for (unsigned int i = 0; i < f->nr_uarts; i++)
		if (f->uarts[i].dev.node == node)
			return &f->uarts[i];
	return NULL;
}

/*
 * The console is the UART that stdout-path names, of whatever kind, else the first one with a
 * driver. Returns 0; -EAGAIN when that is a node that the walk had no reason to look at, with its offset in
 * *wanted.
 */
int resolve_uart(struct finder *f, int *wanted)
{
	int node = stdout_node(f);
	const struct uart *uart = uart_at(f, node);
	struct machine *m = f->m;

	*wanted = node;
	if (!uart && node != 0 && f->uart_node == 0)
		return -EAGAIN;
	if (!uart && f->nr_uarts > 0)
		uart = &f->uarts[0];
	if (!uart)
		return 0;
	m->has_uart = true;
	m->uart = uart->dev;
	m->uart_driver = uart->driver;
	m->uart_clock_hz = uart_clock_hz(f, uart);
	m->uart_baud = uart->dev.node == node ? stdout_baud(f) : 0;
	return 0;
}
