"""WebSocket `/api/live`: who is let in, what is sent when, and how it ends."""

import asyncio
import contextlib
import json
import random
import time
from typing import Any

import pytest
import websockets
from sqlalchemy import text

from commonplace.platform.identity.verifier import Identity
from commonplace.platform.live import hub
from commonplace.platform.live.changes import news_for

pytestmark = pytest.mark.anyio


class TestSignIn:
    async def test_by_header(self, installation: Any) -> None:
        web, ana = await installation.start(), await installation.person()
        async with web.connect(ana) as listener:
            assert (await listener.hear())["events"] == []

    async def test_by_the_browsers_cookie(self, installation: Any) -> None:
        web, ana = await installation.start(), await installation.person()
        origin = f"http://127.0.0.1:{web.port}"
        async with web.connect(headers={"Cookie": f"commonplace_session={ana.cookie}", "Origin": origin}) as listener:
            await listener.hear()
            await installation.note(ana, 1)
            assert await listener.hear_until(1) == [1]

    async def test_another_sites_page_cannot_use_the_cookie(self, installation: Any) -> None:
        web, ana = await installation.start(), await installation.person()
        headers = {"Cookie": f"commonplace_session={ana.cookie}", "Origin": "https://elsewhere.example"}
        with pytest.raises(websockets.InvalidStatus) as refused:
            async with web.connect(headers=headers):
                pass
        assert refused.value.response.status_code == 403

    async def test_by_the_first_message(self, installation: Any) -> None:
        web, ana = await installation.start(), await installation.person()
        async with web.connect() as listener:
            await listener.socket.send(json.dumps({"token": ana.token}))
            await listener.hear()
            await installation.note(ana, 1)
            assert await listener.hear_until(1) == [1]

    @pytest.mark.parametrize("message", ['{"token": "forged"}', '{"token": 7}', "{}"])
    async def test_a_first_message_without_a_good_token_is_refused(self, installation: Any, message: str) -> None:
        web = await installation.start()
        async with web.connect() as listener:
            await listener.socket.send(message)
            assert await listener.closed() == 4401
        assert web.hub.waiting == 0

    @pytest.mark.parametrize("message", ["not JSON", "[1]", b"\x00\x01", "x" * 5000])
    async def test_a_first_message_that_is_none_is_malformed(self, installation: Any, message: Any) -> None:
        web = await installation.start()
        async with web.connect() as listener:
            await listener.socket.send(message)
            assert await listener.closed() == 4400

    async def test_who_sends_no_credential_in_time_is_refused(self, installation: Any) -> None:
        web = await installation.start(sign_in_seconds=0.05)
        async with web.connect() as listener:
            assert await listener.closed() == 4401

    async def test_a_bad_header_is_refused_with_a_code_that_a_page_can_see(self, installation: Any) -> None:
        web = await installation.start()
        async with web.connect(headers={"Authorization": "Bearer forged"}) as listener:
            assert await listener.closed() == 4401


