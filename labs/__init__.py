# SPDX-License-Identifier: MIT
"""Teaching labs: a hand-out and a grader each, on one grader core."""
