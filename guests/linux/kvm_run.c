/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guests/linux/kvm_run.c - runs a guest of guests/abi.h under Linux' KVM: the peer in make bench.
 *
 *	kvm_run IMAGE [CPUS [MIB [ARGUMENT..]]]
 *
 * Model    The same file that runs under our hypervisor, entered in the same state. What KVM can
 *	    do in the kernel is done there: APICs, I/O APIC, PICs and PIT (KVM_CREATE_IRQCHIP,
 *	    KVM_CREATE_PIT2). CPUID is what KVM says that it supports, with x2APIC and the
 *	    TSC-deadline timer on. One thread for each virtual CPU. This program only moves console
 *	    bytes and waits for the end: no benchmark row but console output comes here.
 * Console  OUT to CONSOLE_PORT; OUT to EXIT_PORT ends the run with the value as exit status.
 * Source   Linux, Documentation/virt/kvm/api.rst.
 * Errors   One line with the call that failed and the reason; exit status 2. A virtual CPU that
 *	    shuts down or that KVM cannot run on: 3.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "guests/abi.h"

#define CONSOLE_PORT 0xe9u
#define EXIT_PORT    0xf4u
#define CPUS_MAX     8u
#define MIB          (UINT64_C(1) << 20)
#define DEFAULT_MIB  16u /* GUEST_MEMORY of configs/boards.h */
#define HOLE_FIRST   UINT64_C(0xa0000)
#define HOLE_END     UINT64_C(0x100000)
#define RAM_MAX      (UINT64_C(1) << 30)

/* Three pages that VT-x without "unrestricted guest" needs, above any RAM. */
#define TSS_GPA                UINT64_C(0xfffbd000)
#define IDENTITY_MAP_GPA       UINT64_C(0xfffbc000)

#define CPUID_ENTRIES          256u
#define CPUID_1_ECX_X2APIC     (UINT32_C(1) << 21)
#define CPUID_1_ECX_DEADLINE   (UINT32_C(1) << 24)
#define CPUID_1_EBX_APIC_SHIFT 24
#define APIC_BASE_ENABLED      (UINT64_C(1) << 11)
#define APIC_BASE_X2APIC       (UINT64_C(1) << 10)
#define CR0_PE                 UINT64_C(1)
#define CR0_ET                 UINT64_C(0x10)
#define RFLAGS_FIXED1          UINT64_C(2)
#define SEGMENT_CODE           11 /* execute, read, accessed */
#define SEGMENT_DATA           3  /* read, write, accessed */

#define EXIT_FAILED_CALL       2
#define EXIT_GUEST_DIED        3

struct cpu {
	int fd;
	uint32_t index;
	struct kvm_run *run;
	pthread_t thread;
};

static int kvm_fd, vm_fd;
static uint8_t *ram;
static uint64_t ram_bytes;
static uint32_t cpu_count;
static struct cpu cpus[CPUS_MAX];

static void fail(const char *what)
{
	fprintf(stderr, "kvm_run: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILED_CALL);
}

static int call(int fd, unsigned long request, const char *name, void *argument)
{
	int result = ioctl(fd, request, argument);

	if (result < 0)
		fail(name);
	return result;
}
#define CALL(fd, request, argument) call(fd, request, #request, (void *)(uintptr_t)(argument))

/* --- the machine -------------------------------------------------------------------------- */

static void give_memory(uint32_t slot, uint64_t first, uint64_t end)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot,
		.guest_phys_addr = first,
		.memory_size = end - first,
		.userspace_addr = (uintptr_t)ram + first,
	};

	CALL(vm_fd, KVM_SET_USER_MEMORY_REGION, &region);
}

static void create_machine(void)
{
	uint64_t identity_map = IDENTITY_MAP_GPA;
	struct kvm_pit_config pit = { .flags = 0 };

	kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm_fd < 0)
		fail("/dev/kvm");
	vm_fd = CALL(kvm_fd, KVM_CREATE_VM, 0);
	CALL(vm_fd, KVM_SET_IDENTITY_MAP_ADDR, &identity_map);
	CALL(vm_fd, KVM_SET_TSS_ADDR, TSS_GPA);
	CALL(vm_fd, KVM_CREATE_IRQCHIP, 0);
	CALL(vm_fd, KVM_CREATE_PIT2, &pit);
	ram = mmap(NULL, ram_bytes, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (ram == MAP_FAILED)
		fail("guest memory");
	give_memory(0, 0, HOLE_FIRST);
	give_memory(1, HOLE_END, ram_bytes);
}

