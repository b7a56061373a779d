/* SPDX-License-Identifier: Apache-2.0 */
#include "arch/x86/acpi.h"
#include "arch/x86/acpi_table.h"
#include "core/lib/fmt.h"

/* ACPI, "RSDP Structure": offsets. */
#define RSDP_V1_BYTES  20u
#define RSDP_V2_BYTES  36u
#define RSDP_REVISION  15u
#define RSDP_RSDT      16u
#define RSDP_LENGTH    20u
#define RSDP_XSDT      24u

#define TABLE_LENGTH   4u
#define ROOT_ENTRY_MAX 128u /* tables followed; real machines have some forty */

void acpi_note(struct acpi_info *info, const char *table, uint64_t offset, const char *what)
{
	if (info->note_count < ACPI_NOTE_MAX)
		fmt_text(info->notes[info->note_count], ACPI_NOTE_BYTES, "%s+0x%llx: %s", table,
			 (unsigned long long)offset, what);
	info->note_count++;
}

static bool checksum_holds(const uint8_t *data, uint32_t bytes)
{
	uint8_t sum = 0;

	for (uint32_t i = 0; i < bytes; i++)
		sum = (uint8_t)(sum + data[i]);
	return sum == 0;
}

static const uint8_t *physical_bytes(const struct acpi_memory *memory, uint64_t at, uint64_t bytes)
{
	if (at == 0 || at + bytes < at)
		return NULL;
	return memory->at(memory->context, at, bytes);
}

/* A signature is printed in notes, so it must not carry control characters there. */
static void copy_signature(struct acpi_table *table, const uint8_t *data)
{
	for (int i = 0; i < 4; i++)
		table->signature[i] = (char)(data[i] >= ' ' && data[i] <= '~' ? data[i] : '?');
	table->signature[4] = '\0';
}

enum err acpi_table_open(const struct acpi_memory *memory, uint64_t physical,
			 struct acpi_info *info, struct acpi_table *table)
{
	const uint8_t *data = physical_bytes(memory, physical, ACPI_HEADER_BYTES);

	if (data == NULL) {
		acpi_note(info, "memory", physical, "a table is said to lie here: not readable");
		return ERR_INVAL;
	}
	copy_signature(table, data);
	table->physical = physical;
	table->bytes = acpi_get32(data + TABLE_LENGTH);
	if (table->bytes < ACPI_HEADER_BYTES || table->bytes > ACPI_TABLE_MAX) {
		acpi_note(info, table->signature, TABLE_LENGTH, "impossible length: refused");
		return ERR_INVAL;
	}
	table->data = physical_bytes(memory, physical, table->bytes);
	if (table->data == NULL) {
		acpi_note(info, table->signature, TABLE_LENGTH, "runs out of memory: refused");
		return ERR_INVAL;
	}
	if (!checksum_holds(table->data, table->bytes)) {
		acpi_note(info, table->signature, 0, "checksum is wrong: refused");
		return ERR_INVAL;
	}
	return OK;
}

static bool is_signature(const struct acpi_table *t, const char *signature)
{
	return memcmp(t->data, signature, 4) == 0;
}

static void read_dsdt(const struct acpi_memory *memory, uint64_t physical, struct acpi_info *info)
{
	struct acpi_table t;

	if (physical == 0 || acpi_table_open(memory, physical, info, &t) != OK)
		return;
	if (is_signature(&t, "DSDT"))
		acpi_scan_s5(info, &t);
	else
		acpi_note(info, t.signature, 0, "the FADT calls this its DSDT: refused");
}

static void read_table(const struct acpi_memory *memory, uint64_t physical, struct acpi_info *info)
{
	struct acpi_table t;

	if (acpi_table_open(memory, physical, info, &t) != OK)
		return;
	if (is_signature(&t, "APIC")) {
		acpi_read_madt(info, &t);
	} else if (is_signature(&t, "FACP")) {
		read_dsdt(memory, acpi_read_fadt(info, &t), info);
	} else if (is_signature(&t, "HPET")) {
		acpi_read_hpet(info, &t);
	} else if (is_signature(&t, "MCFG")) {
		acpi_read_mcfg(info, &t);
	} else if (is_signature(&t, "SSDT")) {
		acpi_scan_s5(info, &t);
	} else if (is_signature(&t, "DMAR")) {
		info->dmar = physical;
		info->dmar_bytes = t.bytes;
	}
}

static enum err read_root(const struct acpi_memory *memory, uint64_t physical,
			  const char *signature, struct acpi_info *info)
{
	const uint32_t width = signature[0] == 'X' ? 8 : 4;
	struct acpi_table root;
	uint32_t count;

	if (acpi_table_open(memory, physical, info, &root) != OK)
		return ERR_INVAL;
	if (!is_signature(&root, signature)) {
		acpi_note(info, root.signature, 0, "not the root table the RSDP promised: refused");
		return ERR_INVAL;
	}
	count = (root.bytes - ACPI_HEADER_BYTES) / width;
	if ((root.bytes - ACPI_HEADER_BYTES) % width != 0)
		acpi_note(info, signature, root.bytes, "the last entry is cut off: skipped");
	if (count > ROOT_ENTRY_MAX) {
		acpi_note(info, signature, TABLE_LENGTH, "more than 128 tables: the rest skipped");
		count = ROOT_ENTRY_MAX;
	}
	for (uint32_t i = 0; i < count; i++) {
		const uint8_t *entry = root.data + ACPI_HEADER_BYTES + i * width;

		read_table(memory, width == 8 ? acpi_get64(entry) : acpi_get32(entry), info);
	}
	return OK;
}

static enum err rsdp_check_extended(const struct acpi_memory *memory, uint64_t rsdp,
				    struct acpi_info *info, uint64_t *xsdt)
{
	const uint8_t *data = physical_bytes(memory, rsdp, RSDP_V2_BYTES);
	uint32_t bytes;

	if (data == NULL) {
		acpi_note(info, "RSDP", RSDP_LENGTH, "revision 2, but cut off: refused");
		return ERR_INVAL;
	}
	bytes = acpi_get32(data + RSDP_LENGTH);
	data = bytes < RSDP_V2_BYTES || bytes > PAGE_BYTES ? NULL
							   : physical_bytes(memory, rsdp, bytes);
	if (data == NULL || !checksum_holds(data, bytes)) {
		acpi_note(info, "RSDP", RSDP_LENGTH, "length or extended checksum: refused");
		return ERR_INVAL;
	}
	*xsdt = acpi_get64(data + RSDP_XSDT);
	return OK;
}

enum err acpi_read(const struct acpi_memory *memory, uint64_t rsdp, struct acpi_info *info)
{
	const uint8_t *data;
	uint64_t xsdt = 0;

	memset(info, 0, sizeof(*info));
	if (rsdp == 0)
		return ERR_NODEV;
	data = physical_bytes(memory, rsdp, RSDP_V1_BYTES);
	if (data == NULL || memcmp(data, "RSD PTR ", 8) != 0) {
		acpi_note(info, "RSDP", 0, "not readable or without its signature: refused");
		return ERR_INVAL;
	}
	if (!checksum_holds(data, RSDP_V1_BYTES)) {
		acpi_note(info, "RSDP", 0, "checksum is wrong: refused");
		return ERR_INVAL;
	}
	if (data[RSDP_REVISION] >= 2 && rsdp_check_extended(memory, rsdp, info, &xsdt) != OK)
		return ERR_INVAL;
	if (xsdt != 0 && read_root(memory, xsdt, "XSDT", info) == OK)
		return OK;
	return read_root(memory, acpi_get32(data + RSDP_RSDT), "RSDT", info);
}