class TestSending:
    async def test_a_change_arrives_within_a_second_of_its_commit(self, installation: Any) -> None:
        web, ana = await installation.start(), await installation.person()
        latencies = []
        async with web.connect(ana) as listener:
            await listener.hear()
            for number in range(1, 21):
                await installation.note(ana, number)
                committed = time.perf_counter()
                await listener.hear_until(number)
                latencies.append(time.perf_counter() - committed)
        assert max(latencies) < 1
        assert sorted(latencies)[len(latencies) // 2] < 0.1

    async def test_one_hears_nothing_of_another(self, installation: Any) -> None:
        web, ana, ben = await installation.start(), await installation.person(), await installation.person()
        async with web.connect(ana) as listener, web.connect(ben) as other:
            await listener.hear()
            await other.hear()
            await installation.note(ben, 1)
            await installation.note(ana, 2)
            assert await listener.hear_until(1) == [2]
            assert await other.hear_until(1) == [1]

    async def test_every_device_of_a_person_hears_it_in_every_process(self, installation: Any) -> None:
        one, two, ana = await installation.start(), await installation.start(), await installation.person()
        async with one.connect(ana) as phone, one.connect(ana) as laptop, two.connect(ana) as desk:
            for listener in (phone, laptop, desk):
                await listener.hear()
            await installation.note(ana, 5)
            assert [await listener.hear_until(1) for listener in (phone, laptop, desk)] == [[5], [5], [5]]

    async def test_a_wake_up_that_is_lost_delays_a_change_by_a_second_at_most(self, installation: Any) -> None:
        web, ana = await installation.start(poll_seconds=0.2), await installation.person()
        installation.database.on_news = None  # as when the process dies between the commit and the wake-up
        async with web.connect(ana) as listener:
            await listener.hear()
            await installation.note(ana, 1)
            assert await listener.hear_until(1, seconds=2) == [1]

    async def test_the_bus_may_be_away(self, installation: Any) -> None:
        web, ana = await installation.start(poll_seconds=0.2), await installation.person()
        async with web.connect(ana) as listener:
            await listener.hear()
            await web.bus.close()
            reads = installation.sessions.reads
            await installation.note(ana, 1)
            assert await listener.hear_until(1, seconds=5) == [1]
            assert installation.sessions.reads > reads  # what is remembered was not trusted

    async def test_a_ping_is_answered(self, installation: Any) -> None:
        web, ana = await installation.start(), await installation.person()
        async with web.connect(ana) as listener:
            await listener.hear()
            await listener.socket.send('{"ping": "é1"}')
            assert await listener.hear() == {"pong": "é1"}

    async def test_a_quiet_client_is_shown_that_the_line_is_open(self, installation: Any) -> None:
        web, ana, ben = await installation.start(heartbeat_seconds=0.1), *[await installation.person() for _ in "ab"]
        async with web.connect(ana) as listener:
            first = await listener.hear()
            await installation.note(ben, 1)
            async with asyncio.timeout(10):
                while (await listener.hear())["cursor"] == first["cursor"]:
                    pass  # the cursor moves on with what happens to others, so that it never grows old
        assert listener.events == []


class TestResuming:
    async def test_what_happened_meanwhile_comes_first(self, installation: Any) -> None:
        web, ana = await installation.start(), await installation.person()
        async with web.connect(ana) as listener:
            await listener.hear()
        await installation.note(ana, *range(1200))  # more than one page
        async with web.connect(ana, since=listener.cursor) as again:
            await again.hear_until(1200)
            await installation.note(ana, 1200)
            assert await again.hear_until(1201) == list(range(1201))

    async def test_in_another_process(self, installation: Any) -> None:
        one, two, ana = await installation.start(), await installation.start(), await installation.person()
        async with one.connect(ana) as listener:
            await listener.hear()
            await installation.note(ana, 1)
            await listener.hear_until(1)
        await installation.note(ana, 2)
        async with two.connect(ana, since=listener.cursor) as again:
            assert await again.hear_until(1) == [2]

    async def test_with_a_cursor_from_sync(self, installation: Any) -> None:
        web, ana = await installation.start(), await installation.person()
        cursor = (await web.get("/api/sync", ana)).json()["next"]
        await installation.note(ana, 1)
        async with web.connect(ana, since=cursor) as listener:
            assert await listener.hear_until(1) == [1]

    async def test_an_old_cursor_is_refused(self, installation: Any) -> None:
        web, ana = await installation.start(), await installation.person()
        cursor = (await web.get("/api/sync", ana)).json()["next"]
        await installation.begin_the_log_anew()
        async with web.connect(ana, since=cursor) as listener:
            assert await listener.closed() == 4410
        assert web.hub.connections == 0

    async def test_what_is_no_cursor_is_refused(self, installation: Any) -> None:
        web, ana = await installation.start(), await installation.person()
        async with web.connect(ana, since="x") as listener:
            assert await listener.closed() == 4400

    async def test_everyone_starts_anew_when_the_log_does(self, installation: Any) -> None:
        web, ana = await installation.start(), await installation.person()
        async with web.connect(ana) as listener:
            await listener.hear()
            await installation.begin_the_log_anew()
            assert await listener.closed() == 4410
        async with web.connect(ana) as again:
            await again.hear()
            await installation.note(ana, 9)
            assert await again.hear_until(1) == [9]


class TestNothingIsLost:
    async def test_while_many_write_at_once_and_commit_out_of_order(self, installation: Any) -> None:
        """Clients come, go and resume anywhere; each hears each of its changes once, in one order for all."""
        one, two = await installation.start(), await installation.start()
        people = [await installation.person() for _ in range(3)]
        done = asyncio.Event()
        starts = {person.id: (await one.get("/api/sync", person)).json()["next"] for person in people}
        listening = [asyncio.create_task(listen(person, [one, two], done)) for person in people for _ in range(2)]
        while one.hub.connections + two.hub.connections < 3:
            await asyncio.sleep(0.01)
        await asyncio.gather(*(write(installation, people[number % 3], number * 100) for number in range(12)))
        done.set()
        for index, heard in enumerate(await asyncio.gather(*listening)):
            person = people[index // 2]
            log = (await one.get("/api/sync", person, since=starts[person.id], limit=1000)).json()["events"]
            truth = [event["payload"]["number"] for event in log]
            assert heard == truth[len(truth) - len(heard) :]  # from where it came in: no gap, no repetition
            assert len(heard) >= len(truth) - 20

    async def test_joining_while_the_hub_reads_for_others(
        self, installation: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whoever comes between the hub's question and its answer misses nothing of what it did not ask for."""
        web, ana, ben = await installation.start(), *[await installation.person() for _ in "ab"]
        asking, gate = asyncio.Event(), asyncio.Event()

        async def slow_news_for(*arguments: Any, **options: Any) -> Any:
            asking.set()
            await gate.wait()
            return await news_for(*arguments, **options)

        async with web.connect(ana) as first:
            await first.hear()
            monkeypatch.setattr(hub, "news_for", slow_news_for)
            async with asyncio.timeout(10):
                await asking.wait()  # for Ana alone
            async with web.connect(ben) as listener:
                await listener.hear()
                await installation.note(ben, 1)
                gate.set()
                assert await listener.hear_until(1, seconds=5) == [1]


class TestEnding:
    @pytest.mark.parametrize("how", ["header", "cookie"])
    async def test_when_the_session_ends(self, installation: Any, end_session: Any, how: str) -> None:
        web, ana, ben = await installation.start(), await installation.person(), await installation.person()
        headers = {"Cookie": f"commonplace_session={ana.cookie}"} if how == "cookie" else ana.headers
        async with web.connect(headers=headers) as listener, web.connect(ben) as other:
            await listener.hear()
            await other.hear()
            assert await end_session(ana)
            assert web.hub._sessions.get(ana.session_id) is None or all(
                client.is_ended for client in web.hub._sessions[ana.session_id]
            )
            await installation.note(ana, 1)
            assert await listener.closed(2) == 4401
            assert listener.numbers == []
            await installation.note(ben, 2)
            assert await other.hear_until(1) == [2]

    async def test_when_the_token_expires(self, installation: Any) -> None:
        web, ana = await installation.start(), await installation.person(access_seconds=2)
        async with web.connect(ana) as listener:
            await listener.hear()
            assert await listener.closed(6) == 4401

    async def test_when_the_end_of_the_session_was_missed(self, installation: Any) -> None:
        web, ana = await installation.start(recheck_seconds=0.1), await installation.person()
        async with web.connect(headers={"Cookie": f"commonplace_session={ana.cookie}"}) as listener:
            await listener.hear()
            del installation.sessions.live[ana.session_id]
            web.parts[Identity].forget([ana.session_id])
            assert await listener.closed(5) == 4401

    async def test_after_a_break_of_the_bus_nothing_is_sent_before_the_session_was_looked_at(
        self, installation: Any
    ) -> None:
        web, ana = await installation.start(), await installation.person()
        async with web.connect(ana) as listener:
            await listener.hear()
            del installation.sessions.live[ana.session_id]
            connection = web.bus._connection
            assert connection is not None
            async with installation.database.writing() as session:
                await session.execute(text("SELECT pg_terminate_backend(:pid)"), pid=connection.get_server_pid())
            await installation.note(ana, 1)
            assert await listener.closed(5) == 4401
            assert listener.numbers == []

    async def test_when_the_server_stops(self, installation: Any) -> None:
        web, ana = await installation.start(), await installation.person()
        async with web.connect(ana) as listener:
            await listener.hear()
            stopping = asyncio.create_task(web.hub.close())
            assert await listener.closed() == 1012
            await stopping
        async with web.connect(ana) as refused:
            assert await refused.closed() == 1012

    async def test_a_client_that_does_not_keep_up_is_closed_and_resumes(self, installation: Any) -> None:
        web = await installation.start(backlog_events=50, send_seconds=0.3)
        ana, ben = await installation.person(), await installation.person()
        async with web.connect(ana, max_queue=1) as slow, web.connect(ben) as other:
            await slow.hear()
            await other.hear()
            slow.socket.transport.pause_reading()
            async with asyncio.timeout(20):
                while web.hub.connections == 2:
                    await installation.fat_note(ana, 100)
            await installation.note(ben, 1)
            assert await other.hear_until(1) == [1]
            slow.socket.transport.resume_reading()
            assert await slow.closed() in (4408, None)
        truth = await installation.count(ana)
        async with web.connect(ana, since=slow.cursor) as again:
            assert len(await again.hear_until(truth - len(slow.numbers))) == truth - len(slow.numbers)

    async def test_a_client_that_left_is_forgotten(self, installation: Any) -> None:
        web, ana = await installation.start(), await installation.person()
        async with web.connect(ana) as listener:
            await listener.hear()
            assert web.hub.connections == 1
        async with asyncio.timeout(5):
            while web.hub.connections:
                await asyncio.sleep(0.01)
        assert not web.hub._clients
        assert not web.hub._sessions


class TestLimits:
    async def test_of_a_person(self, installation: Any) -> None:
        web, ana, ben = (
            await installation.start(connections_of_a_person=1),
            *[await installation.person() for _ in "ab"],
        )
        async with web.connect(ana) as listener:
            await listener.hear()
            async with web.connect(ana) as refused:
                assert await refused.closed() == 4429
            async with web.connect(ben) as other:
                await other.hear()
            await installation.note(ana, 1)
            assert await listener.hear_until(1) == [1]

    async def test_of_a_process(self, installation: Any) -> None:
        web, ana = await installation.start(connections=2), await installation.person()
        async with web.connect(ana) as listener, web.connect():  # the other has not said who it is, and counts too
            await listener.hear()
            async with web.connect(ana) as refused:
                assert await refused.closed() == 1013


async def write(installation: Any, owner: Any, first: int) -> None:
    """Twenty transactions, each open for a while with its number taken: others overtake it."""
    chance = random.Random(first)
    for number in range(first, first + 20):
        async with installation.database.writing() as session:
            await installation.note_in(session, owner, number)
            await asyncio.sleep(chance.random() * 0.02)
            if chance.random() < 0.2:
                await installation.note_in(session, owner, 10_000 + number)


async def listen(person: Any, webs: Any, done: asyncio.Event) -> list[int]:
    """Come, hear a few messages, go and resume elsewhere, until all is written; what was heard in all."""
    chance = random.Random(person.id.int)
    cursor, heard = None, []
    while not done.is_set():
        async with chance.choice(webs).connect(person, since=cursor) as listener:
            await listener.hear()
            for _ in range(chance.randrange(1, 6)):
                with contextlib.suppress(TimeoutError):
                    await listener.hear(0.2)
            heard += listener.numbers
            cursor = listener.cursor
    rest = (await webs[0].get("/api/sync", person, since=cursor, limit=1000)).json()
    return heard + [event["payload"]["number"] for event in rest["events"]]
