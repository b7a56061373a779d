/* SPDX-License-Identifier: Apache-2.0 */
/* arch/x86/init.c - bring-up in order, and what there is to say about it. */
#include <string.h>
#include "arch/clock.h"
#include "arch/machine.h"
#include "arch/mem.h"
#include "arch/mp.h"
#include "arch/x86/cpu.h"
#include "arch/x86/init.h"
#include "core/lib/fmt.h"

#define REMARK_MAX                    16u
#define REMARK_BYTES                  128u

#define CPUID1_EDX_TSC                BIT32(4)
#define CPUID_BRAND_FIRST             0x80000002u
#define CPUID_BRAND_LAST              0x80000004u
#define CPUID_BRAND_BYTES             48u
#define CPUID_POWER                   0x80000007u
#define CPUID_POWER_EDX_INVARIANT_TSC BIT32(8)

/* Below it, firmware's tables in RESERVED memory are mapped: see arch/x86/mem.c. */
#define FIRMWARE_END GIB(4)

static char remarks[REMARK_MAX][REMARK_BYTES];
static uint32_t remark_count;
static struct acpi_info acpi;

void remark(const char *format, ...)
{
	va_list args;

	if (remark_count == REMARK_MAX)
		return;
	va_start(args, format);
	fmt_text_v(remarks[remark_count++], REMARK_BYTES, format, args);
	va_end(args);
}

const char *arch_remark(uint32_t index)
{
	return index < remark_count ? remarks[index] : NULL;
}

const struct acpi_info *acpi_facts(void)
{
	return &acpi;
}

static const struct boot_mem *range_at(const struct boot_info *boot, uint64_t at)
{
	for (uint32_t i = 0; i < boot->mem_count; i++) {
		if (at >= boot->mem[i].base && at - boot->mem[i].base < boot->mem[i].bytes)
			return &boot->mem[i];
	}
	return NULL;
}

/* Whatever a table points at must lie in memory that the direct map shows. */
static const void *firmware_bytes(void *context, uint64_t physical, uint64_t bytes)
{
	const struct boot_info *boot = context;
	const uint64_t end = physical + bytes;

	for (uint64_t at = physical; at < end;) {
		const struct boot_mem *m = range_at(boot, at);

		if (m == NULL || m->type == BOOT_MEM_IMAGE)
			return NULL;
		at = m->base + m->bytes;
		if (m->type == BOOT_MEM_RESERVED && min_u64(at, end) > FIRMWARE_END)
			return NULL;
	}
	return arch_mem_at((hpa_t){ physical });
}

static void read_acpi(const struct boot_info *boot)
{
	/* The context is only read; struct acpi_memory is not const for the tests' sake. */
	const struct acpi_memory memory = { firmware_bytes, (void *)(uintptr_t)boot };
	const enum err e = acpi_read(&memory, boot->rsdp, &acpi);

	if (e == ERR_NODEV)
		remark("firmware gave no ACPI tables");
	for (uint32_t i = 0; i < min_u64(acpi.note_count, ACPI_NOTE_MAX); i++)
		remark("ACPI: %s", acpi.notes[i]);
	if (acpi.note_count > ACPI_NOTE_MAX)
		remark("ACPI: and %u more oddities", acpi.note_count - ACPI_NOTE_MAX);
}

static void look_at_tsc(void)
{
	if (cpu_cpuid(BIT32(31), 0).eax < CPUID_POWER ||
	    (cpu_cpuid(CPUID_POWER, 0).edx & CPUID_POWER_EDX_INVARIANT_TSC) == 0)
		remark("CPUID does not promise an invariant TSC: no power saving may change it");
}

enum err arch_init(const struct boot_info *boot, const char **missing)
{
	struct percpu *p = percpu_of(0);
	enum err e;

	*missing = "memory for the boot core's stacks";
	e = core_take_stacks(p);
	if (e != OK)
		return e;
	core_load_descriptors(p);
	trap_init();
	core_load_traps();
	mp_boot_core_is_ready();
	if ((cpu_cpuid(1, 0).edx & CPUID1_EDX_TSC) == 0) {
		*missing = "a time stamp counter";
		return ERR_UNSUPPORTED;
	}
	look_at_tsc();
	read_acpi(boot);
	e = apic_init(missing);
	if (e == OK)
		e = clock_init(missing);
	if (e == OK)
		e = apic_timer_init(missing);
	if (e == OK)
		e = mp_init(boot, missing);
	if (e == OK)
		e = apic_timer_check(missing);
	return e;
}

/* The brand string, without the blanks that some processors put in front and in between. */
static void read_brand(char brand[CPUID_BRAND_BYTES + 1])
{
	char raw[CPUID_BRAND_BYTES + 1] = "unknown processor";
	size_t count = 0;

	if (cpu_cpuid(BIT32(31), 0).eax >= CPUID_BRAND_LAST) {
		for (uint32_t leaf = CPUID_BRAND_FIRST; leaf <= CPUID_BRAND_LAST; leaf++) {
			const struct cpuid_regs r = cpu_cpuid(leaf, 0);

			memcpy(raw + (leaf - CPUID_BRAND_FIRST) * sizeof(r), &r, sizeof(r));
		}
		raw[CPUID_BRAND_BYTES] = '\0';
	}
	for (const char *at = raw; *at != '\0'; at++) {
		if (*at != ' ' || (count > 0 && at[1] != ' ' && at[1] != '\0'))
			brand[count++] = *at;
	}
	brand[count] = '\0';
}

void arch_describe(char *line, size_t bytes)
{
	char brand[CPUID_BRAND_BYTES + 1];
	const uint64_t khz = arch_clock_tsc_hz() / 1000;
	const uint32_t count = arch_mp_core_count();

	read_brand(brand);
	fmt_text(line, bytes, "%s, %u core%s, %s, %s timer, TSC %llu.%03llu MHz by %s", brand,
		 count, count == 1 ? "" : "s", apic_is_x2apic() ? "x2APIC" : "xAPIC",
		 apic_timer_name(), (unsigned long long)(khz / 1000),
		 (unsigned long long)(khz % 1000), clock_reference_name());
}
