# SPDX-License-Identifier: MIT
"""Servers that people have, under memwalk and stingify: fetched, built, analysed, and what came of
it as a page."""
