/* SPDX-License-Identifier: Apache-2.0 */
#include "arch/x86/vtd/dmar.h"
#include <string.h>
#include "arch/x86/acpi_table.h"
#include "core/lib/fmt.h"

/* "DMAR Description Table": offsets. */
#define DMAR_LENGTH        4u
#define DMAR_HOST_WIDTH    36u /* less one */
#define DMAR_FLAGS         37u
#define DMAR_INTR_REMAP    BIT32(0)
#define DMAR_X2APIC_OPTOUT BIT32(1)
#define DMAR_STRUCTURES    48u

#define HOST_WIDTH_MIN     32u
#define HOST_WIDTH_MAX     52u

/* "Remapping Structure Types": the type, then the length, 16 bits each. */
#define STRUCTURE_LENGTH 2u
#define STRUCTURE_BYTES  4u
enum structure_type { TYPE_DRHD, TYPE_RMRR };

/* "DMA Remapping Hardware Unit Definition Structure" */
#define DRHD_FLAGS   4u
#define DRHD_PCI_ALL BIT32(0)
#define DRHD_SEGMENT 6u
#define DRHD_BASE    8u
#define DRHD_BYTES   16u
/* "Reserved Memory Region Reporting Structure" */
#define RMRR_SEGMENT 6u
#define RMRR_BYTES   24u

/* "Device Scope Structure" */
#define SCOPE_TYPE      0u
#define SCOPE_LENGTH    1u
#define SCOPE_START_BUS 5u
#define SCOPE_PATH      6u
#define SCOPE_PATH_STEP 2u
#define SCOPE_ENDPOINT  1u
#define SCOPE_BRIDGE    2u
#define DEVICE_MAX      31u
#define FUNCTION_MAX    7u

struct reading {
	const uint8_t *table;
	uint32_t bytes;
	struct dmar *d;
	char *reason;
};

static enum err refuse(const struct reading *r, enum err e, uint32_t offset, const char *what)
{
	fmt_text(r->reason, DMAR_REASON_BYTES, "DMAR+0x%x: %s", offset, what);
	return e;
}

/* ---- Scopes ---- */

static bool is_same_function(const struct dmar_scope *a, const struct dmar_scope *b)
{
	return a->segment == b->segment && a->start_bus == b->start_bus &&
	       a->hop_count == b->hop_count && memcmp(a->devfns, b->devfns, a->hop_count) == 0;
}

static enum err read_path(const struct reading *r, uint32_t at, uint32_t length,
			  struct dmar_scope *s)
{
	const uint32_t hops = (length - SCOPE_PATH) / SCOPE_PATH_STEP;

	if (hops > DMAR_HOP_MAX)
		return refuse(r, ERR_NOMEM, at, "a device behind more than five bridges");
	for (uint32_t i = 0; i < hops; i++) {
		const uint8_t *const step = r->table + at + SCOPE_PATH + i * SCOPE_PATH_STEP;

		if (step[0] > DEVICE_MAX || step[1] > FUNCTION_MAX)
			return refuse(r, ERR_INVAL, at, "no PCI function has such a number");
		s->devfns[i] = (uint8_t)(step[0] << 3 | step[1]);
	}
	s->hop_count = (uint8_t)hops;
	return OK;
}

/* One scope, at `at`; it and what follows up to `end` belong to one structure. */
static enum err read_scope(const struct reading *r, uint32_t at, uint32_t end, uint16_t segment,
			   uint32_t *length)
{
	struct dmar *const d = r->d;
	struct dmar_scope s = { .segment = segment, .offset = at };
	enum err e;

	if (end - at < SCOPE_PATH)
		return refuse(r, ERR_INVAL, at, "a device scope is cut off");
	*length = r->table[at + SCOPE_LENGTH];
	if (*length < SCOPE_PATH + SCOPE_PATH_STEP || *length % SCOPE_PATH_STEP != 0)
		return refuse(r, ERR_INVAL, at, "a device scope of impossible length");
	if (*length > end - at)
		return refuse(r, ERR_INVAL, at, "a device scope overruns its structure");
	if (r->table[at + SCOPE_TYPE] != SCOPE_ENDPOINT &&
	    r->table[at + SCOPE_TYPE] != SCOPE_BRIDGE)
		return OK;
	if (d->scope_count == DMAR_SCOPE_MAX)
		return refuse(r, ERR_NOMEM, at, "more device scopes than there is room for");
	s.is_bridge = r->table[at + SCOPE_TYPE] == SCOPE_BRIDGE;
	s.start_bus = r->table[at + SCOPE_START_BUS];
	e = read_path(r, at, *length, &s);
	if (e == OK)
		d->scopes[d->scope_count++] = s;
	return e;
}

static enum err read_scopes(const struct reading *r, uint32_t at, uint32_t end, uint16_t segment)
{
	while (at < end) {
		uint32_t length;
		const enum err e = read_scope(r, at, end, segment, &length);

		if (e != OK)
			return e;
		at += length;
	}
	return OK;
}

/* ---- Structures ---- */

/* The unit is still to be counted, and the scopes from `first` on are its own. */
static enum err check_scopes(const struct reading *r, const struct dmar_unit *u)
{
	const struct dmar *const d = r->d;

	for (uint32_t k = 0; k < d->unit_count; k++) {
		const struct dmar_unit *const other = &d->units[k];

		for (uint32_t i = 0; i < other->scope_count * u->scope_count; i++) {
			const struct dmar_scope *const mine =
				&d->scopes[u->first_scope + i % u->scope_count];

			if (is_same_function(mine,
					     &d->scopes[other->first_scope + i / u->scope_count]))
				return refuse(r, ERR_INVAL, mine->offset,
					      "another unit has this device, too");
		}
	}
	return OK;
}

