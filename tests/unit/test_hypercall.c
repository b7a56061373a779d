/* SPDX-License-Identifier: Apache-2.0 */
/* Who has which hypercalls: guests of ours those of guests/abi.h, all others none. */
#include <string.h>
#include "arch/mem.h"
#include "core/exit.h"
#include "guests/abi.h"
#include "tests/fake/arch.h"
#include "tests/test.h"

/* Linux, "KVM Hypercalls": -KVM_ENOSYS. */
#define NOT_THERE_FOR_KVM UINT64_C(0xfffffffffffffc18)

static uint8_t ram[4096];

void *arch_mem_at(hpa_t at)
{
	return ram;
}

enum err arch_space_create(part_id_t part)
{
	return OK;
}

enum err arch_space_map(part_id_t part, gpa_t gpa, hpa_t hpa, uint64_t bytes, uint32_t rights)
{
	return OK;
}

/* Two vCPUs of a partition whose file is not there: created as far as that. */
static void create(enum boot_protocol boot)
{
	static const struct boot_info no_files;
	static struct partition_config wanted;
	static struct plan plan;
	const char *reason;

	wanted = (struct partition_config){ .name = "a", .image = "a", .boot = boot };
	plan = (struct plan){ .partition_count = 1, .vcpu_count = 2 };
	plan.partitions[0].vcpu_count = 2;
	plan.partitions[0].memory_bytes = MIB(2);
	CHECK(partition_create(0, &wanted, &plan, &no_files, &reason) != OK);
}

static uint64_t result_of(uint32_t vcpu, uint64_t number)
{
	const struct exit_info e = { .kind = EXIT_HYPERCALL, .addr = number };

	fake.guests[vcpu].result = 12345;
	CHECK(hypercall_dispatch(&vcpu_states[vcpu], &e) == ACT_SKIP_INSN);
	return fake.guests[vcpu].result;
}

static void guests_of_ours_have_theirs(void)
{
	create(BOOT_GUEST);
	for (uint32_t vcpu = 0; vcpu < 2; vcpu++) {
		CHECK(result_of(vcpu, GUEST_CALL_NULL) == 0);
		CHECK(result_of(vcpu, GUEST_CALL_CPU_TIME) == 0); /* it has not run */
		for (uint64_t n = GUEST_CALL_COUNT; n != 0; n <<= 1)
			CHECK(result_of(vcpu, n) == GUEST_ENOSYS);
	}
}

static void all_others_have_none(void)
{
	static const enum boot_protocol kinds[] = { BOOT_LINUX, BOOT_MULTIBOOT };

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		create(kinds[i]);
		for (uint32_t vcpu = 0; vcpu < 2; vcpu++) {
			for (uint64_t n = 0; n < 100; n++)
				CHECK(result_of(vcpu, n) == NOT_THERE_FOR_KVM);
			CHECK(result_of(vcpu, UINT64_MAX) == NOT_THERE_FOR_KVM);
		}
	}
}

int main(void)
{
	RUN(guests_of_ours_have_theirs);
	RUN(all_others_have_none);
	return test_failed;
}
