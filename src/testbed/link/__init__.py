# SPDX-License-Identifier: MIT
"""What the wire shows."""
