"""Files: the drive. Folders, files and their versions, uploads, thumbnails."""

from commonplace.platform.app import App, NavigationEntry, Schedule, Subscription

_PROCESS = "commonplace.apps.files.handlers:process_file"
_LONGEST_SECONDS = 900.0  #: a picture in a queue of several, on a slow machine

app = App(
    name="files",
    title="Files",
    api="commonplace.apps.files.api:router",
    pages="commonplace.apps.files.pages:router",
    navigation=(
        NavigationEntry(title="Files", path="/app/files", icon="folder", order=10),
        NavigationEntry(title="Trash", path="/app/trash", icon="trash-2", order=90, group="overview"),
    ),
    settings="commonplace.apps.files.settings:FilesSettings",
    commands={
        "files": "commonplace.apps.files.commands:files",
        "sign-in": "commonplace.apps.files.commands:sign_in",
        "sign-out": "commonplace.apps.files.commands:sign_out",
    },
    migrations="commonplace.apps.files.migrations",
    subscriptions=(
        Subscription(
            event="commonplace.apps.files.events:FileUploaded",
            handler=_PROCESS,
            queue="processing",
            is_fair=True,
            deduplicate_by="object_id",
            timeout_seconds=_LONGEST_SECONDS,
        ),
        Subscription(
            event="commonplace.apps.files.events:FileReplaced",
            handler="commonplace.apps.files.handlers:process_replaced_file",
            queue="processing",
            is_fair=True,
            deduplicate_by="object_id",
            timeout_seconds=_LONGEST_SECONDS,
        ),
        Subscription(
            event="commonplace.apps.files.events:FileProcessed",
            handler="commonplace.apps.files.processing.forms:make_forms",
            queue="processing",
            priority=-20,
            deduplicate_by="object_id",
            timeout_seconds=_LONGEST_SECONDS,
        ),
        Subscription(
            event="commonplace.apps.files.events:FileToBeRead",
            handler="commonplace.apps.files.processing.again:read_again",
            queue="processing",
            priority=-1,
            is_fair=True,
            deduplicate_by="object_id",
            timeout_seconds=_LONGEST_SECONDS,
        ),
    ),
    schedules=(
        Schedule(
            name="read_the_rest",
            cron="41 * * * *",
            handler="commonplace.apps.files.processing.again:read_the_rest",
        ),
        Schedule(
            name="remove_uploads", cron="17 * * * *", handler="commonplace.apps.files.resumable_end:remove_uploads"
        ),
    ),
    kinds=("commonplace.apps.files.models:FILE", "commonplace.apps.files.models:FOLDER"),
    jobs={
        "files.put_back": "commonplace.apps.files.past.work:put_back",
        "files.read": "commonplace.apps.files.processing.again:read_tree",
        "files.copy": "commonplace.apps.files.copy_job:copy",
        "files.merge": "commonplace.apps.files.merging:merge",
    },
    personal_data="commonplace.apps.files.personal:TABLES",
    read_in="commonplace.apps.files.arriving:ARRIVALS",
    loaders={
        "file": "commonplace.apps.files.loaders:file_details",
        "folder": "commonplace.apps.files.loaders:folder_details",
    },
    linked={"file": "commonplace.apps.files.linked:FILE", "folder": "commonplace.apps.files.linked:FOLDER"},
    index={
        "file": "commonplace.apps.files.indexing:file_documents",
        "folder": "commonplace.apps.files.indexing:folder_documents",
    },
    export="commonplace.apps.files.leaving:export",
    erase="commonplace.apps.files.leaving:erase",
    object_uses=("commonplace.apps.files.object_uses:RENDITIONS", "commonplace.apps.files.object_uses:UPLOADS"),
    public=(
        "GET /api/storage/{token}",  # the token is the credential
        "PUT /api/storage/{token}",
        "OPTIONS /api/files/uploads",  # what the protocol can do is no secret
        "OPTIONS /api/files/uploads/{upload_id}",
    ),
    streams="commonplace.apps.files.streams:is_stream",
)
