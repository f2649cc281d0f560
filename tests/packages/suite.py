# SPDX-License-Identifier: GPL-2.0-or-later
# suite.py BASE REPOSITORY: runs the tests of this directory, in the order of their names, and prints
# how many passed.
import signal
import sys
import unittest

import build_test
import install_test


def main():
    base, repository = sys.argv[1:]
    build_test.Build.repository = repository
    install_test.Install.base, install_test.Install.repository = base, repository
    # As Ctrl-C, the one exception that no test takes for its own failure; the container is taken down.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    loader = unittest.defaultTestLoader
    tests = unittest.TestSuite(
        loader.loadTestsFromTestCase(case) for case in (build_test.Build, install_test.Install))
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2).run(tests)
    failed = len({str(test) for test, _ in result.failures + result.errors})
    print(f"{max(result.testsRun - failed, 0)} passed, {failed} failed")
    return 0 if result.testsRun and not failed else 1


sys.exit(main())
