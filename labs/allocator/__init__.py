# SPDX-License-Identifier: MIT
"""Lab 4: an allocator with a query function."""
