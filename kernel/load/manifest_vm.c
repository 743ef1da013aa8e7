// SPDX-License-Identifier: MIT
/*
 * A VM of a manifest: its properties are the rows of properties[]; what concerns more than one of them is
 * checked afterwards.
 */
#include "kernel/load/manifest_reader.h"

#include "lib/errno.h"
#include "lib/fdt.h"
#include "lib/fmt.h"
#include "lib/string.h"
#include "schism/abi/guest_layout.h"

#define CPU_NUMBERS	64	/* bits of a cpu_mask */
#define DTB_ALIGN	8	/* Devicetree Specification v0.4, 5.6 */

/* ---- one property each ---- */

struct property {
	const char *name;
	/* Reads it into desc; NULL: it is known, and read elsewhere. */
	int (*read)(const struct manifest_reader *r, const struct property *p, struct vm_desc *desc);
	bool required;
	uint8_t protocols;		/* that it is for, as bits; 0: all */
	uint16_t field, size_field;	/* offsets in struct vm_desc */
	uint32_t min, max;		/* of a number; of an address, min is what it is a multiple of */
	const char *max_name;		/* the option behind max */
	const char *const *choices;	/* of a word, by number */
	unsigned int nr_choices;
};

#define ONLY(protocol)	(1u << VM_PROTOCOL_##protocol)
#define WITH_DTB	(ONLY(ELF) | ONLY(LINUX) | ONLY(RAW))
#define FIELD(name)	.field = offsetof(struct vm_desc, name)
#define IMAGE(name)	FIELD(name), .size_field = offsetof(struct vm_desc, name##_size)
#define CHOICES(names)	.choices = names, .nr_choices = ARRAY_SIZE(names)

static const char *const protocol_names[] = {
	[VM_PROTOCOL_ELF] = "elf", [VM_PROTOCOL_LINUX] = "linux", [VM_PROTOCOL_RAW] = "raw",
	[VM_PROTOCOL_SEL4] = "sel4",
};

static const char *const action_names[] = {
	[VM_ACTION_STOP] = "stop", [VM_ACTION_RESTART] = "restart", [VM_ACTION_POWEROFF] = "poweroff",
};

static void *field_of(struct vm_desc *desc, uint16_t offset)
{
	return (uint8_t *)desc + offset;
}

static int read_name(const struct manifest_reader *r, const struct property *p, struct vm_desc *desc)
{
	const char *name;
	int err = manifest_string(r, r->node, p->name, &name);

	if (err)
		return err;
	if (!manifest_is_name(name))
		return refuse(r, p->name, "is not 1 to %u letters, digits, '_', '-' or '.'", VM_NAME_LEN - 1);
	strlcpy(desc->name, name, sizeof(desc->name));
	return 0;
}

static int read_cell(const struct manifest_reader *r, const struct property *p, uint32_t *out)
{
	int len;
	const fdt32_t *cell = fdt_getprop(r->blob, r->node, p->name, &len);

	if (len != sizeof(*cell))
		return refuse(r, p->name, "is not one cell");
	*out = fdt32_to_cpu(*cell);
	if (*out < p->min || *out > p->max)
		return refuse(r, p->name, "is %u: it must be %u to %s%s%u", *out, p->min,
			      p->max_name ? p->max_name : "", p->max_name ? ", " : "", p->max);
	return 0;
}

static int read_u32(const struct manifest_reader *r, const struct property *p, struct vm_desc *desc)
{
	return read_cell(r, p, field_of(desc, p->field));
}

static int read_bool(const struct manifest_reader *r, const struct property *p, struct vm_desc *desc)
{
	uint32_t val = 0;
	int err = read_cell(r, p, &val);

	*(bool *)field_of(desc, p->field) = val;
	return err;
}

/* All of them, for the message. */
static void list_choices(const struct property *p, char *buf, size_t size)
{
	size_t len = 0;

	for (unsigned int i = 0; i < p->nr_choices && len < size; i++)
		len += (size_t)fmt_snprintf(buf + len, size - len, "%s\"%s\"", i ? ", " : "", p->choices[i]);
}

static int read_choice(const struct manifest_reader *r, const struct property *p, struct vm_desc *desc)
{
	char list[48] = "";
	const char *word;
	int err = manifest_string(r, r->node, p->name, &word);

	if (err)
		return err;
	for (unsigned int i = 0; i < p->nr_choices; i++) {
		if (!strcmp(word, p->choices[i])) {
			*(unsigned int *)field_of(desc, p->field) = i;
			return 0;
		}
	}
	list_choices(p, list, sizeof(list));
	return refuse(r, p->name, "is \"%s\", none of %s", word, list);
}