static enum err check_unit(const struct reading *r, const struct dmar_unit *u)
{
	const struct dmar *const d = r->d;

	if (u->base == 0 || u->base % PAGE_BYTES != 0 || u->base >= BIT64(HOST_WIDTH_MAX))
		return refuse(r, ERR_INVAL, u->offset + DRHD_BASE,
			      "no registers can lie at this address");
	for (uint32_t i = 0; i < d->unit_count; i++) {
		if (d->units[i].base == u->base)
			return refuse(r, ERR_INVAL, u->offset + DRHD_BASE,
				      "another unit has its registers here");
		if (u->has_rest && d->units[i].has_rest && d->units[i].segment == u->segment)
			return refuse(r, ERR_INVAL, u->offset + DRHD_FLAGS,
				      "a second INCLUDE_PCI_ALL in its segment");
	}
	return OK;
}

static enum err read_unit(const struct reading *r, uint32_t at, uint32_t length)
{
	const uint8_t *const data = r->table + at;
	struct dmar *const d = r->d;
	struct dmar_unit u = { .offset = at, .first_scope = d->scope_count };
	enum err e;

	if (length < DRHD_BYTES)
		return refuse(r, ERR_INVAL, at, "a DRHD is cut off");
	if (d->unit_count == DMAR_UNIT_MAX)
		return refuse(r, ERR_NOMEM, at, "more remapping units than there is room for");
	u.base = acpi_get64(data + DRHD_BASE);
	u.segment = acpi_get16(data + DRHD_SEGMENT);
	u.has_rest = data[DRHD_FLAGS] & DRHD_PCI_ALL;
	e = check_unit(r, &u);
	if (e == OK)
		e = read_scopes(r, at + DRHD_BYTES, at + length, u.segment);
	u.scope_count = d->scope_count - u.first_scope;
	if (e == OK)
		e = check_scopes(r, &u);
	if (e == OK)
		d->units[d->unit_count++] = u;
	return e;
}

static enum err read_reserved(const struct reading *r, uint32_t at, uint32_t length)
{
	struct dmar *const d = r->d;
	struct dmar_reserved m = { .first_scope = d->scope_count };
	enum err e;

	if (length < RMRR_BYTES)
		return refuse(r, ERR_INVAL, at, "an RMRR is cut off");
	if (d->reserved_count == DMAR_RESERVED_MAX)
		return refuse(r, ERR_NOMEM, at, "more reserved memory than there is room for");
	e = read_scopes(r, at + RMRR_BYTES, at + length, acpi_get16(r->table + at + RMRR_SEGMENT));
	m.scope_count = d->scope_count - m.first_scope;
	if (e == OK)
		d->reserved[d->reserved_count++] = m;
	return e;
}

static enum err read_structure(const struct reading *r, uint32_t at, uint32_t *length)
{
	if (r->bytes - at < STRUCTURE_BYTES)
		return refuse(r, ERR_INVAL, at, "a structure is cut off");
	*length = acpi_get16(r->table + at + STRUCTURE_LENGTH);
	if (*length < STRUCTURE_BYTES)
		return refuse(r, ERR_INVAL, at, "a structure of impossible length");
	if (*length > r->bytes - at)
		return refuse(r, ERR_INVAL, at, "a structure overruns the table");
	switch (acpi_get16(r->table + at)) {
	case TYPE_DRHD:
		return read_unit(r, at, *length);
	case TYPE_RMRR:
		return read_reserved(r, at, *length);
	default:
		return OK;
	}
}

/* ---- The table ---- */

static enum err read_header(const struct reading *r)
{
	struct dmar *const d = r->d;
	uint8_t sum = 0;

	if (r->bytes < DMAR_STRUCTURES)
		return refuse(r, ERR_INVAL, 0, "the table is cut off");
	if (memcmp(r->table, "DMAR", 4) != 0)
		return refuse(r, ERR_INVAL, 0, "not a DMAR table");
	if (acpi_get32(r->table + DMAR_LENGTH) != r->bytes)
		return refuse(r, ERR_INVAL, DMAR_LENGTH, "the table has another length");
	for (uint32_t i = 0; i < r->bytes; i++)
		sum = (uint8_t)(sum + r->table[i]);
	if (sum != 0)
		return refuse(r, ERR_INVAL, 0, "the checksum is wrong");
	d->address_bits = r->table[DMAR_HOST_WIDTH] + 1u;
	if (d->address_bits < HOST_WIDTH_MIN || d->address_bits > HOST_WIDTH_MAX)
		return refuse(r, ERR_INVAL, DMAR_HOST_WIDTH, "no machine has such addresses");
	d->can_remap_interrupts = r->table[DMAR_FLAGS] & DMAR_INTR_REMAP;
	d->is_x2apic_unwanted = r->table[DMAR_FLAGS] & DMAR_X2APIC_OPTOUT;
	return OK;
}

enum err dmar_read(const uint8_t *table, uint32_t bytes, struct dmar *d,
		   char reason[DMAR_REASON_BYTES])
{
	const struct reading r = { table, bytes, d, reason };
	uint32_t length = 0;
	enum err e;

	*d = (struct dmar){ 0 };
	reason[0] = '\0';
	e = read_header(&r);
	for (uint32_t at = DMAR_STRUCTURES; e == OK && at < bytes; at += length)
		e = read_structure(&r, at, &length);
	if (e == OK && d->unit_count == 0)
		e = refuse(&r, ERR_INVAL, DMAR_STRUCTURES, "it names no remapping unit");
	return e;
}
