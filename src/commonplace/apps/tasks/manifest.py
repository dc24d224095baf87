"""Tasks: to-dos in lists, with subtasks, recurrence, history and saved filters."""

from commonplace.platform.app import Alias, App, NavigationEntry

app = App(
    name="tasks",
    title="Tasks",
    api="commonplace.apps.tasks.api:router",
    pages="commonplace.apps.tasks.pages:router",
    navigation=(NavigationEntry(title="Tasks", path="/app/tasks", icon="list-checks", order=20),),
    aliases=(Alias(path="/tasks", canonical="/api/tasks"),),
    settings="commonplace.apps.tasks.settings:TasksSettings",
    migrations="commonplace.apps.tasks.migrations",
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
)
