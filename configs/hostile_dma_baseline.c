/* SPDX-License-Identifier: Apache-2.0 */
/* configs/hostile_dma_baseline.c - the same at memory of its own: configs/hostile_dma.h. */
#include "configs/hostile_dma.h"

HOSTILE_DMA_SYSTEM("hostile_dma_baseline", "mode=dma rounds=100 at=own");
