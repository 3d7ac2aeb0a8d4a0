# SPDX-License-Identifier: MIT
"""Lab 3: where should objects lie?"""
