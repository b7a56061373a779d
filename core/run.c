/* SPDX-License-Identifier: Apache-2.0 */
#include "arch/clock.h"
#include "arch/iommu.h"
#include "arch/mp.h"
#include "arch/pc.h"
#include "core/exit.h"
#include "core/lib/assert.h"
#include "core/load.h"
#include "core/log.h"
#include "core/run.h"
#include "core/run_posted.h"
#include "core/service.h"
#include "core/steal.h"

/* Log bytes moved at a time while a core has nothing better to do: one FIFO of a 16550. */
#define DRAIN_BYTES       16u
#define DRAINS_PER_SECOND 720u /* 115,200 baud: a FIFO is empty after 1.39 ms */

struct run_core run_cores[MAX_CORES];

static uint32_t core_count;  /* [I] */
static core_id_t timekeeper; /* [I] the core that ends the run */
static uint64_t run_end_tsc; /* [I] */
static uint32_t live_count;  /* atomic: partitions that have not finished */
static uint32_t is_stopping; /* atomic */

static bool stopping(void)
{
	return __atomic_load_n(&is_stopping, __ATOMIC_ACQUIRE);
}

static void stop_all(void)
{
	__atomic_store_n(&is_stopping, 1, __ATOMIC_RELEASE);
	for (core_id_t i = 0; i < core_count; i++)
		arch_mp_kick(i);
}

void run_partition_finished(void)
{
	if (__atomic_sub_fetch(&live_count, 1, __ATOMIC_ACQ_REL) == 0)
		stop_all();
}

static enum err add_server(struct run_core *c, const struct plan_vcpu *p, uint32_t *server)
{
	c->is_used = true;
	switch (p->kind) {
	case CPU_OWNED:
		c->is_owned = true;
		*server = 0;
		return OK;
	case CPU_RESERVED:
		return cbs_add_reservation(&c->cbs, p->budget_tsc, p->period_tsc, server);
	case CPU_BEST_EFFORT:
		return cbs_add_background(&c->cbs, p->priority, server);
	default:
		return ERR_INVAL;
	}
}

/* An owned core must take no timer exit: somebody else watches the clock, if there is anybody. */
static core_id_t choose_timekeeper(void)
{
	for (core_id_t i = 0; i < core_count; i++)
		if (!run_cores[i].is_owned)
			return i;
	return 0;
}

enum err run_init(const struct plan *plan, const struct board *board, uint64_t end_tsc)
{
	core_count = board->core_count;
	run_end_tsc = end_tsc;
	live_count = plan->partition_count;
	is_stopping = 0;
	for (core_id_t i = 0; i < core_count; i++) {
		run_cores[i].id = i;
		run_cores[i].switch_overhead_tsc = board->switch_overhead_tsc;
		run_cores[i].service_step_tsc =
			mul_div(PLAN_SERVICE_STEP_NS, board->tsc_hz, SEC(1));
		cbs_init(&run_cores[i].cbs);
		wakeq_init(&run_cores[i].wakeq);
		run_cores[i].last_server = CBS_NONE;
	}
	for (part_id_t i = 0; i < plan->partition_count; i++)
		partitions[i].state = PARTITION_RUNNING;
	vcpu_count = plan->vcpu_count;
	for (uint32_t i = 0; i < vcpu_count; i++) {
		struct run_core *c = &run_cores[plan->vcpus[i].core];
		uint32_t server;
		enum err e = add_server(c, &plan->vcpus[i], &server);

		if (e != OK)
			return e;
		vcpu_states[i].server = server;
		vcpu_states[i].is_blocked = true;
		c->server_vcpu[server] = i;
		wakeq_set(&c->wakeq, i, 0); /* due at once: its first wake-up starts it */
	}
	timekeeper = choose_timekeeper();
	return OK;
}

