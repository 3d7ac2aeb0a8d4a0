# SPDX-License-Identifier: MIT
"""What people read: page, figures, metadata."""
