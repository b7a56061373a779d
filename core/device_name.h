/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/device_name.h - addresses of PCI functions and of network interfaces, as users write them.
 *
 * Errors   False: not of that form, and nothing is written.
 * Sharing  Pure.
 */
#pragma once
#include "arch/pci.h"

/* "bb:dd.f" or "ssss:bb:dd.f", hexadecimal digits. */
MUST_CHECK bool device_parse_pci(const char *text, pci_addr_t *address);
#define DEVICE_PCI_TEXT_BYTES 16u
void device_write_pci(pci_addr_t address, char text[DEVICE_PCI_TEXT_BYTES]);

/* "02:00:00:00:00:01"; any address, also one that no interface may have. */
MUST_CHECK bool device_parse_mac(const char *text, uint8_t mac[6]);
/* IEEE 802, "Structure of the MAC address": an individual one, and not null. */
static inline bool device_is_unicast(const uint8_t mac[6])
{
	return !(mac[0] & 1) && (mac[0] | mac[1] | mac[2] | mac[3] | mac[4] | mac[5]) != 0;
}
