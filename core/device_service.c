/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/device_service.c - the service: one bounded step after the other, in its own reservation.
 *
 * A round is a step for each PF, another where its VFs' rates are controlled, one for the IOMMU's faults,
 * one for the reset at hand. Rounds begin with the service's periods, at absolute times.
 */
#include "arch/clock.h"
#include "arch/iommu.h"
#include "arch/mp.h"
#include "arch/pc.h"
#include "core/device_parts.h"
#include "core/device_rate.h"
#include "core/log.h"
#include "core/run.h"
#include "drivers/pci_regs.h"

#define TAG             "iommu"
#define FAULTS_PER_STEP 16u
#define FAULT_INTERVAL  SEC(1) /* a line for each partition in that time */

typedef unsigned long long ull;

/* Of one partition; [MAX_PARTITIONS]: of nobody's devices, and of the hypervisor's. */
struct faults {
	uint64_t count, told;
	uint64_t next_tsc;         /* no line before */
	struct iommu_fault latest; /* of those that were not told */
};

static struct {
	uint32_t step;    /* within the round */
	uint64_t due_tsc; /* the next one begins then, or earlier if it is poked */
	struct faults faults[MAX_PARTITIONS + 1];
	/* Resets: one device at a time. */
	const struct partition *patient; /* whose devices are being reset; NULL: nobody's */
	uint32_t at;                     /* the next of devices.list to look at, or at hand */
	bool is_resetting;
	struct pci_reset reset;
	uint64_t again_tsc;
} service;

static uint32_t wanted; /* atomic: partitions whose devices are to be reset */
/* Of its life number n - 1 a partition has asked for a reset; has been told that it is done. */
static uint32_t asked[MAX_PARTITIONS]; /* of its first vCPU's core */
static uint32_t quiet[MAX_PARTITIONS]; /* atomic */

static part_id_t id_of(const struct partition *p)
{
	return (part_id_t)(p - partitions);
}

static uint32_t life_of(const struct partition *p)
{
	return __atomic_load_n(&p->life, __ATOMIC_ACQUIRE) + 1;
}

/* ---- Blocking ---- */

/* arch/iommu.h, "Errors": what hardware may not have noticed is kept from asking. */
static void block(const struct device *d)
{
	const pci_addr_t at = devices.table.functions[d->function].addr;

	if (arch_iommu_block(at) == OK)
		return;
	arch_pci_write(at, CFG_COMMAND, 2, COMMAND_INTX_OFF);
	log_line(TAG, "%s of %s: hardware has not confirmed that it is cut off", d->name,
		 d->partition->tag);
}

static void block_all(const struct partition *p)
{
	for (uint32_t i = 0; i < devices.count; i++)
		if (devices.list[i].partition == p)
			block(&devices.list[i]);
}

static void want_reset(const struct partition *p)
{
	__atomic_fetch_or(&wanted, BIT32(id_of(p)), __ATOMIC_SEQ_CST);
	service_want(SERVICE_DEVICES, 0);
}

void device_cut_off(const struct partition *p)
{
	if (p->config->device_count == 0)
		return;
	block_all(p);
	want_reset(p);
}

bool device_is_quiet(const struct partition *p)
{
	const part_id_t id = id_of(p);

	if (p->config->device_count == 0 ||
	    __atomic_load_n(&quiet[id], __ATOMIC_ACQUIRE) == life_of(p))
		return true;
	if (asked[id] != life_of(p)) {
		asked[id] = life_of(p);
		want_reset(p);
	}
	return false;
}

void device_vf_was_reset(const struct pf *p, uint32_t vf)
{
	for (uint32_t i = 0; i < devices.count; i++) {
		const struct device *const d = &devices.list[i];

		if (d->config == p->vfs[vf])
			arch_pc_function_was_reset(id_of(d->partition), d->pc_index);
	}
}

/* ---- Resets ---- */

/* The patient's next device from `at` on; false: there is none. */
static bool find_next(void)
{
	for (; service.at < devices.count; service.at++)
		if (devices.list[service.at].partition == service.patient)
			return true;
	return false;
}

static void begin_reset(const struct device *d)
{
	const enum err e =
		pci_reset_begin(&service.reset, &devices.table, d->function, arch_clock_tsc_hz());

	block(d);
	if (e != OK) { /* it stays cut off */
		log_line(d->partition->tag, "%s cannot be reset: %s", d->name, service.reset.why);
		service.at++;
		return;
	}
	service.is_resetting = true;
	service.again_tsc = 0;
}

static void end_reset(const struct device *d, enum err e)
{
	service.is_resetting = false;
	service.at++;
	if (e == OK && partition_state(d->partition) == PARTITION_RESTARTING)
		e = arch_iommu_attach(devices.table.functions[d->function].addr,
				      id_of(d->partition));
	if (e != OK)
		log_line(d->partition->tag, "%s does not come back from its reset: %s", d->name,
			 service.reset.why ? service.reset.why : "the IOMMU does not answer");
}

