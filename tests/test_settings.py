"""Settings: where they come from, and everything that is wrong told at once."""

from pathlib import Path

import pytest

from commonplace.setting_names import variables
from commonplace.settings import SettingsRefused, load_settings, settings_class
from commonplace.settings_example import example

ROOT = Path(__file__).parents[1]
STRONG = "7f3b9a1c5e8d2f4a6b0c9d8e7f6a5b4c3d2e1f0a9b8c7d6e5f4a3b2c1d0e9f8a"
PRODUCTION = {
    "ENVIRONMENT": "production",
    "DATABASE_URL": "postgresql://u:hunter22@db.example.org/cloud?sslmode=require",
    "JWT__SECRET_KEY": STRONG,
}


def refused(environ: dict[str, str]) -> dict[str, str]:
    with pytest.raises(SettingsRefused) as raised:
        load_settings(environ, env_file=None)
    return {fault.name: str(fault) for fault in raised.value.faults}


class TestSources:
    def test_with_nothing_set_it_serves_this_machine_only(self) -> None:
        settings = load_settings({}, env_file=None)
        assert (settings.host, settings.port, settings.data_dir) == ("127.0.0.1", 8000, Path("data"))
        assert settings.database_address is None
        assert settings.file_storage.type == "local"

    def test_nested_names_are_joined_by_two_underscores(self) -> None:
        settings = load_settings({"FILE_STORAGE__TYPE": "S3", "FILE_STORAGE__BUCKET": "b"}, env_file=None)
        assert settings.file_storage.type == "s3"

    def test_a_file_goes_before_the_environment_and_that_before_dotenv(self, tmp_path: Path) -> None:
        env_file = tmp_path / ".env"
        env_file.write_text("PORT=1111\nHOST=0.0.0.0\nJWT__AUDIENCE=dotenv\n")
        (tmp_path / "port").write_text("3333\n")
        environ = {"PORT": "2222", "PORT_FILE": str(tmp_path / "port"), "HOST": "::1"}
        settings = load_settings(environ, env_file=env_file)
        assert (settings.port, settings.host, settings.jwt.audience) == (3333, "::1", "dotenv")

    def test_an_apps_section_comes_with_its_manifest(self) -> None:
        assert "ACCOUNTS__HASHING_SCHEME" in dict(variables(settings_class()))
        settings = load_settings({"ACCOUNTS__HASHING_SCHEME": "argon2id"}, env_file=None)
        assert settings.accounts.hashing_scheme == "argon2id"  # type: ignore[attr-defined]

    def test_sections_with_names_of_ones_own(self, tmp_path: Path) -> None:
        secret = tmp_path / "secret"
        secret.write_text("s3cret\n")
        google = "ACCOUNTS__ISSUERS__GOOGLE__"
        environ = {f"{google}CLIENT_ID": "us", f"{google}CLIENT_SECRET_FILE": str(secret)}
        (name, issuer), *none = load_settings(environ, env_file=None).accounts.issuers.items()  # type: ignore[attr-defined]
        assert (name, issuer.client_secret.get_secret_value(), none) == ("google", "s3cret", [])
        home = "ACCOUNTS__ISSUERS__HOME__"
        for variable, value, said in (
            (f"{google}CLIENTID", "us", f"Did you mean {google.replace('GOOGLE', '<NAME>')}CLIENT_ID?"),
            (f"{home}CLIENT_ID", "us", f"{home}ISSUER is not set"),
            (f"{google}CLIENT_SECRET", "s", f"{google}CLIENT_ID is not set"),
            (f"{home}ISSUER", "http://id.example.org", "must begin with https://"),
            (f"{google}PRESET", "myspace", "'keycloak'"),
            ("AUTH_PROVIDER", "cognito", "no issuer is a user pool of Cognito"),
            ("ACCOUNTS", "{", "holds what is no JSON"),
            ("JWT", "[1", "holds what is no JSON"),
        ):
            assert any(said in text for text in refused({variable: value}).values()), variable

    def test_the_key_of_the_bucket_has_a_second_name(self, tmp_path: Path) -> None:
        env_file = tmp_path / ".env"
        env_file.write_text("ENCRYPTION_KEY_ID=alias/cloud\n")
        assert load_settings({}, env_file=env_file).file_storage.kms_key_id == "alias/cloud"
        for environ in ({"ENCRYPTION_KEY_ID": "k"}, {"ENCRYPTION_KEY_ID": "k", "FILE_STORAGE__KMS_KEY_ID": "k"}):
            assert load_settings(environ, env_file=None).file_storage.kms_key_id == "k"
        for environ in ({}, {"ENCRYPTION_KEY_ID": ""}):
            assert load_settings(environ, env_file=None).file_storage.kms_key_id is None

    def test_the_example_names_every_variable(self) -> None:
        assert (ROOT / ".env.example").read_text() == example(), "Run `make examples`."