void run_trace_init(core_id_t core, struct trace_record *ring, uint64_t record_count)
{
	run_cores[core].trace = (struct trace){ .ring = ring, .mask = record_count - 1 };
}

/* --- the scheduler's view of a vCPU ------------------------------------------------------ */

static int64_t deadline_in(const struct run_core *c, uint32_t server, uint64_t now_tsc)
{
	const struct cbs_server *s = &c->cbs.servers[server];

	return s->class == CBS_RESERVED ? (int64_t)(s->deadline_tsc - now_tsc) : 0;
}

static void charge(struct run_core *c, struct vcpu_state *v, uint64_t used_tsc, uint64_t now_tsc)
{
	enum cbs_state before;

	if (c->is_owned)
		return;
	before = c->cbs.servers[v->server].state;
	cbs_charge(&c->cbs, v->server, used_tsc);
	if (before == CBS_READY && c->cbs.servers[v->server].state == CBS_THROTTLED)
		trace_add(&c->trace, now_tsc, TRACE_THROTTLE, v->server, 0);
}

/* Paid out of the budget it wakes with: charged while it sleeps, it would be forgotten then. */
void run_pay_debt(struct run_core *c, struct vcpu_state *v, uint64_t now_tsc)
{
	uint64_t debt = v->debt_tsc;

	if (debt == 0)
		return;
	v->debt_tsc = 0;
	trace_add(&c->trace, now_tsc, TRACE_CHARGE, v->server, (int64_t)debt);
	charge(c, v, debt, now_tsc);
}

void run_wake(struct run_core *c, struct vcpu_state *v, uint64_t now_tsc)
{
	v->is_blocked = false;
	v->is_dead = false;
	v->fruitless = 0;
	v->ready_tsc = now_tsc;
	c->causer = v;
	if (c->is_owned)
		return;
	cbs_wake(&c->cbs, v->server, now_tsc);
	trace_add(&c->trace, now_tsc, TRACE_WAKE, v->server, deadline_in(c, v->server, now_tsc));
	if (c->cbs.servers[v->server].state == CBS_THROTTLED)
		trace_add(&c->trace, now_tsc, TRACE_THROTTLE, v->server, 0);
	run_pay_debt(c, v, now_tsc);
}

__attribute__((noinline)) void run_block(struct run_core *c, struct vcpu_state *v, uint64_t now_tsc)
{
	__atomic_store_n(&v->is_blocked, true, __ATOMIC_SEQ_CST); /* before `poked` is read */
	c->causer = v;
	if (!v->has_finished)
		wakeq_set(&c->wakeq, (uint32_t)v->id, v->timer_tsc);
	if (c->is_owned)
		return;
	cbs_block(&c->cbs, v->server);
	trace_add(&c->trace, now_tsc, TRACE_BLOCK, v->server, 0);
}

/* ---- timers ---- */

static uint64_t clocks_tsc(const struct vcpu_state *v)
{
	uint64_t next_tsc = TSC_NEVER;

	if (v->clocks & CLOCK_PC)
		next_tsc = arch_pc_timer_tsc(v->plan->part);
	if (v->clocks & CLOCK_GATE)
		next_tsc = min_u64(next_tsc, arch_iommu_gate_tsc(v->id));
	return next_tsc;
}

void run_note_timer(struct vcpu_state *v)
{
	v->timer_tsc = arch_vcpu_timer_tsc(v->id);
	if (v->clocks)
		v->timer_tsc = min_u64(v->timer_tsc, clocks_tsc(v));
	v->deadline_tsc = min_u64(v->until_tsc, v->timer_tsc);
}

static void expire_pc(struct vcpu_state *v, uint64_t now_tsc)
{
	struct pc_effect effect;

	arch_pc_timer_expire(v->plan->part, now_tsc, &effect);
	if (effect.posted)
		run_deliver(v, effect.posted);
}

