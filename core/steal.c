/* SPDX-License-Identifier: Apache-2.0 */
#include "core/steal.h"
#include "arch/clock.h"

/* As the guest's kernel has it. */
struct kvm_steal_time {
	uint64_t steal; /* ns */
	uint32_t version;
	uint32_t flags;
	uint8_t preempted; /* bit 0: the vCPU is preempted */
	uint8_t reserved[47];
};
_Static_assert(sizeof(struct kvm_steal_time) == 64, "KVM-specific MSRs: struct kvm_steal_time");

/* Guest memory: written only, never believed. An area outside its RAM is the guest's loss. */
void steal_write(const struct vcpu_state *v, gpa_t area, enum steal_state state)
{
	struct kvm_steal_time *const s = guest_ram_at(&v->partition->ram, area.v, sizeof(*s));
	const uint32_t version = (uint32_t)v->switches * 4 + (state == STEAL_PREEMPTED ? 2 : 0);

	if (!s)
		return;
	__atomic_store_n(&s->version, version | 1, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_RELEASE); /* the odd version before what it guards */
	s->steal = mul_div(v->steal_tsc, SEC(1), arch_clock_tsc_hz());
	s->preempted = state == STEAL_PREEMPTED;
	__atomic_store_n(&s->version, version + 2, __ATOMIC_RELEASE);
}
