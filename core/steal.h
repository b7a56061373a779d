/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/steal.h - tell a guest the time it did not get.
 *
 * Model    Where a guest has asked for it (MSR_KVM_STEAL_TIME), struct kvm_steal_time in its RAM
 *	    has the nanoseconds that the vCPU wanted to run and did not, and whether it is
 *	    preempted now. The version is odd while the rest changes.
 * Source   Linux, "KVM-specific MSRs" (Documentation/virt/kvm/x86/msr.rst).
 * Sharing  The vCPU's core.
 */
#pragma once
#include "core/partition.h"

enum steal_state { STEAL_RUNS, STEAL_PREEMPTED };

void steal_write(const struct vcpu_state *v, gpa_t area, enum steal_state state);

static inline void steal_publish(const struct vcpu_state *v, enum steal_state state)
{
	const gpa_t area = v->is_service ? (gpa_t){ 0 } : arch_vcpu_steal_area(v->id);

	if (__builtin_expect(area.v != 0, 0))
		steal_write(v, area, state);
}
