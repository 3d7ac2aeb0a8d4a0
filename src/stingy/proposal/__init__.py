# SPDX-License-Identifier: MIT
"""`memwalk init`: an annotation file proposed from the sources, each entry with its evidence."""
