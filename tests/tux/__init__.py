# SPDX-License-Identifier: MIT
"""Black-box, fuzzing and fault tests of TUX; nginx and Apache are the oracles."""