static int read_image(const struct manifest_reader *r, const struct property *p, struct vm_desc *desc)
{
	return manifest_file(r, r->node, p->name, field_of(desc, p->field), field_of(desc, p->size_field));
}

/* A multiple of p->min. */
static int read_address(const struct manifest_reader *r, const struct property *p, struct vm_desc *desc)
{
	uint64_t *address = field_of(desc, p->field);
	int err = manifest_cells64(r, r->node, p->name, address, 1);

	if (!err && !IS_ALIGNED(*address, p->min))
		err = refuse(r, p->name, "is not a multiple of %u", p->min);
	return err;
}

static int read_entry(const struct manifest_reader *r, const struct property *p, struct vm_desc *desc)
{
	desc->has_entry = true;
	return read_address(r, p, desc);
}

static int read_dtb_address(const struct manifest_reader *r, const struct property *p, struct vm_desc *desc)
{
	desc->has_dtb_address = true;
	return read_address(r, p, desc);
}

static int read_mailbox(const struct manifest_reader *r, const struct property *p, struct vm_desc *desc)
{
	desc->has_mailbox = true;
	return manifest_cells64(r, r->node, p->name, &desc->mailbox.ipa, 1);
}

static int read_bootargs(const struct manifest_reader *r, const struct property *p, struct vm_desc *desc)
{
	const char *args;
	int err = manifest_string(r, r->node, p->name, &args);

	if (err)
		return err;
	if (strlen(args) >= sizeof(desc->args))
		return refuse(r, p->name, "is longer than %zu characters", sizeof(desc->args) - 1);
	strlcpy(desc->args, args, sizeof(desc->args));
	return 0;
}

/* Calls add() with each string of a list, in which an empty one stands for nothing. */
static int for_each_string(const struct manifest_reader *r, const struct property *p, struct vm_desc *desc,
			   int (*add)(const struct manifest_reader *r, struct vm_desc *desc, const char *s))
{
	int len, err = 0;
	const char *list = fdt_getprop(r->blob, r->node, p->name, &len);

	if (len < 1 || list[len - 1])
		return refuse(r, p->name, "is not a list of strings");
	for (const char *s = list; !err && s < list + len; s += strlen(s) + 1)
		err = *s ? add(r, desc, s) : 0;
	return err;
}

static bool is_granted(const struct vm_desc *desc, const struct vdev_ops *ops)
{
	for (unsigned int i = 0; i < desc->nr_devices; i++) {
		if (desc->devices[i] == ops)
			return true;
	}
	return false;
}

static int grant(const struct manifest_reader *r, struct vm_desc *desc, const char *name)
{
	const struct vdev_ops *ops = vdev_find(name);

	if (!ops && vdev_option(name))
		return refuse(r, "devices", "lists \"%s\", which this build lacks: %s is off", name,
			      vdev_option(name));
	if (!ops)
		return refuse(r, "devices", "lists \"%s\", which does not exist", name);
	if (is_granted(desc, ops))
		return refuse(r, "devices", "lists \"%s\" twice", name);
	if (desc->nr_devices == VM_MAX_DEVICES)
		return refuse(r, "devices", "lists more than %u devices", VM_MAX_DEVICES);
	desc->devices[desc->nr_devices++] = ops;
	return 0;
}

static int read_devices(const struct manifest_reader *r, const struct property *p, struct vm_desc *desc)
{
	return for_each_string(r, p, desc, grant);
}

static int pass_through(const struct manifest_reader *r, struct vm_desc *desc, const char *path)
{
	if (path[0] != '/' || !path[1])
		return refuse(r, "passthrough", "lists \"%s\", which is no path of a node", path);
	for (unsigned int i = 0; i < desc->nr_passthrough; i++) {
		if (!strcmp(desc->passthrough[i], path))
			return refuse(r, "passthrough", "lists \"%s\" twice", path);
	}
	if (desc->nr_passthrough == VM_MAX_PASSTHROUGH)
		return refuse(r, "passthrough", "lists more than %u devices", VM_MAX_PASSTHROUGH);
	desc->passthrough[desc->nr_passthrough++] = path;
	return 0;
}

static int read_passthrough(const struct manifest_reader *r, const struct property *p, struct vm_desc *desc)
{
	return for_each_string(r, p, desc, pass_through);
}

/*
 * Physical CPUs, for all vCPUs or, pinned, one each. Whether the machine has them is another question. After
 * "vcpus".
 */
