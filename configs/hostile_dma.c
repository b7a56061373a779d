/* SPDX-License-Identifier: Apache-2.0 */
/* configs/hostile_dma.c - a neighbour whose devices attack: configs/hostile_dma.h. */
#include "configs/hostile_dma.h"

HOSTILE_DMA_SYSTEM("hostile_dma", "mode=dma rounds=100");
