/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "arch/clock.h"
#include "arch/mem.h"
#include "core/elf.h"
#include "core/lib/fmt.h"
#include "core/lib/sha256.h"
#include "core/load.h"
#include "guests/abi.h"

/* One file at a time is at fault, and boot stops there. */
static char reason_text[160];

static const struct boot_file *find_file(const struct boot_info *boot, const char *name)
{
	for (uint32_t i = 0; i < boot->file_count; i++)
		if (strcmp(boot->files[i].name, name) == 0)
			return &boot->files[i];
	return NULL;
}

static enum err refuse(const char **reason, const char *file, const char *why)
{
	fmt_text(reason_text, sizeof(reason_text), "file '%s': %s", file, why);
	*reason = reason_text;
	return ERR_INVAL;
}

static enum err open_file(const struct boot_info *boot, const struct module_config *wanted,
			  struct guest_file *file, const char **reason)
{
	const struct boot_file *found = find_file(boot, wanted->name);
	uint8_t digest[SHA256_BYTES];

	if (!found)
		return refuse(reason, wanted->name, "it is not on the boot volume");
	*file = (struct guest_file){ .name = wanted->name,
				     .bytes = arch_mem_at((hpa_t){ found->base }),
				     .size = found->bytes,
				     .args = wanted->args };
	if (!wanted->sha256)
		return OK;
	sha256(file->bytes, file->size, digest);
	if (!sha256_equals_hex(digest, wanted->sha256))
		return refuse(reason, wanted->name,
			      "its SHA-256 is not the one that the configuration names");
	return OK;
}

static enum err open_files(struct partition *p, const struct boot_info *boot, const char **reason)
{
	const struct partition_config *c = p->config;
	const struct module_config kernel = { c->image, c->image_sha256, NULL };
	enum err e = open_file(boot, &kernel, &p->image.kernel, reason);

	for (uint32_t i = 0; e == OK && i < c->module_count; i++)
		e = open_file(boot, &c->modules[i], &p->image.modules[i], reason);
	p->image.module_count = c->module_count;
	p->image.args = c->args ? c->args : "";
	p->image.vcpu_count = p->plan->vcpu_count;
	return e;
}

/* Our own guests: segments as they are, and struct guest_info. */
static enum err check_elf(struct partition *p, const char **reason)
{
	const uint64_t low_bytes = min_u64(p->ram.bytes, GUEST_LOW_MAX);
	struct elf_image image;
	struct guest_load *load = &p->load;
	const char *why;

	if (elf_parse(p->image.kernel.bytes, p->image.kernel.size, (gpa_t){ GUEST_HOLE_END },
		      low_bytes, &image, &why) != OK)
		return refuse(reason, p->image.kernel.name, why);
	for (uint32_t i = 0; i < image.segment_count; i++) {
		const struct elf_segment *s = &image.segments[i];

		load->copies[load->copy_count++] =
			(struct guest_copy){ s->at.v, p->image.kernel.bytes + s->file_offset,
					     s->file_bytes };
	}
	load->info_at = GUEST_INFO_GPA;
	load->entry = (struct vcpu_entry){ .mode = VCPU_FLAT32,
					   .rip = image.entry.v,
					   .rax = GUEST_BOOT_MAGIC,
					   .rbx = GUEST_INFO_GPA };
	return OK;
}
_Static_assert(ELF_SEGMENT_MAX <= GUEST_COPY_MAX, "every segment is a copy");

enum err load_check(struct partition *p, const struct boot_info *boot, const char **reason)
{
	enum err e = open_files(p, boot, reason);

	memset(&p->load, 0, sizeof(p->load));
	if (e != OK)
		return e;
	switch (p->config->boot) {
	case BOOT_LINUX:
		return arch_guest_check_linux(&p->image, &p->ram, &p->load, reason);
	case BOOT_MULTIBOOT:
		return arch_guest_check_multiboot(&p->image, &p->ram, &p->load, reason);
	default:
		return check_elf(p, reason);
	}
}

/* ---- Steps ---- */

static void write_guest_info(struct partition *p)
{
	const uint64_t after_tsc = p->start_tsc - partitions[0].start_tsc;
	struct guest_info info = { .magic = GUEST_INFO_MAGIC,
				   .start_us = (uint32_t)mul_div(after_tsc, 1000000,
								 arch_clock_tsc_hz()),
				   .vcpu_count = p->plan->vcpu_count,
				   .ram_bytes = p->plan->memory_bytes,
				   .tsc_hz = arch_clock_tsc_hz(),
				   .use_vmmcall = strcmp(arch_vcpu_backend(), "AMD-V") == 0 };

	fmt_text(info.name, sizeof(info.name), "%s", p->config->name);
	fmt_text(info.args, sizeof(info.args), "%s", p->config->args ? p->config->args : "");
	memcpy(guest_ram_at(&p->ram, GUEST_INFO_GPA, sizeof(info)), &info, sizeof(info));
}

static void finish(struct partition *p)
{
	if (p->ram.has_pc)
		arch_guest_write_acpi(&p->ram, p->plan->vcpu_count);
	switch (p->config->boot) {
	case BOOT_LINUX:
		arch_guest_finish_linux(&p->image, &p->load, &p->ram);
		return;
	case BOOT_MULTIBOOT:
		arch_guest_finish_multiboot(&p->image, &p->load, &p->ram);
		return;
	default:
		write_guest_info(p);
		return;
	}
}

/* The step at `at`, counted over all copies; false: there is nothing left to copy. */
static bool copy_step(struct partition *p, uint64_t at)
{
	for (uint32_t i = 0; i < p->load.copy_count; i++) {
		const struct guest_copy *c = &p->load.copies[i];
		const uint64_t room = align_up(c->bytes, LOAD_STEP_BYTES);
		uint64_t bytes;

		if (at >= room) {
			at -= room;
			continue;
		}
		bytes = min_u64(LOAD_STEP_BYTES, c->bytes - at);
		memcpy(guest_ram_at(&p->ram, c->to + at, bytes), c->from + at, bytes);
		return true;
	}
	return false;
}

bool load_step(struct partition *p)
{
	const uint64_t at = p->loaded_bytes;

	p->loaded_bytes += LOAD_STEP_BYTES;
	/* Nothing of a former owner, or life, is left for the guest to read. */
	if (at < p->ram.bytes) {
		memset(p->ram.at + at, 0, min_u64(LOAD_STEP_BYTES, p->ram.bytes - at));
		return true;
	}
	if (copy_step(p, at - align_up(p->ram.bytes, LOAD_STEP_BYTES)))
		return true;
	finish(p);
	p->loaded_bytes = 0;
	return false;
}