static int read_cpus(const struct manifest_reader *r, const struct property *p, struct vm_desc *desc)
{
	bool pinned = fdt_getprop(r->blob, r->node, "pinned", NULL) != NULL;
	uint64_t all = 0;
	int len;
	const fdt32_t *cells = fdt_getprop(r->blob, r->node, p->name, &len);

	if (len < (int)sizeof(*cells) || len % (int)sizeof(*cells))
		return refuse(r, p->name, "is not a list of cells");
	if (pinned && (unsigned int)len / sizeof(*cells) != desc->nr_vcpus)
		return refuse(r, p->name, "lists %zu CPUs for %u pinned vCPUs", (size_t)len / sizeof(*cells),
			      desc->nr_vcpus);
	for (unsigned int i = 0; i < (unsigned int)len / sizeof(*cells); i++) {
		uint32_t cpu = fdt32_to_cpu(cells[i]);

		if (cpu >= CPU_NUMBERS)
			return refuse(r, p->name, "lists %u: it must be 0 to %u", cpu, CPU_NUMBERS - 1);
		if (all & BIT(cpu))
			return refuse(r, p->name, "lists %u twice", cpu);
		all |= BIT(cpu);
		if (pinned)
			desc->cpu_mask[i] = BIT(cpu);
	}
	for (unsigned int i = 0; !pinned && i < CONFIG_MAX_VCPUS; i++)
		desc->cpu_mask[i] = all;
	return 0;
}

static int read_pinned(const struct manifest_reader *r, const struct property *p, struct vm_desc *desc)
{
	int len;

	fdt_getprop(r->blob, r->node, p->name, &len);
	if (len)
		return refuse(r, p->name, "is a flag, and has a value");
	if (!fdt_getprop(r->blob, r->node, "cpus", NULL))
		return refuse(r, p->name, "needs cpus, one for each vCPU");
	return 0;
}

/* In the order in which they are read: later ones may look at what earlier ones found. */
static const struct property properties[] = {
	{ "compatible" },
	{ "phandle" },
	{ "memory-limit" },
	{ "vm-name", read_name, .required = true },
	{ "vcpus", read_u32, .required = true, FIELD(nr_vcpus), .min = 1, .max = CONFIG_MAX_VCPUS,
	  .max_name = "CONFIG_MAX_VCPUS" },
	{ "protocol", read_choice, .required = true, FIELD(protocol), CHOICES(protocol_names) },
	{ "kernel", read_image, .required = true, IMAGE(kernel) },
	{ "load-address", read_address, .protocols = ONLY(RAW), FIELD(load_address),
	  .min = sizeof(uint32_t) },
	{ "entry", read_entry, .protocols = ONLY(ELF) | ONLY(RAW), FIELD(entry), .min = sizeof(uint32_t) },
	{ "ramdisk", read_image, .protocols = WITH_DTB, IMAGE(ramdisk) },
	{ "dtb", read_image, .protocols = WITH_DTB, IMAGE(dtb) },
	{ "dtb-address", read_dtb_address, .protocols = WITH_DTB, FIELD(dtb_address), .min = DTB_ALIGN },
	{ "dtb-overlay", read_image, .protocols = WITH_DTB, IMAGE(overlay) },
	{ "mailbox", read_mailbox },
	{ "bootargs", read_bootargs },
	{ "devices", read_devices },
	{ "passthrough", read_passthrough },
	{ "cpus", read_cpus },
	{ "pinned", read_pinned },
	{ "time-slice-us", read_u32, FIELD(slice_us), .min = 100, .max = 1000000 },
	{ "autostart", read_bool, FIELD(autostart), .max = 1 },
	{ "on-crash", read_choice, FIELD(on_crash), CHOICES(action_names) },
	{ "on-shutdown", read_choice, FIELD(on_shutdown), CHOICES(action_names) },
	{ "restart-limit", read_u32, FIELD(restart_limit), .min = 1, .max = 1000 },
	{ "restart-backoff-ms", read_u32, FIELD(restart_backoff_ms), .max = 60000 },
};

static int find_property(const char *name)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(properties); i++) {
		if (!strcmp(properties[i].name, name))
			return (int)i;
	}
	return -ENOENT;
}

/*
 * Which rows of properties[] the node has, a bit each; one that no row is for is refused. One pass: a look-up
 * by libfdt goes through the node's properties each time.
 */
static int find_present(const struct manifest_reader *r, uint32_t *present)
{
	int prop;

	_Static_assert(ARRAY_SIZE(properties) <= 32, "a bit for each property");
	*present = 0;
	fdt_for_each_property_offset(prop, r->blob, r->node) {
		const char *name = NULL;
		int row;

		if (!fdt_getprop_by_offset(r->blob, prop, &name, NULL) || !name)
			return refuse(r, "?", "has no name");
		row = find_property(name);
		if (row < 0)
			return refuse(r, name, "is not a property of a VM");
		*present |= 1u << row;
	}
	return 0;
}

