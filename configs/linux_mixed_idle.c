/* SPDX-License-Identifier: Apache-2.0 */
/* configs/linux_mixed_idle.c - beside Linux: idle. See configs/linux_mixed.h. */
#include "configs/linux_mixed.h"

MIXED_CLOUD("linux_mixed_idle", "idle");