class TestFaults:
    def test_all_of_them_are_told_at_once_with_shape_and_remedy(self) -> None:
        faults = refused({"PORT": "many", "FILE_STORAGE__TYPE": "floppy", "ENVIRONMENT": "prod"})
        assert faults.keys() == {"PORT", "FILE_STORAGE__TYPE", "ENVIRONMENT"}
        assert "text of 4 characters" in faults["PORT"]
        assert "development, staging, production" in faults["ENVIRONMENT"]

    def test_a_secret_is_never_repeated(self) -> None:
        faults = refused({"JWT__SECRET_KEY": "tooshort-hunter2", "DATABASE_URL": "mysql://u:hunter22@h/d"})
        assert faults.keys() == {"JWT__SECRET_KEY", "DATABASE_URL"}
        assert "hunter2" not in "".join(faults.values())

    def test_two_keys_for_one_bucket_are_a_contradiction(self) -> None:
        faults = refused({"ENCRYPTION_KEY_ID": "one", "FILE_STORAGE__KMS_KEY_ID": "other"})
        assert "FILE_STORAGE__KMS_KEY_ID" in faults["ENCRYPTION_KEY_ID"]

    def test_a_misspelled_name_does_not_pass_in_silence(self) -> None:
        assert "Did you mean FILE_STORAGE__TYPE?" in refused({"FILE_STORAGE__TYP": "s3"})["FILE_STORAGE__TYP"]

    def test_a_secret_file_that_is_not_there_is_told(self) -> None:
        assert "cannot be read" in refused({"JWT__SECRET_KEY_FILE": "/nowhere/at/all"})["JWT__SECRET_KEY_FILE"]

    def test_an_app_that_is_not_there_is_told(self) -> None:
        assert "no.such" in refused({"APPS": "no.such.manifest:app"})["APPS"]


class TestProduction:
    def test_whole_settings_pass(self) -> None:
        assert load_settings(PRODUCTION, env_file=None).is_production

    @pytest.mark.parametrize("name", ["DATABASE_URL", "JWT__SECRET_KEY"])
    def test_each_missing_secret_is_named(self, name: str) -> None:
        assert refused({key: value for key, value in PRODUCTION.items() if key != name}).keys() == {name}

    @pytest.mark.parametrize("weak", ["change-me-change-me-change-me-change-me", "a" * 64])
    def test_a_weak_secret_is_refused(self, weak: str) -> None:
        faults = refused(PRODUCTION | {"JWT__SECRET_KEY": weak})
        assert "weak" in faults["JWT__SECRET_KEY"]
        assert weak not in faults["JWT__SECRET_KEY"]

    @pytest.mark.parametrize(
        ("url", "passes"),
        [
            ("postgresql://u:p@h/d", False),
            ("postgresql://u:p@h/d?sslmode=prefer", False),
            ("Host=h;Database=d;Username=u;Password=p;SSL Mode=Disable", False),
            ("Host=h;Database=d;Username=u;Password=p;SSL Mode=Require", True),
            ("postgresql://u:p@h/d?sslmode=verify-full", True),
        ],
    )
    def test_a_database_without_tls_is_refused(self, url: str, passes: bool) -> None:
        if passes:
            load_settings(PRODUCTION | {"DATABASE_URL": url}, env_file=None)
        else:
            assert "TLS" in refused(PRODUCTION | {"DATABASE_URL": url})["DATABASE_URL"]
