/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/model/notice.pml - software's notifications on their way to a core that goes in and out of its guest.
 *
 * Model    Two senders on other cores (arch/x86/post.c, apicv_notify()); the receiver: its guest, in which hardware
 *	    takes what a notification tells of, exits, arch_vcpu_sync(), take_before_entry() of
 *	    arch/x86/vmx/apicv.c. Every access is a step, with two exceptions: a sender is counted in the step
 *	    in which it posts, and pi_take() is one step. docs/emulators.md has what that leaves out.
 *	    All go on for ever.
 * Proves   empty	no notification reaches a guest that has nothing to tell: Bochs delivers FFH then
 *	    lost	while the guest runs and nobody is at work, nothing is left in PIR
 * Choose   Each -DBREAK_x breaks a rule, and is found.
 */
bool on;       /* the descriptor: ON, and PIR, which pi_post() and pi_take() set and clear with it */
bool irr;      /* a notification is there, in the core's local APIC */
bool notified; /* is_notified: one may be */
byte senders;  /* sender_count */
byte at_work;  /* senders that are not done */
bool guest;

inline send()
{
#ifdef BREAK_FLAG_FIRST
	notified = true;
	irr = true
#else
	irr = true;
	notified = true
#endif
}

active [2] proctype sender()
{
	bool mine;

	do
	:: d_step {
		at_work++;
		mine = !on;
		on = true
#ifdef BREAK_ALWAYS
		; mine = true
#endif
#ifndef BREAK_COUNT
		; senders = senders + mine
#endif
	   }
	   if
	   :: mine ->
		if
		:: on -> send()
		:: else
		fi;
#ifndef BREAK_COUNT
		senders--
#endif
	   :: else
	   fi;
	   d_step { mine = false; at_work-- }
	od
}

inline absorb()
{
	if
	:: notified -> notified = false; irr = false
	:: else
	fi
}

active proctype receiver()
{
	bool again;

	do
	:: guest = true;
	   do
	   :: d_step { irr -> assert(on); irr = false; on = false }
	   :: d_step { on && !irr && at_work == 0 -> assert(false) }
	   :: guest = false; break
	   od;
	   if
	   :: on = false /* arch_vcpu_sync() */
	   :: true
	   fi;
	   again = true;
	   do
	   :: again ->
#ifndef BREAK_WAIT
		senders == 0;
#endif
#ifndef BREAK_ABSORB
		absorb();
#endif
		d_step { again = on; on = false }
#ifdef BREAK_ROUNDS
		again = false
#endif
	   :: else -> break
	   od
	od
}
