"""The same routes in BlackSheep. Body and answer are dataclasses: its own typed way."""

from dataclasses import dataclass, field

from blacksheep import Application, FromJSON, get, json, post

app = Application()


@dataclass
class NewItem:
    name: str
    price: float
    tags: list[str] = field(default_factory=list)


@get("/async")
async def async_dict():
    return json({"id": 1, "name": "Alice"})


@get("/def")
def def_dict():
    return json({"id": 1, "name": "Alice"})


@get("/items/{item_id}")
async def typed_parameters(item_id: int, q: str, limit: int = 10):
    return json({"item_id": item_id, "q": q, "limit": limit})


@post("/items")
async def typed_body(item: FromJSON[NewItem]):
    value = item.value
    return json({"name": value.name, "price": value.price, "tags": value.tags, "id": 1})
