# SPDX-License-Identifier: MIT
"""The grader core: runs a student's files in a sandbox and turns raw output into points.

Nothing but Python's standard library is imported here, so that a hand-out's own check and a
platform's container need no packages.  That is why it has a door to other programs of its own
(`sandbox`): what passes through it is not trusted, and gets another user, limits and no network.
"""
