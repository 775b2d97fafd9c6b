"""Write the message tables of `docs/protocol.md` from the models in `orchestrator/transports/protocol.py`; `--check` compares only.

The prose around the tables is written by hand; a table stands between `<!-- NAME -->` and `<!-- end -->`.
"""

from __future__ import annotations

import inspect
import re
import sys
from pathlib import Path
from typing import Any, get_args

from orchestrator.transports import protocol

DOC = Path(__file__).resolve().parent.parent / "docs" / "protocol.md"
_BLOCK = re.compile(r"<!-- (\w+) -->\n.*?<!-- end -->", re.DOTALL)


def models() -> dict[str, type[protocol.Message]]:
    """All messages by class name."""
    client = get_args(get_args(protocol.ClientMessage)[0])
    return {model.__name__: model for model in (*client, *get_args(protocol.ServerMessage))}


def table(model: type[protocol.Message]) -> str:
    """One message's fields as Markdown."""
    schema = model.model_json_schema()
    rows = [inspect.cleandoc(model.__doc__ or "") + "\n", "| field | type | default | meaning |", "|---|---|---|---|"]
    for name, field in schema["properties"].items():
        if name == "type":
            continue
        default = "required" if name in schema.get("required", []) else f"`{_json(field.get('default'))}`"
        rows.append(f"| `{name}` | {_kind(field)} | {default} | {field.get('description', '').replace(chr(10), ' ')} |")
    return "\n".join(rows if len(rows) > 3 else rows[:1])


def _kind(field: dict[str, Any]) -> str:
    if "anyOf" in field:
        return " or ".join(_kind(option) for option in field["anyOf"])
    if "const" in field:
        return f"`{_json(field['const'])}`"
    if "enum" in field:
        return " \\| ".join(f"`{_json(value)}`" for value in field["enum"])
    bounds = [f"{word} {field[key]}" for key, word in (("minimum", ">="), ("maximum", "<="), ("maxLength", "at most")) if key in field]
    return field["type"] + (f" ({', '.join(bounds)}{' characters' if 'maxLength' in field else ''})" if bounds else "")


def _json(value: object) -> str:
    return {None: "null", True: "true", False: "false"}.get(value, f'"{value}"' if isinstance(value, str) else str(value))  # type: ignore[call-overload,no-any-return]


def render(text: str) -> str:
    """The document with fresh tables."""
    known = models()
    return _BLOCK.sub(lambda m: f"<!-- {m[1]} -->\n{table(known[m[1]])}\n<!-- end -->", text)


def main() -> None:
    text = DOC.read_text()
    if "--check" not in sys.argv:
        DOC.write_text(render(text))
    elif render(text) != text:
        raise SystemExit("docs/protocol.md differs from the models; run `poe protocol-doc`")


if __name__ == "__main__":
    main()
