"""What the webhook's throughput is compared with: a FastAPI route that validates the same body with the same model and
does nothing else, served the same way. `python -m tests.bench.bare PORT`.
"""

import sys

import uvicorn
from fastapi import FastAPI

from app.intake.message import Message

app = FastAPI()


@app.post("/webhook", status_code=202)
async def webhook(message: Message) -> dict[str, list[str]]:
    return {"captures": [], "known": [], "skipped": []}


if __name__ == "__main__":
    uvicorn.run(
        app, port=int(sys.argv[1]), loop="uvloop", http="httptools", ws="none", log_config=None, access_log=False
    )
