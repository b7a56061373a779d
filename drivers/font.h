/* SPDX-License-Identifier: Apache-2.0 */
/* drivers/font.h - the console font, a PSF file put into the image by drivers/font.S. */
#pragma once
#include "core/lib/base.h"

extern const uint8_t font[], font_end[];
