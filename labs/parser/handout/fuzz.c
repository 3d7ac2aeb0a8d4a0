/* SPDX-License-Identifier: MIT */
/* For libFuzzer: make fuzz && ./fuzz -max_len=600 -dict=http.dict -seed=1 corpus */
#include <stdlib.h>

#include "parser.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct request request;

	parse_request(data, size, &request);
	if (!law_holds(data, size))
		abort();
	return 0;
}
