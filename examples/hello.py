"""The smallest useful app. Serve it with:  fasterapi run examples/hello.py"""

from pydantic import BaseModel

from fasterapi import FasterAPI

app = FasterAPI(title="Hello")


class Order(BaseModel):
    item: str
    quantity: int = 1
    note: str | None = None


class Receipt(BaseModel):
    item: str
    quantity: int
    total: float


@app.get("/")
async def hello():
    return {"message": "Hello, world"}


@app.get("/items/{item_id}")
def read_item(item_id: int, q: str | None = None, limit: int = 10):
    return {"item_id": item_id, "q": q, "limit": limit}


@app.post("/orders", status_code=201)
async def create_order(order: Order) -> Receipt:
    return Receipt(item=order.item, quantity=order.quantity, total=9.5 * order.quantity)
