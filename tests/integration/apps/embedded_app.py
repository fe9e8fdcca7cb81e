"""A program of its own that serves: EMBEDDED says how, and STOP what it does when a client asks."""

import asyncio
import atexit
import os
import sys
import threading

from fasterapi import FasterAPI, run
from fasterapi.server import Server, Settings


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")  # one write: no line comes in between
    sys.stdout.flush()


app = FasterAPI(lifespan=None)
atexit.register(say, "atexit")


@app.get("/stuck")
def stuck():
    say("begun")
    threading.Event().wait()


@app.get("/stop")
async def stop():
    server.should_exit = True


@app.get("/resists")
async def resists():
    say("begun")
    for _ in range(100):
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            say("resists")


server = Server(app, Settings(port=0, options={"graceful_timeout": 0.2}))


async def serve() -> None:
    try:
        await server.serve()
    finally:
        say("finally of the program")


if __name__ == "__main__":
    how = os.environ["EMBEDDED"]
    if how == "serve":
        asyncio.run(serve())
    elif how == "thread":
        thread = threading.Thread(target=server.run)
        thread.start()
        thread.join()
    elif how == "run":
        run(app, port=0, graceful_timeout=0.2)
    else:
        server.run()
    say("after it")