static __attribute__((noinline)) void expire_clocks(struct vcpu_state *v, uint64_t now_tsc)
{
	if ((v->clocks & CLOCK_PC) && arch_pc_timer_tsc(v->plan->part) <= now_tsc)
		expire_pc(v, now_tsc);
	if ((v->clocks & CLOCK_GATE) && arch_iommu_open_gate(v->id, now_tsc))
		run_deliver(v, BIT64(v->id));
	run_note_timer(v);
}

void run_expire(struct vcpu_state *v, uint64_t now_tsc)
{
	uint64_t next_tsc = arch_vcpu_timer_expire(v->id, now_tsc);

	if (v->clocks) {
		const uint64_t clocks = clocks_tsc(v);

		if (clocks <= now_tsc) {
			expire_clocks(v, now_tsc);
			return;
		}
		next_tsc = min_u64(next_tsc, clocks);
	}
	v->timer_tsc = next_tsc;
	v->deadline_tsc = min_u64(v->until_tsc, next_tsc);
}

/*
 * A timer that does not wake its halted guest (masked, of too low a priority) is asked for again
 * a few times, for it may hide another one behind it; then only once in a period, so that
 * nobody's time is spent on a guest that sleeps.
 */
void run_queue_timer(struct run_core *c, struct vcpu_state *v, uint64_t now_tsc)
{
	uint64_t at_tsc = v->timer_tsc;

	if (v->fruitless >= FRUITLESS_MAX && at_tsc != TSC_NEVER)
		at_tsc = max_u64(
			at_tsc, now_tsc + max_u64(v->plan->period_tsc, arch_clock_tsc_hz() / 1000));
	wakeq_set(&c->wakeq, (uint32_t)v->id, at_tsc);
}

static bool is_first_run(const struct vcpu_state *v)
{
	return v->switches == 0 && !arch_vcpu_waits_for_sipi(v->id);
}

/* Each blocked vCPU whose time has come is looked at once: it either wakes or is queued again. */
static __attribute__((noinline)) void look_at(struct run_core *c, struct vcpu_state *v,
					      uint64_t now_tsc)
{
	if (v->timer_tsc <= now_tsc && !v->is_service)
		run_expire(v, now_tsc);
	if (v->is_service || arch_vcpu_wants_to_run(v->id) || is_first_run(v)) {
		run_wake(c, v, now_tsc);
		return;
	}
	v->fruitless++;
	run_queue_timer(c, v, now_tsc);
}

static void wake_due(struct run_core *c, uint64_t now_tsc)
{
	while (wakeq_next_tsc(&c->wakeq) <= now_tsc)
		look_at(c, &vcpu_states[wakeq_take_due(&c->wakeq, now_tsc)], now_tsc);
}

/* Only reservations are replenished. */
static void trace_replenishments(struct run_core *c, uint64_t now_tsc)
{
	uint64_t replenished = c->cbs.replenished;

	while (replenished) {
		uint32_t server = (uint32_t)__builtin_ctzll(replenished);

		replenished &= replenished - 1;
		trace_add(&c->trace, now_tsc, TRACE_REPLENISH, server,
			  (int64_t)(c->cbs.servers[server].deadline_tsc - now_tsc));
	}
}

static struct cbs_pick choose(struct run_core *c, uint64_t now_tsc)
{
	struct cbs_pick pick = { CBS_NONE, TSC_NEVER };

	if (c->is_owned) {
		if (!vcpu_states[c->server_vcpu[0]].is_blocked)
			pick.server = 0;
	} else {
		pick = cbs_pick(&c->cbs, now_tsc);
		if (c->trace.ring)
			trace_replenishments(c, now_tsc);
	}
	pick.until_tsc = min_u64(pick.until_tsc, wakeq_next_tsc(&c->wakeq));
	if (c->id == timekeeper)
		pick.until_tsc = min_u64(pick.until_tsc, run_end_tsc);
	return pick;
}

