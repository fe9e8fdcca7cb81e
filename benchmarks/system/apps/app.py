"""The measured app. BENCH_CLASS=fastapi makes it plain FastAPI; nothing else differs."""

import os

from fastapi import FastAPI
from pydantic import BaseModel

App: type[FastAPI]
if os.environ.get("BENCH_CLASS") == "fastapi":
    App = FastAPI
else:
    from fasterapi import FasterAPI as App

app = App()


class NewItem(BaseModel):
    name: str
    price: float
    tags: list[str] = []


class Item(NewItem):
    id: int


@app.get("/async")
async def async_dict():
    return {"id": 1, "name": "Alice"}


@app.get("/def")
def def_dict():
    return {"id": 1, "name": "Alice"}


@app.get("/items/{item_id}")
async def typed_parameters(item_id: int, q: str, limit: int = 10):
    return {"item_id": item_id, "q": q, "limit": limit}


@app.post("/items")
async def typed_body(item: NewItem) -> Item:
    return Item(id=1, name=item.name, price=item.price, tags=item.tags)
