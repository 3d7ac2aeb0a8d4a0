# SPDX-License-Identifier: MIT
"""Lab 6: what is wrong with this evaluation?"""
