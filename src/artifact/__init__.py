# SPDX-License-Identifier: MIT
"""From a plan to a verdict: plans, run store, sweep, statistics, claims, report."""
