# SPDX-License-Identifier: MIT
"""Names that a folder of the user's may have, each a trap for some program that gets its path."""

ODD_NAMES = (
    *("a,b", "a b", "a=b", "50%", "Ümlaut", "-dash", "x" * 200, 'quo"te', "colon:", "new$HOME"),
    *("#hash", "it's"),
)
# All traps of one path that the file system, the shell and PYTHONPATH allow.
ODDEST_NAME = "-a,b = 50 % of 'ü'"