/* Closes the time since the last exit: it belongs to who caused the pass. */
static void account_pass(struct run_core *c, struct vcpu_state *causer)
{
	uint64_t begin_tsc = c->ledger.last_tsc;
	uint64_t now_tsc = arch_clock_now_tsc();

	c->passes++;
	c->pass_tsc = now_tsc - begin_tsc;
	if (!causer) {
		ledger_close(&c->ledger, &c->ledger.scheduler, now_tsc);
		return;
	}
	ledger_close(&c->ledger, &causer->ledger.hypervisor[LEDGER_SWITCH], now_tsc);
	causer->debt_tsc += c->ledger.last_tsc - begin_tsc;
}

static struct cbs_pick pass(struct run_core *c)
{
	uint64_t now_tsc = c->ledger.last_tsc;
	struct vcpu_state *causer;
	struct cbs_pick pick;

	wake_due(c, now_tsc);
	/* Twice: a look may poke on its own core. What other cores poke comes with a kick. */
	for (uint32_t i = 0; i < 2 && __atomic_load_n(&c->poked, __ATOMIC_SEQ_CST); i++)
		run_look_at_poked(c, now_tsc);
	causer = c->causer;
	c->causer = NULL;
	pick = choose(c, now_tsc);
	account_pass(c, causer);
	return pick;
}

/* --- running a guest --------------------------------------------------------------------- */

enum leave { LEAVE_READY, LEAVE_BLOCKED };

/* The rarer actions. True: the guest goes on. */
static __attribute__((noinline)) bool act(struct vcpu_state *v, enum exit_action action,
					  enum leave *leave)
{
	switch (action) {
	case ACT_SKIP_INSN:
		arch_vcpu_skip_insn(v->id);
		return true;
	case ACT_RESUME:
		/* A guest whose timer has always gone off is never entered: no kick ends that. */
		return !stopping();
	case ACT_INJECT_UD:
		arch_vcpu_inject(v->id, VCPU_FAULT_UD);
		return true;
	case ACT_INJECT_GP:
		arch_vcpu_inject(v->id, VCPU_FAULT_GP);
		return true;
	case ACT_YIELD:
		return false;
	case ACT_HALT:
		arch_vcpu_skip_insn(v->id);
		if (arch_vcpu_halt(v->id))
			return true;
		*leave = LEAVE_BLOCKED;
		return false;
	case ACT_FINISHED: /* its own poke is seen before it would run again */
		return false;
	}
	PANIC("an exit action that does not exist");
}

enum exit_watch { EXITS_AS_THEY_COME, EXITS_TRACED };

/*
 * Until its time is up, it blocks, or the core is wanted elsewhere. The path of every exit:
 * each instruction here is in every number of docs/performance.md. Inlined twice, so that none is there
 * for a trace that nobody wants.
 */
static inline __attribute__((always_inline)) enum leave loop(struct vcpu_state *v,
							     enum exit_watch watch)
{
	uint64_t *account = &v->ledger.hypervisor[LEDGER_SWITCH];
	enum leave leave = LEAVE_READY;

	do {
		struct exit_info *e = &v->exit;
		enum exit_action action;

		arch_vcpu_enter(v->id, v->deadline_tsc, e);
		*account += e->entry_tsc - v->last_tsc;
		v->ledger.guest += e->exit_tsc - e->entry_tsc;
		v->last_tsc = e->exit_tsc;
		account = &v->ledger.hypervisor[e->kind];
		v->exits[e->kind]++;
		action = exit_dispatch(v, e);
		if (__builtin_expect(action == ACT_SKIP_INSN, 1))
			arch_vcpu_skip_insn(v->id);
		else if (!act(v, action, &leave)) {
			if (watch == EXITS_TRACED)
				trace_exit(v, e);
			break;
		}
		if (watch == EXITS_TRACED)
			trace_exit(v, e);
	} while (v->exit.exit_tsc < v->until_tsc);
	/* What the end of its time, or an interrupt, takes is the switch's; the rest was for the guest. */
	if (v->exit.kind != EXIT_DEADLINE && v->exit.kind != EXIT_IRQ) {
		const uint64_t now_tsc = arch_clock_now_tsc();

		*account += now_tsc - v->last_tsc;
		v->last_tsc = now_tsc;
	}
	return leave;
}

