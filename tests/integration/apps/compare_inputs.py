"""The comparison app: parameters of every kind, and bodies."""

import datetime
import decimal
import uuid
from typing import Annotated, Any, Literal

from compare_base import (
    Aliased,
    Colour,
    Filter,
    Inner,
    Item,
    Strict,
    User,
    both,
)
from fastapi import (
    Body,
    Cookie,
    Header,
    Path,
    Query,
)

# -- path ------------------------------------------------------------------------------------------


@both("/path/int/{value}")
def path_int(value: int):
    return {"value": value}


@both("/path/float/{value}")
def path_float(value: float):
    return {"value": value}


@both("/path/bool/{value}")
def path_bool(value: bool):
    return {"value": value}


@both("/path/str/{value}")
def path_str(value: str):
    return {"value": value}


@both("/path/plain/{value}")
def path_plain(value):
    return {"value": value}


@both("/path/convint/{value:int}")
def path_convint(value: int):
    return {"value": value}


@both("/path/convfloat/{value:float}")
def path_convfloat(value: float):
    return {"value": value}


@both("/path/rest/{value:path}")
def path_rest(value: str):
    return {"value": value}


@both("/path/between/{value}")
def path_between(value: Annotated[int, Path(ge=1, le=100)]):
    return {"value": value}


@both("/path/short/{value}")
def path_short(value: Annotated[str, Path(min_length=2, max_length=4, pattern="^[a-z]+$")]):
    return {"value": value}


@both("/path/two/{first}/{second}")
def path_two(second: int, first: str):
    return [first, second]


@both("/path/uuid/{value}")
def path_uuid(value: uuid.UUID):
    return {"value": value}


@both("/path/colour/{value}")
def path_colour(value: Colour):
    return {"value": value}


# -- query -----------------------------------------------------------------------------------------


@both("/query/int")
def query_int(x: int):
    return {"x": x}


@both("/query/float")
def query_float(x: float):
    return {"x": x}


@both("/query/bool")
def query_bool(x: bool):
    return {"x": x}


@both("/query/str")
def query_str(x: str):
    return {"x": x}


@both("/query/optional")
def query_optional(i: int | None = None, s: str | None = None, b: bool | None = None):
    return [i, s, b]


@both("/query/defaults")
def query_defaults(i: int = 5, f: float = 1.5, b: bool = False, s: str = "d"):
    return {"i": i, "f": f, "b": b, "s": s}


@both("/query/list")
def query_list(x: Annotated[list[int], Query()]):
    return x


@both("/query/listdefault")
def query_list_default(x: Annotated[list[str], Query()] = ["a", "b"]):  # noqa: B006
    x.append("end")
    return x


@both("/query/listoptional")
def query_list_optional(x: Annotated[list[float] | None, Query(max_length=3)] = None):
    return x


@both("/query/alias")
def query_alias(value: Annotated[str, Query(alias="item-query")]):
    return value


@both("/query/limits")
def query_limits(
    n: Annotated[int, Query(gt=0, lt=10, multiple_of=3)] = 3,
    s: Annotated[str, Query(max_length=3, pattern="^a")] = "a",
    f: Annotated[float, Query(ge=0.5)] = 0.5,
):
    return [n, s, f]


@both("/query/kinds")
def query_kinds(
    when: datetime.datetime | None = None,
    day: datetime.date | None = None,
    amount: decimal.Decimal | None = None,
    colour: Colour | None = None,
    side: Literal["left", "right"] = "left",
):
    return {"when": when, "day": day, "amount": amount, "colour": colour, "side": side}


@both("/query/model")
def query_model(values: Annotated[Filter, Query()]):
    return values


@both("/query/mixed/{p}")
def query_mixed(p: int, q: str, r: bool = True):
    return {"p": p, "q": q, "r": r}


# -- headers and cookies ---------------------------------------------------------------------------


@both("/header/plain")
def header_plain(x_token: Annotated[str, Header()], n: Annotated[int, Header()] = 0):
    return [x_token, n]


@both("/header/optional")
def header_optional(
    user_agent: Annotated[str | None, Header()] = None,
    x_flag: Annotated[bool | None, Header()] = None,
):
    return {"user_agent": user_agent, "x_flag": x_flag}


@both("/header/list")
def header_list(x_many: Annotated[list[str], Header()]):
    return x_many


@both("/header/underscore")
def header_underscore(x_raw: Annotated[str | None, Header(convert_underscores=False)] = None):
    return x_raw


@both("/cookie/plain")
def cookie_plain(session: Annotated[str, Cookie()], n: Annotated[int, Cookie()] = 0):
    return [session, n]


@both("/cookie/optional")
def cookie_optional(a: Annotated[str | None, Cookie()] = None):
    return a


# -- bodies ----------------------------------------------------------------------------------------


@both("/body/item", ("POST",))
def body_item(item: Item):
    return {"item": item, "total": item.price * 2}


@both("/body/typed", ("POST",))
def body_typed(item: Item) -> Item:
    return item


@both("/body/optional", ("POST",))
def body_optional(item: Item | None = None):
    return {"item": item}


@both("/body/embed", ("POST",))
def body_embed(item: Annotated[Inner, Body(embed=True)]):
    return item


@both("/body/two", ("POST",))
def body_two(item: Inner, user: User, importance: Annotated[int, Body()] = 1):
    return [item, user, importance]


@both("/body/strict", ("POST", "PUT"))
def body_strict(value: Strict):
    return value


@both("/body/aliased", ("POST",))
def body_aliased(value: Aliased) -> Aliased:
    return value


@both("/body/dict", ("POST",))
def body_dict(value: dict[str, Any]):
    return value


@both("/body/ints", ("POST",))
def body_ints(value: list[int]):
    return value


@both("/body/scalar", ("POST",))
def body_scalar(value: Annotated[float, Body()]):
    return value


@both("/body/any", ("POST",))
def body_any(value: Annotated[Any, Body()]):
    return value


@both("/body/all/{key}", ("PUT",))
def body_all(key: int, inner: Inner, q: str | None = None):
    return {"key": key, "inner": inner, "q": q}
