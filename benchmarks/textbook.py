"""A task service as the textbooks write it: FastAPI, SQLModel, a JWT decoded and a user loaded at each request.

Started by `uvicorn benchmarks.textbook:app --workers 2`, with the database in TEXTBOOK_DSN. It has no history, no limits, no sharing; it is what one has after
the tutorial.
"""

import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID, uuid4

import jwt
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import OAuth2PasswordBearer
from sqlalchemy import DateTime
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlmodel import Field, SQLModel, select
from sqlmodel.ext.asyncio.session import AsyncSession

SECRET = "the-secret-of-the-textbook-0123456789"
TASKS = 1000

app = FastAPI()
bearer = OAuth2PasswordBearer(tokenUrl="token")
engine = (
    create_async_engine(os.environ["TEXTBOOK_DSN"], pool_size=5, max_overflow=5)
    if "TEXTBOOK_DSN" in os.environ
    else None
)


class User(SQLModel, table=True):
    """Who signs in."""

    __tablename__ = "textbook_user"
    id: UUID = Field(default_factory=uuid4, primary_key=True)
    email: str = Field(unique=True, index=True)


class TaskBase(SQLModel):
    """What a task says."""

    title: str
    notes: str = ""
    status: str = "open"
    priority: int = 0
    due: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))  # type: ignore[call-overload]


class Task(TaskBase, table=True):
    """A task as it is stored."""

    __tablename__ = "textbook_task"
    id: UUID = Field(default_factory=uuid4, primary_key=True)
    owner_id: UUID = Field(foreign_key="textbook_user.id", index=True)
    created_at: datetime = Field(default_factory=lambda: datetime.now(UTC), sa_type=DateTime(timezone=True))  # type: ignore[call-overload]


class TaskRead(TaskBase):
    """A task as it is answered."""

    id: UUID
    created_at: datetime


async def session_of_request() -> AsyncIterator[AsyncSession]:
    """One session a request."""
    async with async_sessionmaker(engine, class_=AsyncSession)() as session:
        yield session


Session = Annotated[AsyncSession, Depends(session_of_request)]


async def current_user(token: Annotated[str, Depends(bearer)], session: Session) -> User:
    """Who the token names."""
    try:
        payload = jwt.decode(token, SECRET, algorithms=["HS256"])
    except jwt.InvalidTokenError:
        raise HTTPException(401) from None
    user = await session.get(User, UUID(payload["sub"]))
    if user is None:
        raise HTTPException(401)
    return user


CurrentUser = Annotated[User, Depends(current_user)]


@app.get("/tasks/{task_id}", response_model=TaskRead)
async def read_task(task_id: UUID, user: CurrentUser, session: Session) -> Task:
    """One task."""
    task = await session.get(Task, task_id)
    if task is None or task.owner_id != user.id:
        raise HTTPException(404)
    return task


@app.get("/tasks", response_model=list[TaskRead])
async def list_tasks(user: CurrentUser, session: Session, offset: int = 0, limit: int = 50) -> list[Task]:
    """A page of tasks."""
    statement = select(Task).where(Task.owner_id == user.id).order_by(Task.title).offset(offset).limit(limit)
    return list((await session.exec(statement)).all())


async def fill(dsn: str) -> str:
    """Make the tables and a thousand tasks of one user; the user's token."""
    filling = create_async_engine(dsn)
    async with filling.begin() as connection:
        await connection.run_sync(SQLModel.metadata.create_all, tables=[User.__table__, Task.__table__])  # type: ignore[attr-defined]
    async with AsyncSession(filling) as session:
        user = User(email="ana@example.org")
        session.add(user)
        await session.flush()
        session.add_all([Task(title=f"Task {number:04}", notes="Notes.", owner_id=user.id) for number in range(TASKS)])
        token = jwt.encode({"sub": str(user.id)}, SECRET, algorithm="HS256")
        await session.commit()
    await filling.dispose()
    return token
