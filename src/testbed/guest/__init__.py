# SPDX-License-Identifier: MIT
"""What guests are told to do, and what they account for."""