/* "elf" or "linux", for the message that a property is for these only. */
static void list_protocols(uint8_t protocols, char *buf, size_t size)
{
	size_t len = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(protocol_names) && len < size; i++) {
		if (protocols & 1u << i)
			len += (size_t)fmt_snprintf(buf + len, size - len, "%s\"%s\"", len ? " or " : "",
						    protocol_names[i]);
	}
}

static int read_property(const struct manifest_reader *r, const struct property *p, bool present,
			 struct vm_desc *desc)
{
	char list[40] = "";

	if (!present)
		return p->required ? refuse(r, p->name, "is missing") : 0;
	/* Those that are for some protocols come behind the protocol. */
	if (p->protocols && !(p->protocols & 1u << desc->protocol)) {
		list_protocols(p->protocols, list, sizeof(list));
		return refuse(r, p->name, "is for protocol %s only", list);
	}
	return p->read ? p->read(r, p, desc) : 0;
}

/* ---- more than one property ---- */

/* size: a page at most, as every region has. */
static bool in_ram(const struct vm_desc *desc, uint64_t address, uint64_t size)
{
	for (unsigned int i = 0; i < desc->nr_regions; i++) {
		const struct vm_region *it = &desc->regions[i];

		if (address >= it->ipa.ipa && address - it->ipa.ipa <= it->size - size)
			return true;
	}
	return false;
}

static int check_places(const struct manifest_reader *r, struct vm_desc *desc)
{
	if (desc->protocol == VM_PROTOCOL_RAW && !fdt_getprop(r->blob, r->node, "load-address", NULL))
		desc->load_address = ipa_add(desc->ram_ipa, MIB(2));
	if (desc->protocol == VM_PROTOCOL_RAW && !in_ram(desc, desc->load_address.ipa, sizeof(uint32_t)))
		return refuse(r, "load-address", "at 0x%lx is not in the VM's memory",
			      desc->load_address.ipa);
	if (desc->has_dtb_address && !in_ram(desc, desc->dtb_address.ipa, DTB_ALIGN))
		return refuse(r, "dtb-address", "at 0x%lx is not in the VM's memory",
			      desc->dtb_address.ipa);
	if (desc->has_entry && !in_ram(desc, desc->entry, sizeof(uint32_t)))
		return refuse(r, "entry", "at 0x%lx is not in the VM's memory", desc->entry);
	if (desc->has_mailbox && (!IS_ALIGNED(desc->mailbox.ipa, PAGE_SIZE) ||
				  !in_ram(desc, desc->mailbox.ipa, PAGE_SIZE)))
		return refuse(r, "mailbox", "at 0x%lx is not a page inside the VM's memory",
			      desc->mailbox.ipa);
	return 0;
}

static int check_combinations(const struct manifest_reader *r, const struct vm_desc *desc)
{
	if (desc->has_mailbox && strlen(desc->args) >= GUEST_MAILBOX_ARGS_LEN)
		return refuse(r, "bootargs", "is longer than %u characters, which the mailbox has room for",
			      GUEST_MAILBOX_ARGS_LEN - 1);
	if (desc->overlay && desc->dtb)
		return refuse(r, "dtb-overlay", "is for the generated device tree, and there is a dtb");
	return 0;
}

/* ---- all of it ---- */

static void set_defaults(struct vm_desc *desc)
{
	memset(desc, 0, sizeof(*desc));
	desc->autostart = true;
	desc->restart_limit = 5;
	desc->restart_backoff_ms = 100;
	memset(desc->cpu_mask, 0xff, sizeof(desc->cpu_mask));
}

int manifest_read_vm(const void *blob, int node, const struct manifest_images *images,
		     const struct manifest_windows *windows, struct vm_desc *desc, struct manifest_error *err)
{
	struct manifest_reader r = { blob, node, images, windows, err };
	uint32_t present;
	int ret;

	set_defaults(desc);
	manifest_error_init(err, blob, node);
	if (fdt_node_check_compatible(blob, node, "schism,vm"))
		return refuse(&r, "compatible", "is neither \"schism,vm\" nor \"schism,shared-memory\"");
	ret = find_present(&r, &present);
	for (unsigned int i = 0; !ret && i < ARRAY_SIZE(properties); i++)
		ret = read_property(&r, &properties[i], (present & 1u << i) != 0, desc);
	if (!ret)
		ret = manifest_read_memory(&r, desc);
	if (!ret)
		ret = check_places(&r, desc);
	if (!ret)
		ret = check_combinations(&r, desc);
	return ret;
}