static bool lies_in_ram(uint64_t first, uint64_t bytes)
{
	return first >= HOLE_END && first <= ram_bytes && bytes <= ram_bytes - first;
}

/* Returns the entry. The file is ours; a damaged one is said to be so, no more. */
static uint64_t load(const uint8_t *file, uint64_t bytes)
{
	Elf64_Ehdr head;
	Elf64_Phdr part;

	errno = ENOEXEC;
	if (bytes < sizeof(head))
		fail("the image");
	memcpy(&head, file, sizeof(head));
	if (memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 || head.e_machine != EM_X86_64)
		fail("the image");
	for (uint64_t i = 0; i < head.e_phnum; i++) {
		uint64_t at = head.e_phoff + i * sizeof(part);

		if (head.e_phoff > bytes || at + sizeof(part) > bytes)
			fail("the image's program headers");
		memcpy(&part, file + at, sizeof(part));
		if (part.p_type != PT_LOAD)
			continue;
		if (!lies_in_ram(part.p_paddr, part.p_memsz) || part.p_filesz > part.p_memsz ||
		    part.p_offset > bytes || part.p_filesz > bytes - part.p_offset)
			fail("the image's segments");
		memcpy(ram + part.p_paddr, file + part.p_offset, part.p_filesz);
	}
	return head.e_entry;
}

static uint64_t load_image(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat status;
	uint64_t entry;
	void *file;

	if (fd < 0 || fstat(fd, &status) != 0)
		fail(path);
	file = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (file == MAP_FAILED)
		fail(path);
	entry = load(file, (uint64_t)status.st_size);
	munmap(file, (size_t)status.st_size);
	close(fd);
	return entry;
}

static bool host_is_amd(void)
{
	unsigned max, b, c, d;

	__asm__("cpuid" : "=a"(max), "=b"(b), "=c"(c), "=d"(d) : "a"(0), "c"(0));
	return b == 0x68747541u; /* "Auth" */
}

static void write_info(char **args)
{
	struct guest_info info = {
		.magic = GUEST_INFO_MAGIC,
		.vcpu_count = cpu_count,
		.ram_bytes = ram_bytes,
		.tsc_hz = (uint64_t)CALL(cpus[0].fd, KVM_GET_TSC_KHZ, 0) * 1000,
		.use_vmmcall = host_is_amd(),
		.name = "kvm",
		.console_port = CONSOLE_PORT,
		.exit_port = EXIT_PORT,
	};

	for (size_t used = 0; *args && used < sizeof(info.args); args++)
		used += (size_t)snprintf(info.args + used, sizeof(info.args) - used, "%s ", *args);
	memcpy(ram + GUEST_INFO_GPA, &info, sizeof(info));
}

/* --- virtual CPUs ------------------------------------------------------------------------- */

static void set_cpuid(const struct cpu *c)
{
	static uint64_t
		room[(sizeof(struct kvm_cpuid2) + CPUID_ENTRIES * sizeof(struct kvm_cpuid_entry2)) /
			     sizeof(uint64_t) +
		     1];
	struct kvm_cpuid2 *cpuid = (struct kvm_cpuid2 *)room;

	cpuid->nent = CPUID_ENTRIES;
	CALL(kvm_fd, KVM_GET_SUPPORTED_CPUID, cpuid);
	for (uint32_t i = 0; i < cpuid->nent; i++) {
		struct kvm_cpuid_entry2 *e = &cpuid->entries[i];

		if (e->function == 1) {
			e->ecx |= CPUID_1_ECX_X2APIC | CPUID_1_ECX_DEADLINE;
			e->ebx = (e->ebx & 0xffff) | cpu_count << 16 |
				 c->index << CPUID_1_EBX_APIC_SHIFT;
		} else if (e->function == 0xb || e->function == 0x1f) {
			e->edx = c->index;
		}
	}
	CALL(c->fd, KVM_SET_CPUID2, cpuid);
}

