"""How much of the machine reading foreign pictures may take."""

from pydantic import BaseModel, Field


class MediaSettings(BaseModel):
    """The limits of the processes that read pictures and make thumbnails."""

    processes: int = Field(
        default=1,
        ge=1,
        le=16,
        description="Processes that may read pictures at the same time; each is single-threaded.",
    )
    timeout_seconds: float = Field(
        default=30.0,
        gt=0,
        le=600,
        description="A picture that takes longer is given up, its process killed; one of 24 megapixels takes 0.2 s.",
    )
    idle_seconds: float = Field(
        default=30.0, ge=0, le=3600, description="A process without work for so long is ended, and its memory with it."
    )
    max_megapixels: int = Field(
        default=268,
        ge=1,
        le=4000,
        description="A picture of more is not decoded. 268 is 16,384 squared, and more than any phone's 200.",
    )
    memory_megabytes: int = Field(
        default=700,
        ge=256,
        le=16_384,
        description="Memory a process may hold. Three quarters of it may go to a picture that is decoded as a whole "
        "(AVIF of 29 megapixels, progressive JPEG of 131); others are read by rows: 135 MB at 262 megapixels.",
    )
    max_output_megabytes: int = Field(
        default=64, ge=1, le=1024, description="The largest file a process may write; a thumbnail has up to about 2 MB."
    )
    niceness: int = Field(
        default=10, ge=0, le=19, description="How far these processes step back when requests need the processor."
    )
