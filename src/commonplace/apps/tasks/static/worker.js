/** The pages of tasks are kept for when there is no connection: those that are visited, and these. */

keeping.push({ path: "/app/tasks", always: ["/app/tasks", "/app/tasks/upcoming", "/app/tasks/all"] });
