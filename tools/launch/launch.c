/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tools/launch/launch.c - starts one of our guests on the bare machine of QEMU, without hypervisor:
 * so its drivers meet devices that we did not make.
 *
 * Model    A Multiboot program; the guest is its first module, what follows the first word of its
 *	    command line are the guest's arguments. It makes of the machine what guests/abi.h
 *	    promises: the configuration space of bus 0 where guests look for it, no legacy
 *	    interrupts, a console at COM1, an exit port.
 * Source   Multiboot Specification 0.6.96, "Boot information format"; Intel 3 Series Express
 *	    Chipset datasheet, "PCIEXBAR"; System V ABI, "Program Header".
 * Units    TSC_HZ: QEMU's software CPU counts nanoseconds.
 * Errors   Said on COM1; then nothing more happens.
 */
#include <stdbool.h>
#include <stdint.h>
#include "guests/abi.h"

#define TSC_HZ    UINT64_C(1000000000)
#define COM1      0x3f8u
#define EXIT_PORT 0xf4u
#define PIC_MASKS \
	{ \
		0x21u, 0xa1u \
	}
#define CONFIG_ADDRESS 0xcf8u
#define CONFIG_DATA    0xcfcu
#define CONFIG_ENABLE  0x80000000u
#define PCIEXBAR       0x60u
#define PCIEXBAR_VALUE 0xe0000005u /* there, 64 MiB, on */
#define RAM_MAX        0x40000000u
#define MIB            0x100000u
#define ELF_MAGIC      0x464c457fu
#define PT_LOAD        1u

struct multiboot {
	uint32_t flags, mem_lower, mem_upper, boot_device, cmdline, mods_count, mods_addr;
};
struct module {
	uint32_t start, end, string, reserved;
};
struct elf {
	uint32_t magic;
	uint8_t rest[20];
	uint64_t entry, phoff;
	uint8_t more[16];
	uint16_t phnum;
};
struct segment {
	uint32_t type, flags;
	uint64_t offset, vaddr, paddr, filesz, memsz, align;
};
_Static_assert(__builtin_offsetof(struct elf, phnum) == 56, "an ELF64 header");

void launch(const struct multiboot *m);
__attribute__((noreturn)) void enter_guest(uint32_t entry, uint32_t magic, uint32_t info);

static void out8(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" ::"a"(value), "Nd"(port));
}

static void out32(uint16_t port, uint32_t value)
{
	__asm__ volatile("outl %0, %1" ::"a"(value), "Nd"(port));
}

static void *at(uint32_t address)
{
	return (void *)address;
}

static void say(const char *text)
{
	while (*text)
		out8(COM1, (uint8_t)*text++);
}

static void set_config(uint32_t offset, uint32_t value)
{
	out32(CONFIG_ADDRESS, CONFIG_ENABLE | offset);
	out32(CONFIG_DATA, value);
}

static void prepare_machine(void)
{
	static const uint16_t masks[] = PIC_MASKS;

	for (uint32_t i = 0; i < 2; i++)
		out8(masks[i], 0xff);
	set_config(PCIEXBAR, 0);
	set_config(PCIEXBAR + 4, 0);
	set_config(PCIEXBAR, PCIEXBAR_VALUE);
}

static uint32_t load(const uint8_t *file)
{
	const struct elf *e = (const void *)file;
	const struct segment *s = (const void *)(file + e->phoff);

	for (uint32_t i = 0; i < e->phnum; i++) {
		uint8_t *to = at((uint32_t)s[i].paddr);

		for (uint32_t b = 0; s[i].type == PT_LOAD && b < s[i].memsz; b++)
			to[b] = b < s[i].filesz ? file[s[i].offset + b] : 0;
	}
	return (uint32_t)e->entry;
}

static void set_text(char *to, uint32_t bytes, const char *text)
{
	uint32_t i = 0;

	for (; text[i] && i + 1 < bytes; i++)
		to[i] = text[i];
	to[i] = '\0';
}

static void write_info(const struct multiboot *m)
{
	struct guest_info *info = at(GUEST_INFO_GPA);
	const char *args = at(m->cmdline);
	const uint32_t ram = m->mem_upper * 1024u + MIB;

	while (*args && *args != ' ')
		args++;
	*info = (struct guest_info){ .magic = GUEST_INFO_MAGIC,
				     .vcpu_count = 1,
				     .ram_bytes = ram < RAM_MAX ? ram : RAM_MAX,
				     .tsc_hz = TSC_HZ,
				     .console_port = COM1,
				     .exit_port = EXIT_PORT };
	set_text(info->name, GUEST_NAME_BYTES, "bare");
	set_text(info->args, GUEST_ARGS_BYTES, args + (*args == ' '));
}

void launch(const struct multiboot *m)
{
	const struct module *module = at(m->mods_addr);
	uint32_t entry;

	if (!m->mods_count || *(const uint32_t *)at(module->start) != ELF_MAGIC) {
		say("launch: the first module is no guest\n");
		return;
	}
	prepare_machine();
	entry = load(at(module->start));
	write_info(m);
	enter_guest(entry, GUEST_BOOT_MAGIC, GUEST_INFO_GPA);
}
