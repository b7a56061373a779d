/* SPDX-License-Identifier: Apache-2.0 */
/* arch/x86/acpi_tables.c - the tables we read, one function each. Pure. */
#include "arch/x86/acpi_table.h"

/* ACPI, "Multiple APIC Description Table". */
#define MADT_ENTRIES       44u
#define MADT_LOCAL_APIC    0u
#define MADT_IO_APIC       1u
#define MADT_OVERRIDE      2u
#define MADT_LOCAL_X2APIC  9u
#define MADT_CPU_ENABLED   BIT32(0)
#define XAPIC_ID_BROADCAST 0xffu /* an xAPIC ID of 255 addresses everyone: firmware's "no CPU" */

/* ACPI, "Fixed ACPI Description Table": offsets. */
#define FADT_DSDT          40u
#define FADT_SMI_CMD       48u
#define FADT_ACPI_ENABLE   52u
#define FADT_PM1A_CNT      64u
#define FADT_PM1B_CNT      68u
#define FADT_PM_TMR        76u
#define FADT_PM_TMR_LEN    91u
#define FADT_FLAGS         112u
#define FADT_V1_BYTES      116u
#define FADT_RESET_REG     116u
#define FADT_RESET_VALUE   128u
#define FADT_V2_BYTES      132u /* up to where we need it */
#define FADT_X_DSDT        140u
#define FADT_X_PM1A_CNT    172u
#define FADT_X_PM1B_CNT    184u
#define FADT_X_PM_TMR      208u
#define FADT_X_BYTES       220u

#define FADT_TMR_VAL_EXT   BIT32(8) /* the PM timer has 32 bits, not 24 */
#define FADT_RESET_REG_SUP BIT32(10)
#define FADT_HW_REDUCED    BIT32(20) /* no fixed hardware: the port fields mean nothing */

/* ACPI, "Generic Address Structure". */
#define GAS_MEMORY       0u
#define GAS_IO           1u
#define GAS_ADDRESS      4u

#define HPET_ADDRESS     40u
#define HPET_BYTES       56u

#define MCFG_ENTRIES     44u
#define MCFG_ENTRY_BYTES 16u

static void add_cpu(struct acpi_info *info, uint32_t apic_id, uint32_t flags)
{
	if ((flags & MADT_CPU_ENABLED) == 0)
		return;
	/* Firmware may list a processor both as local APIC and as local x2APIC. */
	for (uint32_t i = 0; i < info->cpu_count; i++) {
		if (info->apic_ids[i] == apic_id)
			return;
	}
	if (info->cpu_count == ACPI_CPU_MAX)
		info->cpu_left_out++;
	else
		info->apic_ids[info->cpu_count++] = apic_id;
}

static void add_ioapic(struct acpi_info *info, const uint8_t *e)
{
	if (info->ioapic_count < ACPI_IOAPIC_MAX)
		info->ioapics[info->ioapic_count++] =
			(struct acpi_ioapic){ e[2], acpi_get32(e + 4), acpi_get32(e + 8) };
}

static void add_override(struct acpi_info *info, const uint8_t *e)
{
	if (info->override_count < ACPI_OVERRIDE_MAX)
		info->overrides[info->override_count++] =
			(struct acpi_override){ e[3], acpi_get16(e + 8), acpi_get32(e + 4) };
}

/* Fixed length by type; 0: a type we do not read. */
static uint8_t madt_entry_bytes(uint8_t type)
{
	static const uint8_t bytes[] = {
		[MADT_LOCAL_APIC] = 8,
		[MADT_IO_APIC] = 12,
		[MADT_OVERRIDE] = 10,
		[MADT_LOCAL_X2APIC] = 16,
	};

	return type < sizeof(bytes) ? bytes[type] : 0;
}

static void read_madt_entry(struct acpi_info *info, const uint8_t *e)
{
	switch (e[0]) {
	case MADT_LOCAL_APIC:
		if (e[3] != XAPIC_ID_BROADCAST)
			add_cpu(info, e[3], acpi_get32(e + 4));
		break;
	case MADT_LOCAL_X2APIC:
		add_cpu(info, acpi_get32(e + 4), acpi_get32(e + 8));
		break;
	case MADT_IO_APIC:
		add_ioapic(info, e);
		break;
	case MADT_OVERRIDE:
		add_override(info, e);
		break;
	}
}

