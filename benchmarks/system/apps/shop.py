"""A shop as apps are written: CORS, a token behind dependencies, `yield`, a response model.

BENCH_CLASS=fastapi makes it plain FastAPI; BENCH_STAMP=1 adds a middleware that nobody knows.
"""

import os
from collections.abc import AsyncIterator, Iterator
from functools import lru_cache
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException
from fastapi.middleware.cors import CORSMiddleware
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel

App: type[FastAPI]
if os.environ.get("BENCH_CLASS") == "fastapi":
    App = FastAPI
else:
    from fasterapi import FasterAPI as App

app = App()
app.add_middleware(
    CORSMiddleware,
    allow_origins=["https://shop.example"],
    allow_credentials=True,
    allow_methods=["*"],
    allow_headers=["*"],
)
bearer = HTTPBearer()


class Stamp:
    """A middleware nobody knows: it adds a header, as those for tracing and timing do."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def stamped(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"].append((b"x-stamp", b"1"))
            await send(message)

        await self.app(scope, receive, stamped)


if os.environ.get("BENCH_STAMP"):
    app.add_middleware(Stamp)


class Settings(BaseModel):
    token: str = "secret"
    currency: str = "EUR"


class User(BaseModel):
    id: int
    name: str


class Order(BaseModel):
    id: int
    customer: str
    total: float
    currency: str
    items: list[str]


USERS = {"secret": User(id=1, name="Alice")}
ITEMS = {7: ["tea", "cup"]}


class Session:
    """Stands for a database session; it keeps what it is asked for in memory."""

    def __init__(self) -> None:
        self.is_open = True

    def items(self, order_id: int) -> list[str]:
        return ITEMS[order_id]

    def close(self) -> None:
        self.is_open = False


@lru_cache
def get_settings() -> Settings:
    return Settings()


def known_user(token: str, settings: Settings) -> User:
    if token != settings.token:
        raise HTTPException(401, "unknown token")
    return USERS[token]


Configured = Annotated[Settings, Depends(get_settings)]
Credentials = Annotated[HTTPAuthorizationCredentials, Depends(bearer)]


async def current_user(credentials: Credentials, settings: Configured) -> User:
    return known_user(credentials.credentials, settings)


async def customer(user: Annotated[User, Depends(current_user)]) -> User:
    if user.id < 1:
        raise HTTPException(403, "no customer")
    return user


async def get_session() -> AsyncIterator[Session]:
    session = Session()
    try:
        yield session
    finally:
        session.close()


def current_user_def(credentials: Credentials, settings: Configured) -> User:
    return known_user(credentials.credentials, settings)


def customer_def(user: Annotated[User, Depends(current_user_def)]) -> User:
    if user.id < 1:
        raise HTTPException(403, "no customer")
    return user


def get_session_def() -> Iterator[Session]:
    session = Session()
    try:
        yield session
    finally:
        session.close()


def order_of(order_id: int, user: User, session: Session, settings: Settings) -> Order:
    items = session.items(order_id)
    return Order(
        id=order_id, customer=user.name, total=9.5, currency=settings.currency, items=items
    )


@app.get("/async/orders/{order_id}", response_model=Order)
async def order_async(
    order_id: int,
    user: Annotated[User, Depends(customer)],
    session: Annotated[Session, Depends(get_session)],
    settings: Configured,
) -> Order:
    return order_of(order_id, user, session, settings)


@app.get("/def/orders/{order_id}", response_model=Order)
def order_def(
    order_id: int,
    user: Annotated[User, Depends(customer_def)],
    session: Annotated[Session, Depends(get_session_def)],
    settings: Configured,
) -> Order:
    return order_of(order_id, user, session, settings)


@app.get("/mixed/orders/{order_id}", response_model=Order)
def order_mixed(
    order_id: int,
    user: Annotated[User, Depends(customer)],
    session: Annotated[Session, Depends(get_session_def)],
    settings: Configured,
) -> Order:
    return order_of(order_id, user, session, settings)


@app.get("/me", response_model=User)
async def me(user: Annotated[User, Depends(customer)]) -> User:
    return user
