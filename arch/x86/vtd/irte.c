/* SPDX-License-Identifier: Apache-2.0 */
#include "arch/x86/vtd/irte.h"
#include "core/lib/assert.h"

#define DESCRIPTOR_BYTES 64u
#define XAPIC_ID_MAX     0xffu

struct vtd_entry vtd_irte_remapped(uint16_t requester, uint32_t apic_id, enum vtd_apic_mode targets,
				   uint8_t vector)
{
	const uint32_t shift =
		targets == VTD_X2APIC ? VTD_IRTE_LO_DST_SHIFT : VTD_IRTE_LO_DST_XAPIC_SHIFT;

	ASSERT(targets == VTD_X2APIC || apic_id <= XAPIC_ID_MAX);
	return (struct vtd_entry){ VTD_IRTE_LO_P | (uint64_t)vector << VTD_IRTE_LO_V_SHIFT |
					   (uint64_t)apic_id << shift,
				   VTD_IRTE_HI_SVT_SID | requester };
}

struct vtd_entry vtd_irte_posted(uint16_t requester, uint64_t descriptor, uint8_t vector)
{
	ASSERT(descriptor % DESCRIPTOR_BYTES == 0);
	return (struct vtd_entry){
		VTD_IRTE_LO_P | VTD_IRTE_LO_IM | (uint64_t)vector << VTD_IRTE_LO_V_SHIFT |
			(descriptor & VTD_IRTE_LO_PDAL_MASK) << VTD_IRTE_LO_PDAL_SHIFT,
		VTD_IRTE_HI_SVT_SID | requester | (descriptor & VTD_IRTE_HI_PDAH_MASK)
	};
}

struct irq_msi vtd_irte_msi(uint32_t index)
{
	return (struct irq_msi){ VTD_MSI_ADDRESS | VTD_MSI_REMAPPABLE | VTD_MSI_SHV |
					 (uint64_t)(index & 0x7fff) << VTD_MSI_HANDLE_LOW_SHIFT |
					 (uint64_t)(index >> 15 & 1) << VTD_MSI_HANDLE_HIGH_SHIFT,
				 0 };
}

/* SDM Vol. 2A, "CMPXCHG8B/CMPXCHG16B": every processor with VT-d has it. */
void vtd_irte_store(struct vtd_entry *at, struct vtd_entry entry)
{
	struct vtd_entry old = *at;
	bool is_done;

	__asm__ volatile("lock cmpxchg16b %0"
			 : "+m"(*at), "+a"(old.lo), "+d"(old.hi), "=@ccz"(is_done)
			 : "b"(entry.lo), "c"(entry.hi)
			 : "memory");
	ASSERT(is_done);
}
