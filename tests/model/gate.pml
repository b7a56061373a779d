/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/model/gate.pml - a device whose interrupts software posts, behind the gate, in every order.
 *
 * Model    One or two vCPUs of one guest, on one core; a device with one MSI-X entry that sends as
 *	    often as it likes, and keeps what it may not send in its pending bit; the message on its
 *	    way to the core; the core's loop: host interrupts, the vCPUs' timers, entries, HLT,
 *	    the other's turn; the clock; another core that posts what no gate may hold back; a
 *	    guest that leads the entry from one vCPU to the other, and one that starts over.
 *	    All of them go on for ever. The steps of io/pi.h and io/pi_gate.h are their own:
 *	    pi_steps.h. What arch/x86/vtd/gate.c and core/run.c do with the answers is told here.
 * Proves   lost	when all is quiet and the vCPU sleeps or runs its guest, nothing is left
 *			in its PIR, nor in the device, but behind a gate that has a timer;
 *			and SN is set if the gate takes itself for closed
 *	    rules	of pi_steps.h: none that is early notifies; a notification for each
 *			setting of ON, and no other
 *	    served	(LTL, weakly fair, with -DSERVED) what is posted is taken, and what waits in
 *			the device is sent
 * Bounds   One notification of the other core on the way at a time; it waits with the next.
 * Choose   -DTWO (vCPUs), -DSOFTWARE, -DROUTE, -DRESTART, -DSERVED (one vCPU). Each -DBREAK_x breaks a rule that the
 *	    callers must keep, and is found.
 */
c_decl {
\#include "tests/model/pi_steps.h"
}
c_track "&world" "sizeof(world)"

#define NOBODY 255

/* Of pi_steps.h. */
#define POST       1
#define TAKE       3
#define EMPTY      4
#define AIM_POSTED 5
#define AIM_WAKE   6
#define CLEAR      10
#define GATE_POST  11
#define GATE_OPEN  12
#define GATE_REST  13
#define NOTIFY     1
#define MASK       2
#define UNMASK     4

/* Agents. */
#define CORE   0
#define POSTER 2
#define ROUTER 3

#define POSTED 0
#define WAKE   1

byte flight[4];         /* notifications on the way */
bool irr[2];            /* arrived, in the core's local APIC */
bool message;           /* the device's, arrived or on its way: it merges with one that is there */
bool serving;           /* the handler has read the target, and is not done */
bool asleep[2];
byte guest = NOBODY;    /* whom the core runs: set only while there is nothing else that it does */
bool idle;
byte entry;             /* to which vCPU the messages lead */
bool is_masked;         /* at the device, by a gate; */
bool is_held;           /* .. by the guest, which changes its entry */
bool was_masked_by[2];  /* whose gate remembers that */
bool pending;           /* the device's pending bit */
bool at_work[5];

bool more[5];           /* the agent's operation is not over */
byte answer[5];
byte arg_agent, arg_operation, arg_vcpu, arg_core, to;
byte target;            /* of the message at hand */

inline step(agent)
{
	arg_agent = agent;
	c_code {
		now.more[now.arg_agent] = agent_step(now.arg_agent);
		if (!now.more[now.arg_agent])
			now.answer[now.arg_agent] = world.agents[now.arg_agent].answer;
		world.agents[now.arg_agent].answer = 0;
	}
	arg_agent = 0
}

inline call(agent, operation, vcpu)
{
	d_step {
		arg_agent = agent;
		arg_operation = operation;
		arg_vcpu = vcpu;
		c_code {
			agent_begin(now.arg_agent, now.arg_operation, now.arg_vcpu, 0);
		}
		arg_operation = 0;
		arg_vcpu = 0;
		step(agent)
	}
	do
	:: d_step { more[agent] -> step(agent) }
	:: !more[agent] -> break
	od
}

/* --- what comes from outside ----------------------------------------------------------------- */

proctype fabric()
{
	do
	:: atomic { flight[POSTED] > 0 -> flight[POSTED]--; irr[POSTED] = true }
	:: atomic { flight[WAKE] > 0 -> flight[WAKE]--; irr[WAKE] = true }
	od
}

#define may_send (!is_masked && !is_held)

