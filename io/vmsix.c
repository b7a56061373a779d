/* SPDX-License-Identifier: Apache-2.0 */
#include "io/vmsix.h"

/* "MSI-X Table Structure": the dwords of an entry. */
#define DWORD_ADDRESS   0u
#define DWORD_HIGH      1u
#define DWORD_DATA      2u
#define DWORD_CONTROL   3u
#define ADDRESS_ALIGNED UINT32_C(0xfffffffc) /* bits 1:0 are always 0 */
#define CONTROL_MASK    BIT32(0)

_Static_assert(VMSIX_ENTRY_MAX == 64, "pending bits are one quadword");

enum err vmsix_init(struct vmsix *m, uint32_t count)
{
	if (count == 0 || count > VMSIX_ENTRY_MAX)
		return ERR_RANGE;
	*m = (struct vmsix){ .count = count };
	for (uint32_t i = 0; i < count; i++)
		m->entries[i].is_masked = true;
	return OK;
}

/* What has waited behind entries that are open now. */
static uint64_t take_pending(struct vmsix *m, uint64_t open)
{
	const uint64_t fire = m->pending & open;

	m->pending &= ~fire;
	return fire;
}

static uint64_t open_entries(const struct vmsix *m)
{
	uint64_t open = 0;

	for (uint32_t i = 0; i < m->count; i++)
		if (vmsix_is_open(m, i))
			open |= BIT64(i);
	return open;
}

struct vmsix_effect vmsix_set_control(struct vmsix *m, bool is_enabled, bool is_masked)
{
	const uint64_t before = open_entries(m);
	uint64_t open;

	m->is_enabled = is_enabled;
	m->is_masked = is_masked;
	if (!is_enabled)
		m->pending = 0;
	open = open_entries(m);
	return (struct vmsix_effect){ open ^ before, take_pending(m, open) };
}

/* Naturally aligned accesses of 4 or 8 bytes within entries that exist. */
static bool is_access(const struct vmsix *m, uint64_t offset, uint32_t width)
{
	return (width == 4 || width == 8) && offset % width == 0 &&
	       offset < (uint64_t)m->count * VMSIX_ENTRY_BYTES;
}

static uint32_t read_dword(const struct vmsix_entry *e, uint32_t dword)
{
	switch (dword) {
	case DWORD_ADDRESS:
		return (uint32_t)e->address;
	case DWORD_HIGH:
		return (uint32_t)(e->address >> 32);
	case DWORD_DATA:
		return e->data;
	default:
		return e->is_masked ? CONTROL_MASK : 0;
	}
}

static void write_dword(struct vmsix_entry *e, uint32_t dword, uint32_t value)
{
	switch (dword) {
	case DWORD_ADDRESS:
		e->address = (e->address & ~UINT64_C(0xffffffff)) | (value & ADDRESS_ALIGNED);
		break;
	case DWORD_HIGH:
		e->address = (uint64_t)value << 32 | (uint32_t)e->address;
		break;
	case DWORD_DATA:
		e->data = value;
		break;
	default:
		e->is_masked = value & CONTROL_MASK;
	}
}

uint64_t vmsix_read(const struct vmsix *m, uint64_t offset, uint32_t width)
{
	const struct vmsix_entry *e;
	uint32_t dword;

	if (!is_access(m, offset, width))
		return width == 8 ? UINT64_MAX : BIT64(8 * width) - 1;
	e = &m->entries[offset / VMSIX_ENTRY_BYTES];
	dword = (uint32_t)(offset / 4 % 4);
	if (width == 4)
		return read_dword(e, dword);
	return (uint64_t)read_dword(e, dword + 1) << 32 | read_dword(e, dword);
}

struct vmsix_effect vmsix_write(struct vmsix *m, uint64_t offset, uint32_t width, uint64_t value)
{
	struct vmsix_effect effect = { 0, 0 };
	struct vmsix_entry before, *e;
	uint32_t i, dword;
	bool was_open;

	if (!is_access(m, offset, width))
		return effect;
	i = (uint32_t)(offset / VMSIX_ENTRY_BYTES);
	dword = (uint32_t)(offset / 4 % 4);
	e = &m->entries[i];
	before = *e;
	was_open = vmsix_is_open(m, i);
	write_dword(e, dword, (uint32_t)value);
	if (width == 8)
		write_dword(e, dword + 1, (uint32_t)(value >> 32));
	if (vmsix_is_open(m, i) != was_open ||
	    (was_open && (e->address != before.address || e->data != before.data)))
		effect.changed = BIT64(i);
	if (vmsix_is_open(m, i))
		effect.fire = take_pending(m, BIT64(i));
	return effect;
}

uint64_t vmsix_read_pending(const struct vmsix *m, uint64_t offset, uint32_t width, uint64_t device)
{
	const uint64_t all = m->count == 64 ? UINT64_MAX : BIT64(m->count) - 1;
	const uint64_t bits = (m->pending | device) & all;

	if ((width != 4 && width != 8) || offset % width != 0 || offset >= 8)
		return width == 8 ? UINT64_MAX : BIT64(8 * width) - 1;
	return width == 8 ? bits : (uint32_t)(bits >> 8 * offset);
}
