# SPDX-License-Identifier: MIT
"""What a machine leaves, read."""
