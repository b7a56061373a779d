/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/model/pi.pml - those who share a posted-interrupt descriptor, in every order.
 *
 * Model    Two vCPUs, each a guest of its own, on one core or two. A device, whose interrupts VT-d
 *	    posts; software that posts; the way of a notification to the core's local APIC;
 *	    the core's loop: entry, what hardware does at a notification, exits, HLT, another
 *	    vCPU's turn, the wake-up handler; a throttle's gate; an owner who takes the device
 *	    from one guest and gives it to the other. All of them go on for ever.
 *	    The software's steps are those of io/pi.h itself: pi_steps.h.
 * Proves   lost	when all is quiet and the vCPU sleeps or runs its guest, nothing is left in
 *			its PIR but behind a closed gate: no lost interrupt, no lost wake-up
 *	    rules	of pi_steps.h: a notification for each setting of ON and no other, at NV
 *			and NDST of that moment; none behind a closed gate; nothing taken but
 *			what was posted; no vector to a guest that does not own its device
 *	    served	(LTL, weakly fair, with -DSERVED) what is posted is taken, gate or not
 * Choose   -DDEVICE, -DSOFTWARE, -DGATE, -DOWNER, -DRESTART, -DTWO (vCPUs), -DMOVE (two cores),
 *	    -DSERVED. Each -DBREAK_x breaks a rule that the callers must keep, and is found.
 * Bounds   Two notifications of a kind on the way at once; who would send a third waits.
 */
c_decl {
\#include "tests/model/pi_steps.h"
}
c_track "&world" "sizeof(world)"

#define NOBODY 255

/* Of pi_steps.h. */
#define POST       1
#define POST_GATED 2
#define TAKE       3
#define EMPTY      4
#define AIM_POSTED 5
#define AIM_WAKE   6
#define SUPPRESS   7
#define RELEASE    8
#define FORGET     9
#define CLEAR      10

/* Agents: the two cores are 0 and 1. */
#define POSTER 2
#define GATER  3
#define CHIEF  4

/* Notifications are numbered by core and vector. */
#define POSTED_AT(core) ((core)*2)
#define WAKE_AT(core)   ((core)*2 + 1)
#ifdef MOVE
#define CORES 2
#else
#define CORES 1
#endif

byte flight[4];         /* notifications on the way */
bool irr[4];            /* arrived, in the core's local APIC */
bool asleep[2];
byte where[2];          /* on which core the vCPU is */
byte guest[2] = NOBODY; /* whom the core runs: set only while there is nothing else that it does */
bool idle[2];
byte entry;             /* the remapping entry of the device: to which vCPU */
byte posting = NOBODY;  /* VT-d has read the entry and will post */
bool at_work[5];        /* between an operation and what its answer asks for */

bool more[5];           /* the agent's operation is not over */
byte answer[5];
byte arg_agent, arg_operation, arg_vcpu, arg_core, to;

#define room (flight[0] < 2 && flight[1] < 2 && flight[2] < 2 && flight[3] < 2)

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

