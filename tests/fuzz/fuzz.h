// SPDX-License-Identifier: BSD-2-Clause
/* fuzz - what a fuzz target has: one function over any input. It CHECKs what
 * must hold; a crash, a sanitizer's report or a broken CHECK is a finding. */
#pragma once

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
