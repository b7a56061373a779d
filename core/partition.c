/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "arch/clock.h"
#include "arch/mem.h"
#include "arch/pc.h"
#include "core/console.h"
#include "core/lib/fmt.h"
#include "core/load.h"
#include "core/log.h"
#include "core/run.h"
#include "core/service.h"

struct partition partitions[MAX_PARTITIONS];
uint32_t partition_count;
struct vcpu_state vcpu_states[MAX_VCPUS];
uint32_t vcpu_count;

enum err partition_read(const struct partition *p, gpa_t from, void *to, uint64_t bytes)
{
	const void *ram = guest_ram_at(&p->ram, from.v, bytes);

	if (!ram)
		return ERR_RANGE;
	memcpy(to, ram, bytes);
	return OK;
}

/* ---- Creation ---- */

static enum err map_ram(part_id_t id, const struct partition *p)
{
	const enum err e = arch_space_create(id);

	if (e != OK)
		return e;
	return guest_ram_map(&p->ram, id, (hpa_t){ p->plan->memory_base },
			     SPACE_READ | SPACE_WRITE | SPACE_EXEC, arch_space_map);
}

static enum err create_pc(part_id_t id, const struct partition *p)
{
	const uint64_t hz = arch_clock_tsc_hz();
	const struct pc_setup setup = {
		.part = id,
		.ram = p->ram,
		.first = p->plan->vcpu_first,
		.vcpu_count = p->plan->vcpu_count,
		.has_exit_port = p->config->has_exit_port,
		.epoch_tsc = p->start_tsc,
		.unix_time_s = arch_clock_unix_time_s(),
		.uart_byte_tsc = console_byte_tsc(hz),
		.uart_line_tsc = console_line_tsc(p, hz),
	};

	return p->ram.has_pc ? arch_pc_create(&setup) : OK;
}

/* The first begins where the image says; the others wait for it to start them. */
static enum err create_vcpu(part_id_t id, struct partition *p, uint32_t index)
{
	static const enum vcpu_apic apics[] = { [APIC_AUTO] = VCPU_APIC_BEST,
						[APIC_SOFTWARE] = VCPU_APIC_SOFTWARE,
						[APIC_DIRECT] = VCPU_APIC_DIRECT };
	struct vcpu_state *v = &p->vcpus[index];
	const struct plan_vcpu *plan = v->plan;
	struct vcpu_setup setup = {
		.part = id,
		.ram = &p->ram,
		.apic_id = index,
		.first = p->plan->vcpu_first,
		.vcpu_count = p->plan->vcpu_count,
		.apic = apics[p->config->apic],
		.core = plan->core,
		.has_x2apic_at_entry = p->config->boot == BOOT_GUEST,
		.is_dedicated = plan->kind == CPU_OWNED,
		.has_pc = p->ram.has_pc,
		.epoch_tsc = p->epoch_tsc,
		.entry = { .mode = VCPU_WAITS },
	};

	if (index == 0)
		setup.entry = p->load.entry;
	return arch_vcpu_create(v->id, &setup);
}

static uint8_t clocks_of(const struct partition *p, uint32_t index)
{
	return (index == 0 && p->plan->has_pc ? CLOCK_PC : 0) |
	       (p->config->device_count != 0 ? CLOCK_GATE : 0);
}

static void set_up_vcpus(struct partition *p, const struct plan *plan)
{
	p->vcpus = &vcpu_states[p->plan->vcpu_first];
	for (uint32_t i = 0; i < p->plan->vcpu_count; i++) {
		const vcpu_id_t id = p->plan->vcpu_first + i;

		p->vcpus[i] = (struct vcpu_state){ .id = id,
						   .partition = p,
						   .plan = &plan->vcpus[id],
						   .core = plan->vcpus[id].core,
						   .clocks = clocks_of(p, i),
						   .has_no_calls = p->config->boot != BOOT_GUEST,
						   .timer_tsc = TSC_NEVER };
	}
}

