/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/guest/tables.c - the virtual PC's ACPI tables, in guest RAM from E0000H on.
 *
 * Source   ACPI Specification 6.5, "Root System Description Pointer (RSDP)", "Fixed ACPI
 *	    Description Table (FADT)", "Multiple APIC Description Table (MADT)"; PCI Firmware
 *	    Specification 3.3, "MCFG Table Description". Numbers: arch/x86/pc/map.h.
 * Layout   RSDP at E0000H, where the search for it begins; FACS, 64-byte aligned; then the
 *	    others one after the other.
 */
#include "arch/x86/guest/load.h"
#include "arch/x86/pc/map.h"
#include "core/lib/assert.h"

extern const uint8_t guest_dsdt[], guest_dsdt_end[];

#define TABLE_ALIGN    16u
#define FACS_ALIGN     64u

#define RSDP_BYTES     36u
#define RSDP_BYTES_1_0 20u /* what its first checksum covers */
#define FACS_BYTES     64u
#define FACS_VERSION   2u

/* "System Description Table Header" */
#define HEADER_BYTES       36u
#define HEADER_LENGTH      4u
#define HEADER_REVISION    8u
#define HEADER_CHECKSUM    9u
#define HEADER_OEM_ID      10u /* 6 bytes, then 8 of the OEM table ID */
#define HEADER_OEM_REV     24u
#define HEADER_CREATOR     28u
#define HEADER_CREATOR_REV 32u

/* "FADT Format", revision 6.5; what is not here is 0: not there. */
#define FADT_BYTES          276u
#define FADT_REVISION       6u
#define FADT_FIRMWARE_CTRL  36u
#define FADT_DSDT           40u
#define FADT_SCI_INT        46u
#define FADT_PM1A_EVT_BLK   56u
#define FADT_PM1A_CNT_BLK   64u
#define FADT_PM_TMR_BLK     76u
#define FADT_PM1_EVT_LEN    88u
#define FADT_PM1_CNT_LEN    89u
#define FADT_PM_TMR_LEN     91u
#define FADT_P_LVL2_LAT     96u
#define NO_C2               0xfffu
#define FADT_P_LVL3_LAT     98u
#define NO_C3               0xfffu
#define FADT_CENTURY        108u
#define RTC_CENTURY         0x32u
#define FADT_IAPC_BOOT_ARCH 109u
#define LEGACY_DEVICES      BIT32(0)
#define VGA_NOT_PRESENT     BIT32(2)
#define FADT_FLAGS          112u
#define WBINVD              BIT32(0)
#define PROC_C1             BIT32(2)
#define PWR_BUTTON          BIT32(4) /* no fixed-feature button */
#define SLP_BUTTON          BIT32(5)
#define FIX_RTC             BIT32(6) /* no fixed-feature wake-up by the RTC */
#define TMR_VAL_EXT         BIT32(8)
#define RESET_REG_SUP       BIT32(10)
#define HEADLESS            BIT32(12)
#define FADT_RESET_REG      116u
#define FADT_RESET_VALUE    128u
#define FADT_MINOR          131u
#define FADT_MINOR_6_3      3u
#define FADT_X_DSDT         140u
#define FADT_X_PM1A_EVT_BLK 148u
#define FADT_X_PM1A_CNT_BLK 172u
#define FADT_X_PM_TMR_BLK   208u

/* "Generic Address Structure" */
#define GAS_BYTES     12u
#define GAS_SYSTEM_IO 1u
enum gas_access { GAS_BYTE = 1, GAS_WORD, GAS_DWORD };

/* "Interrupt Controller Structures" */
#define MADT_REVISION    5u
#define MADT_PCAT_COMPAT BIT32(0) /* there are two 8259 */
#define MADT_LAPIC       0u
#define LAPIC_BYTES      8u
#define LAPIC_ENABLED    BIT32(0)
#define MADT_IOAPIC      1u
#define IOAPIC_BYTES     12u
#define MADT_OVERRIDE    2u
#define OVERRIDE_BYTES   10u
#define BUS_ISA          0u
#define AS_BUS           0u    /* ISA: edge, active high */
#define LEVEL_HIGH       0x0du /* "MPS INTI Flags" */

#define MCFG_REVISION    1u

/* Tables are appended; `next` is guest-physical. */
struct writer {
	uint8_t *ram;
	uint64_t next;
	uint8_t *at; /* of the table at hand */
	uint32_t bytes;
};

static uint64_t begin(struct writer *w, uint32_t align)
{
	w->next = align_up(w->next, align);
	w->at = w->ram + w->next;
	w->bytes = 0;
	return w->next;
}

