"""`commonplace serve` as a person meets it: the first run, stopping, dying, and being told what is wrong."""

import json
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from commonplace.installed import APPS
from commonplace.platform.app import load
from tests.acceptance.served import Served
from tests.visitor import PASSWORD

Make = Callable[..., Served]


def accepts(port: int) -> bool:
    """Whether anyone listens on the port."""
    with socket.socket() as visitor:
        return visitor.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def served(installation: Make) -> Served:
    return installation().start()


@pytest.mark.long
class TestFirstRun:
    def test_the_link_makes_one_administrator_and_is_not_shown_again(self, served: Served) -> None:
        link = served.first_run_link
        form = {"name": "Ana", "email": "ana@example.org", "password": PASSWORD}
        token = link.partition("token=")[2]
        with httpx.Client(base_url=served.url, follow_redirects=True) as browser:
            assert browser.get(link).status_code == 200
            headers = {"Origin": served.url, "Sec-Fetch-Site": "same-origin"}
            answer = browser.post("/app/welcome", data={**form, "token": token}, headers=headers)
            assert answer.status_code == 200, answer.text
            assert browser.get("/api/auth/profile").json()["role"] == "administrator"
            again = browser.post(
                "/app/welcome", data={**form, "email": "b@example.org", "token": token}, headers=headers
            )
            assert again.status_code == 403
        served.stop()
        shown_before = served.output.count("/app/welcome")
        served.start()
        assert served.output.count("/app/welcome") == shown_before


@pytest.mark.long
class TestStopping:
    def test_ctrl_c_ends_every_process_and_what_was_stored_is_there_again(self, served: Served) -> None:
        client = served.join("ana")
        kept = client.post("/api/files", files={"file": ("poem.txt", b"All that is gold")}).json()
        assert served.stop(signal.SIGINT) == 0
        served.wait_until_gone()
        served.start()
        assert served.join("ana").get(f"/api/files/{kept['id']}/content").content == b"All that is gold"

    def test_kill_minus_nine_leaves_no_process_and_loses_nothing(self, served: Served) -> None:
        client = served.join("ana")
        kept = client.post("/api/files", files={"file": ("poem.txt", b"does not glitter")}).json()
        served.kill()
        served.wait_until_gone()
        served.start()
        assert served.join("ana").get(f"/api/files/{kept['id']}/content").content == b"does not glitter"

    def test_an_upload_under_way_when_it_is_told_to_stop_is_finished(self, served: Served) -> None:
        client = served.join("ana")
        parts, has_begun, may_go_on = [b"half of it, ", b"and the rest"], threading.Event(), threading.Event()

        def slowly() -> Iterator[bytes]:
            yield parts[0]
            has_begun.set()
            assert may_go_on.wait(60)
            yield parts[1]

        with ThreadPoolExecutor(1) as pool:
            upload = pool.submit(client.post, "/api/files?name=slow.txt", content=slowly())
            assert has_begun.wait(30)
            assert served.process is not None
            served.process.send_signal(signal.SIGTERM)
            served.wait(lambda: not accepts(served.port))
            may_go_on.set()
            answer = upload.result(timeout=60)
        assert answer.status_code == 201, answer.text
        assert served.process.wait(timeout=60) == 0
        served.process = None
        served.wait_until_gone()
        served.start()
        kept = served.join("ana").get(f"/api/files/{answer.json()['id']}/content")
        assert kept.content == b"".join(parts)

    def test_a_child_that_dies_is_replaced(self, served: Served) -> None:
        client = served.join("ana")
        dead = set(served.children())
        for pid in dead:
            os.kill(pid, signal.SIGKILL)
        served.wait(lambda: len(set(served.children()) - dead) == len(dead))
        # What the killed web server had started may answer once more before it ends, too.
        served.wait(lambda: client.get("/health").json()["status"] == "healthy", seconds=60)
        served.wait(lambda: client.get("/api/files").status_code == 200)


@pytest.mark.long
class TestServers:
    def test_the_application_runs_on_uvicorn_too(self, installation: Make) -> None:
        served = installation().start("--server", "uvicorn")
        client = served.join("ana")
        kept = client.post("/api/files", files={"file": ("a.bin", b"12345")}).json()
        answer = client.get(f"/api/files/{kept['id']}/content", headers={"Range": "bytes=1-3"})
        assert (answer.status_code, answer.content) == (206, b"234")

    def test_a_subset_of_apps_serves_only_theirs(self, installation: Make) -> None:
        served = installation().start("--apps", "accounts")
        client = served.join("ana")
        assert client.get("/auth/profile").status_code == 200
        assert client.get("/api/files").status_code == 404


