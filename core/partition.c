/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "arch/clock.h"
#include "arch/mem.h"
#include "core/elf.h"
#include "core/lib/fmt.h"
#include "core/log.h"
#include "core/partition.h"
#include "core/run.h"
#include "guests/abi.h"

struct partition partitions[MAX_PARTITIONS];
uint32_t partition_count;

/* As on a PC: the window of legacy video memory and firmware is not RAM. */
#define HOLE_FIRST UINT64_C(0xa0000)
#define HOLE_END   MIB(1)

static bool range_is_ram(const struct partition *p, gpa_t at, uint64_t bytes)
{
	uint64_t ram = p->plan->memory_bytes;

	if (at.v > ram || bytes > ram - at.v)
		return false;
	return at.v + bytes <= HOLE_FIRST || at.v >= HOLE_END;
}

static void *ram_at(const struct partition *p, gpa_t at)
{
	return arch_mem_at((hpa_t){ p->plan->memory_base + at.v });
}

enum err partition_read(const struct partition *p, gpa_t from, void *to, uint64_t bytes)
{
	if (!range_is_ram(p, from, bytes))
		return ERR_RANGE;
	memcpy(to, ram_at(p, from), bytes);
	return OK;
}

static enum err map_ram(part_id_t id, const struct plan_partition *plan)
{
	const uint32_t rwx = SPACE_READ | SPACE_WRITE | SPACE_EXEC;
	enum err e = arch_space_create(id);

	if (e == OK)
		e = arch_space_map(id, (gpa_t){ 0 }, (hpa_t){ plan->memory_base }, HOLE_FIRST, rwx);
	if (e == OK)
		e = arch_space_map(id, (gpa_t){ HOLE_END }, (hpa_t){ plan->memory_base + HOLE_END },
				   plan->memory_bytes - HOLE_END, rwx);
	return e;
}

static enum err load_image(const struct partition *p, const void *file, uint64_t file_bytes,
			   gpa_t *entry, const char **reason)
{
	struct elf_image image;
	const char *bytes = file;
	enum err e = elf_parse(file, file_bytes, (gpa_t){ HOLE_END }, p->plan->memory_bytes, &image,
			       reason);

	if (e != OK)
		return e;
	for (uint32_t i = 0; i < image.segment_count; i++) {
		const struct elf_segment *s = &image.segments[i];

		memcpy(ram_at(p, s->at), bytes + s->file_offset, s->file_bytes);
	}
	*entry = image.entry;
	return OK;
}

static void write_guest_info(const struct partition *p)
{
	struct guest_info info = { .magic = GUEST_INFO_MAGIC,
				   .vcpu_count = 1,
				   .ram_bytes = p->plan->memory_bytes,
				   .tsc_hz = arch_clock_tsc_hz(),
				   .use_vmmcall = strcmp(arch_vcpu_backend(), "AMD-V") == 0 };

	fmt_text(info.name, sizeof(info.name), "%s", p->config->name);
	fmt_text(info.args, sizeof(info.args), "%s", p->config->args ? p->config->args : "");
	memcpy(ram_at(p, (gpa_t){ GUEST_INFO_GPA }), &info, sizeof(info));
}

enum err partition_create(part_id_t id, const struct partition_config *wanted,
			  const struct plan_partition *plan, const void *file, uint64_t file_bytes,
			  uint64_t epoch_tsc, const char **reason)
{
	struct partition *p = &partitions[id];
	struct vcpu_setup setup = { .part = id,
				    .info = { GUEST_INFO_GPA },
				    .boot_magic = GUEST_BOOT_MAGIC,
				    .apic_id = 0,
				    .epoch_tsc = epoch_tsc };
	enum err e;

	*p = (struct partition){ .config = wanted, .plan = plan, .epoch_tsc = epoch_tsc };
	fmt_text(p->tag, sizeof(p->tag), "part %s", wanted->name);
	p->vcpu = (struct vcpu_state){
		.id = id, .part = id, .core = plan->core, .timer_tsc = TSC_NEVER
	};
	*reason = "no memory for its nested tables";
	e = map_ram(id, plan);
	if (e != OK)
		return e;
	/* Nothing of a former owner is left for the guest to read. */
	memset(ram_at(p, (gpa_t){ 0 }), 0, plan->memory_bytes);
	e = load_image(p, file, file_bytes, &setup.entry, reason);
	if (e != OK)
		return e;
	write_guest_info(p);
	*reason = "no memory for its vCPU";
	return arch_vcpu_create(id, &setup);
}

static void finish(struct partition *p, enum partition_state state)
{
	p->state = state;
	p->vcpu.has_finished = true;
	run_partition_finished();
}

void partition_end(struct partition *p, uint64_t status)
{
	p->exit_status = status;
	log_line(p->tag, "ended with status %llu", (unsigned long long)status);
	finish(p, PARTITION_ENDED);
}

void partition_stop(struct partition *p, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fmt_text_v(p->stop_reason, sizeof(p->stop_reason), format, args);
	va_end(args);
	log_line(p->tag, "stopped: %s at rip 0x%llx", p->stop_reason,
		 (unsigned long long)arch_vcpu_rip(p->vcpu.id));
	finish(p, PARTITION_STOPPED);
}