/* `bytes` more of the table at hand, zeroed. */
static uint8_t *grow(struct writer *w, uint32_t bytes)
{
	uint8_t *const more = w->at + w->bytes;

	ASSERT(bytes <= GUEST_HOLE_END - w->next);
	memset(more, 0, bytes);
	w->bytes += bytes;
	w->next += bytes;
	return more;
}

static uint8_t checksum(const uint8_t *at, uint32_t bytes)
{
	uint8_t sum = 0;

	for (uint32_t i = 0; i < bytes; i++)
		sum = (uint8_t)(sum + at[i]);
	return (uint8_t)(0u - sum);
}

static uint64_t begin_table(struct writer *w, const char *signature, uint8_t revision)
{
	const uint64_t where = begin(w, TABLE_ALIGN);
	uint8_t *const h = grow(w, HEADER_BYTES);

	memcpy(h, signature, 4);
	h[HEADER_REVISION] = revision;
	memcpy(h + HEADER_OEM_ID, "BULKHDBULKHEAD", 14);
	put32(h + HEADER_OEM_REV, 1);
	memcpy(h + HEADER_CREATOR, "BLKH", 4);
	put32(h + HEADER_CREATOR_REV, 1);
	return where;
}

static void end_table(struct writer *w)
{
	put32(w->at + HEADER_LENGTH, w->bytes);
	w->at[HEADER_CHECKSUM] = 0;
	w->at[HEADER_CHECKSUM] = checksum(w->at, w->bytes);
}

static uint64_t write_facs(struct writer *w)
{
	const uint64_t where = begin(w, FACS_ALIGN);
	uint8_t *const f = grow(w, FACS_BYTES);

	memcpy(f, "FACS", 4);
	put32(f + HEADER_LENGTH, FACS_BYTES);
	f[32] = FACS_VERSION;
	return where;
}

static uint64_t write_dsdt(struct writer *w)
{
	const uint32_t bytes = (uint32_t)(guest_dsdt_end - guest_dsdt);
	const uint64_t where = begin(w, TABLE_ALIGN);

	memcpy(grow(w, bytes), guest_dsdt, bytes);
	return where;
}

static void put_gas(uint8_t *at, uint32_t port, uint32_t width_bits, enum gas_access access)
{
	at[0] = GAS_SYSTEM_IO;
	at[1] = (uint8_t)width_bits;
	at[3] = (uint8_t)access;
	put64(at + 4, port);
}

/* Fixed hardware: each block in its old and its new form, saying the same. */
static void write_fadt_blocks(uint8_t *f)
{
	put32(f + FADT_PM1A_EVT_BLK, PC_PM1_EVENT);
	f[FADT_PM1_EVT_LEN] = 4;
	put_gas(f + FADT_X_PM1A_EVT_BLK, PC_PM1_EVENT, 32, GAS_WORD);
	put32(f + FADT_PM1A_CNT_BLK, PC_PM1_CONTROL);
	f[FADT_PM1_CNT_LEN] = 2;
	put_gas(f + FADT_X_PM1A_CNT_BLK, PC_PM1_CONTROL, 16, GAS_WORD);
	put32(f + FADT_PM_TMR_BLK, PC_PM_TIMER);
	f[FADT_PM_TMR_LEN] = 4;
	put_gas(f + FADT_X_PM_TMR_BLK, PC_PM_TIMER, 32, GAS_DWORD);
	put_gas(f + FADT_RESET_REG, PC_RESET_PORT, 8, GAS_BYTE);
	f[FADT_RESET_VALUE] = PC_RESET_VALUE;
}

/* SMI_CMD is 0: the PC is in ACPI mode always. FIRMWARE_CTRL: X_FIRMWARE_CTRL must be 0 then. */
static uint64_t write_fadt(struct writer *w, uint64_t facs, uint64_t dsdt)
{
	const uint64_t where = begin_table(w, "FACP", FADT_REVISION);
	uint8_t *const f = w->at;

	grow(w, FADT_BYTES - HEADER_BYTES);
	put32(f + FADT_FIRMWARE_CTRL, (uint32_t)facs);
	put32(f + FADT_DSDT, (uint32_t)dsdt);
	put64(f + FADT_X_DSDT, dsdt);
	put16(f + FADT_SCI_INT, PC_IRQ_SCI);
	write_fadt_blocks(f);
	put16(f + FADT_P_LVL2_LAT, NO_C2);
	put16(f + FADT_P_LVL3_LAT, NO_C3);
	f[FADT_CENTURY] = RTC_CENTURY;
	put16(f + FADT_IAPC_BOOT_ARCH, LEGACY_DEVICES | VGA_NOT_PRESENT);
	put32(f + FADT_FLAGS, WBINVD | PROC_C1 | PWR_BUTTON | SLP_BUTTON | FIX_RTC | TMR_VAL_EXT |
				      RESET_REG_SUP | HEADLESS);
	f[FADT_MINOR] = FADT_MINOR_6_3;
	end_table(w);
	return where;
}