/* "MSI-X PBA Structure": what may not be sent is remembered, once. */
proctype device()
{
	do
	:: atomic { may_send && !pending -> message = true }
	:: atomic { !may_send -> pending = true }
	od
}

/* What it remembers it sends as soon as it may. */
proctype pending_bit()
{
	do
	:: atomic { may_send && pending -> pending = false; message = true }
	od
}

proctype clock()
{
	do
	:: d_step { c_expr { (can_age(0)) } -> c_code { age(0); } }
	:: d_step { c_expr { (can_age(1)) } -> c_code { age(1); } }
	od
}

#ifdef SOFTWARE
proctype poster()
{
	do
	:: atomic { flight[POSTED] == 0 && flight[WAKE] == 0 -> at_work[POSTER] = true };
	   call(POSTER, POST, 0);
	   atomic {
		if
		:: answer[POSTER] ->
			c_code { now.to = aim_of(0); }
			flight[to]++;
			to = 0
		:: else
		fi;
		answer[POSTER] = 0;
		at_work[POSTER] = false
	   }
	od
}
#endif

#ifdef ROUTE
/*
 * The guest writes its entry: nothing is sent meanwhile; the target changes; who is in the handler is
 * waited for; and no gate but the new vCPU's keeps the entry masked.
 */
proctype route()
{
	do
	:: atomic { at_work[ROUTER] = true; is_held = true };
	   entry = 1 - entry;
	   atomic { !serving -> is_masked = false };
	   atomic { is_held = false; at_work[ROUTER] = false }
	od
}
#endif

/* --- the core's loop --------------------------------------------------------------------------- */

#define is_ready(v) (!asleep[v])
#define is_due_0    c_expr { (world.gates[0].due == DUE_NOW) }
#define is_due_1    c_expr { (world.gates[1].due == DUE_NOW) }
#ifdef BREAK_TIMER
#define is_due(v)   false
#else
#define is_due(v)   ((v == 0 && is_due_0) || (v == 1 && is_due_1))
#endif
#define a_sleeper_is_due ((asleep[0] && is_due(0)) || (asleep[1] && is_due(1)))

/* What an operation of this vCPU's gate asks for. */
inline obey(v)
{
	atomic {
		if
#ifndef BREAK_UNMASK
		:: (answer[CORE] & UNMASK) && was_masked_by[v] ->
			was_masked_by[v] = false;
			arg_vcpu = v;
			to = pending;
			c_code { world.gates[now.arg_vcpu].is_flooded = now.to; }
			to = 0;
			arg_vcpu = 0;
			is_masked = false
#endif
		:: else
		fi;
		if
		:: answer[CORE] & MASK -> was_masked_by[v] = true; is_masked = true
		:: else
		fi;
		answer[CORE] = answer[CORE] & NOTIFY
	}
}

/* It is looked at: what was posted goes to its APIC, and ends its HLT. */
inline look_at(v)
{
	call(CORE, TAKE, v);
	atomic {
		if
		:: answer[CORE] -> asleep[v] = false
		:: else
		fi;
		answer[CORE] = 0
	}
}

inline open_gate(v)
{
	call(CORE, GATE_OPEN, v);
	obey(v);
#ifdef BREAK_TAKE_AFTER_OPENING
	answer[CORE] = 0;
#else
	if
	:: answer[CORE] -> answer[CORE] = 0; look_at(v)
	:: else
	fi
#endif
}

inline serve_message(me)
{
	atomic { message = false; serving = true };
	target = entry;
	call(CORE, GATE_POST, target);
	obey(target);
	serving = false;
	answer[CORE] = 0;
#ifdef BREAK_LOOK_AFTER_MESSAGE
	skip;
#else
	if
	/* Ready, and another runs: it knows by now, and more would disturb the other. */
	:: !asleep[target] && me != target ->
		look_at(target);
		call(CORE, GATE_REST, target);
		obey(target);
		answer[CORE] = 0
	:: else -> look_at(target)
	fi;
#endif
	target = 0
}

inline wake_if_posted(v)
{
	if
	:: asleep[v] ->
		call(CORE, EMPTY, v);
		atomic {
			if
			:: !answer[CORE] -> asleep[v] = false
			:: else
			fi;
			answer[CORE] = 0
		}
	:: else
	fi
}

