/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guests/abi.h - what the hypervisor and our own guests agree on.
 *
 * Entry    ELF64 image, loaded at its physical addresses; first instruction in flat 32-bit
 *	    protected mode, paging off, interrupts off. EAX = GUEST_BOOT_MAGIC, EBX = guest-
 *	    physical address of struct guest_info, which the hypervisor wrote into guest RAM.
 * CPUs     0 starts at the entry; the others, up to vcpu_count, wait for INIT and start-up IPIs.
 *	    Their APIC IDs are 0, 1, .., vcpu_count - 1.
 * RAM      ram_bytes in all: [0, 3 GiB) but for the hole [0xa0000, 0x100000), the rest at 4 GiB.
 * APIC     Local APIC in x2APIC mode only: MSRs 0x800..0x83f, timer one-shot, periodic and
 *	    TSC-deadline; its count and the TSC both run at tsc_hz (divide configuration 1).
 * Devices  Those that the partition owns, if it has a virtual PC: functions 0 of devices 1 to 8 on PCI
 *	    bus 0, whose configuration space (ECAM, 1 MiB) is at 0xe0000000. Their memory BARs
 *	    have their places, below 0xfec00000; the guest turns decoding on. What a device reads
 *	    and writes are guest-physical addresses.
 * Calls    VMCALL (VT-x) or VMMCALL (AMD-V), whichever the CPU has: `use_vmmcall` tells.
 *	    RAX = number, RBX, RCX, RDX, RSI = arguments; the result is in RAX, all other
 *	    registers keep their values. From ring 0 only, else #UD. Unknown number: GUEST_ENOSYS.
 * Ports    Another loader (a launcher on a peer hypervisor) may have no such calls. Then it
 *	    gives I/O ports, which the guest uses in place of GUEST_CALL_CONSOLE_WRITE and
 *	    GUEST_CALL_EXIT: a byte written to console_port (OUT, 8 bits) is printed, a status
 *	    written to exit_port (OUT, 32 bits) ends the guest. No other call is needed then.
 */
#pragma once
#include <stdint.h>

#define GUEST_BOOT_MAGIC 0x424b4744u /* "DGKB" in memory */
#define GUEST_INFO_MAGIC 0x494e464fu
#define GUEST_INFO_GPA   0x1000u
#define GUEST_NAME_BYTES 32
#define GUEST_ARGS_BYTES 256

struct guest_info {
	uint32_t magic; /* GUEST_INFO_MAGIC */
	uint32_t vcpu_count;
	uint64_t ram_bytes;
	uint64_t tsc_hz;
	uint32_t use_vmmcall;
	uint32_t start_us; /* by how much its TSC is behind that of the first partition, at first */
	char name[GUEST_NAME_BYTES]; /* the partition's, NUL-terminated */
	char args[GUEST_ARGS_BYTES]; /* from the configuration, NUL-terminated */
	uint32_t console_port;       /* 0: none, calls are used */
	uint32_t exit_port;          /* 0: none, calls are used */
};

enum guest_call {
	GUEST_CALL_NULL,          /* does nothing; returns 0 */
	GUEST_CALL_CONSOLE_WRITE, /* rbx = gpa, rcx = bytes (<= GUEST_WRITE_MAX): bytes taken, to the
				   * end of a line at most; 0 when the partition's console is full */
	GUEST_CALL_EXIT,          /* rbx = status (0: well): ends the partition, does not return */
	GUEST_CALL_CPU_TIME,      /* TSC ticks charged to this vCPU so far: guest + hypervisor */
	GUEST_CALL_REPORT_JOB,    /* rbx = response, rcx = relative deadline, both in TSC ticks:
				   * one job of a periodic task is done. For the summary */
	GUEST_CALL_COUNT
};
#define GUEST_WRITE_MAX 256u

/* Results with the top bit set are errors. */
#define GUEST_ENOSYS UINT64_C(0xffffffffffffffff)
#define GUEST_EINVAL UINT64_C(0xfffffffffffffffe)
