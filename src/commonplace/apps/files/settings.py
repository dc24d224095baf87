"""The limits of files."""

from typing import Literal

from pydantic import BaseModel, Field


class FilesSettings(BaseModel):
    """The limits of files."""

    largest_file_bytes: int | None = Field(
        default=None, ge=1, description="The largest file that is taken, in bytes. Left out: as large as the disk."
    )
    deepest_folder: int = Field(
        default=100, ge=1, le=1000, description="How many levels deep folders can lie in each other."
    )
    batch_files: int = Field(
        default=1000, ge=1, le=10_000, description="How many files one batch upload may hold; each under 256 kB."
    )
    picture_forms: tuple[Literal["webp", "avif"], ...] = Field(
        default=("webp", "avif"),
        description="In which forms thumbnails are kept besides JPEG, for browsers that say they take them: "
        "smaller, and made when nothing else waits. A list in JSON; [] keeps none.",
    )
    archive_entries: int = Field(
        default=500_000,
        ge=1,
        le=5_000_000,
        description="How many files and folders may be downloaded in one ZIP archive.",
    )
    signed_download_bytes: int | None = Field(
        default=None,
        ge=1,
        description="On S3: downloads of so many bytes or more are answered with a signed URL of the bucket, and go "
        "past Commonplace. The bucket's address must be one that people reach. Left out: all go through it.",
    )
    upload_days: int = Field(
        default=7, ge=1, le=365, description="How many days an unfinished upload waits for its next byte."
    )
    uploads_open: int = Field(
        default=1000, ge=1, le=100_000, description="How many unfinished uploads one person may have."
    )