static void end_resets(void)
{
	const struct partition *const p = service.patient;

	service.patient = NULL;
	service.at = 0;
	__atomic_fetch_and(&wanted, ~BIT32(id_of(p)), __ATOMIC_SEQ_CST);
	if (partition_state(p) != PARTITION_RESTARTING)
		return;
	__atomic_store_n(&quiet[id_of(p)], life_of(p), __ATOMIC_RELEASE);
	run_poke(BIT64(p->vcpus[0].id));
}

static void step_reset(uint64_t now_tsc)
{
	const uint32_t set = __atomic_load_n(&wanted, __ATOMIC_SEQ_CST);
	enum err e;

	if (service.is_resetting) {
		if (now_tsc < service.again_tsc)
			return;
		e = pci_reset_step(&service.reset, now_tsc, &service.again_tsc);
		if (e != ERR_BUSY)
			end_reset(&devices.list[service.at], e);
		return;
	}
	if (!service.patient && set != 0)
		service.patient = &partitions[__builtin_ctz(set)];
	if (!service.patient)
		return;
	if (find_next())
		begin_reset(&devices.list[service.at]);
	else
		end_resets();
}

/* ---- Faults ---- */

static const char *who(uint32_t slot)
{
	return slot < partition_count ? partitions[slot].tag : TAG;
}

static void tell(uint32_t slot, uint64_t now_tsc)
{
	static const char *const did[] = { [IOMMU_FAULT_READ] = "reads",
					   [IOMMU_FAULT_WRITE] = "writes",
					   [IOMMU_FAULT_INTERRUPT] = "interrupts by entry" };
	static const char *const kinds[] = { [IOMMU_FAULT_READ] = "read",
					     [IOMMU_FAULT_WRITE] = "write",
					     [IOMMU_FAULT_INTERRUPT] = "interrupt" };
	struct faults *const f = &service.faults[slot];
	const struct iommu_fault *const l = &f->latest;
	char at[DEVICE_PCI_TEXT_BYTES];

	device_write_pci(l->device, at);
	log_line(who(slot), "blocked: device %s %s 0x%llx: %s (%llu since the last line)", at,
		 did[l->kind], (ull)l->address, arch_iommu_fault_text(l->reason),
		 (ull)(f->count - f->told));
	log_machine("{\"blocked\":\"%s\",\"partition\":\"%s\",\"device\":\"%s\",\"address\":%llu,"
		    "\"reason\":%u,\"count\":%llu}",
		    kinds[l->kind], slot < partition_count ? partitions[slot].config->name : "", at,
		    (ull)l->address, l->reason, (ull)f->count);
	f->told = f->count;
	f->next_tsc = now_tsc + mul_div(FAULT_INTERVAL, arch_clock_tsc_hz(), SEC(1));
}

static void step_faults(uint64_t now_tsc)
{
	struct iommu_fault fault;

	for (uint32_t i = 0; i < FAULTS_PER_STEP && arch_iommu_take_fault(&fault); i++) {
		const uint32_t slot =
			fault.domain < partition_count ? fault.domain : MAX_PARTITIONS;

		service.faults[slot].count += 1u + fault.lost;
		service.faults[slot].latest = fault;
	}
	for (uint32_t i = 0; i <= MAX_PARTITIONS; i++)
		if (service.faults[i].count != service.faults[i].told &&
		    now_tsc >= service.faults[i].next_tsc)
			tell(i, now_tsc);
}

/* ---- Rounds ---- */

/* In whole periods, so that it does not drift; one that was missed is left out. */
static uint64_t next_round(uint64_t now_tsc)
{
	const uint64_t period_tsc = devices.period_tsc;

	if (now_tsc >= service.due_tsc)
		service.due_tsc += ((now_tsc - service.due_tsc) / period_tsc + 1) * period_tsc;
	return service.due_tsc;
}

/* A step for each PF's driver; another for the rates of its VFs, where any are controlled. */
static uint32_t pf_steps(void)
{
	return device_rate_serve ? 2 * devices.pf_count : devices.pf_count;
}

static void serve_pf(uint32_t step, uint64_t now_tsc)
{
	if (step < devices.pf_count)
		devices.pfs[step].ops->serve(&devices.pfs[step], now_tsc);
	else
		device_rate_serve(&devices.pfs[step - devices.pf_count], now_tsc);
}

uint64_t device_serve(uint64_t now_tsc)
{
	const uint32_t step = service.step++;

	if (step < pf_steps()) {
		serve_pf(step, now_tsc);
		return now_tsc;
	}
	if (step == pf_steps()) {
		step_faults(now_tsc);
		return now_tsc;
	}
	step_reset(now_tsc);
	service.step = 0;
	return next_round(now_tsc);
}
