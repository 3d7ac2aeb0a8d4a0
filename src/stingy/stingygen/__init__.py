# SPDX-License-Identifier: MIT
"""From what requests need to a memory map, its proof and the allocator in C."""
