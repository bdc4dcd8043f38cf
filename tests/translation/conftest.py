"""Failed assertions of the shared module say what they compared."""

import pytest

pytest.register_assert_rewrite("tests.translation.translating", "tests.translation.answering")
