"""The same routes in Robyn. Usage: robyn_app.py PORT"""

import sys

from robyn import Request, Robyn

app = Robyn(__file__)


@app.get("/async")
async def async_dict():
    return {"id": 1, "name": "Alice"}


@app.get("/def")
def def_dict():
    return {"id": 1, "name": "Alice"}


@app.get("/items/:item_id")
async def typed_parameters(request: Request):
    query = request.query_params
    limit = int(query.get("limit", "10") or 10)
    return {"item_id": int(request.path_params["item_id"]), "q": query.get("q", ""), "limit": limit}


@app.post("/items")
async def typed_body(request: Request):
    item = request.json()
    return {"name": item["name"], "price": float(item["price"]), "tags": item["tags"], "id": 1}


if __name__ == "__main__":
    port, sys.argv[1:] = int(sys.argv[1]), ["--log-level", "ERROR", "--disable-openapi"]
    app.start(host="127.0.0.1", port=port)
