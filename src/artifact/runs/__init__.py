# SPDX-License-Identifier: MIT
"""From a plan to stored runs: keys, store, sweep, searches."""
