"""Pages of those who look after people, and the way in by an invitation."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect

from tests.acceptance.served import Served
from tests.pages.conftest import Reader
from tests.pages.test_axe import LOOKS, find_nothing
from tests.visitor import PASSWORD

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def founder(served: Served) -> Iterator[httpx.Client]:
    """An administrator, signed in by a cookie: by the first run's link, or by a command when it was used before."""
    person = {"name": "Founder", "email": "founder@example.org", "password": PASSWORD}
    with httpx.Client(base_url=served.url, timeout=30) as client:
        token = re.findall(r"/app/welcome\?token=([\w-]+)", served.output)[-1]
        if client.post("/app/welcome", data={"token": token, **person}).status_code != 303:
            assert client.post("/auth/register", json=person).status_code == 201
            served.run("user", "set-role", person["email"], "administrator")
            assert client.post("/app/sign-in", data=person).status_code == 303
        yield client


@pytest.fixture
def looking_after(founder: httpx.Client, browse: Callable[..., Reader]) -> Iterator[Callable[..., Reader]]:
    """`looking_after()`: an administrator, signed in; an ordinary person again afterwards."""
    made = []

    def set_role(person_id: str, role: str) -> None:
        assert founder.patch(f"/api/auth/people/{person_id}", json={"role": role}).status_code == 200

    def make(**options: Any) -> Reader:
        reader = browse(**options)
        made.append(reader.http.get("/auth/profile").json()["id"])
        set_role(made[-1], "administrator")
        return reader

    yield make
    for person_id in made:
        set_role(person_id, "user")


@pytest.mark.parametrize("look", LOOKS)
def test_an_administrator_invites_asks_suspends_and_finds_it_in_the_trail(
    looking_after: Callable[..., Reader], browse: Callable[..., Reader], look: dict[str, Any]
) -> None:
    eva = looking_after(**look, reduced_motion="reduce")
    page = eva.goto("/app/files")
    page.get_by_role("link", name="Admin").locator("visible=true").first.click()
    expect(page.get_by_role("heading", name="People", level=1)).to_be_visible()
    find_nothing(page, "people")
    page.get_by_role("link", name="Invite", exact=True).click()
    page.get_by_label("How many may come by it").fill("2")
    page.get_by_role("button", name="Invite", exact=True).click()
    link = page.get_by_label("Link", exact=True).input_value()
    find_nothing(page, "invitations, one made")

    guest = browse(signed_in=False, java_script_enabled=False)
    guest.page.goto(link)
    guest.page.get_by_label("Your name").fill("Mira <b>Kovács</b>")
    guest.page.get_by_label("E-mail address").fill("not an address")
    guest.page.locator("[name=password]").fill(PASSWORD)
    guest.page.get_by_role("button", name="Make the account").click()
    assert "invitation" in guest.page.url
    guest.page.get_by_label("E-mail address").fill(guest.email)
    guest.page.get_by_role("button", name="Make the account").click()
    expect(guest.page).to_have_url(eva.url + "/app/files")

    page.goto(eva.url + f"/app/admin/people?q={guest.email}")
    page.get_by_role("link", name="Mira <b>Kovács</b>").click()
    expect(page.get_by_role("heading", name="Mira <b>Kovács</b>", level=1)).to_be_visible()
    page.get_by_role("button", name="Ask for it").click()
    expect(page.locator("main").get_by_role("status")).to_contain_text("A second factor is asked for")
    guest.page.goto(eva.url + "/app/files")
    expect(guest.page.get_by_role("heading", name="A second factor")).to_be_visible()
    page.get_by_role("button", name="Suspend").click()
    expect(page.locator("main").get_by_role("status")).to_contain_text("Suspended.")
    find_nothing(page, "a person")
    guest.page.goto(eva.url + "/app/files")
    expect(guest.page.get_by_role("heading", name="Sign in")).to_be_visible()

    page.get_by_role("link", name="All of it in the audit trail").click()
    expect(page.locator(".audit-table tbody tr")).to_have_count(3)
    page.get_by_label("What was done").select_option(label="Joined")
    page.get_by_role("button", name="Show").click()
    expect(page.locator(".audit-table tbody tr")).to_have_count(1)
    find_nothing(page, "the trail")
    with page.expect_download() as download:
        page.get_by_role("link", name="As a table (CSV)").click()
    lines = download.value.path().read_text().splitlines()
    assert len(lines) == 2
    assert "joined" in lines[1]


def test_the_only_administrator_stays_one_and_nobody_else_sees_any_of_it(founder: httpx.Client, reader: Reader) -> None:
    for path in ("/app/admin/people", "/app/admin/people/invitations", "/app/admin/audit"):
        assert reader.http.get(path).status_code == 403
    assert "Admin" not in reader.http.get("/app/files").text
    oneself = founder.get("/auth/profile").json()["id"]
    assert reader.http.post(f"/app/admin/people/{oneself}", data={"do": "suspend"}).status_code == 403
    for other in founder.get("/auth/people", params={"role": "administrator"}).json()["items"]:
        if other["id"] != oneself:
            assert founder.patch(f"/auth/people/{other['id']}", json={"role": "user"}).status_code == 200
    refused = founder.post(f"/app/admin/people/{oneself}", data={"do": "make_user"})
    assert (refused.status_code, "the only active administrator" in refused.text) == (409, True)
    assert founder.get("/auth/profile").json()["role"] == "administrator"
    assert founder.get("/app/admin/audit?since=x&until=0000-00-00&person=1&action=y&q=%00").status_code == 200
    assert founder.get("/app/admin/people/invitations?after=x").status_code == 404
    assert founder.get("/app/invitation?token=x").status_code == 403
