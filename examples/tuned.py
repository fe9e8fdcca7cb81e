"""Options of the core as keyword arguments, and what the server says about itself.

python examples/tuned.py
curl http://127.0.0.1:8000/stats
"""

import time

from fasterapi import FasterAPI

app = FasterAPI(title="Tuned", worker_threads=8, queue_size=1024, max_body_size=65536)


@app.get("/slow")
def slow(seconds: float = 0.1):
    """A blocking handler: it runs on one of the eight worker threads."""
    time.sleep(min(seconds, 5.0))
    return {"slept": seconds}


@app.get("/stats")
async def stats():
    return app.stats()


if __name__ == "__main__":
    app.run(host="127.0.0.1", port=8000)
