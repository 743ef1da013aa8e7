// SPDX-License-Identifier: MIT
/* Devices of the device tree that Schism drives, or has to know of. */
#include "kernel/platform/finder.h"
#include "kernel/platform/serial.h"
#include "lib/errno.h"
#include "lib/string.h"

/* Fill dev from the node. Returns 0; -ENOENT when the CPU can't reach its registers; -EINVAL. */
int read_dev(struct finder *f, struct machine_dev *dev)
{
	struct dt_region region = { 0, 0 };
	int rc = dt_reg(&f->walk, 0, &region);

	*dev = (struct machine_dev){
		.regs = { pa(region.base), region.size },
		.node = this_node(f),
	};
	if (!rc)
		note_dev_irq(f, dev);
	return rc;
}

const struct serial_driver *serial_driver_for(const char *compatible)
{
	SECTION_FOREACH(struct serial_driver, it, schism_serial) {
		if (!strcmp(it->compatible, compatible))
			return it;
	}
	return NULL;
}

static const struct serial_driver *driver_of_node(const struct finder *f)
{
	struct dt_prop list = prop(f, DT_COMPATIBLE);
	const struct serial_driver *driver = NULL;
	const char *compatible;

	while (!driver && (compatible = dt_next_string(&list)))
		driver = serial_driver_for(compatible);
	return driver;
}

int visit_uart(struct finder *f)
{
	struct uart *uart = &f->uarts[f->nr_uarts];
	struct dt_prop clocks = prop(f, DT_CLOCKS);
	int rc;

	/* The last place is kept for the one that is looked for. */
	if (f->nr_uarts >= MAX_UARTS - (this_node(f) != f->uart_node))
		return 0;
	rc = read_dev(f, &uart->dev);
	if (rc)
		return rc == -ENOENT ? 0 : rc;
	uart->driver = driver_of_node(f);
	uart->clock_phandle = clocks.len >= (int)DT_CELL ? dt_cell(clocks.val, 0) : 0;
	uart->clock_hz = dt_prop_cell(prop(f, DT_CLOCK_FREQUENCY), 0);
	f->nr_uarts++;
	return 0;
}

int visit_clock(struct finder *f)
{
	if (f->nr_clocks < MAX_CLOCKS)
		f->clocks[f->nr_clocks++] = (struct clock){
			.phandle = dt_prop_cell(prop(f, DT_PHANDLE), 0),
			.hz = dt_prop_cell(prop(f, DT_CLOCK_FREQUENCY), 0),
		};
	return 0;
}

int visit_rtc(struct finder *f)
{
	struct machine *m = f->m;
	int rc;

	if (m->has_rtc)
		return 0;
	rc = read_dev(f, &m->rtc);
	m->has_rtc = !rc;
	return rc == -ENOENT ? 0 : rc;
}

/* Transports past the table's end stay unused. */
int visit_virtio(struct finder *f)
{
	struct machine *m = f->m;
	int rc;

	if (m->nr_virtio == MACHINE_MAX_VIRTIO)
		return 0;
	rc = read_dev(f, &m->virtio[m->nr_virtio]);
	m->nr_virtio += !rc;
	return rc == -ENOENT ? 0 : rc;
}

int visit_pcie(struct finder *f)
{
	f->m->has_pcie = true;
	return 0;
}

int visit_smmu(struct finder *f)
{
	f->m->has_smmu = true;
	return 0;
}

int resolve_devices(struct finder *f)
{
	for (unsigned int i = 0; i < f->nr_dev_irqs; i++) {
		struct machine_dev *dev = f->dev_irqs[i].dev;
		int rc = resolve_irq(f, &f->dev_irqs[i].ref, 0, &dev->intid, &dev->edge);

		if (rc)
			return rc;
	}
	return 0;
}
