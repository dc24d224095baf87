"""`Dockerfile` and `compose.yaml`, as far as they can be held to anything without a container engine."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from commonplace.installed import APPS
from commonplace.setting_names import variables
from commonplace.settings import app_named, load_settings, settings_class

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
#: What the Compose specification lets a service have, as far as it is used here.
KEYS = {
    *("build", "image", "command", "restart", "user", "read_only", "tmpfs", "cap_drop", "security_opt", "networks"),
    *("ports", "volumes", "secrets", "environment", "depends_on", "healthcheck", "deploy", "shm_size"),
}
SECRETIVE = re.compile(r"PASSWORD|SECRET|DATABASE_URL|_KEY\b")


def stages() -> list[list[str]]:
    """The instructions of each stage of the `Dockerfile`, each on one line."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    found: list[list[str]] = []
    for line in re.sub(r"\\\n\s*", " ", text).splitlines():
        if line.startswith("FROM "):
            found.append([])
        if found and line.strip():
            found[-1].append(line)
    return found


def environment(service: dict[str, Any]) -> dict[str, str]:
    """What a container is given, where nobody sets the variables that the file asks for."""
    given = service.get("environment", {})
    return {name: re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", str(value)) for name, value in given.items()}


class TestDockerfile:
    def test_what_builds_stays_behind(self) -> None:
        build, runtime = stages()
        assert "--require-hashes" in " ".join(build)
        assert [line for line in runtime if line.startswith(("COPY", "ADD"))] == [
            "COPY --from=build /opt/commonplace /opt/commonplace"
        ]
        assert not re.search(r"\b(apt|apt-get|apk|gcc|make|pip install|curl|wget)\b", " ".join(runtime))

    def test_it_runs_as_nobody_in_particular_and_says_how_it_is(self) -> None:
        runtime = stages()[-1]
        users = [line.split()[1] for line in runtime if line.startswith("USER")]
        assert users == ["10001:10001"]
        after = runtime[[line.startswith("USER") for line in runtime].index(True) + 1 :]
        assert not any(line.startswith(("RUN", "COPY")) for line in after)
        assert sum(line.startswith("HEALTHCHECK") for line in runtime) == 1
        assert any(line.startswith("ENTRYPOINT [") for line in runtime), "Signals have to reach it: no shell between."

    def test_what_it_stands_on_is_named_to_the_patch_and_holds_no_secret(self) -> None:
        text = (ROOT / "Dockerfile").read_text()
        assert re.search(r"^ARG PYTHON=3\.\d+\.\d+-slim", text, flags=re.MULTILINE)
        set_ = [line for stage in stages() for line in stage if line.startswith(("ENV", "ARG"))]
        assert not re.search(r"SECRET|PASSWORD|TOKEN", " ".join(set_))
        ignored = (ROOT / ".dockerignore").read_text().splitlines()
        assert "*" in ignored, "What is sent to the builder is listed, so that .env and data/ never are."

    def test_hadolint_finds_nothing(self) -> None:
        program = Path(sys.executable).parent / "hadolint"
        if sys.platform != "linux":
            pytest.skip("There are wheels of hadolint for Linux only.")
        outcome = subprocess.run([program, str(ROOT / "Dockerfile")], capture_output=True, text=True, check=False)
        assert outcome.returncode == 0, outcome.stdout


class TestCompose:
    def test_everything_that_was_asked_for_is_there(self) -> None:
        wanted = {"postgres", "seaweedfs", "valkey", "gateway", "accounts", "tasks", "others", "worker"}
        assert SERVICES.keys() == wanted | {"migrate"}
        assert set(COMPOSE) - {"x-environment", "x-commonplace"} == {
            *("name", "services", "networks", "volumes", "secrets")
        }

    @pytest.mark.parametrize("name", sorted(SERVICES))
    def test_a_service_is_whole(self, name: str) -> None:
        service = SERVICES[name]
        assert service.keys() <= KEYS
        assert re.search(r":\d[\w.-]*$", service["image"]), "An image has a version, and never the latest."
        assert "healthcheck" in service or "build" in service  # ours have it from the Dockerfile
        assert set(service.get("secrets", ())) <= COMPOSE["secrets"].keys()
        assert set(service.get("networks", ())) <= COMPOSE["networks"].keys()
        for volume in service.get("volumes", ()):
            source = volume.partition(":")[0]
            assert source in COMPOSE["volumes"] or (ROOT / source).exists()
        for other, wants in service.get("depends_on", {}).items():
            condition = "service_completed_successfully" if other == "migrate" else "service_healthy"
            assert wants == {"condition": condition}
            assert other in SERVICES
        for variable, value in environment(service).items():
            if SECRETIVE.search(variable):
                assert value.startswith("/run/secrets/"), f"{variable}: a secret is a file, and not in compose.yaml."
                assert value.rpartition("/")[2] in service["secrets"]
            assert "://" not in value or "@" not in value, f"{variable} holds a password."

    @pytest.mark.parametrize("name", sorted(OURS))
    def test_ours_may_do_nothing_that_they_need_not(self, name: str) -> None:
        service = OURS[name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert "user" not in service, "The image's own user."
        assert not service.get("ports"), "The gateway is the only door."

    def test_each_app_is_served_once_by_a_service_that_the_gateway_knows(self) -> None:
        served = {
            name: service["command"][service["command"].index("--apps") + 1].split(",")
            for name, service in OURS.items()
            if "--apps" in service["command"]
        }
        assert sorted(app for apps in served.values() for app in apps) == sorted(app_named(name).name for name in APPS)
        upstreams = (ROOT / "infrastructure" / "gateway" / "upstreams.conf").read_text()
        assert set(re.findall(r"^upstream (\w+) ", upstreams, flags=re.MULTILINE)) == served.keys()
        assert set(re.findall(r"server (\w+):8000 resolve", upstreams)) == served.keys()
        for name, apps in served.items():
            asks = environment(SERVICES[name]).get("ACCOUNTS_URL")
            assert asks == (None if "accounts" in apps else "http://accounts:8000")

    def test_our_settings_are_what_it_sets_and_production_accepts_them(self, tmp_path: Path) -> None:
        script = ROOT / "infrastructure" / "compose-secrets.sh"
        subprocess.run([script, tmp_path / "secrets"], check=True)
        before = {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}
        assert before.keys() == COMPOSE["secrets"].keys()
        subprocess.run([script, tmp_path / "secrets"], check=True)
        assert {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()} == before
        known = {variable for variable, _ in variables(settings_class())}
        for service in OURS.values():
            given = environment(service)
            assert {name.removesuffix("_FILE") for name in given} <= known
            here = {name: value.replace("/run/secrets", str(tmp_path / "secrets")) for name, value in given.items()}
            settings = load_settings(here, env_file=None)
            assert settings.is_production
            assert settings.database_address is not None
            assert settings.database_address.is_local_socket
