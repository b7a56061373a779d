/* SPDX-License-Identifier: Apache-2.0 */
#include "core/run_posted.h"
#include "arch/iommu.h"
#include "arch/mp.h"

/*
 * Is it worth disturbing its core? If it runs, or sleeps: yes. If it is ready, or its core is
 * between two guests, the next pass finds the bit. A sleeper that was disturbed again and again
 * and did not wake waits for the next pass too, while somebody else runs there: other guests'
 * time is not for the poster to spend.
 */
static bool must_kick(const struct vcpu_state *v)
{
	const struct run_core *c = &run_cores[v->core];
	const struct vcpu_state *running = __atomic_load_n(&c->running, __ATOMIC_SEQ_CST);

	if (running == v)
		return true;
	return __atomic_load_n(&v->is_blocked, __ATOMIC_SEQ_CST) &&
	       (!running || __atomic_load_n(&v->fruitless, __ATOMIC_RELAXED) < FRUITLESS_MAX);
}

/*
 * Any core. The bit goes before the look at what its core does, and the core shows what it does
 * before it looks at the bit (run_block(), serve()): one of the two sees the other.
 */
static void poke(struct vcpu_state *v)
{
	struct run_core *c = &run_cores[v->core];

	__atomic_fetch_or(&c->poked, BIT64(v->id), __ATOMIC_SEQ_CST);
	if (!must_kick(v))
		return;
	if (v->core != arch_mp_core_id())
		arch_mp_kick(v->core);
	else if (c->running)
		c->running->until_tsc = 0;
}

void run_poke(vcpu_set_t set)
{
	for (; set; set &= set - 1)
		poke(&vcpu_states[__builtin_ctzll(set)]);
}

void run_wake_service(uint64_t at_tsc)
{
	struct vcpu_state *const v = &vcpu_states[vcpu_count - 1];
	struct run_core *const c = &run_cores[v->core];

	if (!v->is_service)
		return;
	if (at_tsc == 0 || v->core != arch_mp_core_id()) {
		run_poke(BIT64(v->id));
		return;
	}
	/* Somebody runs on its core: it sleeps, or waits for its turn. */
	if (!v->is_blocked || at_tsc >= v->timer_tsc)
		return;
	v->timer_tsc = at_tsc;
	wakeq_set(&c->wakeq, (uint32_t)v->id, at_tsc);
	if (c->running) {
		c->running->until_tsc = min_u64(c->running->until_tsc, at_tsc);
		c->running->deadline_tsc = min_u64(c->running->deadline_tsc, at_tsc);
	}
}

void run_notify(vcpu_set_t set)
{
	if (trace_posts)
		trace_posts(set);
	for (; set; set &= set - 1) {
		struct vcpu_state *to = &vcpu_states[__builtin_ctzll(set)];

		if (!arch_vcpu_notify(to->id))
			poke(to);
	}
}

/* Hardware may show interrupts to a running guest; then its core has nothing to look at. */
void run_deliver(struct vcpu_state *from, vcpu_set_t set)
{
	if (set & BIT64(from->id)) {
		if (trace_posts)
			trace_posts(BIT64(from->id));
		(void)arch_vcpu_sync(from->id);
		run_note_timer(from);
		if (arch_vcpu_waits_for_sipi(from->id)) /* it sent itself an INIT */
			poke(from);
	}
	run_notify(set & ~BIT64(from->id));
}

void run_take_interrupts(void)
{
	const vcpu_set_t set = arch_vcpu_interrupted();

	if (trace_interrupts)
		trace_interrupts(set);
	run_poke(set);
}

static void retire(struct run_core *c, struct vcpu_state *v, uint64_t now_tsc)
{
	if (v->has_finished)
		return;
	v->has_finished = true;
	if (v->is_blocked)
		wakeq_set(&c->wakeq, (uint32_t)v->id, TSC_NEVER);
	else
		run_block(c, v, now_tsc);
}

