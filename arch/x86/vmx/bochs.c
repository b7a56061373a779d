/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "arch/mp.h"
#include "arch/x86/cpu.h"
#include "arch/x86/guest/walk.h"
#include "arch/x86/pc/pc.h"
#include "arch/x86/vmx/bochs.h"
#include "arch/x86/vmx/vmcs.h"

/* Bochs, "port_e9_hack": what is written there is printed; it reads as its own number. */
#define PORT_E9      0xe9u

#define SELECTOR_RPL 3u
#define SELECTOR_TI  BIT32(2)

struct frame {
	uint64_t rip, cs, rflags, rsp, ss;
};

bool vmx_is_bochs_smp;

void vmx_bochs_probe(void)
{
	vmx_is_bochs_smp = arch_mp_core_count() > 1 && cpu_in8(PORT_E9) == PORT_E9;
}

/* A supervisor's read that must not fault: false if it would. */
static bool read_guest(struct vcpu *v, const struct guest_context *c, uint64_t linear, void *to,
		       uint64_t bytes)
{
	const struct guest_ram *ram = pc_ram(v->part);
	struct walk_result at;
	const void *from;

	if (linear % PAGE_BYTES + bytes > PAGE_BYTES ||
	    guest_walk(ram, c, linear, WALK_READ, &at) != OK)
		return false;
	from = guest_ram_at(ram, at.gpa, bytes);
	if (!from)
		return false;
	memcpy(to, from, bytes);
	return true;
}

static bool is_frame_of(const struct frame *f, uint64_t rip)
{
	return f->rip == rip && f->cs <= UINT16_MAX && (f->cs & ~(uint64_t)SELECTOR_RPL) != 0 &&
	       (f->rflags & RFLAGS_FIXED1) && (f->rflags & RESUME_FLAG);
}

/* At RSP, or behind an error code. */
static bool find_frame(struct vcpu *v, const struct guest_context *c, struct frame *f)
{
	uint64_t rsp = vmcs_read(VMCS_GUEST_RSP);

	return (read_guest(v, c, rsp, f, sizeof(*f)) && is_frame_of(f, c->rip)) ||
	       (read_guest(v, c, rsp + 8, f, sizeof(*f)) && is_frame_of(f, c->rip));
}

struct segment {
	uint32_t access, limit, base;
};

/* "Segment Descriptors": the code and data segments of a user mode. */
static bool read_descriptor(struct vcpu *v, const struct guest_context *c, uint64_t selector,
			    struct segment *s)
{
	uint64_t at = vmcs_read(VMCS_GUEST_GDTR_BASE) + (selector & ~(uint64_t)7), d;

	if ((selector & SELECTOR_TI) || !read_guest(v, c, at, &d, sizeof(d)))
		return false;
	s->access = (uint32_t)(d >> 40) & ACCESS_FIELDS;
	s->limit = (uint32_t)(d & 0xffff) | (uint32_t)(d >> 32 & 0xf0000);
	if (d >> 55 & 1) /* G */
		s->limit = s->limit << 12 | 0xfff;
	s->base = (uint32_t)(d >> 16 & 0xffffff) | (uint32_t)(d >> 56) << 24;
	return true;
}

static void write_segment(enum guest_segment_name name, uint64_t selector, const struct segment *s)
{
	uint32_t step = (uint32_t)name * VMCS_SEGMENT_STEP;

	vmcs_write(VMCS_GUEST_ES + step, selector);
	vmcs_write(VMCS_GUEST_ES_BASE + step, s->base);
	vmcs_write(VMCS_GUEST_ES_LIMIT + step, s->limit);
	vmcs_write(VMCS_GUEST_ES_ACCESS + step, s->access);
}

/* Back to user mode; from the kernel itself, CS and SS are what they were. */
static bool undo_privilege_change(struct vcpu *v, const struct guest_context *c,
				  const struct frame *f)
{
	struct segment cs, ss;

	if (!(f->cs & SELECTOR_RPL))
		return true;
	if (!read_descriptor(v, c, f->cs, &cs) || !read_descriptor(v, c, f->ss, &ss))
		return false;
	write_segment(SEG_CS, f->cs, &cs);
	write_segment(SEG_SS, f->ss, &ss);
	return true;
}

void vmx_bochs_mend(struct vcpu *v)
{
	struct guest_context c;
	struct frame f;

	if (!v->has_pc || (vmcs_read(VMCS_GUEST_RFLAGS) & RFLAGS_IF) ||
	    !(vmcs_read32(VMCS_GUEST_CS_ACCESS) & ACCESS_LONG))
		return;
	vmx_read_context(v, &c);
	if (c.cpl != 0 || !find_frame(v, &c, &f) || !undo_privilege_change(v, &c, &f))
		return;
	vmcs_write(VMCS_GUEST_RSP, f.rsp);
	vmcs_write(VMCS_GUEST_RFLAGS, f.rflags & ~RESUME_FLAG);
}
