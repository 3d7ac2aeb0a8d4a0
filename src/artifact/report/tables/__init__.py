# SPDX-License-Identifier: MIT
"""The tables behind the figures: intervals are computed here, figures only draw."""
