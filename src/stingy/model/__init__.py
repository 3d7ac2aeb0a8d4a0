# SPDX-License-Identifier: MIT
"""The program as the analysis sees it, the annotations, the published result."""
