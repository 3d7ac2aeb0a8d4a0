# SPDX-License-Identifier: MIT
"""Stingy: from an annotated event-driven C server to its cache-aware variant.

``memwalk`` analyses the server, ``stingygen`` lays out its memory in the cache and generates the
allocator, ``stingify`` rewrites the server to use it.
"""