static struct kvm_segment flat(uint8_t type)
{
	return (struct kvm_segment){ .limit = UINT32_MAX,
				     .selector = type == SEGMENT_CODE ? 8 : 16,
				     .type = type,
				     .present = 1,
				     .db = 1,
				     .s = 1,
				     .g = 1 };
}

/* APIC in x2APIC mode; the first CPU at the entry, the others as INIT leaves them. */
static void set_registers(const struct cpu *c, uint64_t entry)
{
	struct kvm_regs regs = { .rip = entry,
				 .rax = GUEST_BOOT_MAGIC,
				 .rbx = GUEST_INFO_GPA,
				 .rflags = RFLAGS_FIXED1 };
	struct kvm_sregs sregs;

	CALL(c->fd, KVM_GET_SREGS, &sregs);
	sregs.apic_base |= APIC_BASE_ENABLED | APIC_BASE_X2APIC;
	if (c->index == 0) {
		sregs.cs = flat(SEGMENT_CODE);
		sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = flat(SEGMENT_DATA);
		sregs.cr0 = CR0_PE | CR0_ET;
	}
	CALL(c->fd, KVM_SET_SREGS, &sregs);
	if (c->index == 0)
		CALL(c->fd, KVM_SET_REGS, &regs);
}

static void create_cpu(struct cpu *c, uint32_t index)
{
	size_t bytes = (size_t)CALL(kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0);

	c->index = index;
	c->fd = CALL(vm_fd, KVM_CREATE_VCPU, index);
	c->run = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, c->fd, 0);
	if (c->run == MAP_FAILED)
		fail("kvm_run");
	set_cpuid(c);
}

static void on_port(struct kvm_run *run)
{
	uint8_t *data = (uint8_t *)run + run->io.data_offset;

	if (run->io.direction == KVM_EXIT_IO_IN) {
		memset(data, 0xff, (size_t)run->io.size * run->io.count);
		return;
	}
	if (run->io.port == CONSOLE_PORT) {
		fwrite(data, 1, (size_t)run->io.size * run->io.count, stdout);
	} else if (run->io.port == EXIT_PORT) {
		fflush(stdout);
		exit(data[0]);
	}
}

static void *run_cpu(void *argument)
{
	struct cpu *c = argument;

	for (;;) {
		if (ioctl(c->fd, KVM_RUN, 0) != 0) {
			if (errno == EINTR || errno == EAGAIN)
				continue;
			fail("KVM_RUN");
		}
		switch (c->run->exit_reason) {
		case KVM_EXIT_IO:
			on_port(c->run);
			break;
		case KVM_EXIT_MMIO:
			memset(c->run->mmio.data, 0xff, sizeof(c->run->mmio.data));
			break;
		default:
			fflush(stdout);
			fprintf(stderr, "kvm_run: CPU %u: exit reason %u, hardware's %llx\n",
				c->index, c->run->exit_reason,
				(unsigned long long)c->run->hw.hardware_exit_reason);
			exit(EXIT_GUEST_DIED);
		}
	}
	return NULL;
}

int main(int argc, char **argv)
{
	uint64_t entry;

	cpu_count = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 0) : 1;
	ram_bytes = (argc > 3 ? strtoull(argv[3], NULL, 0) : DEFAULT_MIB) * MIB;
	if (argc < 2 || cpu_count < 1 || cpu_count > CPUS_MAX || ram_bytes < 2 * MIB ||
	    ram_bytes > RAM_MAX) {
		fprintf(stderr, "usage: kvm_run IMAGE [CPUS [MIB [ARGUMENT..]]]\n");
		return EXIT_FAILED_CALL;
	}
	create_machine();
	entry = load_image(argv[1]);
	for (uint32_t i = 0; i < cpu_count; i++)
		create_cpu(&cpus[i], i);
	write_info(argv + (argc > 4 ? 4 : argc));
	for (uint32_t i = 0; i < cpu_count; i++)
		set_registers(&cpus[i], entry);
	for (uint32_t i = 1; i < cpu_count; i++) {
		if (pthread_create(&cpus[i].thread, NULL, run_cpu, &cpus[i]) != 0)
			fail("pthread_create");
	}
	run_cpu(&cpus[0]);
	return EXIT_SUCCESS;
}