void acpi_read_madt(struct acpi_info *info, const struct acpi_table *t)
{
	uint32_t at = MADT_ENTRIES;

	if (info->has_madt || t->bytes < MADT_ENTRIES) {
		acpi_note(info, "MADT", 0, "second one, or too short: refused");
		return;
	}
	info->has_madt = true;
	while (at < t->bytes) {
		const uint8_t *e = t->data + at;
		const uint32_t left = t->bytes - at;

		if (left < 2 || e[1] < 2 || e[1] > left) {
			acpi_note(info, "MADT", at, "entry of impossible length: rest skipped");
			return;
		}
		if (e[1] < madt_entry_bytes(e[0]))
			acpi_note(info, "MADT", at, "entry too short for its type: skipped");
		else
			read_madt_entry(info, e);
		at += e[1];
	}
}

void acpi_read_hpet(struct acpi_info *info, const struct acpi_table *t)
{
	if (t->bytes < HPET_BYTES) {
		acpi_note(info, "HPET", 4, "too short: refused");
		return;
	}
	if (t->data[HPET_ADDRESS] != GAS_MEMORY) {
		acpi_note(info, "HPET", HPET_ADDRESS, "not in memory space: refused");
		return;
	}
	if (info->hpet_base == 0) /* several blocks: the first is enough */
		info->hpet_base = acpi_get64(t->data + HPET_ADDRESS + GAS_ADDRESS);
}

void acpi_read_mcfg(struct acpi_info *info, const struct acpi_table *t)
{
	for (uint32_t at = MCFG_ENTRIES; at + MCFG_ENTRY_BYTES <= t->bytes;
	     at += MCFG_ENTRY_BYTES) {
		const uint8_t *e = t->data + at;
		const struct acpi_ecam ecam = { acpi_get64(e), acpi_get16(e + 8), e[10], e[11] };

		/* A bus is 1 MiB of configuration space, and the base is that of bus 0. */
		if (ecam.base == 0 || ecam.base % MIB(1) != 0 || ecam.first_bus > ecam.last_bus)
			acpi_note(info, "MCFG", at, "base or bus range is impossible: skipped");
		else if (info->ecam_count == ACPI_ECAM_MAX)
			acpi_note(info, "MCFG", at, "more segments than this image holds: skipped");
		else
			info->ecams[info->ecam_count++] = ecam;
	}
}

/* A port of the FADT: the 64-bit field where it names I/O space, else the 32-bit one. */
static uint16_t fadt_port(struct acpi_info *info, const struct acpi_table *t, uint32_t offset,
			  uint32_t x_offset)
{
	uint64_t port = acpi_get32(t->data + offset);

	if (t->bytes >= FADT_X_BYTES) {
		const uint8_t *gas = t->data + x_offset;

		if (gas[0] == GAS_IO && acpi_get64(gas + GAS_ADDRESS) != 0)
			port = acpi_get64(gas + GAS_ADDRESS);
	}
	if (port > UINT16_MAX) {
		acpi_note(info, "FADT", offset, "not an I/O port: ignored");
		return 0;
	}
	return (uint16_t)port;
}

static void read_fadt_reset(struct acpi_info *info, const struct acpi_table *t, uint32_t flags)
{
	const uint8_t *gas = t->data + FADT_RESET_REG;

	if (t->bytes < FADT_V2_BYTES || (flags & FADT_RESET_REG_SUP) == 0)
		return;
	if (gas[0] != GAS_IO || acpi_get64(gas + GAS_ADDRESS) > UINT16_MAX) {
		acpi_note(info, "FADT", FADT_RESET_REG, "reset register is no I/O port: ignored");
		return;
	}
	info->reset_port = (uint16_t)acpi_get64(gas + GAS_ADDRESS);
	info->reset_value = t->data[FADT_RESET_VALUE];
}