@pytest.mark.long
class TestBeingToldWhatIsWrong:
    def test_settings_exit_with_78_and_name_every_fault(self, installation: Make) -> None:
        answer = installation(PORT="many", ENVIRONMENT="production").run("serve")
        assert answer.returncode == 78
        assert "PORT" in answer.stderr

    def test_production_names_each_missing_secret(self, installation: Make) -> None:
        answer = installation(ENVIRONMENT="production").run("serve")
        assert answer.returncode == 78
        assert "DATABASE_URL" in answer.stderr
        assert "JWT__SECRET_KEY" in answer.stderr

    def test_a_port_in_use_is_told_with_the_way_out(self, installation: Make) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            answer = installation(PORT=str(taken.getsockname()[1])).run("serve")
        assert answer.returncode == 1
        assert "set PORT" in answer.stderr

    def test_who_sends_a_body_late_is_told_why_it_is_refused_and_keeps_the_connection(self, shared: Served) -> None:
        head = b"POST /api/tasks HTTP/1.1\r\nHost: localhost\r\nContent-Length: 20\r\n\r\n"
        with socket.create_connection(("127.0.0.1", shared.port), timeout=20) as connection:
            for _ in range(5):
                connection.sendall(head)
                time.sleep(0.05)  # by now it could have been refused, by the headers alone
                connection.sendall(b'{"title": "Too late"')
                assert connection.recv(65_536).startswith(b"HTTP/1.1 401")

    def test_doctor_looks_at_every_part(self, shared: Served) -> None:
        answer = shared.run("doctor", "--json")
        assert answer.returncode == 0, answer.stdout + answer.stderr
        assert {finding["part"] for finding in json.loads(answer.stdout)} >= {
            "settings",
            "database",
            "schema",
            "storage",
            "mail",
        }

    def test_doctor_asks_the_mail_server(self, shared: Served, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(shared.environ, "MAIL__URL", "smtps://cloud:hunter2@127.0.0.1:9")
        monkeypatch.setitem(shared.environ, "MAIL__FROM", "cloud@example.org")
        answer = shared.run("doctor", "--json")
        assert answer.returncode != 0
        (mail,) = (finding for finding in json.loads(answer.stdout) if finding["part"] == "mail")
        assert not mail["is_well"]
        assert "smtps://127.0.0.1:9" in mail["text"]
        assert "hunter2" not in answer.stdout + answer.stderr


@pytest.mark.long
class TestCommands:
    def test_an_administrator_is_made_and_helped_by_the_command(self, shared: Served) -> None:
        made = shared.run("user", "create", "root@example.org", "--admin", "--password-stdin", input=PASSWORD)
        assert made.returncode == 0, made.stderr
        body = {"username": "root@example.org", "password": PASSWORD}
        assert httpx.post(f"{shared.url}/auth/login", json=body).status_code == 200
        helped = shared.run(
            "user", "reset-password", "root@example.org", "--password-stdin", input="another " + PASSWORD
        )
        assert helped.returncode == 0, helped.stderr
        assert httpx.post(f"{shared.url}/auth/login", json=body).status_code == 401

    def test_a_sweep_of_a_healthy_installation_finds_nothing(self, shared: Served) -> None:
        shared.join("ana").post("/api/files", files={"file": ("a.txt", b"1")}).raise_for_status()
        answer = shared.run("storage", "sweep", "--json")
        assert answer.returncode == 0, answer.stdout + answer.stderr

    def test_a_sweep_removes_nothing_while_an_app_is_left_out(self, installation: Make) -> None:
        left_out = installation()
        assert left_out.run("migrate").returncode == 0
        left_out.environ["APPS"] = "commonplace.apps.accounts.manifest:app"
        report = left_out.run("storage", "sweep", "--json")
        assert report.returncode == 0, report.stderr
        others = sorted(name for name in (load(reference).name for reference in APPS) if name != "accounts")
        assert json.loads(report.stdout)["absent"] == others
        answer = left_out.run("storage", "sweep", "--repair")
        assert answer.returncode == 1
        assert f"({', '.join(others)})" in answer.stderr
        assert "APPS" in answer.stderr

    def test_a_backup_of_a_running_installation_comes_back_elsewhere(
        self, shared: Served, installation: Make, tmp_path: Path
    ) -> None:
        kept = shared.join("ana").post("/api/files", files={"file": ("a.txt", b"kept")}).json()
        file = str(tmp_path / "all.backup")
        answer = shared.run("backup", file)
        assert answer.returncode == 0, answer.stderr
        other = installation()
        answer = other.run("restore", file)
        assert answer.returncode == 0, answer.stderr
        other.start()
        assert other.join("ana").get(f"/api/files/{kept['id']}/content").content == b"kept"
