"""FasterAPI: FastAPI at the speed of C.

    from fasterapi import FasterAPI      # was: from fastapi import FastAPI

`FasterAPI` is FastAPI's class with a C core to serve it; everything else here is FastAPI's own.
"""

from importlib import metadata as _metadata

from fastapi import APIRouter as APIRouter
from fastapi import BackgroundTasks as BackgroundTasks
from fastapi import Body as Body
from fastapi import Cookie as Cookie
from fastapi import Depends as Depends
from fastapi import File as File
from fastapi import Form as Form
from fastapi import Header as Header
from fastapi import HTTPException as HTTPException
from fastapi import Path as Path
from fastapi import Query as Query
from fastapi import Request as Request
from fastapi import Response as Response
from fastapi import Security as Security
from fastapi import UploadFile as UploadFile
from fastapi import WebSocket as WebSocket
from fastapi import WebSocketDisconnect as WebSocketDisconnect
from fastapi import WebSocketException as WebSocketException
from fastapi import status as status

from fasterapi.applications import FasterAPI as FasterAPI
from fasterapi.applications import inline as inline
from fasterapi.applications import must_compile as must_compile
from fasterapi.embed import Config as Config
from fasterapi.embed import Server as Server
from fasterapi.server import run as run
from fasterapi.server import serve as serve

FastAPI = FasterAPI
"""The same class under FastAPI's name, for programs that only change the import."""

try:
    __version__ = _metadata.version("fasterapi")
except _metadata.PackageNotFoundError:  # run from a source tree that was never installed
    __version__ = "0+unknown"