static __attribute__((noinline)) enum leave run_guest(struct vcpu_state *v)
{
	return loop(v, EXITS_AS_THEY_COME);
}

static __attribute__((noinline)) enum leave run_guest_traced(struct vcpu_state *v)
{
	return loop(v, EXITS_TRACED);
}

/* The guest is loaded again, in the budget of its first vCPU; the last step starts it. */
static __attribute__((noinline)) enum leave reload(struct vcpu_state *v)
{
	struct partition *p = v->partition;
	uint64_t now_tsc = arch_clock_now_tsc();
	bool goes_on = true;

	if (!service_is_quiet(p)) {
		v->timer_tsc = TSC_NEVER; /* the service pokes it */
		return LEAVE_BLOCKED;
	}
	do {
		goes_on = load_step(p);
		now_tsc = arch_clock_now_tsc();
	} while (goes_on && now_tsc < v->until_tsc && !stopping());
	v->ledger.hypervisor[LEDGER_LOAD] += now_tsc - v->last_tsc;
	v->last_tsc = now_tsc;
	if (goes_on)
		return LEAVE_READY;
	if (v->clocks & CLOCK_PC)
		arch_pc_restart(v->plan->part, now_tsc);
	__atomic_store_n(&p->epoch_tsc, now_tsc, __ATOMIC_RELEASE);
	v->life = __atomic_add_fetch(&p->life, 1, __ATOMIC_ACQ_REL);
	v->is_parked = v->is_dead = false;
	arch_vcpu_restart(v->id, &p->load.entry, now_tsc);
	__atomic_store_n(&p->parked_count, 0, __ATOMIC_RELEASE);
	__atomic_store_n(&p->state, PARTITION_RUNNING, __ATOMIC_RELEASE);
	for (uint32_t i = 0; i < p->plan->vcpu_count; i++)
		run_poke(BIT64(p->vcpus[i].id));
	return LEAVE_READY;
}

/* Nothing interrupts a step, and a budget is never overrun: is there enough left for another? */
static bool has_budget_for_step(const struct run_core *c, const struct vcpu_state *v,
				uint64_t used_tsc)
{
	return c->is_owned || c->cbs.servers[v->server].left_tsc >= used_tsc + c->service_step_tsc;
}

/*
 * Steps of the service until none is due, or it waits for its next budget. On a core of its own it may
 * go on for ever.
 */
static __attribute__((noinline)) enum leave run_service(struct run_core *c, struct vcpu_state *v)
{
	const uint64_t begin_tsc = v->last_tsc;
	uint64_t next_tsc = begin_tsc, now_tsc = begin_tsc;

	while (next_tsc <= now_tsc && now_tsc < v->until_tsc && !stopping()) {
		if (!has_budget_for_step(c, v, now_tsc - begin_tsc)) {
			next_tsc = c->cbs.servers[v->server].deadline_tsc;
			service_wait_until(next_tsc);
			break;
		}
		next_tsc = service_step(now_tsc);
		now_tsc = arch_clock_now_tsc();
	}
	v->ledger.guest += now_tsc - v->last_tsc;
	v->last_tsc = now_tsc;
	v->timer_tsc = next_tsc;
	return next_tsc <= now_tsc ? LEAVE_READY : LEAVE_BLOCKED;
}

