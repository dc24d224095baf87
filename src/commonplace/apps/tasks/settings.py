"""The limits of tasks."""

from pydantic import BaseModel, Field


class TasksSettings(BaseModel):
    """The limits of tasks."""

    deepest_subtask: int = Field(
        default=10, ge=1, le=100, description="How many levels deep tasks can lie in each other, the uppermost counted."
    )
