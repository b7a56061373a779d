/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/vmx/apicv.h - the virtual local APIC in hardware: APICv with posted interrupts.
 *
 * Model    The vlapic's page is the virtual-APIC page: hardware serves TPR, EOI, self-IPIs and
 *	    most reads from it, and delivers what is in IRR by itself. After a change of ours,
 *	    the next entry tells it (RVI, SVI, EOI-exit bitmap): v->lapic.changed.
 * Posting  The mailbox's vectors are the posted-interrupt descriptor (docs/interrupts.md). While it is
 *	    loaded and does not sleep, it is active: senders post and then send the notification vector. The CPU takes
 *	    the vectors in at once if the guest runs, and else at its next entry, for the
 *	    interrupt stays pending in the host's APIC meanwhile; if the core took it in its idle
 *	    loop, irq_serve() sees to it that the next entry looks.
 *	    Before the vCPU sleeps or another is loaded, its aim becomes wake-up, and only then the
 *	    mailbox is looked at; it becomes active before the mailbox is looked at. Aims change
 *	    by locked accesses, and senders post (locked) before they read the aim: whatever a
 *	    sender left for the guest to take is found by one of these looks or by hardware.
 *	    Level-triggered vectors never come this way: post.c keeps them for arch_vcpu_sync(),
 *	    which sets TMR, and so the EOI-exit bitmap, first.
 * Source   SDM Vol. 3C, "APIC Virtualization and Virtual Interrupts".
 * Sharing  apicv_notify(): any core. Everything else: the vCPU's own.
 */
#pragma once
#include "arch/x86/vmx/vmcs.h"

/* Decides v->has_apicv; the partition's APIC-access page. Boot core. */
MUST_CHECK enum err apicv_create(struct vcpu *v, const struct vcpu_setup *setup);
/* The fields of the current VMCS that never change; before apicv_write_mode(). */
void apicv_init_vmcs(const struct vcpu *v);
/* Controls and MSR bitmap that follow from the APIC's mode; without APICv too. Loaded. */
void apicv_write_mode(struct vcpu *v);

/* Before an entry: what is posted, and what has changed. */
void apicv_prepare(struct vcpu *v);
/* Those that can_post. It was loaded, and is entered unless it sleeps. */
void apicv_load(struct vcpu *v);
/* It halts: notifications are to wake it. True: something had been posted, and was taken. */
bool apicv_sleep(struct vcpu *v);
/* It is unloaded while its descriptor is aimed into the guest. */
void apicv_end_posting(struct vcpu *v);
bool apicv_notify(struct vcpu *v);
