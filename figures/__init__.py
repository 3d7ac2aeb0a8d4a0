# SPDX-License-Identifier: MIT
"""One module per figure of the paper: data frame in, file out."""
