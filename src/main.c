// SPDX-License-Identifier: BSD-2-Clause
#include "base/check.h"

int
main(void)
{
	return 0;
}
