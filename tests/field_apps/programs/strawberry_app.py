"""A GraphQL router of Strawberry: query, mutation, subscription, file upload."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator

import strawberry
from fastapi import Depends, FastAPI, Request, WebSocket
from field_probe import carry
from strawberry.fastapi import GraphQLRouter
from strawberry.file_uploads import Upload
from strawberry.types import Info

ended: list[str] = []
books: list[Book] = []


@strawberry.type
class Book:
    title: str
    year: int | None = None


@strawberry.type
class Query:
    @strawberry.field
    def books(self) -> list[Book]:
        return books

    @strawberry.field
    async def session(self, info: Info) -> str:
        return str(info.context["session"])

    @strawberry.field
    def long(self) -> str:
        return "x" * 5000

    @strawberry.field
    def wrong(self) -> str:
        raise ValueError("of the resolver")

    @strawberry.field
    def ended(self) -> list[str]:
        return ended


@strawberry.type
class Mutation:
    @strawberry.mutation
    def add_book(self, title: str, year: int | None = None) -> Book:
        books.append(Book(title=title, year=year))
        return books[-1]

    @strawberry.mutation
    async def read(self, file: Upload) -> int:
        return len(await file.read())


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def count(self, to: int = 1000000) -> AsyncGenerator[int, None]:
        try:
            for number in range(to):
                yield number
                await asyncio.sleep(0.01)
        finally:
            ended.append(f"count to {to}")


async def session(request: Request = None, websocket: WebSocket = None) -> AsyncIterator[str]:  # type: ignore[assignment]
    try:
        yield "a session"
    finally:
        ended.append("session")


async def context(session: str = Depends(session)) -> dict[str, str]:
    return {"session": session}


schema = strawberry.Schema(Query, Mutation, Subscription)
app = FastAPI()
carry(app)
router = GraphQLRouter(schema, context_getter=context, multipart_uploads_enabled=True)
app.include_router(router, prefix="/graphql")