/* Once every vCPU of the partition has parked, the first one's server pays for the loading. */
static void park(struct run_core *c, struct vcpu_state *v, uint64_t now_tsc)
{
	struct partition *p = v->partition;
	struct vcpu_state *first = &p->vcpus[0];

	if (!v->is_parked) {
		v->is_parked = true;
		if (!v->is_blocked)
			run_block(c, v, now_tsc);
		wakeq_set(&c->wakeq, (uint32_t)v->id, TSC_NEVER);
		if (__atomic_add_fetch(&p->parked_count, 1, __ATOMIC_ACQ_REL) < p->plan->vcpu_count)
			return;
		if (v != first) {
			run_poke(BIT64(first->id));
			return;
		}
	}
	if (v == first && v->is_blocked &&
	    __atomic_load_n(&p->parked_count, __ATOMIC_ACQUIRE) == p->plan->vcpu_count)
		run_wake(c, v, now_tsc);
}

/* The others begin their new life as at power-on: waiting for a start-up IPI. */
static void begin_life(struct vcpu_state *v, uint32_t life)
{
	const struct vcpu_entry waits = { .mode = VCPU_WAITS };

	v->life = life;
	v->is_parked = false;
	v->is_dead = false;
	arch_vcpu_restart(v->id, &waits,
			  __atomic_load_n(&v->partition->epoch_tsc, __ATOMIC_ACQUIRE));
}

/*
 * It has devices of its own, and does not sleep. The time that this pass takes is its; and if others run
 * while it waits for its turn, they are not to be disturbed again.
 */
static void charge_awake(struct run_core *c, struct vcpu_state *v, uint64_t now_tsc)
{
	if (!c->is_owned && c->cbs.servers[v->server].state == CBS_READY)
		run_pay_debt(c, v, now_tsc);
	c->causer = v;
	if (v->server == c->last_server)
		return;
	arch_iommu_rest(v->id);
	run_note_timer(v);
}

/* It sleeps on. */
static void doze(struct run_core *c, struct vcpu_state *v, uint64_t now_tsc)
{
	v->fruitless++;
	if (v->fruitless >= FRUITLESS_MAX && (v->clocks & CLOCK_GATE)) {
		arch_iommu_rest(v->id);
		run_note_timer(v);
	}
	run_queue_timer(c, v, now_tsc);
}

static void take_posted(struct run_core *c, struct vcpu_state *v, uint64_t now_tsc)
{
	const uint32_t life = __atomic_load_n(&v->partition->life, __ATOMIC_ACQUIRE);
	bool has_begun;

	if (v->life != life)
		begin_life(v, life);
	if (arch_vcpu_has_events(v->id))
		v->is_dead = false;
	has_begun = arch_vcpu_sync(v->id);
	run_note_timer(v);
	if (!v->is_blocked) {
		if (arch_vcpu_waits_for_sipi(v->id))
			run_block(c, v, now_tsc);
		else if (v->clocks & CLOCK_GATE)
			charge_awake(c, v, now_tsc);
		return;
	}
	if (has_begun || arch_vcpu_wants_to_run(v->id)) {
		wakeq_set(&c->wakeq, (uint32_t)v->id, TSC_NEVER);
		run_wake(c, v, now_tsc);
	} else {
		doze(c, v, now_tsc);
	}
}

static void wake_service(struct run_core *c, struct vcpu_state *v, uint64_t now_tsc)
{
	if (!v->is_blocked)
		return;
	wakeq_set(&c->wakeq, (uint32_t)v->id, TSC_NEVER);
	run_wake(c, v, now_tsc);
}

void run_look_at_poked(struct run_core *c, uint64_t now_tsc)
{
	vcpu_set_t set = __atomic_exchange_n(&c->poked, 0, __ATOMIC_SEQ_CST);

	while (set) {
		struct vcpu_state *v = &vcpu_states[__builtin_ctzll(set)];

		set &= set - 1;
		switch (partition_state(v->partition)) {
		case PARTITION_RUNNING:
			if (v->is_service)
				wake_service(c, v, now_tsc);
			else
				take_posted(c, v, now_tsc);
			break;
		case PARTITION_RESTARTING:
			park(c, v, now_tsc);
			break;
		default:
			retire(c, v, now_tsc);
		}
	}
}
