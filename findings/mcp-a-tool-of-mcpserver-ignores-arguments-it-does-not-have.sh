#!/bin/sh
# The official Python SDK of the Model Context Protocol (PyPI mcp 2.3.0), MCPServer and its decorator `tool`.
#
# A tool's input schema is made of its signature. So one expects that a call with an argument that the signature does not
# have is refused, as every other wrong argument is. It is dropped without a word, and the schema does not forbid it: a
# model that misspells a filter gets an unfiltered answer and no hint. The low-level Server with a schema of one's own
# (additionalProperties: false) and one's own validation refuses it.
#
# Seen: `{"servce": "orders"}` is answered as if nothing had been asked for, while `{"limit": "many"}` is an error
# Exits non-zero when it is otherwise.
set -eu
cd "$(mktemp -d)"
python3 -m venv venv
venv/bin/pip --quiet --disable-pip-version-check install mcp==2.3.0
cat >misspelt.py <<'PY'
import asyncio

from mcp import Client
from mcp.server import MCPServer

server = MCPServer("shop")


@server.tool()
def list_orders(service: str = "", limit: int = 10) -> str:
    return f"service={service!r} limit={limit}"


async def main() -> None:
    async with Client(server) as client:
        (tool,) = (await client.list_tools()).tools
        misspelt = await client.call_tool("list_orders", {"servce": "orders"})
        wrong = await client.call_tool("list_orders", {"limit": "many"})
    print("additionalProperties:", tool.input_schema.get("additionalProperties"))
    print("misspelt:", misspelt.is_error, misspelt.content[0].text)
    print("wrong type:", wrong.is_error)
    assert tool.input_schema.get("additionalProperties") is not False
    assert not misspelt.is_error and "service=''" in misspelt.content[0].text
    assert wrong.is_error


asyncio.run(main())
PY
venv/bin/python misspelt.py