uint64_t acpi_read_fadt(struct acpi_info *info, const struct acpi_table *t)
{
	uint64_t dsdt = 0;
	uint32_t flags;

	if (t->bytes < FADT_V1_BYTES) {
		acpi_note(info, "FADT", 4, "too short: refused");
		return 0;
	}
	flags = acpi_get32(t->data + FADT_FLAGS);
	read_fadt_reset(info, t, flags);
	if ((flags & FADT_HW_REDUCED) == 0) {
		/* PM_TMR_LEN is 4 where there is a timer; other values are not defined. */
		if (t->data[FADT_PM_TMR_LEN] == 4)
			info->pm_timer_port = fadt_port(info, t, FADT_PM_TMR, FADT_X_PM_TMR);
		info->pm_timer_mask = flags & FADT_TMR_VAL_EXT ? UINT32_MAX : BIT32(24) - 1;
		info->pm1a_control_port = fadt_port(info, t, FADT_PM1A_CNT, FADT_X_PM1A_CNT);
		info->pm1b_control_port = fadt_port(info, t, FADT_PM1B_CNT, FADT_X_PM1B_CNT);
		if (acpi_get32(t->data + FADT_SMI_CMD) <= UINT16_MAX)
			info->smi_command_port = acpi_get16(t->data + FADT_SMI_CMD);
		info->acpi_enable = t->data[FADT_ACPI_ENABLE];
	}
	if (t->bytes >= FADT_X_DSDT + sizeof(uint64_t))
		dsdt = acpi_get64(t->data + FADT_X_DSDT);
	return dsdt != 0 ? dsdt : acpi_get32(t->data + FADT_DSDT);
}

/* ACPI, "AML Grammar Definition": the few opcodes a \_S5 package is made of. */
#define AML_ZERO         0x00u
#define AML_ONE          0x01u
#define AML_NAME         0x08u
#define AML_BYTE_PREFIX  0x0au
#define AML_WORD_PREFIX  0x0bu
#define AML_DWORD_PREFIX 0x0cu
#define AML_PACKAGE      0x12u
#define AML_ROOT_CHAR    '\\'

/* Reads one integer constant at *at, below `end`. False: it is something else, or cut off. */
static bool aml_integer(const struct acpi_table *t, uint32_t end, uint32_t *at, uint8_t *value)
{
	uint8_t op;
	uint32_t bytes;

	if (*at >= end)
		return false;
	op = t->data[(*at)++];
	*value = op;
	if (op == AML_ZERO || op == AML_ONE)
		return true;
	bytes = op == AML_BYTE_PREFIX ? 1 : op == AML_WORD_PREFIX ? 2 : 4;
	if (op < AML_BYTE_PREFIX || op > AML_DWORD_PREFIX || end - *at < bytes)
		return false;
	*value = t->data[*at]; /* SLP_TYP has three bits: the lowest byte is all there is */
	*at += bytes;
	return true;
}

/* "Package Length Encoding". Moves *at behind it; returns where the package ends, 0: nowhere. */
static uint32_t aml_package_end(const struct acpi_table *t, uint32_t *at)
{
	const uint32_t start = *at;
	uint32_t length, follow;

	if (start >= t->bytes)
		return 0;
	follow = t->data[start] >> 6;
	if (t->bytes - start <= follow)
		return 0;
	length = follow == 0 ? t->data[start] & 0x3fu : t->data[start] & 0x0fu;
	for (uint32_t i = 0; i < follow; i++)
		length |= (uint32_t)t->data[start + 1 + i] << (4 + 8 * i);
	*at = start + 1 + follow;
	if (length > t->bytes - start || start + length <= *at)
		return 0;
	return start + length;
}

/* `at` is right behind the four characters "_S5_". */
static bool read_s5_package(struct acpi_info *info, const struct acpi_table *t, uint32_t at)
{
	uint32_t end;
	uint8_t a, b;

	if (at >= t->bytes || t->data[at] != AML_PACKAGE)
		return false;
	at++;
	end = aml_package_end(t, &at);
	if (end == 0 || t->data[at++] < 2) /* the number of elements */
		return false;
	if (!aml_integer(t, end, &at, &a) || !aml_integer(t, end, &at, &b))
		return false;
	info->s5_type_a = a & 7;
	info->s5_type_b = b & 7;
	info->has_s5 = true;
	return true;
}

void acpi_scan_s5(struct acpi_info *info, const struct acpi_table *t)
{
	for (uint32_t at = ACPI_HEADER_BYTES + 1; at + 4 <= t->bytes && !info->has_s5; at++) {
		const uint8_t *p = t->data + at;

		if (memcmp(p, "_S5_", 4) != 0)
			continue;
		/* NameOp right before it, or before the root prefix: else it is a reference. */
		if (p[-1] != AML_NAME && !(p[-1] == AML_ROOT_CHAR && p[-2] == AML_NAME))
			continue;
		if (!read_s5_package(info, t, at + 4))
			acpi_note(info, t->signature, at, "\\_S5 is not a package of integers");
	}
}
