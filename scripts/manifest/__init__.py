# SPDX-License-Identifier: MIT
"""Reading, checking and packing manifests; scripts/mkpackage is the program."""
