# SPDX-License-Identifier: MIT
"""A request is followed from stage to stage; what it needs is published."""
