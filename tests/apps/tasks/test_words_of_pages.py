"""How pages tell rules, weeks and months."""

from datetime import date

import pytest

from commonplace.apps.tasks.detail import markdown
from commonplace.apps.tasks.months import month_named
from commonplace.apps.tasks.shown import rule_text
from commonplace.platform.pages.weeks import first_weekday

TODAY = date(2026, 11, 21)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("FREQ=DAILY", "every day"),
        ("FREQ=WEEKLY;INTERVAL=2", "every 2 weeks"),
        ("FREQ=WEEKLY;BYDAY=MO,TH", "every Monday and Thursday"),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TH", "every 2 weeks on Monday and Thursday"),
        ("FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "every working day"),
        ("FREQ=MONTHLY;BYMONTHDAY=1,-1", "every month on the 1st and last"),
        ("FREQ=MONTHLY;BYDAY=-1FR;COUNT=3", "every month on the last Friday, 3 more times"),
        (
            "FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=24;UNTIL=20301224",
            "every year on the 24th of December, until 24 December 2030",
        ),
        ("FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO;COUNT=1", "every year on Monday, by its own rule, for the last time"),
        ("FREQ=NEVER", "repeats"),
    ],
)
def test_a_rule_in_words(rule: str, words: str) -> None:
    assert rule_text(rule) == words


@pytest.mark.parametrize(
    ("language", "weekday"),
    [
        ("en", 0),
        ("en-US", 6),
        ("de-AT", 0),
        ("pt", 6),
        ("ar", 5),
        ("ar-AE", 0),
        ("zh-Hant", 6),
        ("zh-Hans", 0),
        ("", 0),
    ],
)
def test_weeks_begin_as_the_language_has_it(language: str, weekday: int) -> None:
    assert first_weekday(language) == weekday


@pytest.mark.parametrize("weekday", range(7))
@pytest.mark.parametrize("name", ["2026-02", "2027-02", "2024-02", "2026-11", "1901-01"])
def test_a_month_has_all_of_its_days_in_whole_weeks(name: str, weekday: int) -> None:
    month = month_named(name, TODAY, weekday)
    days = [day.date for day in month.days if day.is_in_month]
    assert {day.strftime("%Y-%m") for day in days} == {name}
    assert (days[0].day, (days[-1].toordinal() - days[0].toordinal()) + 1) == (1, len(days))
    assert all(len(week) == 7 and week[0].date.weekday() == weekday for week in month.weeks)
    assert (month.weeks[0][-1].is_in_month, month.weeks[-1][0].is_in_month) == (True, True)


def test_notes_hold_nothing_that_runs_or_loads() -> None:
    html = markdown(
        "# A\n\n**b** ~~c~~ ![i](http://x/y.png) [l](https://x.y) [j](javascript:x) <script>x</script>\n\n|a|\n|-|\n|b|"
    )
    assert "<h3>A</h3>" in html
    assert "<strong>b</strong> <s>c</s>" in html
    assert '<a href="https://x.y" rel="noopener noreferrer nofollow">l</a>' in html
    assert "<td>b</td>" in html
    assert not {"<img", "<script", 'href="javascript'} & {
        part for part in ("<img", "<script", 'href="javascript') if part in html
    }
    assert markdown("") == ""
