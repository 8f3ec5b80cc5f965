"""Where names may wrap."""

import pytest

from app.web.pages.values import breakable


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("example.com/orders/burn.Run", ["example.", "com/", "orders/", "burn.", "Run"]),
        ("10.0.0.6:9100", ["10.0.0.6:", "9100"]),
        ("go1.25.1", ["go1.25.1"]),
        ("runtime.memclrNoHeapPointers", ["runtime.", "memclr", "No", "Heap", "Pointers"]),
        ("runtime.asyncPreempt", ["runtime.", "asyncPreempt"]),
        ("a<b>.c", ["a&lt;b&gt;.", "c"]),
    ],
)
def test_a_name_may_wrap_between_its_parts_and_never_inside_a_number(text: str, parts: list[str]) -> None:
    assert breakable(text).split("<wbr>") == parts
