"""The tracer of shape comments, tried on comments that are true and on false ones."""

import importlib
import sys

import pytest

from tools.shapes import check_shapes


@pytest.mark.parametrize(
    ("code", "complaint"),
    [
        ("x = torch.ones(2, 3)  # (B, D)", None),
        ("x = torch.ones(\n        2,\n        3,\n    )  # (B, 3)", None),
        ("x = torch.stack([torch.ones(3) for _ in range(2)])  # (B, D)", None),
        ("for x in torch.ones(2, 3):  # (D,)\n        pass", None),
        ("x, y = torch.ones(2, 3), torch.ones(4)  # (B, D), (D + 1,)", None),
        ("both = (torch.ones(2, 3), torch.ones(2))  # (B, D), (B,)", None),
        ("x = torch.ones(7, 2, 3)  # (..., B, D)", None),
        ("return torch.ones(2, 3)  # (B, D)", None),
        ("return torch.ones(2), torch.ones(3)  # (B,), (D,)", None),
        ("x = torch.ones(6)  # (B * D,)\n    y = torch.ones(2, 3)  # (B, D)", None),
        (
            "x = torch.ones(6)  # (B * D,)\n    y = torch.ones(2, 4)  # (B, D)",
            r":8 says \(B, D\) but it is \(2, 4\)",
        ),
        ("x = torch.ones(3, 2)  # (3, 3)", r":7 says \(3, 3\) but it is \(3, 2\)"),
        ("x = torch.ones(3, 2)  # (B, B)", r":7 says \(B, B\) but it is \(3, 2\)"),
        (
            "both = (torch.ones(2), torch.ones(2))  # (B,), (B, D)",
            r":7 says \(B, D\) but it is \(2,\)",
        ),
        ("x = torch.ones(3, 2)  # (B,)", r":7 says \(B\) but it is \(3, 2\)"),
        ("return torch.ones(2, 3)  # (D,)", r":7 says \(D\) but it is \(2, 3\)"),
        ("if B:\n        x = torch.ones(2)  # (B,)", r":8: never reached"),
        ("x = torch.ones(2)  # (K,)", r":7: declare {'K'}"),
        ("print('no tensor')  # (B, D)", r":7: nothing here has that shape"),
    ],
)
def test_a_false_comment_is_named_with_file_line_and_true_shape(
    code, complaint, tmp_path, monkeypatch
):
    head = '"""Try.\n\n:Shapes: B batch, D size\n"""\nimport torch\n'
    text = f"{head}def f(B=0):\n    {code}\n"
    (tmp_path / "tried.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "tried", raising=False)
    module = importlib.import_module("tried")
    if complaint is None:
        check_shapes(module, module.f)
        return
    with pytest.raises(AssertionError, match=rf"tried\.py{complaint}"):
        check_shapes(module, module.f)


def test_what_the_traced_function_returns_is_handed_on(tmp_path, monkeypatch):
    (tmp_path / "traced.py").write_text('"""Try.\n\n:Shapes: none\n"""\n')
    monkeypatch.syspath_prepend(tmp_path)
    assert check_shapes(importlib.import_module("traced"), lambda: 7) == 7