void partition_make_service(const struct config *system, const struct plan *plan)
{
	static struct partition service; /* of nobody's number: it is in no table */
	static struct partition_config as_if;

	as_if = (struct partition_config){ .name = "service", .cpu = system->service };
	service = (struct partition){ .config = &as_if,
				      .plan = &plan->partitions[PLAN_SERVICE_PART],
				      .tag = "service",
				      .state = PARTITION_RUNNING };
	set_up_vcpus(&service, plan);
	service.vcpus[0].is_service = true;
}

static enum err create_vcpus(part_id_t id, struct partition *p)
{
	enum err e = OK;

	for (uint32_t i = 0; e == OK && i < p->plan->vcpu_count; i++)
		e = create_vcpu(id, p, i);
	return e;
}

enum err partition_create(part_id_t id, const struct partition_config *wanted,
			  const struct plan *plan, const struct boot_info *boot,
			  const char **reason)
{
	struct partition *p = &partitions[id];
	const uint64_t now_tsc = arch_clock_now_tsc();
	enum err e;

	*p = (struct partition){ .config = wanted,
				 .plan = &plan->partitions[id],
				 .start_tsc = now_tsc,
				 .epoch_tsc = now_tsc };
	fmt_text(p->tag, sizeof(p->tag), "part %s", wanted->name);
	p->ram = (struct guest_ram){ .at = arch_mem_at((hpa_t){ p->plan->memory_base }),
				     .bytes = p->plan->memory_bytes,
				     .has_pc = p->plan->has_pc };
	set_up_vcpus(p, plan);
	*reason = "no memory for its nested tables";
	e = map_ram(id, p);
	if (e == OK)
		e = load_check(p, boot, reason);
	if (e != OK)
		return e;
	while (load_step(p))
		;
	*reason = "no memory for its PC";
	e = create_pc(id, p);
	if (e != OK)
		return e;
	*reason = "no memory for its vCPUs";
	return create_vcpus(id, p);
}

/* ---- Life ---- */

/* False: somebody else was first. */
static bool leave_running(struct partition *p, enum partition_state to)
{
	uint32_t running = PARTITION_RUNNING;

	return __atomic_compare_exchange_n(&p->state, &running, to, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_ACQUIRE);
}

static vcpu_set_t all_of(const struct partition *p)
{
	vcpu_set_t set = 0;

	for (uint32_t i = 0; i < p->plan->vcpu_count; i++)
		set |= BIT64(p->vcpus[i].id);
	return set;
}

void partition_end(struct partition *p, uint64_t status)
{
	if (!leave_running(p, PARTITION_ENDED))
		return;
	p->exit_status = status;
	service_cut_off(p); /* before anybody may think that its memory is quiet */
	log_line(p->tag, "ended with status %llu", (unsigned long long)status);
	run_poke(all_of(p));
	run_partition_finished();
}

void partition_stop(struct vcpu_state *v, const char *format, ...)
{
	struct partition *p = v->partition;
	va_list args;

	if (!leave_running(p, PARTITION_STOPPED))
		return;
	va_start(args, format);
	fmt_text_v(p->stop_reason, sizeof(p->stop_reason), format, args);
	va_end(args);
	if (p->plan->vcpu_count == 1)
		log_line(p->tag, "stopped: %s at rip 0x%llx", p->stop_reason,
			 (unsigned long long)arch_vcpu_rip(v->id));
	else
		log_line(p->tag, "stopped: %s at rip 0x%llx of vCPU %u", p->stop_reason,
			 (unsigned long long)arch_vcpu_rip(v->id), v->plan->index);
	service_cut_off(p);
	run_poke(all_of(p));
	run_partition_finished();
}

void partition_reset(struct vcpu_state *v)
{
	struct partition *p = v->partition;

	if (!leave_running(p, PARTITION_RESTARTING))
		return;
	log_line(p->tag, "restarts");
	run_poke(all_of(p));
}
