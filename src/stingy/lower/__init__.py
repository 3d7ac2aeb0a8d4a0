# SPDX-License-Identifier: MIT
"""From C sources to one program of small steps."""