/* The host takes what has arrived; then the run loop looks whose timers have come. */
inline serve(me)
{
	irr[POSTED] = false;
	if
	:: atomic { irr[WAKE] -> irr[WAKE] = false };
	   wake_if_posted(0);
	   wake_if_posted(1)
	:: else
	fi;
	if
	:: message -> serve_message(me)
	:: else
	fi;
	open_sleepers_gates()
}

inline open_sleepers_gates()
{
	if
	:: asleep[0] && is_due(0) -> open_gate(0)
	:: else
	fi;
	if
	:: asleep[1] && is_due(1) -> open_gate(1)
	:: else
	fi
}

inline take_words(v)
{
	d_step {
		arg_vcpu = v;
		c_code {
			cpu_clear_on(now.arg_vcpu);
			cpu_take(now.arg_vcpu, LOW / 64);
			cpu_take(now.arg_vcpu, HIGH / 64);
		}
		arg_vcpu = 0
	}
}

proctype core()
{
	byte v;

pick:
	open_sleepers_gates();
	do
	:: atomic { is_ready(0) -> v = 0; break }
#ifdef TWO
	:: atomic { is_ready(1) -> v = 1; break }
#endif
	:: atomic { !is_ready(0) && !is_ready(1) -> idle = true };
	   atomic { irr[POSTED] || irr[WAKE] || message || a_sleeper_is_due || is_ready(0) ||
			is_ready(1) -> idle = false };
	   serve(NOBODY)
	od;
#ifdef RESTART
	if
	:: call(CORE, CLEAR, v)
	:: skip
	fi;
#endif
	call(CORE, AIM_POSTED, v);
	if
	:: answer[CORE] -> call(CORE, TAKE, v)
	:: else
	fi;
	answer[CORE] = 0;
	/* A deadline that has passed: an exit at once. */
	if
	:: is_due(v) -> open_gate(v)
	:: else
	fi;
	guest = v;
	do
	:: atomic { irr[POSTED] -> irr[POSTED] = false; guest = NOBODY };
	   take_words(v);
	   guest = v
	:: atomic { irr[WAKE] || message || a_sleeper_is_due -> guest = NOBODY };
	   serve(v);
	   call(CORE, TAKE, v);
	   atomic { answer[CORE] = 0; guest = v }
	:: atomic { is_due(v) -> guest = NOBODY };
	   open_gate(v);
	   guest = v
	/* HLT. */
	:: guest = NOBODY;
	   call(CORE, AIM_WAKE, v);
	   atomic { asleep[v] = !answer[CORE]; answer[CORE] = 0 };
	   break
#ifdef TWO
	/* The other's turn. */
	:: guest = NOBODY; call(CORE, AIM_WAKE, v); answer[CORE] = 0; break
#endif
	od;
	atomic { v = 0; goto pick }
}

/* --- properties ------------------------------------------------------------------------------ */

#define all_quiet (flight[POSTED] == 0 && flight[WAKE] == 0 && !irr[POSTED] && !irr[WAKE] && \
		   !message && !at_work[POSTER] && !at_work[ROUTER] && !more[POSTER])
#define is_still  (guest != NOBODY || idle)
#define waits(v)  (asleep[v] || guest == v)
#define by_gate   ((was_masked_by[0] && c_expr { (world.gates[0].due != DUE_NEVER) }) || \
		   (was_masked_by[1] && c_expr { (world.gates[1].due != DUE_NEVER) }))

proctype lost()
{
	atomic {
		all_quiet && is_still && ((waits(0) && c_expr { (is_left_by_gate(0)) }) ||
					  (waits(1) && c_expr { (is_left_by_gate(1)) }) ||
					  (is_masked && !by_gate) || c_expr { (!gate_agrees(0)) } ||
					  c_expr { (!gate_agrees(1)) }) ->
		assert(false)
	}
}

init {
	atomic {
		c_code { world_begin(); world.owner = ANYBODY; }
#ifndef TWO
		asleep[1] = true;
#endif
		run lost();
		run fabric();
		run core();
		run device();
		run pending_bit();
		run clock();
#ifdef SOFTWARE
		run poster();
#endif
#ifdef ROUTE
		run route()
#endif
	}
}

#ifdef SERVED
#define has_high c_expr { (is_posted(0, HIGH)) }
ltl served { [] ((has_high -> <> !has_high) && (pending -> <> !pending)) }
#endif
