# SPDX-License-Identifier: MIT
#
# A host unit test is a cmocka program: a line "unit-test += NAME", and NAME-src with the test and the sources
# that it links. NAME-cppflags compiles all of them for this test alone, NAME-libs adds libraries.
#
#   unit-test += test_fmt
#   test_fmt-src := tests/unit/test_fmt.c lib/fmt.c
