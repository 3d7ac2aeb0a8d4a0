# SPDX-License-Identifier: MIT
"""Lab 1: the stage graph of a server, by hand and by tool."""
