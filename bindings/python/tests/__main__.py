"""`python -m tests [NAME ...]`: the package's tests, each told of in a line, as the other languages do."""

import sys
import unittest
from pathlib import Path


class Told(unittest.TestResult):
    def _tell(self, test, outcome):
        print(f"test {test.id()}: {outcome}", flush=True)

    def addSuccess(self, test):
        super().addSuccess(test)
        self._tell(test, "passed")

    def addSubTest(self, test, subtest, error):
        super().addSubTest(test, subtest, error)
        if error is not None:
            self._fail(subtest, error)

    def addError(self, test, error):
        super().addError(test, error)
        self._fail(test, error)

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self._fail(test, error)

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self._tell(test, "FAILED: it was not expected to pass")

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self._tell(test, f"skipped: {reason}")

    def _fail(self, test, error):
        print(self._exc_info_to_string(error, test), file=sys.stderr)
        self._tell(test, f"FAILED: {error[1]!r}")


def main():
    here = Path(__file__).parent
    loader = unittest.TestLoader()
    loader.testNamePatterns = [f"*{name}*" for name in sys.argv[1:]] or None
    result = Told()
    loader.discover(str(here), top_level_dir=str(here.parent)).run(result)
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
