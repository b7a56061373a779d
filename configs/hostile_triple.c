/* SPDX-License-Identifier: Apache-2.0 */
/* configs/hostile_triple.c - a neighbour that triple-faults: configs/hostile.h. */
#include "configs/hostile.h"

HOSTILE_SYSTEM("hostile_triple", "hostile.elf", "mode=triple");
