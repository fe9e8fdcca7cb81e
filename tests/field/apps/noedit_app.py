"""Apps as their authors left them: FastAPI's own class, a subclass, a factory. No edit for us."""

import sys

from fastapi import APIRouter, FastAPI
from pydantic import BaseModel
from starlette.middleware.base import BaseHTTPMiddleware


class Company(FastAPI):
    """Somebody's own class."""


class Item(BaseModel):
    name: str


def way() -> str:
    """Who calls the endpoint: FastAPI's own code ("fastapi"), or a plan."""
    frame = sys._getframe()
    while frame is not None:
        if frame.f_code.co_name == "run_endpoint_function":
            return "fastapi"
        frame = frame.f_back
    return "plan"


def create_app(made: type[FastAPI] = FastAPI) -> FastAPI:
    made_app = made()

    @made_app.get("/way/{number}")
    async def asynchronous(number: int) -> list[str]:
        return [str(number), way()]

    @made_app.post("/items")
    async def read(item: Item) -> list[str]:
        return [item.name, way()]

    return made_app


app = create_app()
company = create_app(Company)
#: Behind middleware in Python, with another app mounted and one in a router.
nested = create_app()
nested.add_middleware(BaseHTTPMiddleware, dispatch=lambda request, call_next: call_next(request))
nested.mount("/mounted", create_app())
_router = APIRouter()
_router.mount("/routed", create_app(Company))
nested.include_router(_router, prefix="/v1")
