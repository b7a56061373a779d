/* SPDX-License-Identifier: Apache-2.0 */
/* drivers/pci_parts.h - what drivers/pci*.c and drivers/sriov.c share. See drivers/pci.h. */
#pragma once
#include "drivers/pci.h"
#include "drivers/pci_regs.h"

/* Configuration space of this function has 4 KiB. */
bool pci_is_extended(pci_addr_t addr);
/* Fills caps and what they say; sets is_usable and why if a list or a structure is malformed. */
void pci_read_capabilities(struct pci_function *f);
/* MSI-X table and pending bits lie within BARs that are known by now. */
void pci_check_msix(struct pci_function *f);
/*
 * Sizes and reads `count` BARs from register `first` on. Decoding of them is off meanwhile: the
 * caller's. False: `why` says what is malformed.
 */
bool pci_size_bars(pci_addr_t addr, uint32_t first, uint32_t count, struct pci_bar *bars,
		   const char **why);
void pci_refuse(struct pci_function *f, const char *why);
void pci_remark(const struct pci_table *t, pci_addr_t at, const char *what);
/* A root or downstream port: there is one device below it. */
bool pci_is_port_above_link(const struct pci_function *f);
/* ARI Forwarding is enabled in this bridge. */
bool pci_forwards_ari(const struct pci_function *bridge);
