"""Tasks: to-dos in lists, with subtasks, recurrence, history and saved filters."""

from commonplace.platform.app import Alias, App, NavigationEntry, NoticeKind, Schedule

app = App(
    name="tasks",
    title="Tasks",
    api="commonplace.apps.tasks.api:router",
    pages="commonplace.apps.tasks.pages:router",
    navigation=(NavigationEntry(title="Tasks", path="/app/tasks", icon="list-checks", order=20),),
    aliases=(Alias(path="/tasks", canonical="/api/tasks"),),
    settings="commonplace.apps.tasks.settings:TasksSettings",
    migrations="commonplace.apps.tasks.migrations",
    schedules=(
        Schedule(
            name="tell_reminders",
            cron="* * * * *",
            handler="commonplace.apps.tasks.handlers:tell_reminders",
            queue="notifications",
        ),
    ),
    notices=(
        NoticeKind(
            name="reminder",
            title="A task of mine has a reminder",
            event="commonplace.apps.tasks.events:ReminderDue",
            tell="commonplace.apps.tasks.handlers:reminder_notice",
            is_urgent=True,
        ),
    ),
    kinds=(
        "commonplace.apps.tasks.models:TASK",
        "commonplace.apps.tasks.models:TASK_LIST",
        "commonplace.apps.tasks.models:TASK_FILTER",
    ),
    read_in="commonplace.apps.tasks.arriving:ARRIVALS",
    streams="commonplace.apps.tasks.streams:is_stream",
    loaders={
        "task": "commonplace.apps.tasks.loaders:task_details",
        "task_list": "commonplace.apps.tasks.loaders:list_details",
    },
    index={
        "task": "commonplace.apps.tasks.indexing:task_documents",
        "task_list": "commonplace.apps.tasks.indexing:list_documents",
    },
)
