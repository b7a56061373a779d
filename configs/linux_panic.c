/* SPDX-License-Identifier: Apache-2.0 */
/* configs/linux_panic.c - Linux panics; its neighbour on the same core must not notice. */
#include "configs/linux_mixed.h"

MIXED_SYSTEM("linux_panic", "900", 182, "cloud", "panic");
