/* SPDX-License-Identifier: Apache-2.0 */
/* configs/linux_mixed_boot.c - beside Linux that boots again and again. */
#include "configs/linux_mixed.h"

MIXED_CLOUD("linux_mixed_boot", "reboot", .on_reset = LIFE_RESTART);
