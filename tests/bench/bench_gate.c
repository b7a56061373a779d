/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/bench/bench_gate.c - what the gate costs a device's interrupt, in instructions.
 *
 * Linked with the object that is in the image, as tests/bench/bench_cbs.c is. The clock, which core this
 * is, and an MSI-X entry's register are stand-ins here, of a few instructions as the real ones;
 * an access to a real register takes a device's time, too. "plain": what is done without a gate.
 */
#include <stdio.h>
#include <string.h>
#include "arch/clock.h"
#include "arch/mp.h"
#include "arch/x86/vtd/gate.h"
#include "tests/bench/single_step.h"

#define ROUNDS   64u
#define INTERVAL UINT64_C(250000)
#define VECTOR   0x61u

enum op { OP_EMPTY, OP_PLAIN, OP_FREE, OP_PASS, OP_EARLY, OP_MASK, OP_OPEN, OP_UNMASK, OP_COUNT };
static const char *const names[] = { "empty",      "gate.plain", "gate.none", "gate.pass",
				     "gate.early", "gate.mask",  "gate.open", "gate.open_masked" };

struct vcpu *vcpus[MAX_VCPUS];
static struct vcpu vcpu;
static struct pi_descriptor descriptor;
static volatile uint32_t control;
static uint64_t pending;
static struct irq_source source = { .control = &control, .waiting = &pending, .bit = 1 };
static uint64_t now_tsc = 1000000000;
static struct {
	uint32_t count, least, most;
} seen[OP_COUNT];

uint64_t arch_clock_now_tsc(void)
{
	return now_tsc;
}

core_id_t arch_mp_core_id(void)
{
	return 0;
}

bool vtd_irq_hardware_posts_to(const struct vcpu *v)
{
	return v->has_apicv;
}

void vtd_irq_of(pci_addr_t device, irq_id_t *first, uint32_t *count)
{
	*first = device;
	*count = 1;
}

static void take(void)
{
	uint64_t vectors[4];

	(void)pi_take(&descriptor, vectors);
}

static void post(enum op op, irq_id_t irq)
{
	mark_begin(op);
	(void)vtd_gate_post(irq, &vcpu, VECTOR);
	mark_end();
}

static void open_gate(enum op op)
{
	now_tsc = arch_iommu_gate_tsc(0);
	mark_begin(op);
	(void)arch_iommu_open_gate(0, now_tsc);
	mark_end();
	take();
}

/* Irq 0 is not throttled, irq 1 is. */
static void play(void)
{
	mark_begin(OP_EMPTY);
	mark_end();
	vcpu.mailbox.vectors = &descriptor;
	vcpus[0] = &vcpu;
	vtd_gate_set_source(1, &source);
	arch_iommu_throttle(1, INTERVAL, 0);
	for (uint32_t i = 0; i < ROUNDS; i++) {
		mark_begin(OP_PLAIN);
		(void)pi_post_gated(&descriptor, VECTOR);
		mark_end();
		take();
		post(OP_FREE, 0);
		take();
		now_tsc += INTERVAL;
		post(OP_PASS, 1);
		take();
		post(OP_EARLY, 1);
		open_gate(OP_OPEN);
		post(OP_EARLY, 1);
		post(OP_MASK, 1);
		open_gate(OP_UNMASK);
		take();
		pi_init(&descriptor, 0xe3, 0);
		arch_iommu_rest(0);
		now_tsc += 2 * INTERVAL;
		(void)arch_iommu_open_gate(0, now_tsc);
	}
	exit(0);
}

static void note(void *context, uint32_t op, uint32_t steps)
{
	(void)context;
	if (seen[op].count == 0 || steps < seen[op].least)
		seen[op].least = steps;
	if (steps > seen[op].most)
		seen[op].most = steps;
	seen[op].count++;
}

int main(void)
{
	const pid_t child = step_fork();

	if (child == 0)
		play();
	step_watch(child, OP_COUNT, note, NULL);
	for (uint32_t op = OP_PLAIN; op < OP_COUNT; op++)
		printf("@{\"bench\":\"%s\",\"unit\":\"insn\",\"n\":%u,\"min\":%u,\"max\":%u}\n",
		       names[op], seen[op].count, seen[op].least - seen[OP_EMPTY].least,
		       seen[op].most - seen[OP_EMPTY].least);
	return 0;
}
