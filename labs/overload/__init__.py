# SPDX-License-Identifier: MIT
"""Lab 7: livelock and metastable failure."""
