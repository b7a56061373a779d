/* SPDX-License-Identifier: Apache-2.0 */
#include "arch/guest.h"
#include "core/plan_check.h"
#include "guests/abi.h"

_Static_assert(CONFIG_MODULE_MAX == GUEST_MODULE_MAX, "what is configured can be loaded");

static void check_choice(struct check *k, part_id_t i, const char *field, uint32_t value,
			 uint32_t last, const char *names)
{
	if (value > last)
		refuse_partition(k, i, "%s = %u: not a choice; give %s", field, value, names);
}

static void check_choices(struct check *k, part_id_t i)
{
	const struct partition_config *p = &k->config->partitions[i];

	check_choice(k, i, "boot", (uint32_t)p->boot, BOOT_MULTIBOOT,
		     "BOOT_GUEST, BOOT_LINUX or BOOT_MULTIBOOT");
	check_choice(k, i, "platform", (uint32_t)p->platform, PLATFORM_PC,
		     "PLATFORM_AUTO or PLATFORM_PC");
	check_choice(k, i, "apic", (uint32_t)p->apic, APIC_DIRECT,
		     "APIC_AUTO, APIC_SOFTWARE or APIC_DIRECT");
	check_choice(k, i, "on_reset", (uint32_t)p->on_reset, LIFE_RESTART,
		     "LIFE_END or LIFE_RESTART");
	check_choice(k, i, "on_power_off", (uint32_t)p->on_power_off, LIFE_RESTART,
		     "LIFE_END or LIFE_RESTART");
}

/* A core's APIC can belong to one guest only, and for as long as that one wants. */
static void check_apic(struct check *k, part_id_t i)
{
	const struct plan_partition *p = &k->plan->partitions[i];

	if (k->config->partitions[i].apic != APIC_DIRECT)
		return;
	for (uint32_t n = p->vcpu_first; n < p->vcpu_first + p->vcpu_count; n++)
		if (check_claim_of(k, n)->kind != CPU_OWNED) {
			refuse_partition(k, i,
					 "apic = APIC_DIRECT: %s does not own its core, whose APIC "
					 "others need; give OWN_CORE() for every virtual CPU, or "
					 "APIC_AUTO",
					 check_claim_field(k, n).s);
			return;
		}
}

/* What only a PC has: ways to reset and to switch off, and the exit port. */
static void check_platform(struct check *k, part_id_t i)
{
	const struct partition_config *p = &k->config->partitions[i];

	if (check_has_pc(p))
		return;
	if (p->has_exit_port)
		refuse_partition(k, i,
				 "has_exit_port: there is no PC around this guest for the port to "
				 "be on; give .platform = PLATFORM_PC, or leave it out");
	if (p->on_reset == LIFE_RESTART)
		refuse_partition(k, i,
				 "on_reset = LIFE_RESTART: without a PC around it a guest cannot "
				 "reset itself; give .platform = PLATFORM_PC, or LIFE_END");
	if (p->on_power_off == LIFE_RESTART)
		refuse_partition(
			k, i,
			"on_power_off = LIFE_RESTART: without a PC around it a guest cannot "
			"switch itself off; give .platform = PLATFORM_PC, or LIFE_END");
}

/* True: longer than `max`. Reads no further than that. */
static bool is_too_long(const char *text, uint32_t max)
{
	uint32_t length = 0;

	while (text && length <= max && text[length] != '\0')
		length++;
	return length > max;
}

static void check_args(struct check *k, part_id_t i)
{
	const struct partition_config *p = &k->config->partitions[i];
	uint32_t max = p->boot == BOOT_GUEST ? GUEST_ARGS_BYTES - 1 : GUEST_ARGS_MAX;

	if (is_too_long(p->args, max))
		refuse_partition(k, i, "args = %s: more than %u characters; shorten them",
				 text_quoted(p->args).s, max);
}

static uint32_t module_max(enum boot_protocol boot)
{
	return boot == BOOT_GUEST ? 0 : boot == BOOT_LINUX ? 1 : CONFIG_MODULE_MAX;
}

static void check_module_count(struct check *k, part_id_t i)
{
	const struct partition_config *p = &k->config->partitions[i];
	static const char *const fixes[] = {
		[BOOT_GUEST] = "a guest of our own takes none: leave them out",
		[BOOT_LINUX] = "Linux takes one, its initial RAM disk: give at most that",
		[BOOT_MULTIBOOT] = "there is room for 8: give at most that",
	};

	if ((p->modules == NULL) != (p->module_count == 0))
		refuse_partition(k, i,
				 "module_count = %u, but modules is %s; a list of modules is both: "
				 "give .MODULES() of { .name }",
				 p->module_count, p->modules ? "given" : "not given");
	else if ((uint32_t)p->boot <= BOOT_MULTIBOOT && p->module_count > module_max(p->boot))
		refuse_partition(k, i, "module_count = %u: too many; %s", p->module_count,
				 fixes[p->boot]);
}
_Static_assert(CONFIG_MODULE_MAX == 8, "the words above say so too");

static void check_module_args(struct check *k, part_id_t i)
{
	const struct partition_config *p = &k->config->partitions[i];

	for (uint32_t n = 0; p->modules && n < min_u64(p->module_count, CONFIG_MODULE_MAX); n++) {
		const char *args = p->modules[n].args;

		if (args && p->boot == BOOT_LINUX)
			refuse_partition(
				k, i,
				"modules[%u].args = %s: an initial RAM disk has no command "
				"line; leave it out, or add to args",
				n, text_quoted(args).s);
		else if (is_too_long(args, GUEST_ARGS_MAX))
			refuse_partition(
				k, i,
				"modules[%u].args = %s: more than %u characters; shorten them", n,
				text_quoted(args).s, GUEST_ARGS_MAX);
	}
}

void check_guests(struct check *k)
{
	for (part_id_t i = 0; i < k->partition_count; i++) {
		check_choices(k, i);
		check_platform(k, i);
		check_apic(k, i);
		check_args(k, i);
		check_module_count(k, i);
		check_module_args(k, i);
		k->plan->partitions[i].has_pc = check_has_pc(&k->config->partitions[i]);
	}
}
