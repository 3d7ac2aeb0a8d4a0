/* SPDX-License-Identifier: MIT */
/* Your law: what must be true of the parser on every input, whatever the right answer is. */
#include "parser.h"

bool law_holds(const uint8_t *data, size_t length)
{
	(void)data;
	(void)length;
	return true;
}
