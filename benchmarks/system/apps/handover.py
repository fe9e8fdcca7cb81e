"""A route that no plan is made for: its own route class may do anything. FastAPI answers it."""

import os

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute

App: type[FastAPI]
if os.environ.get("BENCH_CLASS") == "fastapi":
    App = FastAPI
else:
    from fasterapi import FasterAPI as App


class OwnRoute(APIRoute):
    pass


app = App()
router = APIRouter(route_class=OwnRoute)


@router.get("/items/{item_id}")
async def typed_parameters(item_id: int, q: str, limit: int = 10):
    return {"item_id": item_id, "q": q, "limit": limit}


app.include_router(router)