static void add_override(struct writer *w, uint32_t irq, uint32_t pin, uint16_t flags)
{
	uint8_t *const o = grow(w, OVERRIDE_BYTES);

	o[0] = MADT_OVERRIDE;
	o[1] = OVERRIDE_BYTES;
	o[2] = BUS_ISA;
	o[3] = (uint8_t)irq;
	put32(o + 4, pin);
	put16(o + 8, flags);
}

/* Nothing is wired to LINT1: no NMI structure. */
static uint64_t write_madt(struct writer *w, uint32_t vcpu_count)
{
	const uint64_t where = begin_table(w, "APIC", MADT_REVISION);
	uint8_t *m = grow(w, 8);

	put32(m, (uint32_t)PC_LAPIC);
	put32(m + 4, MADT_PCAT_COMPAT);
	for (uint32_t i = 0; i < vcpu_count; i++) {
		m = grow(w, LAPIC_BYTES);
		m[0] = MADT_LAPIC;
		m[1] = LAPIC_BYTES;
		m[2] = (uint8_t)i; /* processor UID */
		m[3] = (uint8_t)i; /* APIC ID */
		put32(m + 4, LAPIC_ENABLED);
	}
	m = grow(w, IOAPIC_BYTES);
	m[0] = MADT_IOAPIC;
	m[1] = IOAPIC_BYTES;
	m[2] = PC_IOAPIC_ID;
	put32(m + 4, (uint32_t)PC_IOAPIC);
	put32(m + 8, 0); /* its first global system interrupt */
	add_override(w, PC_IRQ_PIT, PC_PIN_PIT, AS_BUS);
	add_override(w, PC_IRQ_SCI, PC_IRQ_SCI, LEVEL_HIGH);
	end_table(w);
	return where;
}

/* One segment, bus 0 only. */
static uint64_t write_mcfg(struct writer *w)
{
	const uint64_t where = begin_table(w, "MCFG", MCFG_REVISION);
	uint8_t *const m = grow(w, 8 + 16);

	put64(m + 8, PC_ECAM);
	end_table(w);
	return where;
}

#define LISTED_COUNT 3u

static uint64_t write_xsdt(struct writer *w, const uint64_t tables[LISTED_COUNT])
{
	const uint64_t where = begin_table(w, "XSDT", 1);

	for (uint32_t i = 0; i < LISTED_COUNT; i++)
		put64(grow(w, 8), tables[i]);
	end_table(w);
	return where;
}

static uint64_t write_rsdt(struct writer *w, const uint64_t tables[LISTED_COUNT])
{
	const uint64_t where = begin_table(w, "RSDT", 1);

	for (uint32_t i = 0; i < LISTED_COUNT; i++)
		put32(grow(w, 4), (uint32_t)tables[i]);
	end_table(w);
	return where;
}

static void write_rsdp(uint8_t *at, uint64_t rsdt, uint64_t xsdt)
{
	memset(at, 0, RSDP_BYTES);
	memcpy(at, "RSD PTR ", 8);
	memcpy(at + 9, "BULKHD", 6);
	at[15] = 2; /* revision: ACPI 2.0 and later */
	put32(at + 16, (uint32_t)rsdt);
	put32(at + 20, RSDP_BYTES);
	put64(at + 24, xsdt);
	at[8] = checksum(at, RSDP_BYTES_1_0);
	at[32] = checksum(at, RSDP_BYTES);
}

void arch_guest_write_acpi(const struct guest_ram *ram, uint32_t vcpu_count)
{
	struct writer w = { .ram = ram->at, .next = GUEST_ACPI_FIRST + RSDP_BYTES };
	uint64_t facs, dsdt, rsdt, xsdt, tables[LISTED_COUNT];

	ASSERT(ram->has_pc && ram->bytes >= GUEST_HOLE_END);
	facs = write_facs(&w);
	dsdt = write_dsdt(&w);
	tables[0] = write_fadt(&w, facs, dsdt);
	tables[1] = write_madt(&w, vcpu_count);
	tables[2] = write_mcfg(&w);
	rsdt = write_rsdt(&w, tables);
	xsdt = write_xsdt(&w, tables);
	write_rsdp(ram->at + GUEST_ACPI_FIRST, rsdt, xsdt);
}