/* An operation of io/pi.h, one atomic access after the other; then answer[agent] is its result. */
inline call(agent, operation, vcpu, core)
{
	d_step {
		arg_agent = agent;
		arg_operation = operation;
		arg_vcpu = vcpu;
		arg_core = core;
		c_code {
			agent_begin(now.arg_agent, now.arg_operation, now.arg_vcpu, now.arg_core);
		}
		arg_operation = 0;
		arg_vcpu = 0;
		arg_core = 0;
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
	:: atomic { flight[0] > 0 -> flight[0]--; irr[0] = true }
	:: atomic { flight[1] > 0 -> flight[1]--; irr[1] = true }
	:: atomic { flight[2] > 0 -> flight[2]--; irr[2] = true }
	:: atomic { flight[3] > 0 -> flight[3]--; irr[3] = true }
	od
}

#ifdef DEVICE
proctype device()
{
	do
	:: atomic { entry != NOBODY && room -> posting = entry };
	   atomic {
		arg_vcpu = posting;
		c_code { now.to = vtd_post(now.arg_vcpu); }
		arg_vcpu = 0;
		posting = NOBODY;
		if
		:: to & 1 -> flight[to >> 1]++
		:: else
		fi;
		to = 0
	   }
	od
}
#endif

/*
 * Other cores: IPIs, and devices whose messages are taken by software. pi_post() does not say
 * where to notify; its caller looks, and may find that the aim has changed meanwhile.
 */
#ifdef SOFTWARE
proctype poster()
{
	byte vcpu;

	do
	:: atomic { room -> at_work[POSTER] = true;
		    
#ifdef TWO
		    if :: vcpu = 0 :: vcpu = 1 fi
#else
		    vcpu = 0
#endif
	   };
	   if
	   :: call(POSTER, POST, vcpu, 0);
	      atomic {
		if
		:: answer[POSTER] ->
			arg_vcpu = vcpu;
			c_code { now.to = aim_of(now.arg_vcpu); }
			arg_vcpu = 0;
			answer[POSTER] = 1 | to << 1;
			to = 0
		:: else
		fi
	      }
	   :: call(POSTER, POST_GATED, vcpu, 0)
	   fi;
	   atomic {
		if
		:: answer[POSTER] & 1 -> flight[answer[POSTER] >> 1]++
		:: else
		fi;
		answer[POSTER] = 0;
		vcpu = 0;
		at_work[POSTER] = false
	   }
	od
}
#endif

/* --- a core's loop --------------------------------------------------------------------------- */

#define is_ready(v, core)  (!asleep[v] && where[v] == core)
#define has_interrupt(core) (irr[POSTED_AT(core)] || irr[WAKE_AT(core)])

inline wake_if_posted(v, core)
{
	if
	:: asleep[v] && where[v] == core ->
		call(core, EMPTY, v, 0);
		atomic {
			if
			:: !answer[core] -> asleep[v] = false
			:: else
			fi;
			answer[core] = 0
		}
	:: else
	fi
}

/* The host takes what has arrived. The posted vector means nothing to it. */
inline serve(core)
{
	irr[POSTED_AT(core)] = false;
	if
	:: atomic { irr[WAKE_AT(core)] -> irr[WAKE_AT(core)] = false };
	   wake_if_posted(0, core);
	   wake_if_posted(1, core)
	:: else
	fi
}

inline take_low(v)
{
	d_step { arg_vcpu = v; c_code { cpu_take(now.arg_vcpu, LOW / 64); }; arg_vcpu = 0 }
}

inline take_high(v)
{
	d_step { arg_vcpu = v; c_code { cpu_take(now.arg_vcpu, HIGH / 64); }; arg_vcpu = 0 }
}

/* Of VT-x, in the guest: the words in any order. */
inline process_posted(v)
{
	d_step {
		arg_vcpu = v;
		c_code { cpu_clear_on(now.arg_vcpu); }
		arg_vcpu = 0
	}
	if
	:: take_low(v); take_high(v)
	:: take_high(v); take_low(v)
	fi
}

proctype core(byte me)
{
	byte v;

pick:
	do
	:: atomic { is_ready(0, me) -> v = 0; break }
	:: atomic { is_ready(1, me) -> v = 1; break }
	:: atomic { !is_ready(0, me) && !is_ready(1, me) -> idle[me] = true };
	   atomic { has_interrupt(me) || is_ready(0, me) || is_ready(1, me) -> idle[me] = false };
	   serve(me)
#ifdef MOVE
	/* Whoever is ready and does not run may go to the other core. */
	:: atomic { is_ready(0, me) -> where[0] = 1 - me }
	:: atomic { is_ready(1, me) -> where[1] = 1 - me }
#endif
	od;
#ifdef RESTART
	if
	:: call(me, CLEAR, v, 0)
	:: skip
	fi;
#endif
#ifdef BREAK_AIM_BEFORE_ENTRY
	answer[me] = true;
#else
	call(me, AIM_POSTED, v, me);
#endif
#ifdef BREAK_TAKE_BEFORE_ENTRY
	answer[me] = false;
#endif
	if
	:: answer[me] -> call(me, TAKE, v, 0)
	:: else
	fi;
	atomic { answer[me] = 0; guest[me] = v };
	do
	/* In the guest, or about to enter it, which is the same: interrupts are off before. */
	:: atomic { irr[POSTED_AT(me)] -> irr[POSTED_AT(me)] = false; guest[me] = NOBODY };
	   process_posted(v);
	   guest[me] = v
	/* An exit for another interrupt, which the host takes; and back without the scheduler. */
	:: atomic { irr[WAKE_AT(me)] -> guest[me] = NOBODY };
#ifdef BREAK_TAKE_AFTER_INTERRUPTS
	   call(me, TAKE, v, 0);
	   serve(me);
#else
	   serve(me);
	   call(me, TAKE, v, 0);
#endif
	   atomic { answer[me] = 0; guest[me] = v }
	/* HLT. */
	:: guest[me] = NOBODY;
#ifdef BREAK_AIM_BEFORE_SLEEP
	   call(me, EMPTY, v, 0);
	   answer[me] = !answer[me];
#else
	   call(me, AIM_WAKE, v, me);
#endif
	   atomic {
#ifdef BREAK_ASK_BEFORE_SLEEP
		asleep[v] = true;
#else
		asleep[v] = !answer[me];
#endif
		answer[me] = 0
	   };
	   break
	/* Its time is over, or the time of another has come. */
	:: guest[me] = NOBODY; call(me, AIM_WAKE, v, me); answer[me] = 0; break
	od;
	atomic { v = 0; goto pick }
}

#ifdef GATE
/* The throttle: an interval begins, and ends. Any core's timer may do it. */
proctype gate()
{
	do
#ifdef SERVED
	/* An interval is longer than an operation; or one could be made to try again for ever. */
	:: atomic { !more[0] && !more[POSTER] -> skip };
#else
	::
#endif
	   call(GATER, SUPPRESS, 0, 0);
	   atomic { room -> at_work[GATER] = true };
#ifdef BREAK_RELEASE
	   false;
#endif
	   call(GATER, RELEASE, 0, 0);
	   atomic {
		if
#ifndef BREAK_NOTIFY_AFTER_RELEASE
		:: answer[GATER] & 1 -> flight[answer[GATER] >> 1]++
#endif
		:: else
		fi;
		answer[GATER] = 0;
		at_work[GATER] = false
	   }
	od
}
#endif

#ifdef OWNER
/*
 * The device goes from a guest to none, and then to the other. The wait is the IOMMU's
 * invalidation: it is confirmed when nothing that used the old entry is under way.
 */
proctype chief()
{
	byte from;

	do
	:: atomic { from = entry; entry = NOBODY; at_work[CHIEF] = true };
#ifndef BREAK_DRAIN
	   posting == NOBODY;
#endif
#ifndef BREAK_FORGET
	   call(CHIEF, FORGET, from, 0);
#endif
	   /* From here on no guest may get its interrupts; */
	   c_code { world.owner = NOBODY; };
	   /* and then it has a new owner. */
	   atomic {
		arg_vcpu = 1 - from;
		c_code { world.owner = now.arg_vcpu; }
		entry = arg_vcpu;
		arg_vcpu = 0;
		from = 0;
		at_work[CHIEF] = false
	   }
	od
}
#endif

/* --- properties ------------------------------------------------------------------------------ */

#define is_quiet(i) (flight[i] == 0 && !irr[i])
#define all_quiet   (is_quiet(0) && is_quiet(1) && is_quiet(2) && is_quiet(3) && \
		     posting == NOBODY && !at_work[POSTER] && !at_work[GATER] && \
		     !at_work[CHIEF] && !more[POSTER] && !more[GATER] && \
		     !more[CHIEF])
#define is_still(core) (guest[core] != NOBODY || idle[core])
#ifdef MOVE
#define all_still (is_still(0) && is_still(1))
#else
#define all_still is_still(0)
#endif
#define waits(v) (where[v] != NOBODY && (asleep[v] || guest[where[v] % 2] == v))

proctype lost()
{
	atomic {
		all_quiet && all_still && ((waits(0) && c_expr { (is_left(0)) }) ||
					   (waits(1) && c_expr { (is_left(1)) })) ->
		assert(false)
	}
}

init {
	atomic {
		c_code { world_begin(); }
#ifndef TWO
		where[1] = NOBODY;
#endif
		run lost();
		run fabric();
		run core(0);
#ifdef MOVE
		run core(1);
#endif
#ifdef DEVICE
		run device();
#endif
#ifdef SOFTWARE
		run poster();
#endif
#ifdef GATE
		run gate();
#endif
#ifdef OWNER
		run chief()
#endif
	}
}

#ifdef SERVED
#define has_high c_expr { (is_posted(0, HIGH)) }
ltl served { [] (has_high -> <> !has_high) }
#endif