/* From the exit of the guest that ran before to the entry of this one. */
static void note_switch(struct run_core *c, uint32_t server, uint64_t now_tsc, uint64_t way_in_tsc)
{
	uint64_t switch_tsc = c->pass_tsc + way_in_tsc;

	if (c->last_server != server && c->last_server != CBS_NONE) {
		c->switch_max_tsc = max_u64(c->switch_max_tsc, switch_tsc);
		trace_add(&c->trace, now_tsc, TRACE_SWITCH, server, (int64_t)switch_tsc);
	}
	c->last_server = server;
}

static __attribute__((noinline)) void serve(struct run_core *c, struct cbs_pick pick)
{
	struct vcpu_state *v = &vcpu_states[c->server_vcpu[pick.server]];
	uint64_t begin_tsc = c->ledger.last_tsc;
	uint64_t switches_tsc = v->ledger.hypervisor[LEDGER_SWITCH];
	enum leave leave;

	v->switches++;
	trace_add(&c->trace, begin_tsc, TRACE_RUN, pick.server,
		  deadline_in(c, pick.server, begin_tsc));
	v->until_tsc = pick.until_tsc;
	v->deadline_tsc = min_u64(v->until_tsc, v->timer_tsc);
	v->last_tsc = begin_tsc;
	v->steal_tsc += begin_tsc - v->ready_tsc;
	steal_publish(v, STEAL_RUNS);
	__atomic_store_n(&c->running, v, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&c->poked, __ATOMIC_SEQ_CST) & BIT64(v->id))
		leave = LEAVE_READY; /* something came since the pass: it looks first */
	else if (v->is_service)
		leave = run_service(c, v);
	else if (v->is_parked)
		leave = reload(v);
	else
		leave = trace_exit ? run_guest_traced(v) : run_guest(v);
	__atomic_store_n(&c->running, NULL, __ATOMIC_RELEASE);
	c->ledger.last_tsc = v->last_tsc;
	v->ready_tsc = v->last_tsc;
	if (leave == LEAVE_READY)
		steal_publish(v, STEAL_PREEMPTED);
	note_switch(c, pick.server, c->ledger.last_tsc,
		    v->ledger.hypervisor[LEDGER_SWITCH] - switches_tsc);
	trace_add(&c->trace, c->ledger.last_tsc, TRACE_STOP, pick.server, 0);
	charge(c, v, c->ledger.last_tsc - begin_tsc, c->ledger.last_tsc);
	if (leave == LEAVE_BLOCKED)
		run_block(c, v, c->ledger.last_tsc);
}

static __attribute__((noinline)) void idle(struct run_core *c, uint64_t until_tsc)
{
	if (!log_is_empty()) {
		log_drain(DRAIN_BYTES);
		ledger_close(&c->ledger, &c->ledger.console, arch_clock_now_tsc());
		until_tsc = min_u64(until_tsc,
				    c->ledger.last_tsc + arch_clock_tsc_hz() / DRAINS_PER_SECOND);
	}
	c->last_server = CBS_NONE;
	arch_clock_idle(until_tsc);
	ledger_close(&c->ledger, &c->ledger.idle, arch_clock_now_tsc());
	run_take_interrupts();
}

void run_loop(core_id_t core)
{
	struct run_core *c = &run_cores[core];

	for (uint32_t i = 0; i < vcpu_count; i++)
		if (vcpu_states[i].core == core && !vcpu_states[i].is_service)
			arch_vcpu_prepare(i);
	ledger_open(&c->ledger, arch_clock_now_tsc());
	while (!stopping()) {
		struct cbs_pick pick = pass(c);

		if (core == timekeeper && c->ledger.last_tsc >= run_end_tsc)
			stop_all();
		else if (pick.server == CBS_NONE)
			idle(c, pick.until_tsc);
		else
			serve(c, pick);
	}
	__atomic_store_n(&c->is_done, 1, __ATOMIC_RELEASE);
}

void run_wait_for_all(void)
{
	for (core_id_t i = 0; i < core_count; i++)
		while (!__atomic_load_n(&run_cores[i].is_done, __ATOMIC_ACQUIRE))
			arch_mp_relax();
}
