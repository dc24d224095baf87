"""What a message looks like on the wire, whatever is in it."""

from email import message_from_bytes, policy
from email.headerregistry import Address
from email.message import EmailMessage

from hypothesis import given
from hypothesis import strategies as st

from commonplace.platform.messages.composing import compose
from commonplace.platform.messages.flowed import WIDTH, flowed
from commonplace.platform.messages.mail import Mail
from commonplace.platform.messages.mailbox import one_line, parse_mailbox

SENDER = parse_mailbox("Commonplace “at home” <cloud@example.org>")
HEADERS = [
    *("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted"),
    *("Content-Transfer-Encoding", "Content-Type", "MIME-Version"),
]


def read(content: bytes) -> EmailMessage:
    message = message_from_bytes(content, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def joined(text: str) -> str:
    """What a reader of `format=flowed` makes of it (RFC 3676, section 4)."""
    paragraphs, open_line = [], ""
    for line in text.split("\n")[:-1]:
        unstuffed = line.removeprefix(" ")
        if unstuffed.endswith(" ") and unstuffed != "-- ":
            open_line += unstuffed
        else:
            paragraphs.append(open_line + unstuffed)
            open_line = ""
    assert not open_line, "the last line flows into nothing"
    return "\n".join(paragraphs)


@given(subject=st.text(max_size=300), name=st.text(max_size=80).filter(lambda text: not set(text) & set("<>")))
def test_nothing_in_a_subject_or_name_makes_another_header(subject: str, name: str) -> None:
    mail = Mail(to=f"{name} <zoe@example.org>", subject=subject, text="x\n", message_key="k")
    content = compose(mail, SENDER).content
    assert content.isascii()
    head = content.partition(b"\r\n\r\n")[0].decode()
    assert [line.partition(":")[0] for line in head.split("\r\n") if not line.startswith(" ")] == HEADERS
    message = read(content)
    assert message["To"].addresses[0].addr_spec == "zoe@example.org"
    assert message["Auto-Submitted"] == "auto-generated"


def test_names_and_subjects_come_back_as_they_were() -> None:
    for name, subject in (
        ("Zoë Müller, PhD", "Grüße, eine längere Betreffzeile, die umgebrochen werden muss, ohne Schaden zu nehmen"),
        ('Ana "the boss" O\'Neil', "plain"),
        ("山田 太郎", "件名" * 60),
        ("x", "Subject: with a colon"),
    ):
        mail = Mail(to=f"{name} <zoe@example.org>", subject=subject, text="x", message_key="k")
        message = read(compose(mail, SENDER).content)
        assert message["To"].addresses == (Address(name, "zoe", "example.org"),)
        assert message["Subject"] == subject
        assert message["From"].addresses[0].display_name == "Commonplace “at home”"


def test_text_is_utf8_and_flows() -> None:
    text = "Ünï. " + "word " * 60 + "\n\n> not a quote\nFrom me\n.\nhttps://example.org/" + "a" * 1200 + "\n"
    content = compose(Mail(to="a@b.org", subject="s", text=text, message_key="k"), SENDER).content
    assert content.isascii()
    assert max(map(len, content.split(b"\r\n"))) <= 78
    message = read(content)
    assert message["Content-Type"].params == {"charset": "utf-8", "format": "flowed"}
    assert joined(message.get_content().replace("\r\n", "\n")) == "\n".join(line.rstrip() for line in text.splitlines())


def test_plain_ascii_stays_readable_as_it_is() -> None:
    content = compose(Mail(to="a@b.org", subject="s", text="Hello\n", message_key="k"), SENDER).content
    assert content.endswith(b"\r\n\r\nHello\r\n")
    assert b'charset="us-ascii"' in content


@given(text=st.text(alphabet=st.sampled_from("ab >-ü.F\n"), max_size=400))
def test_flowing_loses_nothing_but_spaces_at_ends(text: str) -> None:
    made = flowed(text)
    lines = [line if line == "-- " else line.rstrip() for line in text.splitlines()]
    assert joined(made) == "\n".join(lines)
    assert all(len(line) <= WIDTH + 1 or " " not in line.strip()[:-1] for line in made.split("\n"))


def test_one_line() -> None:
    assert one_line(" a\r\n\tb\x00c\u2028d\x85e ") == "a b c d e"
