/* SPDX-License-Identifier: Apache-2.0 */
/* core/plan_nic.c - what a network controller in memory needs: linked where there is one. */
#include "core/plan_check.h"

#define LINK_MIN 125000u /* 1 Mbit/s */
#define LINK_MAX UINT64_C(12500000000)

/* What is played by a core is played as fast as that core looks. */
void check_pf_in_memory(struct check *k, uint32_t i)
{
	const struct pf_config *f = &k->config->pfs[i];

	if (f->address)
		refuse_system(k,
			      "pfs[%u].address = %s: PF_MEMORY is no function of the machine; "
			      "leave it out",
			      i, text_quoted(f->address).s);
	if (k->config->service.kind != CPU_OWNED)
		refuse_system(k,
			      "pfs[%u].driver = PF_MEMORY: a core plays it that does nothing else; "
			      "give service = OWN_CORE(core)",
			      i);
	if (f->link_bytes_per_s != 0 &&
	    (f->link_bytes_per_s < LINK_MIN || f->link_bytes_per_s > LINK_MAX))
		refuse_system(k,
			      "pfs[%u].link_bytes_per_s = %llu: a link that a core plays has %u to "
			      "%llu; give one of these, or 0 for 125000000",
			      i, (unsigned long long)f->link_bytes_per_s, LINK_MIN,
			      (unsigned long long)LINK_MAX);
}
